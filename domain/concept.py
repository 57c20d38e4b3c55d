"""An idea rather than a word: what stands with it, how code spells it, and the files that are touched along with it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.memory import MAX_QUERY_CHARACTERS, MemoryService
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.summary import joined
from session_mgmt_mcp.domain.terms import fold, pieces, vocabulary
from session_mgmt_mcp.ports.vector_store import Condition, VectorStore

JOINS = ("_", "", "-")
FEEDBACK = 10  # hits of the plain question that teach what stands with it
TERMS, FILES = 6, 10
NEAR = 8  # neighbours each side of a hit in which a touched file counts as touched along with it
DEPTH = 60  # hits of each of the two searches
PLAIN = 0.9  # of the score is the plain question's; with less, LoCoMo and BEAM lose what they gain with this


@dataclass(frozen=True, slots=True)
class Touched:
    """A file, and near how many of the hits it was touched or mentioned."""

    path: str
    near: int


@dataclass(frozen=True, slots=True)
class Concept:
    """Hits best first; `terms` and `names` are what the question was expanded with."""

    hits: Sequence[Found]
    terms: Sequence[str]
    names: Sequence[str]
    files: Sequence[Touched]
    note: str = ""


async def by_concept(
    memory: MemoryService,
    store: VectorStore,
    concept: str,
    scope: Scope,
    *,
    limit: int,
    files: bool = True,
    min_score: float = 0.0,
    half_life_days: float = 0.0,
) -> Concept:
    """Two searches, for the concept and for its expansion, added up. Raises as `MemoryService.search`."""
    plain = await memory.search(concept, scope, limit=DEPTH, min_score=min_score, half_life_days=half_life_days)
    names, terms = await asyncio.gather(
        _known(store, spellings(concept), scope), _standing_with(store, concept, plain.hits[:FEEDBACK], scope)
    )
    terms = [term for term in terms if fold(term) not in {fold(name) for name in names}][:TERMS]
    hits = plain.hits
    if names or terms:
        wider = " ".join((concept, *names, *terms))[:MAX_QUERY_CHARACTERS]
        expanded = await memory.search(wider, scope, limit=DEPTH, min_score=min_score, half_life_days=half_life_days)
        hits = added_up(plain.hits, expanded.hits)
    shown = hits[:limit]
    near = await _files_near(store, shown) if files else ()
    return Concept(shown, terms, names, near, plain.note)


def spellings(concept: str) -> list[str]:
    """How code may write a concept of two to four words, as one name.

    >>> spellings("rate limiting")[:9:3], spellings("rate limiting")[1:9:3]
    (['rate_limit', 'rate_limiting', 'rate_limiter'], ['ratelimit', 'ratelimiting', 'ratelimiter'])
    """
    words = pieces(concept)
    if not 2 <= len(words) <= 4:
        return []
    *front, last = words
    base = fold(last)
    endings = dict.fromkeys((base, last, base.removesuffix("e") + "er", base + "e"))
    return [join.join((*front, ending)) for ending in endings for join in JOINS]


def added_up(plain: Sequence[Found], expanded: Sequence[Found]) -> list[Found]:
    """PLAIN of the one score and the rest of the other, best first; what only one search found has half at most."""
    scores: defaultdict[str, float] = defaultdict(float)
    known: dict[str, Found] = {}
    for share, hits in ((PLAIN, plain), (1 - PLAIN, expanded)):
        for found in hits:
            scores[found.record.id] += share * found.score
            known.setdefault(found.record.id, found)
    order = sorted(known, key=lambda one: (-scores[one], -known[one].record.time.timestamp(), one))
    return [replace(known[one], score=round(scores[one], 4)) for one in order]


async def _known(store: VectorStore, names: Sequence[str], scope: Scope) -> list[str]:
    """Those that stand somewhere, most often first."""
    if not names:
        return []
    counts = await store.frequencies(names, scope.wholes())
    kept: dict[tuple[str, int], str] = {}
    for name in names:
        if counts[name]:  # endings of one stem stand equally often: the first of them is enough
            kept.setdefault((next((join for join in "_-" if join in name), ""), counts[name]), name)
    return sorted(kept.values(), key=lambda name: -counts[name])


async def _standing_with(store: VectorStore, concept: str, hits: Sequence[Found], scope: Scope) -> list[str]:
    """Words of the best hits by their weight there and their rarity everywhere, as in RM3.

    Relevance models: Lavrenko and Croft (2001); RM3: Abdul-Jaleel et al., TREC 2004.
    """
    if len(hits) < 3:
        return []
    wholes = scope.wholes()
    said = [vocabulary([found.record.text]).words for found in hits]
    together: defaultdict[str, float] = defaultdict(float)
    spelled: dict[str, str] = {}
    for found, words in zip(hits, said, strict=True):
        for word in words:
            together[fold(word)] += found.score / max(len(words), 8)
            spelled.setdefault(fold(word), word)
    texts = Counter(fold(word) for words in said for word in words)
    asked = {fold(word) for word in pieces(concept)}
    candidates = [word for word in together if texts[word] > 1 and not asked.intersection(map(fold, pieces(word)))]
    everywhere, total = await asyncio.gather(
        store.frequencies([spelled[word] for word in candidates], wholes), store.count(wholes)
    )
    return [spelled[word] for word in _rarest(candidates, together, spelled, everywhere, total)]


def _rarest(
    words: Sequence[str], weight: Mapping[str, float], spelled: Mapping[str, str], known: Mapping[str, int], total: int
) -> list[str]:
    having = np.array([known[spelled[word]] for word in words], np.float64)
    worth = np.array([weight[word] for word in words]) * np.log1p((total - having + 0.5) / (having + 0.5))
    worth[(having == 0) | (having > total / 5)] = 0
    order = sorted(range(len(words)), key=lambda at: (-worth[at], words[at]))
    return [words[at] for at in order if worth[at] > 0]


async def _files_near(store: VectorStore, hits: Iterable[Found]) -> list[Touched]:
    """Counted by the store, once for each stretch of conversation around a hit."""
    stretches = {(found.record.session, found.record.position // NEAR): found.record for found in hits}
    counted = await asyncio.gather(
        *(
            store.facets(
                "files",
                [
                    Condition("session", "=", record.session),
                    Condition("parent", "=", ""),
                    Condition("position", ">=", record.position - NEAR),
                    Condition("position", "<=", record.position + NEAR),
                ]
                if record.session
                else [Condition("id", "=", record.id)],
            )
            for record in stretches.values()
        )
    )
    near: Counter[str] = Counter()
    for files in counted:
        near.update(dict.fromkeys(files, 1))
    return [Touched(path, number) for path, number in list(joined(near).items())[:FILES]]
