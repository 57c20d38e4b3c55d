"""The hook: any bytes on its input, and a hub that answers with any bytes, or none."""

import json
import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from session_mgmt_mcp import election, hook, places, spool

from tests.fuzz.reading import Reader
from tests.fuzz.values import any_value, dumped

EVENTS = (
    "SessionStart",
    "UserPromptSubmit",
    "PreCompact",
    "PostToolUse",
    "SessionEnd",
    "Stop",
    "",
    "x" * 300,
    "\ud800",
    "../../x",
    "\x00",
)
NAMES = (*hook.KEPT, "prompt", "tool_input", "hook_event_name")
TEXTS = ("s1", "/home/you", "startup", "<task-notification>", "clear", "x" * 5_000, "../..")
INGREDIENTS = (
    b'{"session_id":"s1"', b'"transcript_path":"', b'"cwd":', b'"prompt":"<task-notification>', b'"source":"startup"', b"{", b"}", b"[", b"]",
    b'"', b":", b",", b"\n", b"\\ud800", b"\xff", b"\xfe\xff", b"\x00", b"NaN", b"1e999", b"9" * 400, b'{"hello":1}\n', b'{"taken":true}\n',
    b'{"taken":true,"context":"remember"}\n', b'{"leaving":true}\n', b"{}\n", b"null\n", b"[]\n", b'"context":', b'"taken":', b"\\u0000", b"1",
)  # fmt: skip
ANSWERS = (
    b'{"hello":1,"version":"1"}\n', b'{"taken":true}\n', b'{"taken":true,"context":"remember the proxy"}\n', b'{"leaving":true}\n', b"{}\n",
    b"null\n", b"[]\n", b"1\n", b"\xff\n", b"\n", b"{", b"", b'{"taken":true,"context":"\\ud800"}\n', b'{"taken":true,"context":7}\n',
    b'{"taken":"yes"}\n', b"[" * 2_000 + b"\n", b'{"taken":true,"context":"' + b"x" * 20_000 + b'"}\n',
)  # fmt: skip
_home: list[Path] = []


class _Hub:
    """Answers each line that it hears with the next of its answers, then goes."""

    def __init__(self, path: str) -> None:
        self.answers: list[bytes] = []
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            caller, _ = self._listening.accept()
            with caller:
                try:
                    for answer in self.answers:
                        while not caller.recv(65_536).endswith(b"\n"):
                            pass
                        caller.sendall(answer)
                except OSError:
                    continue


_hub: list[_Hub] = []


def _places() -> str:
    """A data directory of our own, held by a hub that answers; none is started, whatever the event."""
    if not _home:
        home = Path(tempfile.mkdtemp(prefix="fh", dir="/tmp"))
        data = str(home / "data")
        _home.append(home)
        lock = election.take(data)
        assert lock is not None
        election.announce(lock, state=hook.IN_PROCESS)
        os.environ["XDG_RUNTIME_DIR"] = str(home)
        _hub.append(_Hub(places.hub_socket(data)))
    os.environ.pop(hook.GUARD, None)
    os.environ["XDG_RUNTIME_DIR"] = str(_home[0])
    os.environ["SESSION_MGMT_DATA_DIR"] = str(_home[0] / "data")
    return str(_home[0] / "data")


def _said(reader: Reader) -> bytes:
    if reader.below(4) == 3:
        return reader.taken(reader.below(256))
    event: dict[str, Any] = {"session_id": "s1", "cwd": "/home/you"}
    for _ in range(reader.below(4)):
        event[reader.one_of(NAMES)] = any_value(reader, TEXTS, NAMES)
    return dumped(event)


def check(data: bytes) -> None:
    reader, folder = Reader(data), _places()
    event, said = reader.one_of(EVENTS), _said(reader)
    _hub[0].answers = [reader.one_of(ANSWERS) for _ in range(reader.below(4))] + [reader.rest()]
    before, told = _spooled(folder), _run(event, said)
    _check_told(event, told)
    new = [one for one in _spooled(folder) if one not in before]
    assert len(new) <= 1
    assert new or not _understood(said) or any(b"taken" in answer for answer in _hub[0].answers), "an event is lost"
    for name in new:
        _check_spooled((Path(places.spool(folder)) / name).read_bytes())
    taken: list[dict[str, Any]] = []
    assert spool.drain(folder, taken.append)[1] == 0, "the spool holds what no hub can read"


def _run(event: str, said: bytes) -> bytes:
    """What it prints; stdin and stdout are files for as long as it runs."""
    stdin, stdout = os.memfd_create("in"), os.memfd_create("out")
    os.write(stdin, said)
    os.lseek(stdin, 0, os.SEEK_SET)
    kept = os.dup(0), os.dup(1)
    try:
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        assert hook.main(event) == 0, "a hook that fails would stop the user's turn"
    finally:
        for number, one in enumerate(kept):
            os.dup2(one, number)
            os.close(one)
    os.lseek(stdout, 0, os.SEEK_SET)
    told = os.read(stdout, 1_000_000)
    os.close(stdin)
    os.close(stdout)
    return told


def _check_told(event: str, told: bytes) -> None:
    assert not told or event in hook.ASKING, "somebody is told something who did not ask"
    if told and event != "PreCompact":
        inner = json.loads(told)["hookSpecificOutput"]
        assert inner["hookEventName"] == event and isinstance(inner["additionalContext"], str)
    assert len(told.decode()) <= 6 * hook.MOST_CONTEXT + 200


def _understood(said: bytes) -> bool:
    try:
        return isinstance(json.loads(said or b"{}"), dict)
    except (ValueError, RecursionError):
        return False


def _spooled(folder: str) -> list[str]:
    spooled = Path(places.spool(folder))
    return sorted(path.name for path in spooled.glob("*.json")) if spooled.is_dir() else []


def _check_spooled(line: bytes) -> None:
    event = json.loads(line)
    assert {"id", "event", "at", "asks"} <= set(event)
    assert not {"prompt", "tool_input"} & set(event), "what may hold secrets is kept"
    assert len(line) < 200_000 and line.count(b"\n") == 1
