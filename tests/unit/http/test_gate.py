"""Nothing is reached without a token, whatever the path, the method or the role's routes."""

import asyncio
import json

import pytest
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.http.limits import Limits
from session_mgmt_mcp.http.names import Names

METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
UNKNOWN = (
    "/",
    "/mcp/",
    "//mcp",
    "/mcp/..%2fmcp",
    "/%6dcp2",
    "/sse",
    "/messages",
    "/docs",
    "/.well-known/oauth-protected-resource/mcp",
)
QUICK = Limits(failure_burst=10_000)


def is_ours(response) -> bool:
    """One sentence in JSON, nothing of the inside, nothing for other pages to read."""
    forbidden = ("server", "access-control-allow-origin", "access-control-allow-methods", "x-powered-by")
    if any(name in response.headers for name in forbidden):
        return False
    if response.request.method == "HEAD":
        return True
    error = json.loads(response.content)["error"]
    return set(error) == {"code", "message"} and "Traceback" not in error["message"]


async def test_every_route_and_unknown_path_refuses_every_method_without_a_token(served_over_http):
    async with served_over_http(QUICK) as served:
        routes = {route.path for app in served.door.gate.apps.values() for route in app.routes}
        assert routes == {"/mcp"}
        member = await served.caller("bob")
        wrong = member.headers["authorization"][:-1] + "x"
        for path in (*routes, *UNKNOWN):
            for method in METHODS:
                for headers in ({}, {"authorization": wrong}, {"authorization": "Basic Ym9iOmI="}):
                    response = await served.http.request(method, path, headers=headers)
                    assert response.status_code == 401, (method, path)
                    assert response.headers["www-authenticate"].startswith("Bearer ")
                    assert is_ours(response), response.text


async def test_with_a_token_there_is_one_path_and_three_methods(served):
    member = await served.caller("bob")
    for path in UNKNOWN:
        response = await served.http.request("POST", path, headers=member.headers)
        assert response.status_code == 404, path
        assert is_ours(response)
    for method in set(METHODS) - {"GET", "POST", "DELETE"}:
        response = await served.http.request(method, "/mcp", headers=member.headers)
        assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, DELETE"), method
        assert is_ours(response)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "10.0.0.1", "", "[::2]"]
)
async def test_a_name_that_is_not_ours_is_refused_even_with_a_token(served, host):
    member = await served.caller("bob")
    response = await served.http.post("/mcp", headers={**member.headers, "host": host})
    assert response.status_code == 421
    assert is_ours(response)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1", "file://", "x"]
)
async def test_a_page_of_another_origin_is_refused_even_with_a_token(served, origin):
    member = await served.caller("bob")
    response = await served.http.post("/mcp", headers={**member.headers, "origin": origin})
    assert response.status_code == 403
    assert is_ours(response)


async def test_what_was_allowed_by_name_is_let_through_both_guards(served_over_http):
    names = Names.of(["memory.example.org"], ["https://app.example.org:8443"])
    async with served_over_http(names=names) as served:
        member = await served.caller("bob", host="memory.example.org:8737", origin="https://app.example.org:8443")
        response = await member.modern("server/discover")
        assert response.status_code == 200, response.text
        assert "access-control-allow-origin" not in response.headers


async def test_our_own_origin_is_no_foreign_one(served):
    member = await served.caller("bob", origin=str(served.http.base_url).rstrip("/"))
    assert (await member.modern("server/discover")).status_code == 200


async def test_revoked_and_expired_tokens_are_refused_at_once(served):
    member = await served.caller("bob")
    assert (await member.modern("server/discover")).status_code == 200
    id = member.headers["authorization"].split("_")[1]
    await served.app.tokens.revoke(id)
    assert (await member.modern("server/discover")).status_code == 401


async def test_guessing_is_slowed_down_and_who_was_known_before_goes_on(served):
    member = await served.caller("bob")
    assert (await member.modern("server/discover")).status_code == 200
    latecomer = await served.caller("carol")
    statuses = [(await served.http.post("/mcp")).status_code for _ in range(12)]
    assert statuses[:10] == [401] * 10
    assert statuses[10:] == [429] * 2
    refused = await served.http.post("/mcp")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await member.modern("server/discover")).status_code == 200
    assert (await latecomer.modern("server/discover")).status_code == 429


async def test_each_token_has_a_pace_of_its_own(served_over_http):
    async with served_over_http(Limits(rate=0.5, burst=3)) as served:
        bob, carol = await served.caller("bob"), await served.caller("carol")
        statuses = [(await bob.modern("ping")).status_code for _ in range(4)]
        assert statuses[3] == 429
        assert 429 not in statuses[:3]
        assert (await carol.modern("server/discover")).status_code == 200


async def chunks(count: int):
    for _ in range(count):
        yield b"x" * 1_000


async def test_a_body_beyond_the_limit_is_refused_declared_or_streamed(served_over_http):
    async with served_over_http(Limits(body_bytes=5_000)) as served:
        member = await served.caller("bob")
        declared = await served.http.post("/mcp", content=b"x" * 6_000, headers=member.headers)
        streamed = await served.http.post("/mcp", content=chunks(6), headers=member.headers)
        assert [declared.status_code, streamed.status_code] == [413, 413]
        assert is_ours(declared)
        assert (await served.http.post("/mcp", content=b"{}", headers=member.headers)).status_code != 413


async def test_too_many_headers_and_doubled_ones_are_refused(served):
    member = await served.caller("bob")
    many = await served.http.post("/mcp", headers={**member.headers, **{f"x-{n}": "1" for n in range(70)}})
    assert many.status_code == 431
    twice = [(b"authorization", member.headers["authorization"].encode())] * 2
    assert (await served.http.post("/mcp", headers=twice)).status_code == 400


async def test_so_many_requests_at_once_and_no_more(served_over_http):
    started = asyncio.Event()
    release = asyncio.Event()

    def add(server):
        @server.tool
        async def wait() -> str:
            started.set()
            await release.wait()
            return "done"

    async with served_over_http(Limits(requests=2, requests_per_token=1), owner=add) as served:
        one, two, three = [await served.caller(user, Role.OWNER) for user in ("a", "b", "c")]
        first = asyncio.create_task(one.call("wait"))
        await started.wait()
        assert (await one.modern("server/discover")).status_code == 429, "one at once with this token"
        second = asyncio.create_task(two.call("wait"))
        while served.door.gate.in_flight < 2:
            await asyncio.sleep(0.01)
        busy = await three.modern("server/discover")
        assert busy.status_code == 503
        assert "retry-after" in busy.headers
        release.set()
        await asyncio.gather(first, second)
        assert (await three.modern("server/discover")).status_code == 200
        assert served.door.gate.in_flight == 0


async def test_an_error_of_the_inside_tells_nothing_of_it(served, monkeypatch, caplog):
    async def broken(scope, receive, send):
        raise RuntimeError("the secret inside")

    monkeypatch.setitem(served.door.gate.apps, Role.MEMBER, broken)
    member = await served.caller("bob")
    response = await member.modern("server/discover")
    assert response.status_code == 500
    assert "secret inside" not in response.text
    assert is_ours(response)
    assert "the secret inside" in caplog.text


async def test_what_the_library_refuses_without_words_is_said_in_a_sentence(served):
    member = await served.caller("bob")
    response = await served.http.post("/mcp", json={}, headers={**member.headers, "accept": "text/plain"})
    assert response.status_code == 406
    assert is_ours(response)
