"""What was committed, and on which branches."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from session_mgmt_mcp.adapters.git.process import ask, text
from session_mgmt_mcp.ports.git_repository import Commit

_LOG = (
    "log", "-z", "--format=%H%x00%at%x00%an%x00%s%x00%b", "--numstat", "-M", "--encoding=UTF-8",
    "--no-ext-diff", "--no-textconv", "--no-relative", "--ignore-submodules=dirty", "--no-show-signature",
)  # fmt: skip
_BRANCHES = ("for-each-ref", "--sort=-committerdate", "--count=1000", "--format=%(refname:strip=2)", "refs/heads")
_HASH = re.compile(r"[0-9a-fA-F]{4,64}")
_COUNTS = re.compile(rb"\n?(\d+|-)\t(\d+|-)\t(.*)", re.DOTALL)


def is_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None


def log(folder: Path, since: datetime | None, limit: int, timeout: float) -> list[Commit]:
    age = () if since is None else (f"--max-age={max(0, int(since.timestamp()))}",)
    return _read((*age, "HEAD"), folder, limit, timeout)


def commits_between(folder: Path, base: str, limit: int, timeout: float) -> list[Commit]:
    return _read(("HEAD", f"^{base}"), folder, limit, timeout) if is_hash(base) else []


def branches(folder: Path, timeout: float) -> list[str]:
    return [text(name) for name in ask(_BRANCHES, folder, timeout).out.split(b"\n") if name]


def _read(which: Sequence[str], folder: Path, limit: int, timeout: float) -> list[Commit]:
    answer = ask((*_LOG, f"--max-count={max(0, limit)}", *which, "--"), folder, timeout)
    commits = list(parsed(answer.fields))
    return commits if answer.code == 0 else commits[:-1]  # the last of a cut answer lacks files


def parsed(fields: Sequence[bytes]) -> Iterator[Commit]:
    """Of five fields a commit, then `added TAB deleted TAB path` for each of its files."""
    rest = iter(fields)
    field = next(rest, None)
    while field is not None:
        header = [field, *(next(rest, None) for _ in range(4))]
        if None in header:
            return
        sha, at, author, subject, body = (text(part) for part in header if part is not None)
        files: list[str] = []
        insertions = deletions = 0
        while (field := next(rest, None)) is not None and (counts := _COUNTS.fullmatch(field)):
            added, deleted, path = counts.groups()
            if not path:  # renamed: the two names follow
                path = (next(rest, None), next(rest, None))[1] or b""
            files.append(text(path))
            insertions += lines(added)
            deletions += lines(deleted)
        time = datetime.fromtimestamp(int(at), UTC)
        yield Commit(sha, time, author, subject, body.strip(), tuple(files), insertions, deletions)


def lines(count: bytes) -> int:
    """`-` stands for a binary file."""
    return int(count) if count.isdigit() else 0
