"""The real door on a free port of the loopback, in the test's own loop, and the product in memory behind it."""

import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from session_mgmt_mcp import fastmcp_internals
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.http.door import Behind, Door, Frame
from session_mgmt_mcp.http.limits import Limits
from session_mgmt_mcp.http.names import Names
from session_mgmt_mcp.mcp_server import build_member_server, build_server
from session_mgmt_mcp.settings import load

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
CLIENT = {"capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def said(response: httpx2.Response) -> dict[str, Any]:
    """The JSON-RPC message in an answer, whether it came as JSON or as the last event of a stream."""
    if response.headers["content-type"].startswith("application/json"):
        return response.json()
    return json.loads([line for line in response.text.splitlines() if line.startswith("data: ")][-1][6:])


@dataclass
class Caller:
    """Somebody with a token. `modern` asks each time anew, `shaken` within a session."""

    http: httpx2.AsyncClient
    headers: dict[str, str]
    session: dict[str, str] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: itertools.count(1))

    def message(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self.ids), "method": method, "params": params}

    async def modern(self, method: str, **params: Any) -> httpx2.Response:
        routing = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
        if "name" in params:
            routing["mcp-name"] = params["name"]
        message = self.message(method, {**params, "_meta": META})
        return await self.http.post("/mcp", json=message, headers={**JSON, **self.headers, **routing})

    async def shake_hands(self) -> httpx2.Response:
        message = self.message("initialize", {"protocolVersion": "2025-11-25", **CLIENT})
        answer = await self.http.post("/mcp", json=message, headers={**JSON, **self.headers})
        self.session = {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        await self.http.post(
            "/mcp",
            json={"jsonrpc": "2.0", "method": "notifications/initialized"},
            headers={**JSON, **self.headers, **self.session},
        )
        return answer

    async def shaken(self, method: str, **params: Any) -> httpx2.Response:
        headers = {**JSON, **self.headers, **self.session}
        return await self.http.post("/mcp", json=self.message(method, params), headers=headers)

    async def call(self, tool: str, *, era: str = "modern", **arguments: Any) -> dict[str, Any]:
        ask = self.modern if era == "modern" else self.shaken
        return said(await ask("tools/call", name=tool, arguments=arguments))["result"]


@dataclass
class Served:
    app: Any
    door: Door
    http: httpx2.AsyncClient

    async def caller(self, user: str, role: Role = Role.MEMBER, **headers: str) -> Caller:
        _, secret = await self.app.tokens.create(user, role, timedelta(days=1))
        return Caller(self.http, {"authorization": f"Bearer {secret}", **headers})


def bound() -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    return listening


@asynccontextmanager
async def _served(limits: Limits | None = None, names: Names | None = None, **servers: Any) -> AsyncIterator[Served]:
    settings = load(embedder="memory", vector_store="memory", session_storage="memory")
    async with open_application(settings) as app:
        built = {Role.OWNER: build_server(app), Role.MEMBER: build_member_server(app)}
        for role, change in servers.items():
            change(built[Role(role)])
        frame = Frame(bound(), names or Names.of(), limits or Limits())
        door = Door(frame, Behind(built, app.tokens))
        async with fastmcp_internals.lifespan(built[Role.OWNER]):
            await door.open()
            try:
                async with httpx2.AsyncClient(base_url=door.url.removesuffix("/mcp"), timeout=20) as http:
                    yield Served(app, door, http)
            finally:
                await door.close(0.5)


@pytest.fixture
def served_over_http():
    """`async with served_over_http() as served`: its door is open."""
    return _served


@pytest.fixture
async def served(isolation) -> AsyncIterator[Served]:
    async with _served() as served:
        yield served
