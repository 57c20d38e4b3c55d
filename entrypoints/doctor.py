"""`doctor`: looks at everything an installation needs and says, for each, what is so and what to do."""

import asyncio
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeAlias

from session_mgmt_mcp import (
    asking,
    backends,
    documents,
    election,
    installing,
    memories,
    paths,
    places,
    registration,
    spool,
)
from session_mgmt_mcp.adapters.claude_code import settings as client
from session_mgmt_mcp.control import ControlError
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.llm.state import state
from session_mgmt_mcp.llm.trying import standings
from session_mgmt_mcp.ports.errors import Invalid, PortError
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.version import VERSION

State: TypeAlias = Literal["ok", "warn", "fail"]
Check: TypeAlias = dict[str, str]

LOW_DISK_BYTES = 500 << 20
BACKLOG = 1_000
OLDEST_PYTHON = (3, 11)


def examine(fix: bool = False) -> dict[str, Any]:
    """{"checks": [{"name","state","advice"}], "versions": {...}, "fixed": [...]}; changes nothing without `fix`."""
    fixed = list(_mended()) if fix else []
    found: list[Check] = []
    for look in (
        _python,
        _platform,
        _settings,
        _packages,
        _data_dir,
        _permissions,
        _documents,
        _shared_documents,
        _disk,
        _hub,
        _model,
        _language_models,
        _client,
        _spool,
    ):
        found += _looked(look)
    return {"checks": found, "versions": _versions(), "fixed": fixed}


def _looked(look: Callable[[], list[Check]]) -> list[Check]:
    """A look that fails is a finding, not the end of the examination."""
    try:
        return look()
    except (PortError, ControlError) as error:
        return [_check(look.__name__.strip("_"), "fail", str(error))]
    except OSError as error:
        return [_check(look.__name__.strip("_"), "fail", f"{error.filename}: {error.strerror}: mend that first.")]


def _check(name: str, state: State, advice: str) -> Check:
    return {"name": name, "state": state, "advice": advice}


