"""Which files are transcripts, and their lines with their places. Nothing here knows what a line means."""

import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from session_mgmt_mcp.ports.errors import Invalid, NotFound
from session_mgmt_mcp.ports.transcript_source import Transcript

SUFFIX = ".jsonl"
LONGEST_LINE = 32 * 1024 * 1024
_TAIL = 256  # bytes before an offset by which a file is recognised


class Line(NamedTuple):
    offset: int
    end: int  # where the next line starts
    text: bytes | None  # None: longer than LONGEST_LINE
    ended: bool = True  # False: the last one, and without a line's end


def find_transcripts(roots: Sequence[Path]) -> list[Transcript]:
    """Each file once, oldest first; what looks like a transcript and cannot be read comes with its problem."""
    found: dict[Path, tuple[float, Transcript]] = {}
    for root in roots:
        top = Path(os.path.realpath(root.expanduser()))
        for path in _candidates(top):
            looked = _look(path, top) if path not in found else None
            if looked is not None:
                found[path] = looked
    return [transcript for _, transcript in sorted(found.values(), key=lambda pair: (pair[0], pair[1].path))]


def open_transcript(path: Path) -> IO[bytes]:
    """Opened for reading, without waiting and without following a link. Raises NotFound, Invalid."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.open(path, flags)
    except FileNotFoundError:
        raise NotFound(f"{path} is gone; nothing was read from it.") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read ({error.strerror}); it was left out.") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Invalid(f"{path} is not a file; it was left out.")
    return os.fdopen(file, "rb", buffering=256 * 1024)


def lines(file: IO[bytes], offset: int) -> Iterator[Line]:
    """The lines from `offset` on. Memory stays within one line."""
    file.seek(offset)
    while text := file.readline(LONGEST_LINE + 1):
        end = offset + len(text)
        whole = text.endswith(b"\n")
        if not whole and len(text) <= LONGEST_LINE:
            yield Line(offset, end, text, ended=False)
            return
        while not whole:
            more = file.readline(LONGEST_LINE)
            if not more:
                return
            end += len(more)
            whole = more.endswith(b"\n")
            text = b""
        yield Line(offset, end, text or None)
        offset = end


def line_at(file: IO[bytes], offset: int) -> bytes:
    """Whoever goes through the file goes on where it was."""
    here = file.tell()
    file.seek(offset)
    text = file.readline(LONGEST_LINE)
    file.seek(here)
    return text


def tail(file: IO[bytes], offset: int) -> int:
    """A checksum of what stands just before `offset`: tells a file that grew from another one of the same length."""
    start = max(0, offset - _TAIL)
    file.seek(start)
    return zlib.crc32(file.read(offset - start))


def _candidates(top: Path) -> Iterator[Path]:
    if top.is_dir():
        yield from _walk(top)
        return
    yield top
    session = top.with_suffix("")
    if top.suffix == SUFFIX and session.is_dir():  # its subagents
        yield from _walk(session)


def _walk(top: Path) -> Iterator[Path]:
    unreadable: list[Path] = []
    for folder, folders, names in os.walk(top, onerror=lambda error: unreadable.append(Path(error.filename))):
        yield from (Path(folder, name) for name in names if name.endswith(SUFFIX))
        below = (Path(folder, name) for name in folders)
        yield from (path for path in below if path.name.endswith(SUFFIX) or path.is_symlink())
    yield from unreadable


def _look(path: Path, top: Path) -> tuple[float, Transcript] | None:
    """With its age; None for a link to what is found on its own."""
    try:
        str(path).encode()
        target = Path(os.path.realpath(path))
        if path not in {target, top} and target.is_relative_to(top) and target.exists():
            return None
        about = path.stat()
    except UnicodeEncodeError:
        name = os.fsencode(path).decode(errors="replace")
        return 0.0, Transcript(path, problem=f"{name} has a name that is no valid UTF-8; rename it to import it.")
    except FileNotFoundError:
        missing = "is a broken link" if path.is_symlink() else "does not exist"
        return 0.0, Transcript(path, problem=f"{path} {missing}; nothing was read from it.")
    except OSError as error:
        return 0.0, Transcript(path, problem=f"{path} cannot be read ({error.strerror}); it was left out.")
    if target != path:
        return 0.0, Transcript(path, problem=f"{path} is a link out of {top}; name {target} to import it.")
    if stat.S_ISDIR(about.st_mode):
        reason = "is a folder" if path.name.endswith(SUFFIX) else "cannot be listed"
        return 0.0, Transcript(path, problem=f"{path} {reason}; it was left out.")
    if not stat.S_ISREG(about.st_mode):
        return 0.0, Transcript(path, problem=f"{path} is not a file; it was left out.")
    return about.st_mtime, Transcript(path, about.st_size)
