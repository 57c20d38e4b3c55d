"""What all answers to a question say together, without the answers: counts, themes, files and a few of their sentences."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.terms import Term, fold, over_represented, themes, vocabulary, words_of
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore

ANSWERS = 100  # that are read
THEMES, FILES, QUOTES = 10, 10, 4
QUOTED = 32  # answers that a sentence may come from
SHORTEST, LONGEST = 25, 280  # characters of a sentence
NOVELTY = 0.35  # how much a sentence loses for what was said already
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n\s*|```\w*")
_NOISE = re.compile(r"^[\s#>*\-|`_=]+|(?<![\s*`_|])[\s*`_|]+$")


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a memory, as it stands there."""

    record: Record
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """Of `count` answers, of which `read` different ones were read; all mappings most first."""

    count: int
    read: int
    first: datetime | None
    last: datetime | None
    months: Mapping[str, int]
    projects: Mapping[str, int]
    sessions: Mapping[str, int]
    themes: Sequence[Term]
    files: Mapping[str, int]
    quotes: Sequence[Quote]
    note: str = ""


async def summarise(
    memory: MemoryService,
    store: VectorStore,
    query: str,
    scope: Scope,
    *,
    min_score: float = 0.0,
    half_life_days: float = 0.0,
) -> Summary:
    """Of the best ANSWERS, as far as they do at least half as well as the first. Raises as `MemoryService.search`."""
    result = await memory.answers(query, scope, most=ANSWERS, min_score=min_score, half_life_days=half_life_days)
    records = [found.record for found in result.hits]
    said = vocabulary(record.text for record in records)
    wholes = scope.wholes()
    everywhere, total, files = await asyncio.gather(
        store.frequencies([word for word, number in said.words.items() if number > 1], wholes),
        store.count(wholes),
        store.facets("files", [Condition("id", "in", [record.id for record in records])]),
    )
    terms = themes(said, over_represented(said, everywhere, total), THEMES, _words(query))
    times = [record.time for record in records]
    return Summary(
        count=result.total,
        read=len(records),
        first=min(times, default=None),
        last=max(times, default=None),
        months=dict(sorted(Counter(f"{time.astimezone(UTC):%Y-%m}" for time in times).items())),
        projects=_counted(record.project for record in records),
        sessions=_counted(record.session for record in records if record.session),
        themes=terms,
        files=dict(list(joined(files).items())[:FILES]),
        quotes=quotes(result.hits, [*_words(query), *(word for term in terms for word in term.text.split())]),
        note=result.note,
    )


def joined(files: Mapping[str, int]) -> dict[str, int]:
    """Counts by file, most first, where a path that ends with another, shorter one is the same file as that.

    >>> joined({"/home/dev/shop/src/cart.py": 2, "src/cart.py": 3, "cart.py": 1, "art.py": 1})
    {'src/cart.py': 6, 'art.py': 1}
    """
    by_name: dict[str, list[str]] = {}
    for file in sorted(files, key=lambda one: (-len(one), one)):
        by_name.setdefault(_parts(file)[-1], []).append(file)
    counts: Counter[str] = Counter()
    for same_name in by_name.values():
        groups: list[list[str]] = []
        for file in same_name:
            parts = _parts(file)
            fitting = [group for group in groups if _parts(group[0])[-len(parts) :] == parts]
            if len(fitting) == 1:
                fitting[0].append(file)
            else:
                groups.append([file])
        for group in groups:
            shown = max(group, key=lambda file: (files[file], len(file), file))
            counts[shown] = sum(files[file] for file in group)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def quotes(hits: Sequence[Found], telling: Iterable[str], most: int = QUOTES) -> list[Quote]:
    """Sentences that say much of what the answers are about, each of another memory, and no two the same.

    Chosen by maximal marginal relevance (Carbonell and Goldstein, 1998): relevance less what was quoted already.
    """
    wanted = {fold(word) for word in telling}
    spoken = [found for found in hits if found.record.kind != Kind.ACTION] or list(hits)
    candidates = [
        (found, *best) for found in spoken[:QUOTED] if (best := _best_sentence(found.record.text, wanted)) is not None
    ]
    top = max((found.score for found in spoken), default=0.0) or 1.0
    chosen: list[Quote] = []
    heard: list[frozenset[str]] = []
    while candidates and len(chosen) < most:
        worth = [
            (1 - NOVELTY) * (found.score / top) * (0.3 + 0.7 * covered)
            - NOVELTY * max((_alike(words, other) for other in heard), default=0.0)
            for found, _, words, covered in candidates
        ]
        at = max(range(len(worth)), key=lambda one: (worth[one], -one))
        found, text, words, _ = candidates.pop(at)
        if heard and max(_alike(words, other) for other in heard) > 0.6:
            continue
        chosen.append(Quote(found.record, text))
        heard.append(words)
    return chosen


def _best_sentence(text: str, wanted: set[str]) -> tuple[str, frozenset[str], float] | None:
    best: tuple[str, frozenset[str], float] | None = None
    for piece in _SENTENCE.split(text[:4_000])[:40]:
        sentence = " ".join(_NOISE.sub("", piece).split())
        if not SHORTEST <= len(sentence) <= LONGEST or sentence[-1] == ":" or sentence[0] == "[":
            continue
        words = frozenset(fold(word) for run in words_of(sentence) for word in run)
        covered = min(1.0, len(words & wanted) / 4)
        if best is None or covered > best[2]:
            best = (sentence, words, covered)
    return best


def _alike(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard's share of words in common."""
    return len(left & right) / (len(left | right) or 1)


def _words(text: str) -> list[str]:
    return [word for run in words_of(text) for word in run]


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[/\\]+", path) if part not in ("", ".")] or [path]


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda one: (-one[1], one[0])))
