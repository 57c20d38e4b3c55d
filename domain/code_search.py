"""Code of earlier conversations: by what it says, by what it is, or by a pattern."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from session_mgmt_mcp.domain.code import undiffed
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.code_parser import CodeParser, ConstructKind, Parsed, Source
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Json, Record, VectorStore

PatternType: TypeAlias = Literal[
    "function", "class", "import", "assignment", "loop", "conditional", "call", "error_handling", "return", "decorator",
    "comment", "regex", "literal",
]  # fmt: skip
ALL = ("", "*")  # queries that ask for everything, newest first
POOL = 300  # pieces of code that are read for one question, of each of its words the newest
WORDS = 8  # of a question
PER_PIECE = 3  # constructs shown of one piece of code
_AROUND = 3  # lines shown each side of a match
_LINES = 14  # of a snippet
_WIDE = 160  # characters of a line
_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"\w+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IDLE = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "code",
        "did",
        "do",
        "does",
        "for",
        "from",
        "how",
        "in",
        "is",
        "it",
        "of",
        "on",
        "or",
        "our",
        "that",
        "the",
        "this",
        "to",
        "was",
        "we",
        "what",
        "when",
        "where",
        "which",
        "with",
    ]
)


@dataclass(frozen=True, slots=True)
class CodeHit:
    """Some code and where it came from. `first` counts the piece's lines from 1; `copies` are the same code elsewhere."""

    record: Record
    language: str
    kind: str  # of the construct; empty where the text merely matched
    name: str
    first: int
    last: int
    snippet: str
    score: float
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """What a search for code found."""

    hits: Sequence[CodeHit]
    total: int  # pieces of code that were found, at most as many as are read
    languages: Mapping[str, int]  # of all code in scope


class CodeSearch:
    """Finds code by its words, by a pattern or by a construct; parses what it found, nothing else."""

    def __init__(self, store: VectorStore, parser: CodeParser) -> None:
        self._store = store
        self._parser = parser

    async def search(self, query: str, pattern_type: str | None, scope: Scope, limit: int = 10) -> Code:
        """Best first, then newest; patterns and the query `*` newest first. Raises Invalid for what is no pattern.

        A query without a word, as `:=`, is a literal.
        """
        if pattern_type is not None and pattern_type not in get_args(PatternType):
            raise Invalid(f"pattern_type {pattern_type[:40]!r}: use one of {', '.join(get_args(PatternType))}.")
        scope, words = replace(scope, kinds=(Kind.CODE,)), words_of(query)
        if pattern_type is None and not words and query.strip() not in ALL:
            pattern_type = "literal"
        matched: Mapping[str, str] = {}
        if pattern_type in ("regex", "literal"):
            if not query:
                raise Invalid("query: give the pattern to look for.")
            found = await self._store.search_pattern(query, scope.conditions(), POOL, literal=pattern_type == "literal")
            matched = {match.hit.id: match.text for match in found}
            records = await self._store.get(list(matched))
        else:
            records = await self._candidates(words, scope) if words or query.strip() in ALL else []
        pieces = _distinct(records)
        sources = [Source(_readable(one), _language(one)) for one, _ in pieces]
        parsed = await self._parser.parse(sources)
        if pattern_type in ("regex", "literal"):
            both = zip(pieces, parsed, strict=True)
            hits = [_matched(record, copies, found, matched[record.id]) for (record, copies), found in both]
        else:
            hits = ranked(pieces, parsed, query, pattern_type)
        facts = await self._store.facets("facts", scope.conditions())
        languages = {name[9:]: count for name, count in facts.items() if name.startswith("language:")}
        return Code(hits[:limit], len({hit.record.id for hit in hits}), languages)

    async def _candidates(self, words: Sequence[str], scope: Scope) -> list[Record]:
        """The newest that hold each of the words, so that a rare one is not crowded out by a common one."""
        where = scope.conditions()
        if not words:
            return await self._store.get([hit.id for hit in await self._store.latest(where, POOL)])
        found: dict[str, float] = {}
        for word in words:
            matches = await self._store.search_pattern(f"(?i){re.escape(word)}", where, POOL)
            found |= {match.hit.id: match.hit.time for match in matches}
        return await self._store.get(sorted(found, key=lambda one: (-found[one], one)))


def words_of(query: str) -> list[str]:
    """The pieces of the words of a question, lower case: `loadSettings` asks for `load` and for `settings`."""
    if query.strip() in ALL:
        return []
    pieces = [piece.lower() for word in _WORD.findall(query) for piece in _HUMP.split(word)]
    telling = [piece for piece in pieces if len(piece) > 1 and piece not in _IDLE] or pieces
    return list(dict.fromkeys(telling))[:WORDS]


