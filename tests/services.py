"""Real servers of a test's own, on free ports of loopback: they end with the tests, however those end."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

PATIENCE = 60.0
BUCKET = "session-mgmt"
T = TypeVar("T")
LAUNCH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # SIGKILL as soon as the parent is dead
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """`url` has no password in it; every write is on the disk before it is answered (appendfsync always)."""

    url: str  # redis://127.0.0.1:PORT/0
    password: str
    port: int


@dataclass(frozen=True, slots=True)
class S3Server:
    """Path-style requests, HTTP/1.1. The bucket is there; take a prefix of your own in it, since others use it, too."""

    endpoint: str  # http://127.0.0.1:PORT
    bucket: str
    access_key_id: str
    secret_access_key: str
    port: int
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """llama.cpp over the model of tests/tiny_model.py, which it takes one question at a time to."""

    url: str  # http://127.0.0.1:PORT, without /v1
    key: str
    model: str
    context: int  # tokens: a sign is one


@dataclass(slots=True)
class Program:
    """A server that can be killed, stopped and started again with the same data on the same port."""

    command: list[str]
    log: Path
    ready: Callable[[], bool]
    running: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """By a thread that lives as long as the server shall: on Linux it ends with that one."""
        assert self.running is None
        launch = [sys.executable, "-IS", "-c", LAUNCH, str(os.getpid())] if sys.platform == "linux" else []
        with self.log.open("ab") as said:
            self.running = subprocess.Popen(
                launch + self.command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={"PATH": os.environ["PATH"], "HOME": str(self.log.parent), "TMPDIR": str(self.log.parent)},
                cwd=self.log.parent,
            )
        until = time.monotonic() + PATIENCE
        while not self.ready():
            if self.running.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{self.command[0]} did not start:\n{self.log.read_text()[-3_000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """As a power cut of this one program: SIGKILL, also where it is stopped."""
        if self.running is not None:
            self.running.kill()
            self.running.wait()
            self.running = None

    def signal(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes connections and answers nothing."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)


@contextmanager
def folder_of_a_server(name: str) -> Iterator[Path]:
    """Short, since sockets lie in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"sm-{name}-", dir="/tmp" if Path("/tmp").is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis_server(*more: str) -> Iterator[tuple[RedisServer, Program]]:
    """`more` are arguments of redis-server. Skips the test where it is not installed."""
    found = shutil.which("redis-server") or pytest.skip("redis-server is not installed (Debian's package redis-server)")
    with folder_of_a_server("redis") as folder:
        [port] = free_ports(1)
        password = secrets.token_hex(12)
        configuration = folder / "redis.conf"
        configuration.write_text(f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\nsave ''\n")
        command = [found, str(configuration), "--appendonly", "yes", "--appendfsync", "always", *more]
        program = Program(command, folder / "log", lambda: _redis_is_ready(port, password))
        yield from _run(program, RedisServer(f"redis://127.0.0.1:{port}/0", password, port))


@contextmanager
def s3_server() -> Iterator[tuple[S3Server, Program]]:
    """SeaweedFS. Skips the test where it is not installed."""
    beside = Path(sys.executable).parent / "weed"
    weed = str(beside) if beside.exists() else shutil.which("weed")
    if weed is None:
        pytest.skip("SeaweedFS is not installed (make install brings it)")
    with folder_of_a_server("s3") as folder:
        names = ("s3", "filer", "master", "volume")
        ports = free_ports(2 * len(names))
        key, secret = secrets.token_hex(10), secrets.token_hex(20)
        server = S3Server(f"http://127.0.0.1:{ports[0]}", BUCKET, key, secret, ports[0])
        who = {"name": "tests", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": ["Admin"]}
        (folder / "who.json").write_text(json.dumps({"identities": [who]}))
        (folder / "data").mkdir()
        command = [weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
        for name, http, grpc in zip(names, ports[::2], ports[1::2], strict=True):
            command += [f"-{name}.port={http}", f"-{name}.port.grpc={grpc}"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder / 'who.json'}"]
        command += [
            "-volume.max=5",
            "-volume.minFreeSpace=10MiB",
            "-master.telemetry=false",
            "-master.electionTimeout=1s",
        ]
        command += [f"-{name}.localSocket={folder / name}.sock" for name in ("s3", "filer")]
        program = Program(command, folder / "log", lambda: _s3_is_ready(server))
        try:
            yield from _run(program, server)
        finally:
            for grpc in ports[1::2]:  # it puts these nowhere else
                for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{grpc}.sock"):
                    left.unlink(missing_ok=True)


@contextmanager
def llama_server() -> Iterator[tuple[LlamaServer, Program]]:
    """llama.cpp, in the formats of OpenAI and of Anthropic. Starts in 0.5 s. Skips the test where it is not installed."""
    if not all(map(find_spec, ("gguf", "xllamacpp"))):
        pytest.skip("llama.cpp is not installed (make install brings it, as xllamacpp and gguf)")
    from tests import tiny_model

    with folder_of_a_server("llama") as folder:
        [port] = free_ports(1)
        server = LlamaServer(f"http://127.0.0.1:{port}", secrets.token_hex(12), tiny_model.NAME, tiny_model.CONTEXT)
        command = [sys.executable, str(tiny_model.__file__), str(folder), str(port), server.key]
        yield from _run(Program(command, folder / "log", lambda: _llama_is_ready(server)), server)


def free_ports(count: int) -> list[int]:
    """Below the range from which the system takes the ports of clients: none of them comes in between."""
    found: list[socket.socket] = []
    try:
        while len(found) < count:
            listener = socket.socket()
            with suppress(OSError):
                listener.bind(("127.0.0.1", 10_000 + secrets.randbelow(20_000)))
            if listener.getsockname()[1]:
                found.append(listener)
            else:
                listener.close()
        return [listener.getsockname()[1] for listener in found]
    finally:
        for listener in found:
            listener.close()


def _run(program: Program, server: T) -> Iterator[tuple[T, Program]]:
    program.start()
    try:
        yield server, program
    finally:
        program.kill()


def _redis_is_ready(port: int, password: str) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        with connection.makefile("rb") as answers:
            return [answers.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]  # not: it is loading
    return False


def _llama_is_ready(server: LlamaServer) -> bool:
    asked = closing(HTTPConnection(server.url.removeprefix("http://"), timeout=1))
    with suppress(OSError, HTTPException), asked as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200  # not: it is loading
    return False


def _s3_is_ready(server: S3Server) -> bool:
    """It keeps an object, and so has its bucket: it makes one for whoever may do everything."""
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1).close()
        store = S3Store(
            server.bucket,
            endpoint=server.endpoint,
            region=server.region,
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
            client_options={"allow_http": True, "timeout": "5s"},
            retry_config={"max_retries": 0},
        )
        with suppress(BaseError):
            store.put("ready", b"x")
            return True
    return False
