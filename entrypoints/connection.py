"""Who is calling: what a tool may know of the client whose request it serves."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.session_storage import is_name
from session_mgmt_mcp.version import VERSION


@dataclass(frozen=True, slots=True)
class Connection:
    """From the client's hello line; empty where the client did not say."""

    cwd: str = ""
    project_dir: str = ""
    session_id: str = ""
    client_pid: int = 0
    version: str = VERSION
    user: str = ""  # whose token came with it; empty: whoever works at this machine
    role: Role | None = None  # of that token
    project: str = ""  # named by a client whose folder cannot be seen

    @property
    def remote(self) -> bool:
        """It came over the network, from somebody whose folders and processes are not ours."""
        return bool(self.user)

    @property
    def folder(self) -> str:
        """Where the client works: its project's folder, else its working directory."""
        return self.project_dir or self.cwd

    @property
    def session(self) -> str:
        """A name for the client's session; clients that tell none are known by their process."""
        return self.session_id or (f"remote-{self.user}" if self.remote else f"process-{self.client_pid}")


_current: ContextVar[Connection | None] = ContextVar("session_mgmt_connection", default=None)


def current() -> Connection:
    """The connection whose call is being served; outside of any, this very process."""
    return _current.get() or of_this_process()


@contextmanager
def entered(connection: Connection) -> Iterator[Connection]:
    """Tasks started within see `connection` as the current one."""
    token = _current.set(connection)
    try:
        yield connection
    finally:
        _current.reset(token)


def of_this_process() -> Connection:
    try:
        cwd = os.getcwd()  # noqa: PTH109
    except OSError:
        cwd = ""  # the folder was removed under us
    return Connection(
        cwd=cwd,
        project_dir=os.environ.get("CLAUDE_PROJECT_DIR", ""),
        session_id=session_id if is_name(session_id := os.environ.get("CLAUDE_CODE_SESSION_ID", "")) else "",
        client_pid=os.getppid(),
    )


def of_hello(hello: Mapping[str, Any]) -> Connection:
    """From a hello line, which anybody may have written: what has the wrong type counts as not said."""

    def text(name: str) -> str:
        value = hello.get(name)
        return value if isinstance(value, str) else ""

    pid = hello.get("client_pid")
    return Connection(
        cwd=text("cwd"),
        project_dir=text("project_dir"),
        session_id=text("session_id") if is_name(text("session_id")) else "",
        client_pid=pid if isinstance(pid, int) and 0 < pid < 2**31 else 0,
        version=text("version") or "0",
    )