def ranked(
    pieces: Sequence[tuple[Record, int]], parsed: Sequence[Parsed], query: str, kind: str | None = None
) -> list[CodeHit]:
    """Those that hold more and rarer words of the query, in the names of constructs above all; then the newest.

    A piece is one hit, at the line that says most; with a `kind` its constructs of that kind are hits.
    """
    words = words_of(query)
    texts = [_readable(record) for record, _ in pieces]
    lowered = [text.lower() for text in texts]
    weights = {word: math.log1p(len(texts) / (1 + sum(word in text for text in lowered))) for word in words}
    asked = _Asked(weights, frozenset(name.lower() for name in _NAME.findall(query)))
    hits: list[CodeHit] = []
    for (record, copies), found, text in zip(pieces, parsed, texts, strict=True):
        lines = text.split("\n")
        if kind is None:
            hits += _best_line(record, copies, found, lines, asked)
        else:
            hits += _constructs(record, copies, found, lines, asked, kind)
    return sorted(hits, key=lambda hit: (-hit.score, -hit.record.time.timestamp(), hit.record.id, hit.first))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The words of a query with what each is worth, and its whole names."""

    weights: Mapping[str, float]
    names: frozenset[str]

    def score(self, text: str) -> float:
        lowered = text.lower()
        pieces = sum(weight for word, weight in self.weights.items() if word in lowered)
        return pieces + sum(self._most for name in self.names if name not in self.weights and name in lowered)

    def score_of_name(self, name: str) -> float:
        return self.score(name) + (self._most if name.lower() in self.names else 0.0)

    @property
    def _most(self) -> float:
        """What a name of several words is worth that stands there as a whole."""
        return sum(self.weights.values())


def _best_line(record: Record, copies: int, found: Parsed, lines: Sequence[str], asked: _Asked) -> list[CodeHit]:
    score = asked.score("\n".join(lines))
    if asked.weights and not score:
        return []
    best = max(range(len(lines)), key=lambda at: (asked.score(lines[at]), -at)) + 1
    definitions = [one for one in found.constructs if one.kind in (ConstructKind.FUNCTION, ConstructKind.CLASS)]
    named = max((asked.score_of_name(one.name) for one in definitions), default=0.0)
    return [_around(record, copies, found, lines, best, best, score + named)]


def _constructs(
    record: Record, copies: int, found: Parsed, lines: Sequence[str], asked: _Asked, kind: str
) -> list[CodeHit]:
    hits = []
    for one in found.constructs:
        if one.kind == kind:
            score = asked.score("\n".join(lines[one.first - 1 : one.last]))
            if score or not asked.weights:
                shown = _shown(lines, one.first, one.last)
                score += asked.score_of_name(one.name)
                hits.append(CodeHit(record, found.language, kind, one.name, one.first, one.last, shown, score, copies))
    return sorted(hits, key=lambda hit: (-hit.score, hit.last - hit.first, hit.first))[:PER_PIECE]


def _matched(record: Record, copies: int, found: Parsed, text: str) -> CodeHit:
    at = max(0, record.text.find(text))
    first = record.text.count("\n", 0, at) + 1
    return _around(record, copies, found, record.text.split("\n"), first, first + text.count("\n"), 1.0)


def _around(
    record: Record, copies: int, found: Parsed, lines: Sequence[str], first: int, last: int, score: float
) -> CodeHit:
    """The lines, some around them, and the definition that they stand in."""
    holding = [
        one
        for one in found.constructs
        if one.kind in (ConstructKind.FUNCTION, ConstructKind.CLASS) and one.first <= first <= one.last
    ]
    inner = min(holding, key=lambda one: one.last - one.first, default=None)
    start, end = max(1, first - _AROUND), min(len(lines), last + _AROUND)
    kind, name = (str(inner.kind), inner.name) if inner else ("", "")
    return CodeHit(record, found.language, kind, name, start, end, _shown(lines, start, end), score, copies)


def _shown(lines: Sequence[str], first: int, last: int) -> str:
    some = [line[:_WIDE] for line in lines[first - 1 : last]]
    return "\n".join(some if len(some) <= _LINES else [*some[: _LINES - 1], "…"])


def _distinct(records: Sequence[Record]) -> list[tuple[Record, int]]:
    """The same code once, where it came first in `records`, and how often it stands elsewhere."""
    first: dict[str, Record] = {}
    counts: Counter[str] = Counter()
    for record in records:
        first.setdefault(record.content_hash, record)
        counts[record.content_hash] += 1
    return [(record, counts[name] - 1) for name, record in first.items()]


def _language(record: Record) -> str:
    said = about(record).get("language")
    return "" if said == "diff" else str(said or "")


def _readable(record: Record) -> str:
    return undiffed(record.text) if about(record).get("language") == "diff" else record.text


def about(record: Record) -> Mapping[str, Json]:
    """What capture knows of a piece of code: `language`, `file`, `change`, the lines `before`."""
    said = record.metadata.get("code")
    return said if isinstance(said, Mapping) else {}
