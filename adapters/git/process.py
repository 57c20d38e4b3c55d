"""Asks the `git` that is installed: a fixed argv, a small environment, a deadline and an end to what it may answer."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MOST_BYTES = 32_000_000
KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "SYSTEMROOT", "TMPDIR", "TEMP")
FIXED = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ALLOW_PROTOCOL": "",  # a partial clone would fetch what it misses
    "GIT_NO_LAZY_FETCH": "1",
    "SESSION_MGMT_GUARD": "1",  # hooks of ours below this process do nothing
}
GIT = (
    "git",
    "-c", "safe.directory=*",  # a repository of another user is a project all the same; nothing of it is run
    "-c", "core.fsmonitor=false",
    "-c", f"core.hooksPath={os.devnull}",
    "-c", "log.showSignature=false",
    "-c", "color.ui=false",
)  # fmt: skip


NO_SETTINGS: Mapping[str, str] = {}


_EXCLUDES = ("git", "config", "--includes", "--type=path", "--get", "core.excludesFile")


@dataclass(frozen=True, slots=True)
class Answer:
    """What git printed, and how it ended: `code` None when it was not there, or was stopped."""

    out: bytes
    code: int | None

    @property
    def fields(self) -> list[bytes]:
        """Of a NUL-terminated list, without one that was cut off."""
        return self.out.split(b"\0")[:-1]

    @property
    def lines(self) -> list[str]:
        return [os.fsdecode(line) for line in self.out.split(b"\n")[:-1]]


NOTHING = Answer(b"", None)


def text(name: bytes) -> str:
    """A name as it can be shown and stored everywhere: what is no UTF-8 is replaced."""
    return name.decode("utf-8", "replace")


def ask(
    question: Sequence[str],
    folder: Path,
    timeout: float,
    *,
    given: bytes = b"",
    most_bytes: int = MOST_BYTES,
    settings: Mapping[str, str] = NO_SETTINGS,
    index: Path | None = None,
) -> Answer:
    """What git says in `folder` until the time or the bytes are up.

    `given` is its standard input; `settings` go before those of the repository, `index` in the place of its own.
    """
    env = environment({**_excludes(), **settings}) | ({"GIT_INDEX_FILE": str(index)} if index else {})
    return _answer((*GIT, *question), folder, env, timeout, given, most_bytes)


def _answer(
    argv: Sequence[str], folder: Path, env: Mapping[str, str], timeout: float, given: bytes, most_bytes: int
) -> Answer:
    try:
        with _standard_input(given) as standard_input:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=env,
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
    except (OSError, ValueError):
        return NOTHING
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        end(process)

    deadline = threading.Timer(timeout, stop)
    deadline.start()
    try:
        with process:
            assert process.stdout is not None
            out = process.stdout.read(most_bytes)
            if process.stdout.read(1):
                stop()
    finally:
        deadline.cancel()
    return Answer(out, None if stopped.is_set() else process.returncode)


def environment(settings: Mapping[str, str] = NO_SETTINGS) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    # Not as `-c name=value`: the name of a setting may hold a `=` itself.
    numbered = [
        pair
        for number, (name, value) in enumerate(settings.items())
        for pair in ((f"GIT_CONFIG_KEY_{number}", name), (f"GIT_CONFIG_VALUE_{number}", value))
    ]
    return FIXED | kept | {"GIT_CONFIG_COUNT": str(len(settings))} | dict(numbered)


def _excludes() -> dict[str, str]:
    """What the user ignores in all repositories is the one setting of theirs that counts."""
    home, config = Path(os.environ.get("HOME", "/")), os.environ.get("XDG_CONFIG_HOME")
    files = (home / ".gitconfig", (Path(config) if config else home / ".config") / "git" / "config")
    found = _excludes_file(tuple((file, _changed(file)) for file in files), os.environ.get("PATH", ""))
    return {"core.excludesFile": found} if found else {}


@lru_cache(maxsize=8)
def _excludes_file(_files: tuple[tuple[Path, int], ...], _path: str) -> str:
    env = {name: value for name, value in environment().items() if name != "GIT_CONFIG_GLOBAL"}
    outside = Path(tempfile.gettempdir())
    answer = _answer(_EXCLUDES, outside, env | {"GIT_DIR": os.devnull}, 5.0, b"", MOST_BYTES)
    return os.fsdecode(answer.out.removesuffix(b"\n")) if answer.code == 0 else ""


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kills the process and everything it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()


@contextmanager
def _standard_input(given: bytes) -> Iterator[int]:
    if not given:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file.fileno()
