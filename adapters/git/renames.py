"""Which files git saw move: the whole history of a branch, read once a commit."""

from collections.abc import Iterator
from pathlib import Path

from session_mgmt_mcp.adapters.git.process import ask, text
from session_mgmt_mcp.ports.git_repository import Rename

MOST_BYTES = 4_000_000
_LOG = ("log", "--no-ext-diff", "--no-textconv", "--diff-filter=R", "-M", "--name-status", "-z", "--format=", "HEAD")


def read(root: Path, timeout: float) -> list[Rename]:
    """Newest first; what git told until the time or the bytes were up. Paths are from the top of the repository."""
    answer = ask(_LOG, root, timeout, most_bytes=MOST_BYTES, settings={"diff.renameLimit": "1000"})
    return list(parsed(answer.out))


def parsed(answer: bytes) -> Iterator[Rename]:
    """Of `R<similarity> NUL before NUL after NUL` ...; a record that was cut off is left out."""
    fields = iter([field for field in answer.split(b"\0")[:-1] if field.strip(b"\n")])
    for status in fields:
        before, after = next(fields, None), next(fields, None)
        if not status.lstrip(b"\n").startswith(b"R") or before is None or after is None:
            return
        yield Rename(text(before), text(after))
