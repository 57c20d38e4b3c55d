"""Clients that speak raw JSON lines to real shims, and a look at which processes are left."""

import asyncio
import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.keyring.secret_store import KeyringSecretStore
from session_mgmt_mcp.ports.errors import Unavailable

HERE = Path(__file__).resolve().parent
TINY_SHIM = (sys.executable, str(HERE / "tiny_shim.py"))
TINY_HUB = (sys.executable, "-P", str(HERE / "tiny.py"))
LEGACY = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
SECONDS = 60.0


class Client:
    """One stdio client. `modern` speaks server/discover, the others initialize."""

    def __init__(self, command, modern=False, **env):
        self.environ = {**os.environ, "PYTHONFAULTHANDLER": "1", **env}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environ
        )
        self.modern = modern
        self.others = queue.Queue()
        self._ids = itertools.count(1)
        self._answers = {}
        self._arrived = threading.Condition()
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            with self._arrived:
                if "method" in message or message.get("id") is None:
                    self.others.put(message)
                else:
                    assert message["id"] not in self._answers, f"answered twice: {message}"
                    self._answers[message["id"]] = message
                self._arrived.notify_all()

    def write(self, line: bytes) -> None:
        with self._lock:
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def send(self, method, params=None, notification=False):
        """The id of the request that was sent."""
        params = dict(params or {})
        if self.modern:
            params["_meta"] = {**MODERN_META, **params.get("_meta", {})}
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        if not notification:
            message["id"] = next(self._ids)
        self.write(json.dumps(message).encode() + b"\n")
        return message.get("id")

    def answer(self, whom, seconds=SECONDS):
        """The whole answer to the request of that id."""
        with self._arrived:
            if self._arrived.wait_for(lambda: whom in self._answers, seconds):
                return self._answers[whom]
        raise AssertionError(f"no answer to {whom}\n{self.last_words()}")

    def is_answered(self, whom):
        return whom in self._answers

    def last_words(self):
        """Of a shim that does not answer, and of its hub: where each of their threads is. They end by it."""
        code = self.process.poll()
        said = [f"the shim {'runs' if code is None else f'ended with {code}'}"]
        data = Path(self.environ["SESSION_MGMT_DATA_DIR"])
        logs = Path(self.environ["SESSION_MGMT_LOG_DIR"])
        for pid in World(data).hubs():
            os.kill(pid, signal.SIGABRT)
        self.process.send_signal(signal.SIGABRT)
        self.process.wait(30)
        said.append(self.process.stderr.read().decode(errors="replace"))
        for file in (data / "hub.lock", logs / "hub.stderr.log", logs / "hub.log"):
            said += [f"--- {file.name}", file.read_text()[-5_000:] if file.exists() else "is not there"]
        return "\n".join(said)

    def request(self, method, params=None, seconds=SECONDS):
        answer = self.answer(self.send(method, params), seconds)
        assert "error" not in answer, answer
        return answer["result"]

    def start_call(self, tool, **arguments):
        return self.send("tools/call", {"name": tool, "arguments": arguments})

    def call(self, tool, **arguments):
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        assert not result.get("isError"), result
        return result["structuredContent"]

    def shake_hands(self):
        if self.modern:
            return self.request("server/discover")
        result = self.request("initialize", LEGACY)
        self.send("notifications/initialized", notification=True)
        return result

    def leave(self, how="eof"):
        """Exit code, and what was said on stderr."""
        if how == "eof":
            self.process.stdin.close()
        else:
            self.process.send_signal(how)
        code = self.process.wait(30)
        return code, self.process.stderr.read().decode()


