"""Entering and leaving Claude Code's settings: planned first, shown as a diff, then written in one step a file."""

import contextlib
import difflib
import hashlib
import json
import os
import shutil
import stat
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp import paths
from session_mgmt_mcp.adapters.claude_code import settings
from session_mgmt_mcp.adapters.claude_code.settings import PROGRAM, Scope
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable

CARRIED = ("SESSION_MGMT_DATA_DIR", "SESSION_MGMT_LOG_DIR")
"""Set while `setup` runs, they are written into the registration: the client may be started without them."""
LOCK_STALE = 10.0  # seconds; the client's own limit for the lock beside .claude.json


@dataclass(frozen=True, slots=True)
class Change:
    """What one file holds and what it is to hold; None: the file is not there."""

    path: Path
    before: bytes | None
    after: bytes | None


def program() -> Path:
    """The console script of this installation, by its absolute path."""
    folders = (Path(sys.executable).parent, sysconfig.get_path("scripts"), sysconfig.get_path("scripts", "posix_user"))
    beside = (Path(folder) / PROGRAM for folder in folders)
    found = next((script for script in beside if os.access(script, os.X_OK)), None) or shutil.which(PROGRAM)
    if not found:
        raise NotFound(f"The program {PROGRAM} is missing: install it with pip, pipx or uv tool and run it from there.")
    return Path(found).absolute()


def planned_setup(scope: Scope, project: Path, environ: Mapping[str, str] = os.environ) -> list[Change]:
    """What is missing in the client's files; empty when all is registered."""
    files = settings.client_files(scope, project, environ)
    ours, carried = program(), {name: environ[name] for name in CARRIED if environ.get(name)}
    changes = []
    for path, with_ours in ((files.servers, settings.with_server), (files.hooks, settings.with_hooks)):
        before = read(path)
        after = with_ours(_text(before, path), path, ours, carried).encode()
        if before != after:
            changes.append(Change(path, before, after))
    return changes


def planned_uninstall(scope: Scope, project: Path, environ: Mapping[str, str] = os.environ) -> list[Change]:
    """What is ours in the client's files, taken out."""
    files = settings.client_files(scope, project, environ)
    changes = []
    for path in (files.servers, files.hooks):
        before = read(path)
        after = None if before is None else _without_ours(before, path)
        if before != after:
            changes.append(Change(path, before, after))
    return changes


def diff(change: Change) -> str:
    def lines(content: bytes | None) -> list[str]:
        return (content or b"").decode(errors="replace").splitlines()

    name = str(change.path)
    shown = difflib.unified_diff(
        lines(change.before),
        lines(change.after),
        name if change.before is not None else os.devnull,
        name if change.after is not None else os.devnull,
        lineterm="",
    )
    return "\n".join(shown)


def keep_backups(changes: Sequence[Change]) -> None:
    """Each file as it was before we first touched it; a second setup does not overwrite that."""
    for change in changes:
        kept = backup_of(change.path)
        if change.before is None or kept.exists():
            continue
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(kept, change.before, 0o600)


def apply(changes: Sequence[Change]) -> None:
    """Writes every change, each at once or not at all. Raises Conflict when a file changed since it was planned."""
    for change in changes:
        with _client_lock(change.path):
            if read(change.path) != change.before:
                raise Conflict(f"{change.path} was changed by somebody else meanwhile: run this again.", version=0)
            if change.after is None:
                _delete(change.path)
            else:
                _write(change.path, change.after, 0o600 if change.path.name == ".claude.json" else 0o644)


def backup_of(path: Path) -> Path:
    """Where the file at `path` is kept as it was before our first change."""
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
    return paths.data_dir() / "client-settings" / f"{name}.{path.name.lstrip('.')}"


def _without_ours(content: bytes, path: Path) -> bytes | None:
    kept = backup_of(path)
    original = read(kept)
    before = settings.parse(_text(original, kept), kept) if original is not None else {}
    text = _text(content, path)
    stripped = settings.without_ours(text, path, before)
    if stripped == text:
        return content
    if json.dumps(settings.parse(stripped, path)) == json.dumps(before):
        return original  # whatever form the user's empty objects and spaces had
    return stripped.encode()


def read(path: Path) -> bytes | None:
    """What the file holds; None: it is not there. Raises Unavailable."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({error.strerror}): mend that and run this again.") from error


def _text(content: bytes | None, path: Path) -> str:
    try:
        return (content or b"").decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8 text: repair it and run this again.") from error


def _write(path: Path, content: bytes, mode: int) -> None:
    """Through a link into its target, keeping the mode of what is there."""
    target = Path(os.path.realpath(path))
    try:
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(target.stat().st_mode)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink()
            raise
    except OSError as error:
        raise Unavailable(f"{path} cannot be written ({error.strerror}): mend that and run this again.") from error


def _delete(path: Path) -> None:
    try:
        Path(os.path.realpath(path)).unlink()
        for folder in (path.parent, path.parent.parent):  # those that only we had needed
            if folder.name not in (".claude", "commands") or any(folder.iterdir()):
                break
            folder.rmdir()
    except OSError as error:
        raise Unavailable(f"{path} cannot be removed ({error.strerror}): mend that and run this again.") from error


@contextlib.contextmanager
def _client_lock(path: Path) -> Iterator[None]:
    """The lock a running client takes around its own rewriting of `.claude.json`: a folder beside the file."""
    if path.name != ".claude.json" or not path.parent.is_dir():
        yield
        return
    lock = Path(f"{os.path.realpath(path)}.lock")
    deadline = time.monotonic() + LOCK_STALE
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if time.monotonic() > deadline or _age(lock) > LOCK_STALE:
                break
            time.sleep(0.05)
        except OSError as error:
            raise Unavailable(f"{path} cannot be written ({error.strerror}): mend that and run this again.") from error
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            lock.rmdir()


def _age(lock: Path) -> float:
    try:
        return time.time() - lock.stat().st_mtime
    except FileNotFoundError:
        return 0.0
