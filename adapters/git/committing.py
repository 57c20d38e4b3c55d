"""A commit of given files: looked through before, looked through after, taken back when it holds what it should not."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from session_mgmt_mcp.adapters.git.process import Answer, ask
from session_mgmt_mcp.adapters.git.working import compared
from session_mgmt_mcp.adapters.git.writing import run
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unavailable
from session_mgmt_mcp.ports.git_workspace import Judge

MOST_BYTES = 5_000_000
# --text: a file that .gitattributes calls binary is looked through all the same
_ADDED = ("--raw", "--patch", "-z", "--abbrev=40", "--unified=0", "--text", "--no-renames", "--no-color")
_COMMIT = (
    *("--literal-pathspecs", "-c", "core.logAllRefUpdates=true"),
    *("commit", "--quiet", "--only", "--pathspec-from-file=-", "--pathspec-file-nul"),
)


@dataclass(frozen=True, slots=True)
class _Before:
    """How things were: what HEAD was, and a copy of the index. `mark` tells our commit from those of others."""

    head: str
    index: Path
    copy: Path
    mark: str


async def commit(
    folder: Path, paths: Sequence[str], message: str, judge: Judge, timeout: float, patience: float
) -> str:
    top = Path(os.fsdecode((await _asked(("rev-parse", "--show-toplevel"), folder, timeout)).removesuffix(b"\n")))
    index = await _asked(("rev-parse", "--path-format=absolute", "--git-path", "index"), folder, timeout)
    head = (await _asked(("rev-parse", "--verify", "HEAD"), folder, timeout)).decode().strip()
    with ExitStack() as opened:
        where = Path(os.fsdecode(index.removesuffix(b"\n")))
        try:
            own = opened.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
            before = _Before(head, where, Path(own) / "index", f"checkpoint {uuid4().hex[:8]}")
            await asyncio.to_thread(shutil.copy2, before.index, before.copy)
        except OSError as error:
            place, why = tempfile.gettempdir(), error.strerror
            said = f"{where} cannot be copied to {place} ({why}): mend that and try again; nothing was committed."
            raise Unavailable(said) from error
        await _judged(await asyncio.to_thread(_would_add, top, paths, timeout), judge)
        given = b"".join(os.fsencode(path) + b"\0" for path in paths)
        try:
            await run((*_COMMIT, f"--message={message}"), top, patience, given, {"GIT_REFLOG_ACTION": before.mark})
            made = await asyncio.to_thread(_made, top, before.mark, timeout)
            await _judged(await asyncio.to_thread(_added, top, head, made, timeout), judge)
        except (PortError, asyncio.CancelledError):
            await asyncio.shield(asyncio.to_thread(_take_back, top, before, timeout))
            raise
    return made


async def _asked(question: Sequence[str], folder: Path, timeout: float) -> bytes:
    answer = await asyncio.to_thread(ask, question, folder, timeout)
    if answer.code != 0 or not answer.out.strip():
        raise Invalid(f"{folder} is no worktree with a commit: name another folder.")
    return answer.out


async def _judged(answer: Answer, judge: Judge) -> None:
    if answer.code is None and len(answer.out) == MOST_BYTES:
        raise Invalid(f"more than {MOST_BYTES // 1_000_000} MB changed, too much to look through: commit it by hand.")
    if answer.code != 0:
        raise Invalid("git could not compare the changed files with HEAD: see what git diff HEAD says.")
    if objection := await asyncio.to_thread(lambda: judge(dict(parsed(answer.out)))):
        raise Invalid(objection)


def _would_add(top: Path, paths: Sequence[str], timeout: float) -> Answer:
    return compared((*_ADDED, "HEAD", "--", *paths), top, timeout, MOST_BYTES)


def _added(top: Path, before: str, after: str, timeout: float) -> Answer:
    question = ("diff-tree", "-r", "--no-ext-diff", "--no-textconv", *_ADDED, before, after)
    return ask(question, top, timeout, most_bytes=MOST_BYTES)


def parsed(answer: bytes) -> Iterator[tuple[str, str]]:
    """Of `:mode mode hash hash status NUL path NUL` for each file, a NUL, and then its patches in the same order."""
    raw, _, patches = answer.partition(b"\0\0")
    fields = iter(raw.split(b"\0") if raw else [])
    sections = iter((b"\n" + patches).split(b"\ndiff --git ")[1:])
    for record, path in zip(fields, fields, strict=True):
        # A file that became a link, or the other way round, has two.
        own = [next(sections, b"") for _ in range(2 if record.endswith(b"T") else 1)]
        yield os.fsdecode(path), "\n".join(line for section in own for line in _plus(section))


def _plus(section: bytes) -> Iterator[str]:
    _, _, hunks = section.partition(b"\n@@ ")
    for line in hunks.split(b"\n"):
        if line.startswith(b"+"):
            yield line[1:].replace(b"\0", b"").decode("utf-8", "replace")  # UTF-16 is text, too


def _made(top: Path, mark: str, timeout: float) -> str:
    """The commit that has the mark in the reflog; none when there is none."""
    newest = ask(("log", "--walk-reflogs", "--max-count=9", "--format=%H %gs", "HEAD"), top, timeout).lines
    return next((sha for sha, _, action in (line.partition(" ") for line in newest) if action.startswith(mark)), "")


def _take_back(top: Path, before: _Before, timeout: float) -> None:
    made = _made(top, before.mark, timeout)
    question = ("update-ref", "-m", f"{before.mark}: taken back", "HEAD", before.head, made)
    if made and ask(question, top, timeout).code == 0:
        _restore(before)


def _restore(before: _Before) -> None:
    lock = before.index.with_name(f"{before.index.name}.lock")
    with suppress(OSError), lock.open("xb") as whole:
        try:
            with whole, before.copy.open("rb") as copy:
                shutil.copyfileobj(copy, whole)
            shutil.copystat(before.copy, lock)
            lock.replace(before.index)
        except OSError:
            lock.unlink()  # with it no git command of the user's would work
            raise
