"""The server itself: is it there, what is it, is it well."""

import os
import platform
import time

from pydantic import BaseModel
from session_mgmt_mcp import connection, health, upkeep
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.tools.registry import Inject, tool
from session_mgmt_mcp.version import VERSION

_STARTED = time.monotonic()


class Pong(BaseModel):
    pong: bool
    time: float


class ServerInfo(BaseModel):
    summary: str
    name: str
    version: str
    pid: int
    uptime_seconds: int
    python: str
    platform: str
    data_dir: str
    model: str


class Check(BaseModel):
    name: str
    state: str
    advice: str


class Health(BaseModel):
    summary: str
    healthy: bool
    checks: list[Check]


@tool(read_only=True, hint="is the memory server alive")
async def ping() -> Pong:
    """Answers at once: the server is there."""
    return Pong(pong=True, time=time.time())


@tool(read_only=True, hint="version process uptime of the memory server")
async def server_info(app: Application = Inject) -> ServerInfo:
    """Version, process, uptime, data directory and embedding model of the memory server."""
    member = connection.current().role is Role.MEMBER  # whose business the machine is not
    return ServerInfo(
        summary=f"session-mgmt-mcp {VERSION}" + ("." if member else f", process {os.getpid()}."),
        name="session-mgmt-mcp",
        version=VERSION,
        pid=0 if member else os.getpid(),
        uptime_seconds=int(time.monotonic() - _STARTED),
        python=platform.python_version(),
        platform=platform.system(),
        data_dir="" if member else str(app.settings.data_dir),
        model="" if member else upkeep.model_of(app),
    )


@tool(read_only=True, hint="diagnose trouble of the memory server")
async def health_check(app: Application = Inject) -> Health:
    """Whether memory, vectors, disk and files are well, and what to do about what is not."""
    member = connection.current().role is Role.MEMBER
    checks = [Check(name=c.name, state=c.state, advice="" if member else c.advice) for c in await health.checks(app)]
    bad = [check for check in checks if check.state != "ok"]
    return Health(
        summary="All is well." if not bad else _advice(bad, member),
        healthy=not any(check.state == "fail" for check in checks),
        checks=checks,
    )


def _advice(bad: list[Check], member: bool) -> str:
    if member:
        return f"Whoever runs this server should look at its {', '.join(check.name for check in bad)}."
    return " ".join(check.advice for check in bad)
