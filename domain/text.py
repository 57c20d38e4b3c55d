"""Plain text: what counts as the same, how long it is, and its telling part."""

import hashlib
import re
import unicodedata

CHARACTERS_PER_TOKEN = 4  # the usual estimate for English text and code; domain/tokens.py counts
_WORD = re.compile(r"\w+")


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
    start = _best_start(flat, {word.casefold()[:5] for word in _WORD.findall(query) if len(word) > 2}, size)
    end = min(len(flat), start + size)
    if start:
        start = flat.find(" ", start, end) + 1 or start
    if end < len(flat):
        end = max(flat.rfind(" ", start, end), start + size // 2)
    return ("… " if start else "") + flat[start:end] + (" …" if end < len(flat) else "")


def _best_start(text: str, stems: set[str], size: int) -> int:
    """Where a window of `size` characters holds the most different stems; a little before the first of them."""
    found = [(m.start(), m[0].casefold()[:5]) for m in _WORD.finditer(text[:100_000])]
    matches = [(at, stem) for at, stem in found if stem in stems]
    best, best_count = 0, 0
    for at, _ in matches[:200]:
        count = len({stem for other, stem in matches if at <= other < at + size})
        if count > best_count:
            best, best_count = at, count
    return max(0, min(best - size // 6, len(text) - size))