class World:
    """One data directory, its clients and whoever is its hub."""

    def __init__(self, data=None):
        self.data = Path(data or os.environ["SESSION_MGMT_DATA_DIR"])
        self.clients = []

    def client(self, *, modern=False, command=TINY_SHIM, greeted=True, **env):
        client = Client(command, modern, **env)
        self.clients.append(client)
        if greeted:
            client.shake_hands()
        return client

    def announced(self):
        try:
            return json.loads((self.data / "hub.lock").read_text() or "{}")
        except (FileNotFoundError, ValueError):
            return {}

    def hub(self, seconds=SECONDS):
        """The pid of the hub, once it serves."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            said = self.announced()
            if said.get("state") == "serving" and said["pid"] in self.hubs():
                return said["pid"]
            time.sleep(0.01)
        raise AssertionError(f"no hub serves; processes {self.hubs()}, announced {said}")

    def hubs(self):
        """Every living process that was started as a hub of this directory."""
        mark = f"SESSION_MGMT_DATA_DIR={self.data}".encode()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (folder / "cmdline").read_bytes().split(b"\0")
                if b"--lock" in arguments and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def kill_hub(self):
        pid = self.hub()
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: pid not in self.hubs())
        return pid

    def until(self, holds, seconds=SECONDS):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.01)

    def let_go(self):
        for client in self.clients:
            if client.process.poll() is None:
                client.process.kill()
            client.process.wait()
            for stream in (client.process.stdin, client.process.stdout, client.process.stderr):
                stream.close()

    def end(self):
        self.let_go()
        for _ in range(3):  # a shim may have been about to start another
            for pid in self.hubs():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


@pytest.fixture
def world(isolation, monkeypatch):
    """A directory of the test's own, in which no hub runs yet."""
    look_at_processes()
    monkeypatch.setenv("SESSION_MGMT_IDLE_EXIT", "30")
    world = World()
    yield world
    world.end()


@pytest.fixture(scope="session")
def places_of_one_hub(tmp_path_factory):
    runtime = tempfile.mkdtemp(prefix="sm-", dir="/tmp" if Path("/tmp").is_dir() else None)
    data = tmp_path_factory.mktemp("one-hub") / "data"
    yield {"XDG_RUNTIME_DIR": runtime, "SESSION_MGMT_DATA_DIR": str(data), "SESSION_MGMT_IDLE_EXIT": "30"}
    World(data).end()
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def served(isolation, places_of_one_hub, monkeypatch):
    """A world whose small hub may have served other tests: for those that leave it as it is."""
    look_at_processes()
    for name, value in places_of_one_hub.items():
        monkeypatch.setenv(name, value)
    world = World()
    world.client().leave()
    yield world
    world.let_go()


@pytest.fixture(scope="session")
def memories_of_real_sessions(shared, tmp_path_factory):
    from session_mgmt_mcp.application import open_application
    from session_mgmt_mcp.settings import load

    home = tmp_path_factory.mktemp("real-sessions")

    async def take_in():
        async with open_application(load(embedder="memory")) as app:
            await app.capture.import_paths([shared / "claude-code" / "real-projects"])
            await app.embedding.wait_idle()

    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "SESSION_MGMT_DATA_DIR", "SESSION_MGMT_LOG_DIR"):
            patch.setenv(name, str(home / name.lower()))
        asyncio.run(take_in())
        return Path(os.environ["SESSION_MGMT_DATA_DIR"])


@pytest.fixture
def real_sessions(memories_of_real_sessions, isolation):
    """The test's data directory has all real sessions in it, taken in and closed."""
    shutil.copytree(memories_of_real_sessions, os.environ["SESSION_MGMT_DATA_DIR"])


async def _until_it_keeps(secrets):
    """It says that it runs before it is on the bus."""
    until = time.monotonic() + 30
    while True:
        try:
            await secrets.set("redis-password", "tried")
            return
        except Unavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)


@pytest.fixture(scope="module")
def secret_service():
    """The address of a bus with an unlocked keyring on it."""
    bus, ring = shutil.which("dbus-daemon"), shutil.which("gnome-keyring-daemon")
    if bus is None or ring is None:
        pytest.skip("dbus-daemon or gnome-keyring-daemon is not installed (Debian's dbus-daemon, gnome-keyring)")
    folder = Path(tempfile.mkdtemp(prefix="sm-keyring-", dir="/tmp" if Path("/tmp").is_dir() else None))
    address = f"unix:path={folder}/bus"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "DBUS_SESSION_BUS_ADDRESS": address,
    }
    command = [bus, "--session", "--nofork", "--print-address=1", f"--address={address}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)]
    running[0].stdout.readline()
    command = [ring, "--foreground", "--unlock", "--components=secrets", f"--control-directory={folder}/control"]
    daemon = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    )
    running.append(daemon)
    daemon.stdin.write(b"unlocked by this")
    daemon.stdin.close()
    assert daemon.stdout.readline().startswith(b"GNOME_KEYRING_CONTROL")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        asyncio.run(_until_it_keeps(KeyringSecretStore(f"test-{uuid.uuid4().hex}")))
    yield address
    for process in reversed(running):
        process.terminate()
        process.wait()
        process.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


def look_at_processes():
    if not Path("/proc/self/environ").exists():
        pytest.skip("counts processes through /proc, which this system does not have")
