"""Plain text: what counts as the same, how long it is, and its telling part."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice

CHARACTERS_PER_TOKEN = 4  # the usual estimate for English text and code; domain/tokens.py counts
STEM = 5  # characters of a word by which a snippet is chosen
LOOKED_FOR = 64  # different ones of a question
PLACES = 200  # where one of them is found
_WORD = re.compile(r"\w+")
COMMON_WORDS = frozenset(
    _WORD.findall(
        """about and any are can could did does for from had has have her his how its many much not our she should that the
        their them they this was were what when where which who why will with would you your"""
    )
)
"""Which say nothing of what a question is about."""


def content_hash(text: str) -> str:
    """Equal for texts that differ only in case, white space or unicode form; 32 hex digits.

    >>> content_hash("Reset  the cache\\n") == content_hash("reset the cache")
    True
    """
    normal = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def opaque_id(*parts: str) -> str:
    """20 hex digits that say nothing about what they were made of."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:20]


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "hit"), counted(2, "hit"), counted(0, "memory", "memories")
    ('1 hit', '2 hits', '0 memories')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def snippet(text: str, query: str, limit: int = 60) -> str:
    """The stretch of at most `limit` tokens that holds most of the query's different words; the beginning if none.

    >>> snippet("a " * 500 + "the port was 8081", "which port", limit=8)
    '… a a a a a a a the port was 8081'
    """
    size = limit * CHARACTERS_PER_TOKEN
    flat = " ".join(text.split())
    if len(flat) <= size:
        return flat
    start = _best_start(flat, _stems(query), size)
    end = min(len(flat), start + size)
    if start:
        start = flat.find(" ", start, end) + 1 or start
    if end < len(flat):
        end = max(flat.rfind(" ", start, end), start + size // 2)
    return ("… " if start else "") + flat[start:end] + (" …" if end < len(flat) else "")


@lru_cache(maxsize=16)  # each hit of a search asks for them
def _stems(query: str) -> Collection[str]:
    """How its words begin; the common ones only where there are no others."""
    words = [word.casefold() for word in _WORD.findall(query) if len(word) > 2]
    telling = [word for word in words if word not in COMMON_WORDS] or words
    return tuple(dict.fromkeys(word[:STEM] for word in telling))[:LOOKED_FOR]


def _best_start(text: str, stems: Collection[str], size: int) -> int:
    """Where a window of `size` characters holds the most different stems; a little before the first of them."""
    folded = text[:100_000].casefold()
    found = sorted((at, stem) for stem in stems for at in islice(_begun(folded, stem), PLACES))
    best, best_count, last = 0, 0, 0
    inside: Counter[str] = Counter()
    for at, stem in found[:PLACES]:
        while last < len(found) and found[last][0] < at + size:
            inside[found[last][1]] += 1
            last += 1
        if len(inside) > best_count:
            best, best_count = at, len(inside)
        inside[stem] -= 1
        if not inside[stem]:
            del inside[stem]
    return max(0, min(best - size // 6, len(text) - size))


def _begun(text: str, stem: str) -> Iterator[int]:
    """Where a word begins with the stem, or is it, if it is a short one."""
    at = text.find(stem)
    while at >= 0:
        end = at + len(stem)
        if not in_word(text[at - 1 : at]) and (len(stem) == STEM or not in_word(text[end : end + 1])):
            yield at
        at = text.find(stem, end)


def in_word(character: str) -> bool:
    return character.isalnum() or character == "_"
