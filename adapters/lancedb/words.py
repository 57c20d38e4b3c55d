"""Text into terms, as every store reads it, and into the column that Lance indexes."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import Stemmer

INDEXED_CHARACTERS = 800
"""A record's words are read up to here; longer texts come with part records that cover the rest."""
QUERY_CHARACTERS = 4_000
LONGEST_TERM = 64
REMEMBERED = 30_000  # names whose terms are kept

TOKENIZER = {
    "base_tokenizer": "simple",
    "lower_case": False,
    "stem": False,
    "remove_stop_words": False,
    "ascii_folding": False,
    "max_token_length": None,
    "with_position": False,
}
"""For `lancedb.index.FTS`: terms come ready made. Only with just these does an index serve `contains_tokens` in a filter."""

INNER = str.maketrans("_./\\:-@", "UDSBCHA")
"""Lance splits at what is no letter or digit. Terms have no capitals, so these stand for what a name is joined by."""

RAW = re.compile(r"\w+(?:[./\\:\-@]+\w+)*")
PIECE = re.compile(r"[^\W\d_]+|\d+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
CJK = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")

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

_stem = Stemmer.Stemmer("english", 0).stemWord


def terms(text: str, role: str = "", tags: Iterable[str] = ()) -> list[str]:
    """Every term of a record in order of appearance, doubles included, as it stands in the column `words`.

    >>> terms("Resetting the user_cache")
    ['reset', 'userUcach', 'user', 'cach']
    """
    return [term for raw in raws(" ".join((text[:INDEXED_CHARACTERS], role, *tags))) for term in _of(raw)]


def asked(text: str) -> list[str]:
    """The terms of a question, each once."""
    return list(dict.fromkeys(term for raw in raws(text[:QUERY_CHARACTERS]) for term in _of(raw)))


def whole(word: str) -> str | None:
    """The term of a word or name as one; None for a stop word.

    >>> whole("userCache"), whole("the")
    ('usercach', None)
    """
    return next((term for raw in raws(word) for term in _of(raw)[:1]), None)


def term_of(word: str) -> str:
    """Of one word or name in lower case, stop words included."""
    return str(_stem(word[:LONGEST_TERM])).translate(INNER)


def raws(text: str) -> list[str]:
    """Words and names as they stand."""
    return RAW.findall(text if text.isascii() else unicodedata.normalize("NFKC", text))


def pieces_of(raw: str) -> list[str]:
    """The words that a name is made of.

    >>> pieces_of("domain/userCache.py")
    ['domain', 'user', 'Cache', 'py']
    """
    return [piece for run in PIECE.findall(raw) for piece in _split(run)]


@lru_cache(REMEMBERED)
def _of(raw: str) -> tuple[str, ...]:
    pieces = pieces_of(raw)
    if len(pieces) == 1 and len(pieces[0]) == len(raw):
        pieces = []
    words = [raw.lower()[:LONGEST_TERM]]
    words += [word for piece in pieces if len(word := piece.lower()[:LONGEST_TERM]) > 1 or not word.isascii()]
    return tuple(term_of(word) for word in words if word not in STOP_WORDS)


def _split(run: str) -> Sequence[str]:
    """The words in a run of letters: by capitals, or for scripts without spaces by overlapping pairs."""
    if CJK.search(run):
        return [run[at : at + 2] for at in range(max(1, len(run) - 1))]
    return CAMEL.split(run)
