"""What a run printed, kept whole: redacted, compressed, in pieces that can be read one by one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.runs.records import pack, unpack
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.session_storage import SessionStorage

OUTPUTS = "run_outputs"
OUTPUT_KEPT = timedelta(days=90)
PIECE = 250_000  # characters: packed, those of any language fit into a document
_HELD = 1_000_000  # of a private key that never ends
_OPENS, _CLOSES = "-----BEGIN ", "-----END "


@dataclass(frozen=True, slots=True)
class OutputPage:
    """A part of what was printed; `next`: the offset of the part behind it, None at the end."""

    text: str
    next: int | None
    total: int  # characters


class OutputWriter:
    """Keeps one run's output while it is printed. Durable piece by piece; `sizes` are those of the pieces."""

    def __init__(self, storage: SessionStorage, clock: Clock, run: str) -> None:
        self._storage = storage
        self._clock = clock
        self._run = run
        self._waiting: list[str] = []
        self._length = 0
        self._least = PIECE
        self.sizes: list[int] = []

    async def printed(self, text: str) -> None:
        """Whole lines, as they come."""
        self._waiting.append(text)
        self._length += len(text)
        if self._length >= self._least:
            await self._write(last=False)

    async def close(self) -> None:
        """Keeps what is left."""
        if self._length:
            await self._write(last=True)

    async def _write(self, last: bool) -> None:
        whole = "".join(self._waiting)
        cut = len(whole) if last else _end_of(whole)
        rest = whole[cut:]
        self._waiting, self._length, self._least = [rest], len(rest), len(rest) + PIECE
        if cut:
            expires = self._clock.now() + OUTPUT_KEPT
            for size, packed in await asyncio.to_thread(_packed, whole[:cut]):
                await self._storage.put(OUTPUTS, _id(self._run, len(self.sizes)), {"text": packed}, expires=expires)
                self.sizes.append(size)


async def read(storage: SessionStorage, run: str, sizes: Sequence[int], offset: int, limit: int) -> OutputPage:
    """`limit` characters from `offset` on; an empty page where nothing was kept, or is not any more."""
    total = sum(sizes)
    parts: list[str] = []
    wanted, begin = limit, 0
    for piece, size in enumerate(sizes):
        if begin + size > offset and wanted > 0:
            document = await storage.get(OUTPUTS, _id(run, piece))
            if document is None:
                return OutputPage("", None, 0)
            text = await asyncio.to_thread(unpack, str(document.body["text"]))
            part = text[max(0, offset - begin) :][:wanted]
            parts.append(part)
            wanted -= len(part)
        begin += size
    text = "".join(parts)
    end = offset + len(text)
    return OutputPage(text, end if text and end < total else None, total)


def _end_of(text: str) -> int:
    """Where a piece may end: at the end of a line, and not inside of a private key, which is only known by both its ends."""
    if len(text) > _HELD:
        return len(text)
    opened = text.rfind(_OPENS)
    if opened < 0 or text.find(_CLOSES, opened) >= 0:
        return text.rfind("\n") + 1
    return text.rfind("\n", 0, opened) + 1


def _packed(text: str) -> list[tuple[int, str]]:
    """Redacted before it is cut: each piece with its size."""
    cleaned = redact(text).text
    pieces = [cleaned[at : at + PIECE] for at in range(0, len(cleaned), PIECE)]
    return [(len(piece), pack(piece)) for piece in pieces]


def _id(run: str, piece: int) -> str:
    return f"{run}:{piece:05}"
