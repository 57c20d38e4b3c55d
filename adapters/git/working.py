"""What a worktree looks like now: changed and tracked files, the difference to a commit."""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from session_mgmt_mcp.adapters.git.history import is_hash, lines
from session_mgmt_mcp.adapters.git.process import MOST_BYTES, NOTHING, Answer, ask, text
from session_mgmt_mcp.ports.git_repository import MOST_CHANGED, Changed, DiffStat, Operation, WorkingState

State = Literal["modified", "added", "deleted", "renamed", "conflicted", "untracked"]

_STATUS = ("status", "--porcelain=v2", "--branch", "-z", "--ignore-submodules=dirty", "--find-renames")
_DIFF = (
    "--literal-pathspecs",
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--ignore-submodules=dirty",
    "-M",
)
_PATCH = ("--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short", "HEAD", "--")
_FILTERS = ("config", "-z", "--name-only", "--get-regexp", r"^filter\..*\.(clean|process|required)$")
_MARKS = (
    ("rebase-merge", Operation.REBASE),  # first: a rebase leaves a CHERRY_PICK_HEAD or MERGE_HEAD, too
    ("rebase-apply", Operation.REBASE),
    ("MERGE_HEAD", Operation.MERGE),
    ("CHERRY_PICK_HEAD", Operation.CHERRY_PICK),
    ("REVERT_HEAD", Operation.REVERT),
    ("BISECT_LOG", Operation.BISECT),
)
_SUBMODULE = b"160000"
_NEXT = b"\ndiff --git "  # every other line of a patch begins with a sign


def state(folder: Path, timeout: float) -> WorkingState | None:
    git_dir = ask(("rev-parse", "--absolute-git-dir"), folder, timeout).out.removesuffix(b"\n")
    if not git_dir:
        return None
    settings = without_filters(folder, timeout)
    answer = ask((*_STATUS, "--untracked-files=all"), folder, timeout, settings=settings)
    if answer.code is None and not answer.out:
        answer = ask((*_STATUS, "--untracked-files=normal"), folder, timeout, settings=settings)
    if answer.code not in {0, None} or not answer.out.startswith(b"# branch.oid "):
        return None
    rest = deque(answer.fields)
    head = dict(_headers(rest))
    files: list[Changed] = []
    untracked = 0
    for file in changed(rest):
        untracked += file.state == "untracked"
        if len(files) < MOST_CHANGED:
            files.append(file)
    ahead, _, behind = head.get("branch.ab", "+0 -0").partition(" ")
    return WorkingState(
        branch=_unless("(detached)", head.get("branch.head")),
        head=_unless("(initial)", head.get("branch.oid")),
        upstream=head.get("branch.upstream"),
        ahead=int(ahead),
        behind=-int(behind),
        operation=operation(Path(os.fsdecode(git_dir))),
        changed=tuple(files),
        untracked=untracked,
    )


def _headers(rest: deque[bytes]) -> Iterator[tuple[str, str]]:
    while rest and rest[0].startswith(b"# "):
        name, _, value = text(rest.popleft()[2:]).partition(" ")
        yield name, value


def _unless(nothing: str, said: str | None) -> str | None:
    return None if said == nothing else said


def operation(git_dir: Path) -> Operation | None:
    for mark, found in _MARKS:
        if os.path.lexists(git_dir / mark):
            return found
    try:
        [first, *_] = [*(git_dir / "sequencer" / "todo").read_text(errors="replace").split(), ""]
    except OSError:
        return None
    return Operation.REVERT if first == "revert" else Operation.CHERRY_PICK


def changed(fields: Iterable[bytes]) -> Iterator[Changed]:
    """Of git's porcelain format, version 2, NUL-terminated."""
    rest = iter(fields)
    for field in rest:
        match field[:2]:
            case b"1 ":
                _, xy, sub, *_, path = field.split(b" ", 8)
                yield Changed(text(path), _state(xy), xy[:1] != b".", b"." not in xy, sub.startswith(b"S"))
            case b"2 ":
                _, xy, sub, *_, path = field.split(b" ", 9)
                next(rest, None)  # the name it had
                yield Changed(text(path), "renamed", xy[:1] != b".", b"." not in xy, sub.startswith(b"S"))
            case b"u ":
                _, _, sub, *_, path = field.split(b" ", 10)
                yield Changed(text(path), "conflicted", submodule=sub.startswith(b"S"))
            case b"? ":
                yield Changed(text(field[2:]), "untracked")
            case _:
                pass


def _state(xy: bytes) -> State:
    if b"A" in xy:
        return "added"
    return "deleted" if b"D" in xy else "modified"


def diff_stat(folder: Path, base: str, timeout: float) -> DiffStat | None:
    if base != "HEAD" and not is_hash(base):
        return None
    answer = compared(("--numstat", "-z", base, "--"), folder, timeout)
    if answer.code != 0:
        return None
    files: dict[str, tuple[int, int]] = {}
    rest = iter(answer.fields)
    for field in rest:
        added, deleted, path = field.split(b"\t", 2)
        if not path:  # renamed: the two names follow
            path = (next(rest, b""), next(rest, b""))[1]
        files[text(path)] = (lines(added), lines(deleted))
    return DiffStat(files, sum(a for a, _ in files.values()), sum(d for _, d in files.values()))


def diff(folder: Path, most_bytes: int, timeout: float) -> str:
    answer = compared(_PATCH, folder, timeout, most_bytes + len(_NEXT))
    if len(answer.out) <= most_bytes and answer.code == 0:
        return text(answer.out)
    return text(answer.out[: answer.out.rfind(_NEXT, 0, most_bytes + len(_NEXT) - 1) + 1])


def compared(options: Sequence[str], folder: Path, timeout: float, most_bytes: int = MOST_BYTES) -> Answer:
    """To compare, git writes what it learned of the files into the index: here into a copy."""
    settings = without_filters(folder, timeout)
    where = ask(("rev-parse", "--path-format=absolute", "--git-path", "index"), folder, timeout).out.removesuffix(b"\n")
    index = Path(os.fsdecode(where))
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as own:
            copy = None
            if where and index.is_file():
                # with its time, by which git tells which files it has to read
                copy = Path(shutil.copy2(index, own))
            return ask((*_DIFF, *options), folder, timeout, settings=settings, index=copy, most_bytes=most_bytes)
    except OSError:
        return NOTHING  # no room for the copy: unknown, as with a git that is not there


def tracked(folder: Path, timeout: float) -> list[str] | None:
    inside = ask(("rev-parse", "--is-inside-work-tree"), folder, timeout)
    answer = ask(("ls-files", "-z", "--stage"), folder, timeout)
    if inside.lines != ["true"] or answer.code != 0:
        return None
    parts = (field.partition(b"\t") for field in answer.fields)
    return list(dict.fromkeys(os.fsdecode(path) for mode, _, path in parts if not mode.startswith(_SUBMODULE)))


def without_filters(folder: Path, timeout: float) -> dict[str, str]:
    """Settings that switch off the programs by which a repository wants its files changed before they are compared."""
    names = map(os.fsdecode, ask(_FILTERS, folder, timeout).fields)
    return {name: "false" if name.endswith(".required") else "" for name in names}
