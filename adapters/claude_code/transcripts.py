"""TranscriptSource over the files that Claude Code leaves below ~/.claude/projects."""

import asyncio
import os
import re
import zlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import orjson
from session_mgmt_mcp.adapters.claude_code.conversation import Conversation
from session_mgmt_mcp.adapters.claude_code.files import (
    LONGEST_LINE,
    find_transcripts,
    line_at,
    lines,
    open_transcript,
    tail,
)
from session_mgmt_mcp.adapters.claude_code.outline import Outlining, read_outline
from session_mgmt_mcp.adapters.claude_code.parsing import parse, parse_fully
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.transcript_source import Batch, Cursor, Entry, Outline, Transcript

MOST_ENTRIES = 500  # of a batch
MOST_CHARACTERS = 4_000_000  # of a batch's text; a single longer entry makes a batch of its own
MOST_BYTES = 16 * 1024 * 1024  # read for one batch, so that noise shows progress, too
OUTLINES_KEPT = 32  # to go on from where they stopped
_FORMAT = 1  # of the cursor's state; another one is read anew
_HEAD = 50  # lines looked at for a session's name
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class ClaudeCodeTranscripts:
    """TranscriptSource. Files are only read, never locked or changed; they may grow meanwhile."""

    def __init__(self) -> None:
        self._outlines: dict[Path, Outlining] = {}

    async def find(self, roots: Sequence[Path]) -> list[Transcript]:
        return await asyncio.to_thread(find_transcripts, roots)

    async def read(self, path: Path, cursor: Cursor | None = None) -> AsyncGenerator[Batch, None]:
        try:
            reading = await asyncio.to_thread(_Reading.start, path, cursor)
            try:
                while reading.batch is not None:
                    yield reading.batch
                    if reading.finished:
                        break
                    await asyncio.to_thread(reading.advance)
            finally:
                reading.file.close()
        except OSError as error:
            raise Unavailable(f"{path} could not be read to its end ({error.strerror}); import it again.") from error

    async def outline(self, path: Path) -> Outline | None:
        known = self._outlines.pop(path, None)  # whoever asks meanwhile reads from the beginning
        known = await asyncio.to_thread(read_outline, path, lambda file: _session(path, file), known)
        self._outlines[path] = known
        while len(self._outlines) > OUTLINES_KEPT:
            del self._outlines[next(iter(self._outlines))]
        return known.outline()


@dataclass(slots=True)
class _Reading:
    """One pass over one file, a batch ahead: a small file costs one visit to a thread."""

    file: IO[bytes]
    conversation: Conversation
    inode: int
    offset: int = 0
    entries: int = 0
    batch: Batch | None = None
    finished: bool = False

    @classmethod
    def start(cls, path: Path, cursor: Cursor | None) -> "_Reading":
        """Where `cursor` points to, if the file is still the one it was taken from; else at the beginning."""
        file = open_transcript(path)
        inode = os.fstat(file.fileno()).st_ino
        new = partial(Conversation, agent=_agent(path), read_again=lambda offset: line_at(file, offset))
        begun = new("")
        if cursor is not None and cursor.inode == inode and _restored(begun, file, cursor):
            reading = cls(file, begun, inode, cursor.offset, cursor.entries)
        else:
            reading = cls(file, new(_session(path, file)), inode)
        reading.advance()
        return reading

    def advance(self) -> None:
        """The next batch; None at the end."""
        entries: dict[str, Entry] = {}
        characters, started = 0, self.offset
        for line in lines(self.file, self.offset):
            if not line.ended and (line.text is None or parse_fully(line.text) is None):
                self.finished = True  # it is still being written
                break
            for entry in self._entries(line.text, line.offset):
                before = entries.get(entry.id)
                if before is None or before.position == entry.position:
                    entries[entry.id] = entry
                    characters += len(entry.text)
                else:
                    self.conversation.skipped["copy of another line"] += 1
            self.offset = line.end
            if len(entries) >= MOST_ENTRIES or characters >= MOST_CHARACTERS or line.end - started >= MOST_BYTES:
                break
        else:
            self.finished = True
        self.batch = self._batch(entries) if self.offset > started else None

    def _entries(self, text: bytes | None, offset: int) -> Iterator[Entry]:
        if text is None:
            self.conversation.skipped[f"line over {LONGEST_LINE >> 20} MB"] += 1
            return iter(())
        return self.conversation.entries(text, offset)

    def _batch(self, entries: dict[str, Entry]) -> Batch:
        self.entries += len(entries)
        skipped = dict(self.conversation.skipped)
        self.conversation.skipped.clear()
        state = self.conversation.state()
        state = {"format": _FORMAT, "tail": tail(self.file, self.offset), "sum": _sum(state), **state}
        cursor = Cursor(self.inode, self.offset, self.entries, orjson.dumps(state).decode())
        return Batch(list(entries.values()), cursor, skipped)


def _restored(conversation: Conversation, file: IO[bytes], cursor: Cursor) -> bool:
    """Whether the cursor's state is ours and as it was written, the file still holds what was read, and it goes on there."""
    try:
        state = orjson.loads(cursor.state)
        known, before, total = state.pop("format"), state.pop("tail"), state.pop("sum", None)
        if known != _FORMAT or total not in (None, _sum(state)):  # None: of an earlier version
            return False
        if not 0 <= cursor.offset <= os.fstat(file.fileno()).st_size or before != tail(file, cursor.offset):
            return False
        conversation.restore(state)
    except (ValueError, TypeError, KeyError, AttributeError):  # no JSON, or none of ours
        return False
    return True


def _sum(state: dict[str, object]) -> int:
    return zlib.crc32(orjson.dumps(state))


def _agent(path: Path) -> str:
    return path.stem.removeprefix("agent-") if path.stem.startswith("agent-") else ""


def _session(path: Path, file: IO[bytes]) -> str:
    """A session is its file: lines copied from another one keep that one's name. A subagent is in its parent's."""
    if _UUID.fullmatch(path.stem):
        return path.stem
    for folder in path.parents[:3]:
        if _UUID.fullmatch(folder.name):
            return folder.name
    for line in islice(lines(file, 0), _HEAD):
        found = parse(line.text) if line.text else None
        if isinstance(found, dict) and isinstance(found.get("sessionId"), str):
            return str(found["sessionId"])
    return path.stem
