"""Words by how many records they stand in, and those that a beginning may become."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from session_mgmt_mcp.adapters.lancedb.filters import having, literal, served
from session_mgmt_mcp.adapters.lancedb.words import (
    INDEXED_CHARACTERS,
    STOP_WORDS,
    pieces_of,
    raws,
    term_of,
    whole,
)
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Completion

SHORTEST, LONGEST = 3, 40
READ = 2_000
"""Records whose words are looked at for one beginning: where more hold it, the rarest of its words may be missing."""
COUNTED = 2
"""Times k: words that are counted in the whole store, those that most of these records have."""


async def frequencies(table: Any, words: Sequence[str], wanted: str | None) -> dict[str, int]:
    terms = {word: whole(word) for word in words}
    index = await served(table)
    known = list(dict.fromkeys(term for term in terms.values() if term))
    counts = await asyncio.gather(*(table.count_rows(_both(having([term], index), wanted)) for term in known))
    of_term = dict(zip(known, counts, strict=True))
    return {word: of_term[term] if term else 0 for word, term in terms.items()}


async def completions(table: Any, start: str, wanted: str | None, k: int, beside: Sequence[str]) -> list[Completion]:
    """Of the words that begin with `start`, k: those that most records have that share a word with `beside` first."""
    index = await served(table)
    forms, seen = await _forms(table, start, wanted)
    if beside:
        near, also = await _forms(table, start, _both(having(beside, index), wanted))
        seen |= also
        forms = {term: min((form for form in (forms.get(term), near.get(term)) if form), key=_size) for term in seen}
    terms = [term for term, _ in seen.most_common(COUNTED * k)]
    together = [_both(having(beside, index), wanted)] if beside else []
    asked = [_both(having([term], index), scope) for scope in (wanted, *together) for term in terms]
    counts = await asyncio.gather(*(table.count_rows(one) for one in asked))
    records = counts[: len(terms)]
    both = counts[len(terms) :] or [0] * len(terms)
    found = [Completion(forms[term], *rest) for term, *rest in zip(terms, records, both, strict=True)]
    return sorted((one for one in found if one.records), key=lambda one: (-one.together, -one.records, one.word))[:k]


def checked_prefix(prefix: str) -> str:
    start = prefix.strip().lower()[:LONGEST]
    if not any(letter.isalnum() for letter in start):
        raise Invalid("prefix: give at least one letter or digit to complete.")
    return start


async def _forms(table: Any, start: str, wanted: str | None) -> tuple[dict[str, str], Counter[str]]:
    """The shortest form of each term that begins so, and in how many of the records read it stands."""
    holds = f"contains(lower(text), {literal(start)}) or contains(lower(array_to_string(tags, ' ')), {literal(start)})"
    query = table.query().where(_both(f"worded and ({holds})", wanted)).select(["text", "role", "tags"]).limit(READ)
    found = await query.to_arrow()
    forms: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for text, role, tags in zip(*(found[name].to_pylist() for name in ("text", "role", "tags")), strict=True):
        words = set(_beginning(start, raws(" ".join((text[:INDEXED_CHARACTERS], role, *tags)))))
        terms = {term_of(word): word for word in sorted(words, key=_size, reverse=True)}
        seen.update(terms.keys())
        for term, word in terms.items():
            forms[term] = min(forms.get(term, word), word, key=_size)
    return forms, seen


def _beginning(start: str, names: Iterable[str]) -> Iterable[str]:
    for raw in {one for one in names if start in one.lower()}:
        for word in (raw.lower(), *(piece.lower() for piece in pieces_of(raw))):
            if word.startswith(start) and SHORTEST <= len(word) <= LONGEST and word not in STOP_WORDS:
                yield word


def _size(word: str) -> tuple[int, str]:
    return (len(word), word)


def _both(predicate: str, wanted: str | None) -> str:
    return f"{predicate} and {wanted}" if wanted else predicate
