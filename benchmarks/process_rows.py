"""What a client waits for and what stays resident: real processes in a home of their own, against `python -c pass`."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import Budget, Figure, median

REPETITIONS = 25
COLD_STARTS = 3
DEADLINE = 60.0
_INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmarks.speed", "version": "1"},
}


@dataclass
class Client:
    """One stdio client: a shim process and JSON lines to and from it."""

    environment: dict[str, str]
    requests: int = 0
    process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> "Client":
        self.process = subprocess.Popen(
            product(), env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self.requests += 1
        self._say({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params})
        assert self.process.stdout is not None
        for line in self.process.stdout:
            reply = json.loads(line)
            if reply.get("id") == self.requests:
                if "result" not in reply:
                    raise RuntimeError(f"{method} failed: {reply.get('error')}")
                return dict(reply["result"])
        raise RuntimeError(f"the server ended before it answered {method}")

    def open(self) -> None:
        self.ask("initialize", _INITIALIZE)
        self._say({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise RuntimeError(f"{tool} failed: {result.get('content')}")
        return dict(result.get("structuredContent") or {})

    def _say(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()


def product(*arguments: str) -> list[str]:
    """The installed command, as .mcp.json and the hooks name it."""
    script = Path(sys.executable).with_name("session-mgmt-mcp")
    return [*([str(script)] if script.exists() else [sys.executable, "-m", "session_mgmt_mcp.server"]), *arguments]


@contextmanager
def home() -> Iterator[dict[str, str]]:
    """An environment in which everything of ours is below one temporary folder; its hub is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        place = Path(name)
        (place / "run").mkdir(mode=0o700)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("SESSION_MGMT_", "CLAUDE"))}
        environment = own | {
            "HOME": name,
            "SESSION_MGMT_DATA_DIR": str(place / "data"),
            "SESSION_MGMT_LOG_DIR": str(place / "logs"),
            "XDG_RUNTIME_DIR": str(place / "run"),
            "SESSION_MGMT_IDLE_EXIT": "60",
        }
        try:
            yield environment
        finally:
            stop_hub(environment)


def stop_hub(environment: dict[str, str]) -> None:
    """Returns when it is gone; none running is as good."""
    _tell_hub(environment, "hub.stop", "wait_gone()")


def hub_pid(environment: dict[str, str]) -> int:
    return int(json.loads(_tell_hub(environment, "hub.status"))["pid"])


def _tell_hub(environment: dict[str, str], verb: str, then: str = "pass") -> str:
    code = f"""
import json
from session_mgmt_mcp.control import ControlError, call, wait_gone
try:
    print(json.dumps(call({verb!r}, spawn=False)))
    {then}
except ControlError as error:
    print(json.dumps({{"error": str(error)}}))
"""
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, timeout=DEADLINE, check=True, text=True
    )
    return told.stdout


def python() -> float:
    """The floor of every process: an interpreter that does nothing."""
    return _whole([sys.executable, "-c", "pass"])


async def shim() -> list[Figure]:
    seconds, floors = [], []
    with home() as environment, Client(environment) as keeping_the_hub_up:
        keeping_the_hub_up.open()
        for _ in range(REPETITIONS):
            start = time.perf_counter()
            with Client(environment) as client:
                client.ask("initialize", _INITIALIZE)
                seconds.append(time.perf_counter() - start)
            floors.append(python())
    return [_against_python("shim to first reply, hub up", seconds, floors, Budget("<=", 4, "ratio"))]


async def cold() -> list[Figure]:
    seconds, floors = [], []
    for _ in range(COLD_STARTS):
        with home() as environment:
            start = time.perf_counter()
            with Client(environment) as client:
                client.open()
                assert client.ask("tools/list", {})["tools"]
                seconds.append(time.perf_counter() - start)
        floors.append(python())
    return [
        Figure(
            "cold, no hub, to first tools/list",
            median(seconds),
            "s",
            Budget("<=", 3, "value"),
            median(floors),
            "python -c pass",
        )
    ]


async def hook() -> list[Figure]:
    seconds, floors = [], []
    with home() as environment, Client(environment) as keeping_the_hub_up:
        keeping_the_hub_up.open()
        event = json.dumps({"session_id": "speed", "hook_event_name": "Stop", "cwd": environment["HOME"]}).encode()
        for _ in range(REPETITIONS):
            seconds.append(_whole(product("hook", "Stop"), environment, event))
            floors.append(python())
    return [_against_python("hook, whole process", seconds, floors, Budget("<=", 3, "ratio"))]


async def resident() -> list[Figure]:
    """Resident set of a shim, and of the hub before and after its model was needed."""
    with home() as environment, Client(environment) as client:
        client.open()
        client.ask("tools/list", {})
        await asyncio.sleep(3)
        hub = hub_pid(environment)
        shim_size, before = resident_of(client.process.pid), resident_of(hub)
        client.call("store_reflection", content="The hub keeps one copy of the model for all clients.")
        client.call("reflect_on_past", query="how many copies of the model are there")
        await asyncio.sleep(3)
        after = resident_of(hub)
    return [
        Figure("resident, shim", shim_size, "MB", Budget("<=", 15, "value")),
        Figure("resident, hub before its model", before, "MB", Budget("<=", 200, "value")),
        Figure("resident, hub with its model", after, "MB", Budget("<=", 350, "value")),
    ]


def _whole(command: list[str], environment: dict[str, str] | None = None, said: bytes = b"") -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, input=said, check=True, capture_output=True)
    return time.perf_counter() - start


def resident_of(pid: int, which: str = "VmRSS") -> float:
    """Megabytes of a million bytes; `VmHWM` is the most there ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1_024 / 1e6  # Linux says kB and means 1,024 bytes
    raise RuntimeError(f"process {pid} is gone")


def _against_python(what: str, ours: list[float], theirs: list[float], budget: Budget) -> Figure:
    return Figure(what, median(ours) * 1e3, "ms", budget, median(theirs) * 1e3, "python -c pass")
