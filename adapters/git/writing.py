"""Lets `git` change something: with its user's settings and hooks, a deadline, and an end for all it started."""

import asyncio
import os
import re
import signal
import subprocess
import tempfile
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from session_mgmt_mcp.ports.errors import Invalid, Unavailable

KEPT = (
    "PATH", "HOME", "USER", "LOGNAME", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK", "GNUPGHOME",
    "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE",
    "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE",
)  # fmt: skip
FIXED = {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "SESSION_MGMT_GUARD": "1"}
GRACE = 2.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0e-\x1b\x7f]")
NOTHING: Mapping[str, str] = {}
WORDS = 200
MOST_BYTES = 1_000_000


async def run(
    what: Sequence[str], folder: Path, timeout: float, given: bytes = b"", more: Mapping[str, str] = NOTHING
) -> None:
    """`given` is git's standard input, `more` goes into its environment.

    Raises Invalid with what git or a hook said, Unavailable after `timeout` seconds. A process that a hook left behind on purpose lives on, unless git had to be ended.
    """
    with ExitStack() as opened:
        try:
            said, standard_input = (opened.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            standard_input.write(given)
            standard_input.seek(0)
        except OSError as error:
            place = f"{tempfile.gettempdir()} cannot hold what git is to be given ({error.strerror})"
            raise Unavailable(f"{place}: mend that and try again.") from error
        try:
            process = await asyncio.create_subprocess_exec(
                "git", *what, cwd=folder, env=environment() | dict(more), start_new_session=True,
                stdin=standard_input, stdout=said, stderr=subprocess.STDOUT,
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise Invalid(
                f"git could not be started in {folder} ({error}): install it, or name another folder."
            ) from None
        try:
            code = await asyncio.wait_for(process.wait(), timeout)
        except TimeoutError:
            await _end(process)
            raise Unavailable(
                f"git took more than {timeout:g} seconds and was ended: try again, or do it by hand."
            ) from None
        except asyncio.CancelledError:
            await _end(process)
            raise
        if code != 0:
            raise Invalid(f"git or a hook refused ({_words(said.fileno())}): mend that and try again.")


def environment() -> dict[str, str]:
    return FIXED | {name: os.environ[name] for name in KEPT if name in os.environ}


async def _end(process: Process) -> None:
    """Asked to end, git removes its locks; whatever is left of its group is killed."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE)
    _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    await process.wait()


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number) if hasattr(os, "killpg") else process.send_signal(number)


def _words(said: int) -> str:
    """In one line, the middle left out when there are many."""
    os.lseek(said, 0, os.SEEK_SET)
    lines = _COLOURS.sub("", os.read(said, MOST_BYTES).decode("utf-8", "replace")).splitlines()
    words = "; ".join(line.strip() for line in lines if line.strip())
    cut = len(words) > 2 * WORDS
    return (f"{words[:WORDS]} ... {words[-WORDS:]}" if cut else words) or "without a word"
