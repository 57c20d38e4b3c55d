"""Choices out of bytes: a fuzzer changes the bytes, and with them what is chosen."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Reader:
    """Reads `data` from its beginning; at its end every choice is the first one.

    >>> Reader(b"\\x01abc").one_of(["red", "green"])
    'green'
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def taken(self, count: int) -> bytes:
        part = self._data[self._at : self._at + count]
        self._at += len(part)
        return part

    def below(self, limit: int) -> int:
        """A number from 0 up to `limit`, which is left out."""
        size = max(1, (limit.bit_length() + 7) // 8)
        return int.from_bytes(self.taken(size), "big") % limit

    def one_of(self, some: Sequence[T]) -> T:
        return some[self.below(len(some))]

    def seldom(self) -> bool:
        return self.below(8) == 7

    def text(self, most: int) -> str:
        """Also what no UTF-8 holds: a byte that is none becomes half a surrogate pair, as from a file's name."""
        return self.taken(self.below(most + 1)).decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        return self.taken(len(self._data))
