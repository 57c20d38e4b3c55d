"""DNS rebinding and missing auth: every route that the real applications have, and every door one might expect besides."""

import asyncio
import json

from session_mgmt_mcp.http.limits import Limits
from starlette.routing import Mount

from tests.unit.http.conftest import _served

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND")
EXPECTED = {"/mcp"}
OPEN: dict[str, str] = {}
"""Routes that answer without a token, each with the reason. There is none, and a new one must be written here."""
BESIDES = (
    "/", "/mcp/", "//mcp", "/mcp/x", "/MCP", "/mcp%00", "/sse", "/messages/", "/metrics", "/health", "/healthz", "/docs",
    "/openapi.json", "/teams", "/teams/core", "/static/", "/favicon.ico", "/robots.txt", "/ws", "/debug", "/admin", "/token",
    "/authorize", "/register", "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp", "/.well-known/openid-configuration", "/.well-known/mcp.json",
    "/%2e%2e/mcp", "/mcp?token=x", "/mcp;x", "*",
)  # fmt: skip
QUICK = Limits(failure_burst=100_000, burst=100_000, rate=100_000)
EVIL_HOSTS = ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "169.254.169.254", "")
EVIL_ORIGINS = ("https://evil.example", "null", "http://localhost:1", "http://127.0.0.1.evil.example", "file://")


def routes(application) -> set[str]:
    """Of a Starlette application, with those below its mounts and behind its hosts."""
    found = set()
    for route in application.routes:
        if isinstance(route, Mount) or hasattr(route, "routes"):
            found |= {f"{route.path.rstrip('/')}{inner}" for inner in routes(route)} or {route.path}
        else:
            found.add(getattr(route, "path", repr(route)))
    return found


async def raw(served, lines: list[str]) -> bytes:
    """The head of what answers to exactly these lines; nothing where the connection is closed instead."""
    reader, writer = await asyncio.open_connection(served.http.base_url.host, served.http.base_url.port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await writer.drain()
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.close()


def status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1]) if head else 0


async def test_the_routes_are_those_that_are_known(isolation):
    async with _served(QUICK) as served:
        assert {path for app in served.door.gate.apps.values() for path in routes(app)} == EXPECTED
        assert served.door._server.config.app is served.door.gate, "nothing is asked before the gate"
        assert served.door._server.config.ws == "none"


async def test_nothing_answers_without_a_token_on_any_route_by_any_method(isolation):
    async with _served(QUICK) as served:
        member = await served.caller("bob")
        secret = member.headers["authorization"].removeprefix("Bearer ")
        every = {path for app in served.door.gate.apps.values() for path in routes(app)}
        wrong = {
            "none": {}, "another": {"authorization": f"Bearer {secret[:-1]}x"}, "empty": {"authorization": "Bearer "},
            "basic": {"authorization": "Basic Ym9iOmI="}, "cookie": {"cookie": f"token={secret}; authorization={secret}"},
        }  # fmt: skip
        for path in sorted(every | set(BESIDES)):
            for method in METHODS if path in every else ("GET", "POST", "OPTIONS"):
                for name, headers in wrong.items() if path in every else [("none", {})]:
                    lines = [f"{method} {path} HTTP/1.1", f"Host: {served.http.base_url.netloc.decode()}"]
                    head = await raw(served, [*lines, *(f"{n}: {v}" for n, v in headers.items()), "Connection: close"])
                    assert path in OPEN or status(head) in (400, 401), (method, path, name, head)
        queried = await served.http.post(f"/mcp?token={secret}&access_token={secret}")
        assert queried.status_code == 401, "a token in an address lands in logs"


async def test_no_route_answers_to_a_foreign_name_or_page_not_even_with_a_token(isolation):
    async with _served(QUICK) as served:
        member = await served.caller("bob")
        bearer = f"Authorization: {member.headers['authorization']}"
        ours = f"Host: {served.http.base_url.netloc.decode()}"
        every = sorted(
            {path for app in served.door.gate.apps.values() for path in routes(app)} | {"/", "/metrics", "/teams"}
        )
        for path in every:
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                for host in EVIL_HOSTS:
                    head = await raw(
                        served, [f"{method} {path} HTTP/1.1", f"Host: {host}", bearer, "Connection: close"]
                    )
                    assert status(head) == 421, (method, path, host, head)
                for origin in EVIL_ORIGINS:
                    asked = [f"{method} {path} HTTP/1.1", ours, f"Origin: {origin}", bearer, "Connection: close"]
                    head = await raw(served, asked)
                    assert status(head) == 403, (method, path, origin, head)
                    assert b"access-control-allow" not in head.lower()
        nameless = await raw(served, ["POST /mcp HTTP/1.1", bearer, "Connection: close"])
        assert status(nameless) in (400, 421)
        elsewhere = await raw(
            served, ["POST http://evil.example/mcp HTTP/1.1", "Host: evil.example", bearer, "Connection: close"]
        )
        assert status(elsewhere) in (400, 421)


async def test_no_connection_becomes_a_websocket_or_http_2(isolation):
    async with _served(QUICK) as served:
        member = await served.caller("bob")
        ours = f"Host: {served.http.base_url.netloc.decode()}"
        upgrade = ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        for path in (*EXPECTED, "/", "/ws"):
            head = await raw(served, [f"GET {path} HTTP/1.1", ours, "Upgrade: websocket", *upgrade])
            assert status(head) == 401, head
            bearer = f"Authorization: {member.headers['authorization']}"
            head = await raw(served, [f"GET {path} HTTP/1.1", ours, bearer, "Upgrade: websocket", *upgrade])
            assert status(head) not in (101, 200), head
        head = await raw(served, ["PRI * HTTP/2.0", "", "SM"])
        assert status(head) in (0, 400, 401, 421, 505)


async def test_a_member_sees_none_of_the_owners_tools_prompts_and_pages(isolation):
    from session_mgmt_mcp.tools.members import MEMBER_TOOLS
    from session_mgmt_mcp.tools.registry import TOOLS

    async with _served(QUICK) as served:
        member = await served.caller("bob")
        for spec in TOOLS:
            if spec.name not in MEMBER_TOOLS:
                answer = await member.call(spec.name)
                assert answer["isError"] and "not for members" in json.dumps(answer), spec.name
        for method, params in (
            ("prompts/list", {}),
            ("resources/list", {}),
            ("resources/read", {"uri": "session-mgmt://memory/digest"}),
        ):
            text = (await member.modern(method, **params)).text
            assert "session-mgmt://" not in text.replace(params.get("uri", "-"), "") and '"checkpoint"' not in text, (
                method
            )
