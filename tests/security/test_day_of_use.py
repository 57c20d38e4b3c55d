"""What a day of use leaves behind: no secret in any byte, nothing that others may read, and nobody asked beyond this machine."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from session_mgmt_mcp.domain.redaction import redact

from tests.security.day import CASES

ROOT = Path(__file__).resolve().parents[2]
THE_CLIENTS = {
    ".claude/settings.json": "the client's own, made as it makes it; no secret of ours is in it",
    ".claude/commands": "the client's folder of commands",
}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("unshare"), reason="needs a network of its own"),
]


@dataclass(frozen=True)
class Day:
    folder: Path
    modes: dict[str, int]
    unreached: int
    token: str

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def written(self) -> list[Path]:
        """Every file of ours, the data directory also as it was while the hub ran."""
        running = [path for path in (self.folder / "running").rglob("*") if path.is_file()]
        return running + [path for path in map(Path, self.modes) if path.is_file() and not path.is_socket()]


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    runtime = tempfile.mkdtemp(prefix="sm-", dir="/tmp")
    places = {"HOME": "home", "SESSION_MGMT_DATA_DIR": "home/.claude/data", "SESSION_MGMT_LOG_DIR": "home/.claude/logs",
              "TMPDIR": "tmp"}  # fmt: skip
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SESSION_MGMT_", "CLAUDE_"))}
    env |= {name: str(folder / place) for name, place in places.items()} | {"XDG_RUNTIME_DIR": runtime}
    env |= {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SESSION_MGMT_IDLE_EXIT": "60",
    }
    (folder / "home").mkdir()
    (folder / "tmp").mkdir()
    command = ["unshare", "--user", "--map-root-user", "--net", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh"]
    command += [sys.executable, "-m", "tests.security.day", folder]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    if "unshare" in done.stderr and done.returncode == 1 and not os.environ.get("SESSION_MGMT_NOTHING_SKIPPED"):
        pytest.skip(f"no network of its own can be had here: {done.stderr}")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((folder / "day.json").read_text())
    yield Day(folder, report["modes"], report["unreached"], report["token"])
    shutil.rmtree(runtime, ignore_errors=True)


def stored(file: Path) -> bytes:
    """All values of a database, which may lie compressed in its file."""
    if file.suffix == ".duckdb" or file.name.endswith(".duckdb"):
        with contextlib.closing(duckdb.connect(str(file), read_only=True)) as database:
            tables = [row[0] for row in database.execute("select table_name from duckdb_tables()").fetchall()]
            return "\n".join(
                str(row) for table in tables for row in database.execute(f'select * from "{table}"').fetchall()
            ).encode()
    if file.read_bytes()[:15] == b"SQLite format 3":
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            tables = [row[0] for row in database.execute("select name from sqlite_master where type = 'table'")]
            return b"\n".join(
                repr(row).encode() for table in tables for row in database.execute(f'select * from "{table}"')
            )
    return b""


def test_no_secret_of_any_kind_lies_in_any_byte_that_was_written(day, tmp_path):
    files = day.written()
    suffixes = {path.suffix for path in files}
    assert {".duckdb", ".json", ".log"} <= suffixes and any(
        "backup" in str(path) or "kept" in str(path) for path in files
    )
    assert any(path.name.endswith(".wal") for path in files), "the log of the database was looked at as well"
    secrets = {secret: case.kind for case in CASES for secret in case.secrets if len(secret) >= 8}
    secrets[day.token] = "our own token"
    left = "\n".join(redact(case.text).text for case in CASES)  # "postgres" is a password, and a scheme
    wanted = {secret.encode()[:14]: kind for secret, kind in secrets.items() if secret[:14] not in left}
    assert len(wanted) > 200
    found = {}
    known = b""
    for number, file in enumerate(files):
        raw = file.read_bytes()
        if raw[8:12] == b"DUCK" or raw[:15] == b"SQLite format 3":
            copy = tmp_path / f"{number}{file.suffix}"
            copy.write_bytes(raw)
            raw += stored(copy)
            known += raw
        for piece, kind in wanted.items():
            if piece in raw:
                found.setdefault(str(file.relative_to(day.folder)), []).append(f"{kind}: {piece.decode()}")
    assert b"[redacted:" in known, "what was told is there, without its secrets"
    assert found == {}


def test_nothing_that_was_written_can_be_read_by_others_whatever_the_umask(day):
    ours = {
        str(Path(path).relative_to(day.home)) if Path(path).is_relative_to(day.home) else path: mode
        for path, mode in day.modes.items()
    }
    assert len(ours) > 20
    open_to_others = {path: oct(mode) for path, mode in ours.items() if stat.S_IMODE(mode) & 0o077}
    left = {path: mode for path, mode in open_to_others.items() if not path.startswith(tuple(THE_CLIENTS))}
    assert left == {}


def test_no_process_wanted_to_reach_any_place_beyond_this_machine(day):
    assert day.unreached == 0


def test_the_way_that_is_watched_for_attempts_sees_one():
    code = "import socket\nfrom tests.security.day import unreached\nbegan = unreached()\ntry:\n    socket.create_connection(('192.0.2.1', 80), 1)\nexcept OSError:\n    print(unreached() - began)"
    command = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    if "unshare" in done.stderr and not os.environ.get("SESSION_MGMT_NOTHING_SKIPPED"):
        pytest.skip("no network of its own can be had here")
    assert re.fullmatch(r"[1-9]\d*\n", done.stdout), done.stderr
