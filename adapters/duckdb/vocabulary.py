"""The words that texts are made of, in order, so that beginnings can be completed; the index itself keeps only hashes.

Read from the tables prefix by prefix as they are asked for, and from then on only what is new.
"""

import re
import threading
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Hashes, Ints
from session_mgmt_mcp.adapters.duckdb.lexical import TF_BITS, Postings
from session_mgmt_mcp.adapters.duckdb.schema import last_revision
from session_mgmt_mcp.adapters.duckdb.tokens import INDEXED_CHARACTERS, STOP_WORDS, Words, hash64, pieces_of, raws
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Completion

SHORTEST, LONGEST = 3, 40
AT_ONCE = 50_000
FEW = 100
HAS = "contains(lower({0}), $prefix) or strlen({0}) > length({0})"
"""What is not ASCII may hold the prefix once it is normalised."""
CHUNKS = f"""
    with texts as (
        select substr(text, 1, {INDEXED_CHARACTERS}) as beginning, tags from memory
        where worded and revision > $after and revision <= $last)
    select distinct chunk from (
        select unnest(string_split(translate(beginning, chr(9) || chr(10), '  '), ' ')) as chunk
        from texts where {HAS.format("beginning")} union all select unnest(tags) from texts)
    where {HAS.format("chunk")}
"""  # noqa: S608
"""What stands between spaces, once: the engine is quicker at that than we are at reading every text."""
BEHIND = "\U0010ffff"
NO_WORD = re.compile(r"[^\W\d_]*\d[\w-]*\d[\w-]*\d[\w-]*\d[\w-]*|[\d\W_]+")
"""Numbers, hashes, ids: four digits or more, or nothing else."""


class Vocabulary:
    """Words with the terms that the index knows them by. Safe to ask from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._revision: int | None = None
        self._complete: set[str] = set()  # prefixes of which every word up to the revision is known
        self._words: list[str] = []
        self._terms: Hashes = np.empty(0, np.uint64)
        self._stem = Words().stem

    def beginning(self, prefix: str, connection: Any) -> tuple[Sequence[str], Hashes]:
        """The words that begin with `prefix`, and their terms."""
        with self._lock:
            last = last_revision(connection)
            if self._revision is not None and self._revision < last:
                self._add(connection, "", self._revision, last)
            self._revision = last
            if not any(prefix.startswith(known) for known in self._complete):
                self._add(connection, prefix, 0, last)
                self._complete.add(prefix)
            first, last = bisect_left(self._words, prefix), bisect_left(self._words, prefix + BEHIND)
            return self._words[first:last], self._terms[first:last]

    def _add(self, connection: Any, prefix: str, after: int, last: int) -> None:
        """At least the words with `prefix` of what was written from `after` to `last`."""
        chunks = connection.execute(CHUNKS, {"prefix": prefix, "after": after, "last": last})
        fresh: set[str] = set()
        while some := chunks.fetchmany(AT_ONCE):
            fresh |= words_of({raw for (chunk,) in some for raw in raws(chunk)})
        new = sorted(word for word in fresh if not self._knows(word))
        places = [bisect_left(self._words, word) for word in new]
        self._terms = np.insert(self._terms, places, [hash64(self._stem(word)) for word in new])
        if len(new) > FEW:
            self._words = sorted(self._words + new)
        else:
            for word in new:
                insort(self._words, word)

    def _knows(self, word: str) -> bool:
        at = bisect_left(self._words, word)
        return at < len(self._words) and self._words[at] == word


def words_of(seen: Iterable[str]) -> set[str]:
    """Names as they stand and their pieces, in lower case, without what nobody would complete."""
    words: set[str] = set()
    for raw in seen:
        words.add(raw.lower())
        if not (raw.islower() and raw.isalpha()):
            words.update(piece.lower() for piece in pieces_of(raw))
    return {
        word
        for word in words
        if SHORTEST <= len(word) <= LONGEST and word not in STOP_WORDS and not NO_WORD.fullmatch(word)
    }


def checked_prefix(prefix: str) -> str:
    start = prefix.strip().lower()[:LONGEST]
    if not any(letter.isalnum() for letter in start):
        raise Invalid("prefix: give at least one letter or digit to complete.")
    return start


def occurrences(postings: Postings, terms: Hashes, wanted: Bools) -> Ints:
    """In how many of the wanted rows each term stands."""
    counts = np.zeros(len(terms), np.int64)
    for segment in postings.segments:
        if not len(segment.terms):
            continue
        at = np.minimum(np.searchsorted(segment.terms, terms), len(segment.terms) - 1)
        there = np.flatnonzero(segment.terms[at] == terms)
        starts, ends = segment.ends[at[there]], segment.ends[at[there] + 1]
        lengths = ends - starts
        before = np.cumsum(lengths) - lengths
        places = np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
        rows = (segment.postings[places] >> np.uint32(TF_BITS)).astype(np.int64)
        counts[there] += np.bincount(np.repeat(np.arange(len(there)), lengths)[wanted[rows]], minlength=len(there))
    return counts


def best(words: Sequence[str], terms: Hashes, records: Ints, together: Ints, k: int) -> list[Completion]:
    """One word a term, the shortest: they are forms of the same."""
    lengths = np.fromiter(map(len, words), np.int64, len(words))
    by_term = np.lexsort((np.arange(len(words)), lengths, terms))
    first = np.ones(len(words), np.bool_)
    first[1:] = terms[by_term][1:] != terms[by_term][:-1]
    chosen = by_term[first & (records[by_term] > 0)]
    order = chosen[np.lexsort((chosen, -records[chosen], -together[chosen]))][:k]
    return [Completion(words[at], int(records[at]), int(together[at])) for at in order.tolist()]
