"""Text into terms: lower-case stems without stop words, and for a name in code the name itself beside its pieces."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from hashlib import blake2b

import numpy as np
import Stemmer
from numpy.typing import NDArray

INDEXED_CHARACTERS = 800
"""A record's words are read up to here; longer texts come with part records that cover the rest."""
QUERY_CHARACTERS = 4_000
LONGEST_TERM = 64

RAW = re.compile(r"\w+(?:[./\\:\-@]+\w+)*")
PIECE = re.compile(r"[^\W\d_]+|\d+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")

_IN_NAMES = rb"[\w./\\:\-@\x80-\xff]"
_SPACED = bytes(byte if re.match(_IN_NAMES, bytes([byte])) else 0x20 for byte in range(256))

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a about above after again all also am an and any are as at be because been before being below between both
        but by can could d did do does doing don done down during each etc few for from further get got had has
        have having he her here hers him his how i if in into is it its itself just let like ll m may me might
        more most must my need no nor not now of off on once only or other our ours out over own re s same shall
        she should so some such t than that the their theirs them then there these they this those through to too
        under until up us ve very was we were what when where which while who whom why will with would you your
        yours
        """,
    )
)


class Remembered(dict[bytes, bytes]):
    """What `make` gives for each name. Known ones are looked up without any Python; with too many it forgets all."""

    def __init__(self, make: Callable[[bytes], bytes], most: int) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, name: bytes) -> bytes:
        if len(self) >= self._most:
            self.clear()
        made = self[name] = self._make(name)
        return made


class Words:
    """Turns texts into terms, remembering the names it has seen. Not for two threads at once."""

    def __init__(self, remembered: int = 30_000) -> None:
        self._stem = Stemmer.Stemmer("english", 0).stemWord  # without a cache: each word comes once
        self._seen = Remembered(self._hashed, remembered)

    def terms(self, text: str) -> list[str]:
        """Every term in order of appearance, doubles included.

        >>> Words().terms("Resetting the userCache")
        ['reset', 'usercach', 'user', 'cach']
        """
        return [self._stem(word) for raw in raws(text) for word in words_of(raw)]

    def packed(self, text: str) -> bytes:
        """`terms`, each as 8 bytes: what the index keeps instead of a vocabulary."""
        return b"".join(map(self._seen.__getitem__, chunks(text)))

    def hashes(self, text: str) -> list[int]:
        """`packed`, as numbers."""
        found: list[int] = as_numbers(self.packed(text)).tolist()
        return found

    def stem(self, word: str) -> str:
        """The term of a single word or whole name in lower case."""
        return str(self._stem(word[:LONGEST_TERM]))

    def _hashed(self, chunk: bytes) -> bytes:
        raws = RAW.findall(chunk.decode("utf-8", "surrogatepass"))
        return b"".join([digest64(self._stem(word)) for raw in raws for word in words_of(raw)])


def words_of(raw: str) -> list[str]:
    """The name itself and its pieces, in lower case, without stop words."""
    if raw.islower() and raw.isalpha() and raw.isascii():
        return [] if raw in STOP_WORDS else [raw[:LONGEST_TERM]]
    pieces = pieces_of(raw)
    whole = raw.lower()[:LONGEST_TERM]
    if len(pieces) == 1 and len(pieces[0]) == len(raw):
        pieces = []
    words = [] if whole in STOP_WORDS else [whole]
    for piece in pieces:
        word = piece.lower()[:LONGEST_TERM]
        if word not in STOP_WORDS and (len(word) > 1 or not word.isascii()):
            words.append(word)
    return words


def chunks(text: str) -> list[bytes]:
    """What stands between ASCII characters that no name has: cheaper to tell apart than names, and as often the same."""
    normal = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return normal.encode("utf-8", "surrogatepass").translate(_SPACED).split()


def raws(text: str) -> list[str]:
    return RAW.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))


def pieces_of(raw: str) -> list[str]:
    """The words that a name is made of.

    >>> pieces_of("domain/userCache.py")
    ['domain', 'user', 'Cache', 'py']
    """
    pieces: list[str] = []
    for run in PIECE.findall(raw):
        if run.isascii() and (run.islower() or run.isdigit()):
            pieces.append(run)
        else:
            pieces += split_run(run)
    return pieces


def split_run(run: str) -> Iterable[str]:
    """The words in a run of letters: by capitals, or for scripts without spaces by overlapping pairs."""
    if CJK.search(run):
        return [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return CAMEL.split(run)


def indexed_text(text: str, role: str, tags: Iterable[str]) -> str:
    return " ".join((text[:INDEXED_CHARACTERS], role, *tags))


def digest64(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def as_numbers(digests: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(digests, "<u8").astype(np.uint64, copy=False)


def hash64(text: str) -> int:
    return int.from_bytes(digest64(text), "little")
