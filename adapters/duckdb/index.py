"""Everything a search needs, in memory: derived from the database, and rebuilt from it when lost."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb import filters, listing
from session_mgmt_mcp.adapters.duckdb.best import Found
from session_mgmt_mcp.adapters.duckdb.dense import Dense
from session_mgmt_mcp.adapters.duckdb.growing import Bools, Floats, Hashes, IdsOf, Ints
from session_mgmt_mcp.adapters.duckdb.lexical import Postings, merged, renumbered, segment
from session_mgmt_mcp.adapters.duckdb.listing import Votes
from session_mgmt_mcp.adapters.duckdb.records import Row
from session_mgmt_mcp.adapters.duckdb.rows import Rows
from session_mgmt_mcp.adapters.duckdb.tokens import QUERY_CHARACTERS, Words, indexed_text
from session_mgmt_mcp.adapters.duckdb.units import Units
from session_mgmt_mcp.adapters.duckdb.vocabulary import occurrences
from session_mgmt_mcp.adapters.duckdb.word_scores import WordScores
from session_mgmt_mcp.ports.vector_store import Facet, Filter, Hit, Matches, Meaning, Names, Order, SessionSpan, Unit

DEAD_BEFORE_COMPACTION = 5_000
COMPACTED_AT_ONCE = 50_000
"""Rows: compacting more takes so long that it is done beside the work."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of stored records, by seq."""

    seqs: Sequence[int]
    models: Sequence[str]
    matrix: Floats


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in the tables, and the model of its vector if it has one."""

    seq: int
    model_id: str


Columns: TypeAlias = tuple[IdsOf, Names, Names, Names, Names, Names, NDArray[np.int64], NDArray[np.float64]]
"""Ids, kinds, projects, sessions, roles, parents, positions, times in seconds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The index as a search finds it: which rows it wants, and their vectors, to be read while others write."""

    changes: int  # of the index, by then
    wanted: Bools
    slots: NDArray[Any]
    models: NDArray[Any]
    dense: Dense


@dataclass(frozen=True, slots=True)
class Worded:
    """What words say of every row, and the rows of which they say most."""

    seen: Seen
    scores: WordScores
    rows: Ints


@dataclass(frozen=True, slots=True)
class Meant:
    """The rows nearest to what a question means."""

    meaning: Meaning
    changes: int
    found: Found


class Index:
    """Written by one thread, read by several; each call sees a whole state, `meant` that of its `Seen`."""

    def __init__(self, dimensions: int) -> None:
        self.rows = Rows()
        self.postings = Postings()
        self.dense = Dense(dimensions)
        self.revision = 0
        self._units = Units()
        self._changes = 0  # of rows; vectors do not count
        self.lock = threading.RLock()
        self._words = Words()
        self._query_words = Words(remembered=1_000)

    def become(self, other: "Index") -> None:
        with self.lock:
            self.rows, self.postings, self.dense = other.rows, other.postings, other.dense
            self.revision, self._units = other.revision, other._units
            self._changes += 1

    # what the writer does

    def put(self, rows: Sequence[Row], replaced: Sequence[int] = (), kept: Sequence[int] = ()) -> None:
        """New records, and changed ones (`replaced`), some of which keep their vector (`kept`)."""
        packed = self._words.packed
        documents = [packed(indexed_text(row.text, row.role, row.tags)) if row.worded else b"" for row in rows]
        new = self.rows.new(rows, [len(document) // 8 for document in documents])
        words = segment(len(self.rows), documents)
        with self.lock:  # searches wait: for columns that grow, no more
            vectors = self._vectors_to_keep(kept)
            if replaced:
                wanted = set(replaced)
                self._kill([self.rows.find(row.id) for row in rows if row.seq in wanted])
            added = self.rows.append(new)
            self.postings.append(words)
            self._changes += 1
            self._units.touch(np.arange(added.start, added.stop))
            if vectors:
                self._move_vectors(vectors, {row.seq: at for at, row in zip(added, rows, strict=True)})
            fresh = [row for row in rows if row.vector is not None]
            if fresh:
                matrix = np.stack([row.vector for row in fresh if row.vector is not None])
                self.put_vectors(Vectors([row.seq for row in fresh], [row.model_id for row in fresh], matrix))
            self._compact_when_due()
        self._merge_words(large=False)

    def put_vectors(self, vectors: Vectors) -> None:
        with self.lock:
            seqs = np.asarray(vectors.seqs, np.int64)
            rows = self._rows_of(seqs)
            there = rows >= 0
            rows, matrix = rows[there], vectors.matrix[there]
            code = self.rows.codes["model_id"].code
            self.rows.model_id.write(rows, [code(m) for m, ok in zip(vectors.models, there, strict=True) if ok])
            slots = self.rows["slot"][rows]
            old = slots >= 0
            self.dense.replace(slots[old], matrix[old])
            new = rows[~old]
            self.rows["slot"][new] = np.arange(len(self.dense), len(self.dense) + len(new))
            self.dense.append(new, matrix[~old])

    def remove(self, seqs: Sequence[int]) -> None:
        with self.lock:
            self._kill(self.rows.with_seqs(seqs))
            self._compact_when_due()

    def _rows_of(self, seqs: NDArray[np.int64]) -> NDArray[np.int64]:
        """The living row of each seq; -1 for none."""
        rows = self.rows.with_seqs(seqs)
        known = self.rows["seq"][rows]
        order = np.argsort(known)
        at = np.searchsorted(known[order], seqs)
        at[at == len(known)] = 0
        found = np.full(len(seqs), -1, np.int64)
        if len(known):
            hit = known[order][at] == seqs
            found[hit] = rows[order[at[hit]]]
        return found

    def _kill(self, rows: Any) -> None:
        rows = np.asarray(rows, np.int64)
        if len(rows):
            self.rows.kill(rows)
            self._changes += 1
            self._units.touch(rows)

    def _vectors_to_keep(self, seqs: Sequence[int]) -> dict[int, tuple[int, int]]:
        rows = self.rows.with_seqs(seqs).tolist() if seqs else []
        columns = self.rows
        return {
            int(columns["seq"][row]): (int(columns["slot"][row]), int(columns["model_id"][row]))
            for row in rows
            if columns["slot"][row] >= 0
        }

    def _move_vectors(self, vectors: dict[int, tuple[int, int]], row_of: dict[int, int]) -> None:
        for seq, (slot, model) in vectors.items():
            row = row_of[seq]
            self.rows["slot"][row], self.rows["model_id"][row] = slot, model
            self.dense.row.all[slot] = row

    @property
    def mostly_dead(self) -> bool:
        dead = len(self.rows) - self.rows.alive
        return dead > DEAD_BEFORE_COMPACTION and dead * 2 > len(self.rows)

    def _compact_when_due(self) -> None:
        if self.mostly_dead and len(self.rows) <= COMPACTED_AT_ONCE:
            self.compact()

    @property
    def lopsided(self) -> bool:
        """Whether `merge_words` has something to do."""
        with self.lock:
            return self.postings.uneven(large=True) is not None

    def merge_words(self) -> None:
        """Puts large segments of postings together, for one thread beside the one that writes."""
        self._merge_words(large=True)

    def _merge_words(self, *, large: bool) -> None:
        while True:
            with self.lock:
                pair = self.postings.uneven(large=large)
            if pair is None:
                return
            one = merged(*pair)
            with self.lock:
                self.postings.replace(*pair, one)

    def link(self) -> None:
        """Does ahead what the first search would have to wait for."""
        with self.lock:
            self._units.windows(self.rows)
            self._units.sessions(self.rows)

    def compact(self) -> None:
        with self.lock:
            new_row = self.rows.compact()
            self.postings = Postings([renumbered(self.postings.whole(), new_row)])
            kept = new_row[self.dense.row.all] >= 0
            self.dense.keep(kept)
            self.dense.row.all[:] = new_row[self.dense.row.all]
            self.rows["slot"][:] = -1
            self.rows["slot"][self.dense.row.all] = np.arange(len(self.dense))
            self.forget_units()

    def forget_units(self) -> None:
        self._changes += 1
        self._units = Units()
        self._units.touch(np.arange(len(self.rows)))

    # what searches ask

    def lexical(self, text: str, where: Filter, k: int, unit: Unit) -> list[Hit]:
        with self.lock:
            wanted = self._mask(where)
            terms = self._terms(text)
            if not terms or not len(self.rows):
                return []
            words = WordScores(self.rows, self._units, self.postings, terms)
            match unit:
                case Unit.RECORD:
                    found = words.best_records(wanted, k)
                case Unit.WINDOW:
                    found = words.best_windows(wanted, k)
                case Unit.SESSION:
                    found = words.best_sessions(wanted, k)
            return self._hits(found, k)

    def _terms(self, text: str) -> list[int]:
        return list(dict.fromkeys(self._query_words.hashes(text[:QUERY_CHARACTERS])))

    def nearest(self, vector: Floats, where: Filter, k: int) -> list[Hit]:
        with self.lock:
            seen = self.seen(where)
            return self._hits(_near(seen, vector, seen.wanted, k), k)

    def seen(self, where: Filter) -> Seen:
        with self.lock:
            rows = self.rows
            return Seen(self._changes, self._mask(where), rows["slot"], rows["model_id"], self.dense.seen())

    def words(self, text: str, seen: Seen, where: Filter, k: int) -> Worded:
        """What the words of a question say, before it is known what it means."""
        with self.lock:
            if seen.changes != self._changes:
                seen = self.seen(where)
            wanted, scores = seen.wanted, WordScores(self.rows, self._units, self.postings, self._terms(text))
            pools = (scores.best_records(wanted, k), scores.best_windows(wanted, k), scores.best_sessions(wanted, k))
            return Worded(seen, scores, np.concatenate([self._cut(pool, k) for pool in pools]))

    def meant(self, meaning: Meaning, seen: Seen, k: int) -> Meant:
        """Without the lock, so that it takes no longer while words are looked up."""
        wanted = seen.wanted & (seen.models == self._code_of(meaning.model_id))
        return Meant(meaning, seen.changes, _near(seen, meaning.vector, wanted, k))

    def matches(self, text: str, words: Worded, meant: Meant | None, where: Filter, k: int) -> Matches:
        """`words` and `meant` together; what was written since is taken in."""
        with self.lock:
            words = self.words(text, words.seen, where, k) if words.seen.changes != self._changes else words
            found = words.rows
            if meant is not None:
                if meant.changes != self._changes:
                    meant = self.meant(meant.meaning, words.seen, k)
                found = np.concatenate((found, self._cut(meant.found, k)))
            found = once(found)
            return Matches(
                *self._columns(found),
                cosines=self._cosines(meant.meaning if meant else None, found),
                words={unit: score.astype(np.float64) for unit, score in words.scores.of(found).items()},
                searched=int(np.count_nonzero(words.seen.wanted)),
            )

    def _cosines(self, meaning: Meaning | None, rows: Ints) -> NDArray[np.float64]:
        """nan where there is none."""
        cosines = np.full(len(rows), np.nan)
        if meaning is not None:
            slots = self.rows["slot"][rows]
            known = np.flatnonzero((slots >= 0) & (self.rows["model_id"][rows] == self._code_of(meaning.model_id)))
            cosines[known] = self.dense.cosines(meaning.vector, slots[known])
        return cosines

    def _code_of(self, model: str) -> int:
        code = self.rows.codes["model_id"].find(model) if model else None
        return -1 if code is None else code

    def _best(self, found: Found, k: int) -> NDArray[np.int64]:
        return found.best(k, self.rows["time"], self.rows.ids.of_all)

    def _cut(self, found: Found, k: int) -> Ints:
        """Its rows, in no order; the best k where more are as good as the last."""
        return found.rows if len(found.rows) <= k else found.rows[self._best(found, k)]

    def latest(self, where: Filter, k: int) -> list[Hit]:
        with self.lock:
            rows = np.flatnonzero(self._mask(where))
            same = np.ones(len(rows), np.float32)
            return self._hits(Found(rows, same, same), k)

    def newest(self, where: Filter) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The seqs and times of records, newest first."""
        with self.lock:
            rows = np.flatnonzero(self._mask(where))
            rows = rows[np.argsort(-self.rows["time"][rows], kind="stable")]
            return self.rows["seq"][rows].astype(np.int64), self.rows["time"][rows]

    def _hits(self, found: Found, k: int) -> list[Hit]:
        best = self._best(found, k)
        ids, kinds, projects, sessions, roles, parents, positions, times = self._columns(found.rows[best])
        names = (kinds.all(), projects.all(), sessions.all(), roles.all(), positions.tolist(), parents.all())
        return list(map(Hit, ids, found.scores[best].tolist(), *names, times.tolist()))

    def _columns(self, at: NDArray[np.int64]) -> Columns:
        rows = self.rows
        names = ("kind", "project", "session", "role", "parent")
        kinds, projects, sessions, roles, parents = (Names(rows.codes[name].names, rows[name][at]) for name in names)
        return (
            IdsOf(at, rows.ids),
            kinds,
            projects,
            sessions,
            roles,
            parents,
            rows["position"][at].astype(np.int64),
            rows["time"][at] / 1e6,
        )

    def listed(
        self, where: Filter, order: Order, cursor: str | None, limit: int, votes: Votes
    ) -> tuple[list[tuple[str, Place]], str | None]:
        """Ids and places of a page, and the cursor of the next."""
        with self.lock:
            rows, following = listing.listed(self.rows, self._mask(where), order, cursor, limit, votes)
            return list(zip(self.rows.ids.of_all(rows), self._places(rows), strict=True)), following

    def sessions(self, where: Filter, k: int) -> list[SessionSpan]:
        with self.lock:
            return listing.sessions(self.rows, self._mask(where), k)

    def standing(self, terms: Hashes, where: Filter, beside: str) -> tuple[Ints, Ints]:
        """In how many records that hold `where` each term stands, and in how many of them beside one of the words."""
        with self.lock:
            wanted = self._mask(where)
            counts = occurrences(self.postings, terms, wanted)
            words = self._query_words.hashes(beside[:QUERY_CHARACTERS])
            return counts, occurrences(self.postings, terms, wanted & self._sharing(words)) if words else counts * 0

    def _mask(self, where: Filter) -> Bools:
        return filters.mask(self.rows, where, self._sharing_text)

    def _sharing_text(self, text: str) -> Bools:
        shared = self._sharing(self._query_words.hashes(text[:QUERY_CHARACTERS]))
        parents = np.unique(self.rows["parent"][shared & self.rows["alive"]])
        names = self.rows.codes["parent"].names
        whole = [row for code in parents.tolist() if code and (row := self.rows.find(names[code])) >= 0]
        shared[whole] = True
        return shared

    def _sharing(self, terms: Sequence[int]) -> Bools:
        """Rows that have at least one of the terms."""
        shared = np.zeros(len(self.rows), np.bool_)
        for term in dict.fromkeys(terms):
            shared[self.postings.of(term, None)[0]] = True
        return shared

    def places(self, where: Filter, after: int = -1, limit: int | None = None) -> list[Place]:
        """In the order of first writing."""
        with self.lock:
            rows = np.flatnonzero(self._mask(where) & (self.rows["seq"] > after))
            return self._places(rows[np.argsort(self.rows["seq"][rows], kind="stable")[:limit]])

    def known(self, ids: Sequence[str]) -> dict[str, Place]:
        """Of those of `ids` that are stored."""
        with self.lock:
            rows = self.rows.find_all(ids)
            there = np.flatnonzero(rows >= 0)
            return dict(zip([ids[at] for at in there.tolist()], self._places(rows[there]), strict=True))

    def _places(self, rows: NDArray[np.int64]) -> list[Place]:
        names = self.rows.codes["model_id"].names
        seqs, models = self.rows["seq"][rows].tolist(), self.rows["model_id"][rows].tolist()
        return [Place(seq, names[model]) for seq, model in zip(seqs, models, strict=True)]

    def count(self, where: Filter) -> int:
        with self.lock:
            return int(np.count_nonzero(self._mask(where)))

    def vectors(self) -> int:
        with self.lock:
            return int(np.count_nonzero((self.rows["slot"] >= 0) & self.rows["alive"]))

    def facets(self, by: Facet, where: Filter) -> dict[str, int]:
        with self.lock:
            wanted = self._mask(where)
            match by:
                case "tags" | "files" | "facts":
                    counts = self.rows.labels[by].counts(wanted)
                case "month":
                    counts = months(self.rows["time"][wanted])
                case _:
                    numbers = np.bincount(self.rows[by][wanted], minlength=len(self.rows.codes[by]))
                    counts = {self.rows.codes[by].names[code]: int(numbers[code]) for code in np.flatnonzero(numbers)}
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    def frequencies(self, words: Sequence[str], where: Filter) -> dict[str, int]:
        with self.lock:
            wanted = filters.mask(self.rows, where)
            found = dict.fromkeys(words, 0)
            for word in found:
                for term in self._query_words.hashes(word)[:1]:
                    rows, _ = self.postings.of(term, None)
                    found[word] = int(np.count_nonzero(wanted[rows]))
            return found


def once(rows: Ints) -> Ints:
    """Each once, in order: of a thousand in a tenth of the time of numpy's `unique`."""
    ordered = np.sort(rows)
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _near(seen: Seen, vector: Floats, wanted: Bools, k: int) -> Found:
    dense = seen.dense
    slots = seen.slots[wanted] if not wanted.all() else seen.slots
    there = (slots >= 0) & (slots < len(dense))
    among = None if np.count_nonzero(there) == len(dense) else slots[there]
    found, cosines = dense.nearest(vector, among, k)
    return Found(dense.row.all[found].astype(np.int64), cosines, cosines)


def months(times: NDArray[np.int64]) -> dict[str, int]:
    names, counts = np.unique(times.astype("datetime64[us]").astype("datetime64[M]"), return_counts=True)
    return {str(name): int(count) for name, count in zip(names, counts, strict=True)}
