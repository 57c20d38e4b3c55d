"""Records in a dict: the shortest VectorStore that keeps the contract."""

import json
import math
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import Stemmer
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.ports.vector_store import (
    Completion,
    Condition,
    Facet,
    Field,
    Filter,
    Hit,
    Matches,
    Meaning,
    Names,
    Operator,
    Order,
    Page,
    PatternMatch,
    Read,
    Record,
    SessionSpan,
    StoreStats,
    T,
    Unit,
)

DIMENSIONS = 384
INDEXED_CHARACTERS = 800
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a about an and are as at be but by can did do does for from had has have how i if in is it its me my "
        "no not of on or our so that the their them then there they this to was we were what when where which who will with you your",
    )
)
WORD = re.compile(r"\w+(?:[./\\:\-@]+\w+)*")
PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class MemoryVectorStore:
    """VectorStore for tests and for what need not last.

    >>> store = MemoryVectorStore()
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._seqs: dict[str, int] = {}
        self._written = 0
        self._closed = False
        self._stem = Stemmer.Stemmer("english").stemWord

    async def upsert(self, records: Sequence[Record]) -> None:
        self._check_open()
        for record in records:
            check_record(record)
        for record in records:
            before = self._records.get(record.id)
            if before is None:
                self._written += 1
                self._seqs[record.id] = self._written
            kept = before if before and (before.text, before.role) == (record.text, record.role) else None
            vector, model = record.vector, record.model_id
            if vector is None:
                vector, model = (kept.vector, kept.model_id) if kept else (None, "")
            text, time = clean(record.text), record.time.astimezone(UTC)
            self._records[record.id] = replace(record, text=text, time=time, vector=vector, model_id=model)

    async def set_vectors(
        self, ids: Sequence[str], vectors: Matrix, model_id: str, texts: Sequence[str] | None = None
    ) -> None:
        self._check_open()
        check_vectors(vectors, len(ids))
        if not model_id:
            raise Invalid("model_id: name the model that made the vectors.")
        for at, (record_id, vector) in enumerate(zip(ids, vectors, strict=True)):
            known = self._records.get(record_id)
            if known and (texts is None or known.text == texts[at]):
                self._records[record_id] = replace(known, vector=vector.copy(), model_id=model_id)

    async def get(self, ids: Sequence[str]) -> list[Record]:
        return self._get(ids)

    def _get(self, ids: Sequence[str]) -> list[Record]:
        self._check_open()
        return [replace(self._records[one], vector=None) for one in ids if one in self._records]

    async def vectors(self, ids: Sequence[str]) -> dict[str, Vector]:
        self._check_open()
        found = {one: self._records[one].vector for one in ids if one in self._records}
        return {one: vector for one, vector in found.items() if vector is not None}

    async def delete(self, where: Filter) -> int:
        gone = self._having(where)
        for record in gone:
            del self._records[record.id], self._seqs[record.id]
        return len(gone)

    async def search_dense(self, vector: Vector, where: Filter, k: int) -> list[Hit]:
        check_vectors(np.asarray(vector).reshape(1, -1), 1)
        check_count("k", k)
        found = [(record, cosine(vector, record.vector)) for record in self._having(where) if record.vector is not None]
        return best([(record, score, score) for record, score in found], k)

    async def search_lexical(self, text: str, where: Filter, k: int, unit: Unit = Unit.RECORD) -> list[Hit]:
        check_count("k", k)
        wanted = {record.id for record in self._having(where)}
        own, scores = self._bm25(text, Unit.RECORD), self._bm25(text, unit)
        found = [
            (self._records[one], score, own[one])
            for one, score in scores.items()
            if score > 0 and one in wanted and (own[one] > 0 or unit is not Unit.SESSION)
        ]
        return best(found, k)

    async def search_pattern(self, pattern: str, where: Filter, k: int, *, literal: bool = False) -> list[PatternMatch]:
        """By Python's `re`, which knows RE2's syntax and more."""
        check_count("k", k)
        try:
            expression = re.compile(re.escape(pattern) if literal else pattern)
        except re.error as error:
            raise Invalid(f"pattern: {pattern[:60]!r} is no regular expression ({error}); correct it.") from error
        found = {one.id: (one, match[0]) for one in self._having(where) if (match := expression.search(one.text))}
        return [PatternMatch(hit, found[hit.id][1]) for hit in best([(one, 1.0, 1.0) for one, _ in found.values()], k)]

    async def latest(self, where: Filter, k: int) -> list[Hit]:
        check_count("k", k)
        return best([(one, 1.0, 1.0) for one in self._having(where)], k)

    async def search(
        self,
        text: str,
        meaning: Awaitable[Meaning | None],
        where: Filter,
        k: int,
        judge: Callable[[Matches, Read], T],
    ) -> T:
        return judge(await self._matches(text, await meaning, where, k), self._get)

    async def _matches(self, text: str, known: Meaning | None, where: Filter, k: int) -> Matches:
        searched = len(self._having(where))
        cosines: dict[str, float] = {}
        if known:
            by_model = [*where, Condition("model_id", "=", known.model_id)]
            cosines = {hit.id: hit.score for hit in await self.search_dense(known.vector, by_model, searched + 1)}
        words = {unit: self._bm25(text, unit) for unit in Unit}
        found = dict.fromkeys(list(cosines)[:k])
        for unit in Unit:
            found |= dict.fromkeys(hit.id for hit in await self.search_lexical(text, where, k, unit))
        records = [self._records[one] for one in found]
        return Matches(
            ids=list(found),
            kinds=Names.of([record.kind for record in records]),
            projects=Names.of([record.project for record in records]),
            sessions=Names.of([record.session for record in records]),
            roles=Names.of([record.role for record in records]),
            parents=Names.of([record.parent for record in records]),
            positions=np.array([record.position for record in records], np.int64),
            times=np.array([record.time.timestamp() for record in records]),
            cosines=np.array([cosines.get(one, np.nan) for one in found]),
            words={unit: np.array([scores.get(one, 0.0) for one in found]) for unit, scores in words.items()},
            searched=searched,
        )

    async def scan(self, where: Filter, cursor: str | None = None, limit: int = 500) -> Page:
        check_count("limit", limit)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
            raise Invalid("cursor: give the one that the page before came with.")
        after = int(cursor or 0)
        found = sorted(
            ((self._seqs[r.id], r) for r in self._having(where) if self._seqs[r.id] > after), key=lambda one: one[0]
        )
        shown = [replace(record, vector=None) for _, record in found[:limit]]
        return Page(shown, str(found[limit - 1][0]) if len(found) > limit else None)

    async def listed(self, where: Filter, order: Order, cursor: str | None = None, limit: int = 50) -> Page:
        check_count("limit", limit)
        if order not in get_args(Order):
            raise Invalid(f"order {order!r}: use one of {', '.join(get_args(Order))}.")
        placed = sorted(
            ((self._place(record, order), record) for record in self._having(where)), key=lambda one: one[0]
        )
        if cursor is not None:
            name, _, place = cursor.partition(" ")
            if name != order:
                raise Invalid("cursor: give the one that the page before came with, and ask for the same order.")
            placed = [one for one in placed if one[0] > tuple(json.loads(place))]
        shown = placed[:limit]
        following = f"{order} {json.dumps(shown[-1][0])}" if len(placed) > limit else None
        return Page([replace(record, vector=None) for _, record in shown], following)

    def _place(self, record: Record, order: Order) -> tuple[float, ...]:
        time, seq = record.time.timestamp(), self._seqs[record.id]
        votes = record.metadata.get("votes", 0)
        match order:
            case "oldest":
                return (time, seq)
            case "newest":
                return (-time, -seq)
            case "votes":
                return (-votes if isinstance(votes, int) else 0, -time, -seq)

    async def sessions(self, where: Filter, k: int) -> list[SessionSpan]:
        check_count("k", k)
        members: dict[str, list[Record]] = defaultdict(list)
        for record in self._having(where):
            members[record.session].append(record)
        spans = []
        for session, records in members.items():
            records.sort(key=lambda one: (one.time, self._seqs[one.id]))
            first, last = records[0], records[-1]
            spans.append(SessionSpan(session, last.project, len(records), first.time, last.time))
        return sorted(spans, key=lambda span: span.last, reverse=True)[:k]

    async def complete(self, prefix: str, where: Filter, k: int, beside: str = "") -> list[Completion]:
        check_count("k", k)
        if not any(letter.isalnum() for letter in prefix):
            raise Invalid("prefix: give at least one letter or digit to complete.")
        start, others = prefix.strip().lower(), set(self._terms(beside))
        forms: dict[str, set[str]] = defaultdict(set)
        records: Counter[str] = Counter()
        together: Counter[str] = Counter()
        for record in self._having(where):
            text = indexed_text(record) if record.worded else ""
            terms = set(self._terms(text))
            records.update(terms)
            together.update(terms if terms & others else ())
            for word in {*WORD.findall(text), *PIECE.findall(text)}:
                forms[self._stem(word.lower())].add(word.lower())
        fitting = {
            term: [form for form in some if form.startswith(start) and len(form) > 2 and form not in STOP_WORDS]
            for term, some in forms.items()
        }
        words = {term: min(some, key=lambda form: (len(form), form)) for term, some in fitting.items() if some}
        order = sorted(words, key=lambda term: (-together[term], -records[term], words[term]))
        return [Completion(words[term], records[term], together[term]) for term in order if records[term]][:k]

    async def count(self, where: Filter) -> int:
        return len(self._having(where))

    async def facets(self, by: Facet, where: Filter) -> dict[str, int]:
        if by not in get_args(Facet):
            raise Invalid(f"facet {by!r}: use one of {', '.join(get_args(Facet))}.")
        counts: Counter[str] = Counter()
        for record in self._having(where):
            if by in ("tags", "files", "facts"):
                counts.update(set(getattr(record, by)))
            elif by == "month":
                counts[f"{record.time.astimezone(UTC):%Y-%m}"] += 1
            else:
                counts[getattr(record, by)] += 1
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))

    async def frequencies(self, words: Sequence[str], where: Filter) -> dict[str, int]:
        terms = [set(self._terms(indexed_text(record))) for record in self._having(where)]
        wholes = {word: self._terms(word)[:1] for word in words}
        return {word: sum(whole[0] in one for one in terms) if whole else 0 for word, whole in wholes.items()}

    async def stats(self) -> StoreStats:
        records = self._having(())
        return StoreStats(len(records), len(records), sum(record.vector is not None for record in records), 0, 1)

    async def backup(self, to: Path) -> None:
        """Texts only: there is nothing to restore a dict from."""
        if to.exists():
            raise Invalid(f"to: {to} exists; name a new file.")
        to.write_text(json.dumps({record.id: record.text for record in self._having(())}), encoding="utf-8")
        to.chmod(0o600)

    async def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("The store is closed: open it again.")

    def _having(self, where: Filter) -> list[Record]:
        self._check_open()
        for condition in where:
            check_condition(condition)
        sharing = [self._sharing(str(one.value)) for one in where if one.field == "text"]
        others = [one for one in where if one.field != "text"]
        found = [record for record in self._records.values() if all(holds(record, one) for one in others)]
        return [record for record in found if all(record.id in ids for ids in sharing)]

    def _sharing(self, text: str) -> set[str]:
        words = set(self._terms(text))
        worded = [record for record in self._records.values() if record.worded]
        found = [record for record in worded if words & set(self._terms(indexed_text(record)))]
        return {record.id for record in found} | {record.parent for record in found}

    def _bm25(self, text: str, unit: Unit) -> dict[str, float]:
        """Of every record, the score of its unit."""
        query = set(self._terms(text))
        counts = {one.id: Counter(self._terms(indexed_text(one))) for one in self._records.values() if one.worded}
        match unit:
            case Unit.RECORD:
                return bm25(counts, query)
            case Unit.WINDOW:
                windows = {one: ms for one, ms in self._windows().items() if one in counts}
                return bm25({one: sum((counts[m] for m in ms), Counter()) for one, ms in windows.items()}, query)
            case Unit.SESSION:
                members = self._sessions()
                whole = bm25({name: sum((counts[m] for m in ms), Counter()) for name, ms in members.items()}, query)
                return {m: whole[name] for name, ms in members.items() for m in ms}

    def _terms(self, text: str) -> list[str]:
        words: list[str] = []
        for raw in WORD.findall(text):
            pieces = PIECE.findall(raw)
            words += [raw, *(piece for piece in pieces if len(piece) > 1)] if len(pieces) > 1 else [raw]
        return [self._stem(word.lower()) for word in words if word.lower() not in STOP_WORDS]

    def _sessions(self) -> dict[tuple[str, str], list[str]]:
        members: dict[tuple[str, str], list[str]] = defaultdict(list)
        for one in self._records.values():
            if not one.worded:
                continue
            members[(one.session, "" if one.session else one.id)].append(one.id)
        return members

    def _windows(self) -> dict[str, list[str]]:
        windows = {one: [one] for one in self._records}
        for (session, _), members in self._sessions().items():
            whole = [m for m in members if session and not self._records[m].parent]
            whole.sort(key=lambda m: (self._records[m].position, self._seqs[m]))
            for left, right in pairwise(whole):
                windows[left].append(right)
                windows[right].append(left)
        return windows


def indexed_text(record: Record) -> str:
    return " ".join((record.text[:INDEXED_CHARACTERS], record.role, *record.tags))


def bm25(documents: dict[Any, Counter[str]], query: set[str]) -> dict[Any, float]:
    lengths = {name: counts.total() for name, counts in documents.items()}
    average = sum(lengths.values()) / max(1, len(documents)) or 1
    having = {term: sum(term in counts for counts in documents.values()) for term in query}
    scores = dict.fromkeys(documents, 0.0)
    for name, counts in documents.items():
        for term in query & counts.keys():
            idf = math.log1p((len(documents) - having[term] + 0.5) / (having[term] + 0.5))
            tf = counts[term]
            scores[name] += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[name] / average))
    return scores


def best(found: list[tuple[Record, float, float]], k: int) -> list[Hit]:
    found.sort(key=lambda one: (-one[1], -one[2], -one[0].time.timestamp(), one[0].id))
    return [
        Hit(r.id, float(score), r.kind, r.project, r.session, r.role, r.position, r.parent, r.time.timestamp())
        for r, score, _ in found[:k]
    ]


def cosine(left: Vector, right: Vector) -> float:
    norms = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(left @ right) / norms if norms else 0.0


def clean(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def holds(record: Record, condition: Condition) -> bool:
    value: Any = condition.value
    stored = getattr(record, condition.field)
    if condition.operator == "in":
        return bool({*stored} & {*value}) if isinstance(stored, tuple) else stored in value
    if condition.operator == "has":
        return value in stored
    return COMPARE[condition.operator](stored, value)


def check_condition(condition: Condition) -> None:
    field, op, value = condition.field, condition.operator, condition.value
    if field not in get_args(Field) or op not in get_args(Operator):
        raise Invalid(f"filter {field!r} {op!r}: use a known field and one of {' '.join(get_args(Operator))}.")
    match field:
        case "tags" | "files" | "facts" if op != "in":
            fits = op == "has" and isinstance(value, str)
        case "text":
            fits = op == "has" and isinstance(value, str)
        case "time":
            fits = op in COMPARE and isinstance(value, datetime) and value.tzinfo is not None
        case "position":
            fits = op in COMPARE and isinstance(value, int)
        case _ if op == "in":
            fits = isinstance(value, Sequence) and all(isinstance(one, str) for one in value)
            fits = fits and not isinstance(value, str)
        case _:
            fits = op in ("=", "!=") and isinstance(value, str)
    if not fits:
        raise Invalid(f"filter {field} {op}: {value!r} does not fit.")


def check_record(record: Record) -> None:
    if not record.id or len(record.id) > 512 or clean(record.id) != record.id:
        raise Invalid("id: give 1 to 512 characters of valid unicode.")
    if record.time.tzinfo is None:
        raise Invalid(f"time of {record.id}: give an aware datetime, for example datetime.now(UTC).")
    if record.vector is not None:
        check_vectors(record.vector.reshape(1, -1), 1)
        if not record.model_id:
            raise Invalid(f"model_id of {record.id}: name the model that made its vector.")
    try:
        json.dumps(dict(record.metadata))
    except (TypeError, ValueError) as error:
        raise Invalid(f"metadata of {record.id}: give what JSON can hold ({error}).") from error


def check_vectors(vectors: Matrix, count: int) -> None:
    if vectors.shape != (count, DIMENSIONS):
        raise Invalid(f"vectors: give shape ({count}, {DIMENSIONS}), not {vectors.shape}; is it another model's?")
    if not np.isfinite(vectors).all():
        raise Invalid("vectors: every number must be finite.")


def check_count(name: str, value: int) -> None:
    if value < 1:
        raise Invalid(f"{name}: give 1 or more, not {value}.")
