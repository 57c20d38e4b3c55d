"""Bytes into lines, and lines onto a descriptor, without ever waiting. Standard library only."""

from __future__ import annotations

import os
import select
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 262_144
REMEMBERED = 512  # of a line that is too long, its first and last bytes: enough to find whom to answer


class Lines:
    """Cuts a stream into whole lines. A line beyond `limit` is not kept: its two ends arrive in `too_long`."""

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._head = b""
        self.too_long: list[tuple[bytes, bytes]] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            line = self._finish(chunk[start : end + 1])
            if line:
                yield line
            start = end + 1
        if start < len(chunk):
            self._keep(chunk[start:] if start else chunk)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if not self._limit or self._size <= self._limit:
            self._parts.append(part)
            return
        if not self._head:
            self._head = b"".join([*self._parts, part])[:REMEMBERED]
            self._parts = [part]
        self._parts = [b"".join([*self._parts[-1:], part])[-REMEMBERED:]]

    def _finish(self, part: bytes) -> bytes:
        self._keep(part)
        line, head = b"".join(self._parts), self._head
        self._parts, self._size, self._head = [], 0, b""
        if head:
            self.too_long.append((head, line))
            return b""
        return line


class Outbox:
    """What is still to be written to a descriptor that may not take everything at once."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waiting: deque[memoryview] = deque()
        self.size = 0

    def add(self, line: bytes) -> None:
        self._waiting.append(memoryview(line))
        self.size += len(line)

    def write(self) -> None:
        """As much as goes without waiting; call it when the descriptor is ready. Raises OSError when it is closed."""
        ready = select.poll()
        ready.register(self._fd, select.POLLOUT)
        while self._waiting and ready.poll(0):
            head = self._waiting[0]
            # Ready means that this much goes in at once; the descriptor is shared, so it must stay a blocking one.
            written = os.write(self._fd, head[: select.PIPE_BUF])
            self.size -= written
            if written < len(head):
                self._waiting[0] = head[written:]
            else:
                self._waiting.popleft()
