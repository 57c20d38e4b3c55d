"""Which files git saw move: the whole history of a branch, read once a commit."""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from session_mgmt_mcp.ports.git_repository import Rename

MOST_BYTES = 4_000_000
_LOG = (
    "git",
    "-c", "safe.directory=*",
    "-c", "core.fsmonitor=false",
    "-c", "log.showSignature=false",  # would run a program that the repository names
    "-c", "diff.renameLimit=1000",
    "log", "--no-ext-diff", "--no-textconv", "--diff-filter=R", "-M", "--name-status", "-z", "--format=", "HEAD",
)  # fmt: skip


def read(root: Path, environment: Mapping[str, str], timeout: float) -> list[Rename]:
    """Newest first; what git told until the time or the bytes were up. Paths are from the top of the repository."""
    try:
        process = subprocess.Popen(
            _LOG, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except (OSError, ValueError):
        return []
    deadline = threading.Timer(timeout, process.kill)
    deadline.start()
    with process:
        assert process.stdout is not None
        answer = process.stdout.read(MOST_BYTES)
        deadline.cancel()
        process.kill()
    return list(parsed(answer))


def parsed(answer: bytes) -> Iterator[Rename]:
    """Of `R<similarity> NUL before NUL after NUL` ...; a record that was cut off is left out."""
    fields = iter([field for field in answer.split(b"\0")[:-1] if field.strip(b"\n")])
    for status in fields:
        before, after = next(fields, None), next(fields, None)
        if not status.lstrip(b"\n").startswith(b"R") or before is None or after is None:
            return
        yield Rename(os.fsdecode(before), os.fsdecode(after))
