"""Every test lives in a home of its own, and none needs what lies outside the repository."""

import gc
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.services import LlamaServer, RedisServer, S3Server

os.environ.setdefault("FASTMCP_ENABLE_RICH_LOGGING", "false")  # a coloured traceback takes longer than the call

OURS = ("SESSION_MGMT_", "CLAUDE_", "ANTHROPIC_")
KEPT = {"SESSION_MGMT_SHARED"}


ON_A_BUSY_MACHINE = (hypothesis.HealthCheck.too_slow,)
hypothesis.settings.register_profile("quick", max_examples=40, suppress_health_check=ON_A_BUSY_MACHINE)
hypothesis.settings.register_profile("thorough", max_examples=500, suppress_health_check=ON_A_BUSY_MACHINE)  # make slow
hypothesis.settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store", choices=("memory", "duckdb"), default="memory", help="where unit tests keep memories")


def pytest_configure() -> None:
    gc.disable()  # until everything is collected: what is imported stays
    sys.addaudithook(_reach_nothing_but_loopback)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background; children would be deaf too
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _reach_nothing_but_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """In this process; .ci/run takes the network away from every other one as well."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = str(arguments[1][0])
        if host != "localhost" and not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            raise OSError(f"a test may not connect to {host}")


def pytest_collection_finish() -> None:
    gc.freeze()  # five thousand tests and what they import are looked through no more
    gc.enable()
    _check_answers_quickly()


def _check_answers_quickly() -> None:
    """A client lists all tools before it checks its first answer, and makes a validator of a schema: once is enough.

    Each answer is checked all the same, against what a server of ours told the first client of this process.
    """
    if "mcp.client.session" in sys.modules:
        from mcp.client.session import ClientSession

        schemas: dict[str, Any] = {}
        validators: dict[str, Any] = {}
        check = ClientSession.validate_tool_result

        async def check_quickly(self: ClientSession, name: str, result: Any) -> None:
            if self._discover_server_info is None or self._discover_server_info.name != "session-mgmt":
                return await check(self, name, result)
            if name in schemas:
                self._tool_output_schemas.setdefault(name, schemas[name])
            if name in validators:
                self._tool_output_validators.setdefault(name, validators[name])
            await check(self, name, result)
            schemas.update(self._tool_output_schemas)
            validators.update(self._tool_output_validators)
            return None

        ClientSession.validate_tool_result = check_quickly  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports travel between processes as UTF-8: captured names of files that are no text would end the whole run."""
    report = yield
    report.sections = [(title, said.encode("utf-8", "replace").decode()) for title, said in report.sections]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where everything was installed (.ci/run), a skipped test is a hole."""
    if os.environ.get("SESSION_MGMT_NOTHING_SKIPPED") and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("skipped, although SESSION_MGMT_NOTHING_SKIPPED is set: see above", red=True)
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(autouse=True)
def isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Points everything the product derives from the environment into the test's own folder."""
    for name in os.environ:
        if name.startswith(OURS) and name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)  # whoever runs the tests is shown nothing
    # a socket's path has at most 107 bytes, and tmp_path alone may be longer
    runtime = tempfile.mkdtemp(prefix="sm-", dir="/tmp" if Path("/tmp").is_dir() else None)
    places = {
        "HOME": tmp_path / "home",
        "SESSION_MGMT_DATA_DIR": tmp_path / "home" / ".claude" / "data",
        "SESSION_MGMT_LOG_DIR": tmp_path / "home" / ".claude" / "logs",
        "TMPDIR": tmp_path / "tmp",
    }
    for name, folder in places.items():
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    places["HOME"].mkdir()
    places["TMPDIR"].mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder of a project."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@asynccontextmanager
async def _product(folder: Path, session: str = "s1", **settings: Any) -> AsyncIterator[tuple[Any, Any]]:
    from fastmcp import Client
    from session_mgmt_mcp import connection
    from session_mgmt_mcp.application import open_application
    from session_mgmt_mcp.mcp_server import build_server
    from session_mgmt_mcp.settings import load

    caller = connection.Connection(cwd=str(folder), project_dir=str(folder), session_id=session)
    async with open_application(load(embedder="memory", **settings)) as app:
        with connection.entered(caller):
            async with Client(build_server(app)) as client:
                yield app, client


@pytest.fixture
def product_in() -> Callable[..., AbstractAsyncContextManager[tuple[Any, Any]]]:
    """`async with product_in(folder) as (app, client)`: the product, and a client that asks it from there."""
    return _product


@pytest.fixture
def session_bus(tmp_path: Path) -> Iterator[str]:
    """The address of a session bus that nobody else is on."""
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        pytest.skip("dbus-daemon is not installed (Debian's package dbus-daemon)")
    folder = tempfile.mkdtemp(prefix="sm-bus-", dir="/tmp" if Path("/tmp").is_dir() else None)
    command = [daemon, "--session", "--nofork", "--print-address=1", f"--address=unix:path={folder}/bus"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    yield running.stdout.readline().strip()
    running.terminate()
    running.wait()
    running.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis() -> Iterator["RedisServer"]:
    """A real Redis, the same for all tests of this worker: take a namespace of your own, such as `tmp_path.name`.

    It has `url` (without the password) and `password`. Who wants to kill or to stop one starts an own:
    `with redis_server() as (server, program)` of tests/services.py.
    """
    from tests.services import redis_server

    with redis_server() as (server, _):
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator["S3Server"]:
    """A real S3 server (SeaweedFS), the same for all tests of this worker: take a prefix of your own in its one bucket.

    It has `endpoint`, `region`, `bucket`, `access_key_id` and `secret_access_key`. To start takes 3 s. Who wants to kill
    or to stop one starts an own: `with s3_server() as (server, program)` of tests/services.py.
    """
    from tests.services import s3_server

    with s3_server() as (server, _):
        yield server


@pytest.fixture(scope="session")
def llama() -> Iterator["LlamaServer"]:
    """A real engine, llama.cpp, the same for all tests of this worker; it speaks OpenAI's format and Anthropic's.

    It has `url`, `key`, `model` and `context`. What its model says: tests/tiny_model.py.
    """
    from tests.services import llama_server

    with llama_server() as (server, _):
        yield server


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the retrieval sets and real transcripts; it is no part of the repository."""
    beside = Path(__file__).resolve().parent.parent.parent / "shared"
    folder = Path(os.environ.get("SESSION_MGMT_SHARED") or beside)
    if not folder.is_dir():
        pytest.skip("the folder `shared` is not beside the checkout, and SESSION_MGMT_SHARED names no other")
    return folder