def _python() -> list[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return [_check("python", "fail", f"This is Python {version}: install Python 3.11 or newer.")]
    return [_check("python", "ok", f"Python {version}.")]


def _platform() -> list[Check]:
    if sys.platform == "win32":
        return [_check("platform", "warn", "On Windows only `--in-process` is supported: one session at a time.")]
    return [_check("platform", "ok", f"{sys.platform} with a hub.")]


def _settings() -> list[Check]:
    load()
    return [_check("settings", "ok", "They can be read, and each is one that may be.")]


def _requirements() -> list[str]:
    """Names of the packages this one cannot do without."""
    declared = metadata.requires("session-mgmt-mcp") or []
    return [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in declared if "extra ==" not in line]


def _packages() -> list[Check]:
    missing = [name for name in _requirements() if _version(name) is None]
    if missing:
        return [_check("packages", "fail", f"Missing: {', '.join(missing)}; install session-mgmt-mcp again.")]
    return [_check("packages", "ok", f"All {len(_requirements())} packages are installed.")]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> dict[str, str | None]:
    return {"session-mgmt-mcp": VERSION, **{name: _version(name) for name in sorted(_requirements())}}


def _data_dir() -> list[Check]:
    data = paths.data_dir()
    if not data.exists():
        return [_check("data directory", "ok", f"{data} is made when the first memory is stored.")]
    if not data.is_dir():
        return [_check("data directory", "fail", f"{data} is not a directory: move it away or set another.")]
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        return [_check("data directory", "fail", f"{data} cannot be written: change its owner or permissions.")]
    return [_check("data directory", "ok", f"{data} can be written.")]


def _permissions() -> list[Check]:
    if not (wrong := _too_open()):
        return [_check("permissions", "ok", "Nobody else can read what is stored.")]
    return [_check("permissions", "warn", f"Others can read {wrong[0]}: run `session-mgmt-mcp doctor --fix`.")]


def _ours() -> Iterator[Path]:
    """The data directory and what we keep in it; others may keep files there, too."""
    data = paths.data_dir()
    for pattern in (*installing.DATA, *installing.WORKING):
        for path in data.glob(pattern):
            yield path
            if path.is_dir():
                yield from path.rglob("*")


def _too_open() -> list[Path]:
    data = paths.data_dir()
    kept = [path for path in (data, *_ours()) if path.exists() and not path.is_symlink()]
    return [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077]


def _documents() -> list[Check]:
    return _kept("documents", "own", load().session_storage, paths.documents(paths.data_dir()))


def _shared_documents() -> list[Check]:
    return _kept("shared documents", "shared", load().shared_storage, paths.shared(paths.data_dir()))


def _kept(name: str, space: backends.Space, backend: backends.Backend, folder: Path) -> list[Check]:
    """Whether documents elsewhere can be reached only a hub says: it has the secrets."""
    if backend == "local":
        return [_check(name, *documents.state(folder))]
    place = backends.where(backend, space, load())
    if not asking.hub_status()["running"]:
        return [_check(name, "ok", f"In {place}; the next session shows whether it can be reached.")]
    return [check for check in asking.hub_checks() if check["name"] == name]


def _disk() -> list[Check]:
    place = paths.data_dir()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < LOW_DISK_BYTES:
        return [_check("disk", "warn", f"Only {free >> 20} MiB are free at {place}: make room.")]
    return [_check("disk", "ok", f"{free >> 20} MiB free.")]


def _hub() -> list[Check]:
    status = asking.hub_status()
    if status["running"]:
        return [*_running_hub(status), *_opened_database()]
    if _leftover_socket():
        advice = "A socket without a hub is left: run `session-mgmt-mcp doctor --fix`."
        return [_check("hub", "warn", advice), *_closed_database()]
    return [_check("hub", "ok", "None is running; the next session starts it."), *_closed_database()]


def _running_hub(status: dict[str, Any]) -> list[Check]:
    if status.get("version") != VERSION:
        advice = f"The hub is version {status.get('version')}, this is {VERSION}: run `session-mgmt-mcp hub stop`."
        return [_check("hub", "warn", advice)]
    return [_check("hub", "ok", f"Process {status.get('pid')}, version {VERSION}.")]


def _opened_database() -> list[Check]:
    return [check for check in asking.hub_checks() if check["name"] in ("memory", "vectors", "team memory")]


def _closed_database() -> list[Check]:
    """Reads all of it without writing; nobody else has it open."""
    from session_mgmt_mcp.adapters.duckdb import backups, evidence

    chosen = load()
    if chosen.vector_store == "lancedb":
        return [_closed_lance(memories.own_place(chosen))]
    database = paths.database(paths.data_dir())
    if not database.exists():
        return [_check("memory", "ok", "Nothing is stored yet: `session-mgmt-mcp import` takes in what was said.")]
    try:
        records = backups.verify(database)
    except Invalid:
        return [_check("memory", "warn", f"{database} is of another product: the next session takes its rows over.")]
    except PortError as error:
        return [_check("memory", "fail", str(error))]
    if lost := evidence.kept(database):
        return [_check("memory", "warn", evidence.said(database, lost[0]))]
    return [_check("memory", "ok", f"{database} is whole: {records} records.")]


def _closed_lance(place: str) -> Check:
    """A folder is read to the end; only a hub has the keys of a bucket."""
    if "://" in place:
        return _check("memory", "ok", f"In {place}; the next session shows whether it can be reached.")
    if not Path(place).exists():
        return _check("memory", "ok", "Nothing is stored yet: `session-mgmt-mcp import` takes in what was said.")
    try:
        records = asyncio.run(memories.verified(place))
    except PortError as error:
        return _check("memory", "fail", str(error))
    return _check("memory", "ok", f"{place} is whole: {records} records.")


def _leftover_socket() -> Path | None:
    """Where the last hub listened, which may have lived with another XDG_RUNTIME_DIR."""
    data = places.data_dir()
    known = (places.hub_socket(data), election.announced(data).get("socket"))
    return next((Path(path) for path in known if path and os.path.lexists(path)), None)


def _model() -> list[Check]:
    from session_mgmt_mcp.adapters.onnx.model import model_files

    chosen = load()
    if chosen.embedder != "onnx":
        return [_check("model", "ok", f"The {chosen.embedder} embedder needs no files.")]
    try:
        files = model_files(chosen.model_path, chosen.tokenizer_path)
        files.verify()
    except PortError as error:
        return [_check("model", "warn", f"Search works by word only: {error}")]
    return [_check("model", "ok", f"{files.model_id()} and its tokenizer are whole.")]


def _language_models() -> list[Check]:
    """As this process sees them: a hub may have other keys in its environment."""
    from session_mgmt_mcp.adapters.keyring.secret_store import KeyringSecretStore

    settings = load()
    providers = Providers(settings, Credentials(KeyringSecretStore()))
    return [_check("language models", *state(asyncio.run(standings(providers)), settings.llm_polish))]


def _client() -> list[Check]:
    found = client.find_client()
    if found is None:
        advice = "Claude Code was not found: install it, or put `claude` on the PATH."
        return [_check("client", "warn", advice), _registered()]
    version = client.client_version(found)
    if version is None:
        advice = f"{found} does not say its version: install Claude Code again."
        return [_check("client", "warn", advice), _registered()]
    return [_check("client", "ok", f"Claude Code {version} at {found}."), _registered()]


def _registered() -> Check:
    plugin = installing.plugin_enabled()
    by_scope = {scope: registration.planned_setup(scope, Path.cwd()) for scope in client.SCOPES}
    complete = [scope for scope, missing in by_scope.items() if not missing]
    if plugin and complete:
        advice = "The plugin and `setup` both register us: keep one, `session-mgmt-mcp uninstall` or the plugin."
        return _check("registration", "warn", advice)
    if plugin:
        return _check("registration", "ok", "Registered by the plugin.")
    if not complete:
        return _check("registration", "warn", "Server or hooks are not registered: run `session-mgmt-mcp setup`.")
    return _check("registration", "ok", f"Server and hooks are registered for scope {' and '.join(complete)}.")


def _spool() -> list[Check]:
    data = places.data_dir()
    waiting = spool.waiting(data)
    if bad := spool.damaged(data):
        return [_check("spool", "warn", bad)]
    if waiting > BACKLOG:
        return [_check("spool", "warn", f"{waiting} events wait for a hub: run `session-mgmt-mcp doctor --fix`.")]
    return [_check("spool", "ok", f"{waiting} events wait for a hub.")]


def _mended() -> Iterator[str]:
    """What needs no question: our own files' permissions, a dead socket, events that wait."""
    data = paths.data_dir()
    for path in _too_open():
        path.chmod(stat.S_IMODE(path.stat().st_mode) & 0o700)
        yield f"{path} is now yours only."
    if not asking.hub_status()["running"] and (socket := _leftover_socket()):
        socket.unlink()
        yield "The socket without a hub is gone."
    if spool.waiting(str(data)):
        asking.ask("stats", {})
        yield "A hub was started and takes in the waiting events."
