"""Records kept durably, and found by meaning and by word."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.ports.embedder import Matrix, Vector

T = TypeVar("T")
Scores: TypeAlias = NDArray[np.float64]
Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
Field: TypeAlias = Literal[
    "id",
    "kind",
    "project",
    "session",
    "role",
    "position",
    "parent",
    "time",
    "tags",
    "files",
    "facts",
    "content_hash",
    "model_id",
    "text",
]
Operator: TypeAlias = Literal["=", "!=", "in", "<", "<=", ">", ">=", "has"]
Order: TypeAlias = Literal["newest", "oldest", "votes"]
Facet: TypeAlias = Literal["kind", "project", "session", "role", "month", "tags", "files", "facts", "model_id"]


class Unit(StrEnum):
    """What counts as one document when words are counted."""

    RECORD = "record"
    WINDOW = "window"  # the record and one neighbour each side in its session
    SESSION = "session"  # everything in the record's session


@dataclass(frozen=True, slots=True)
class Record:
    """One memory as the store keeps it. Two records of one session are neighbours when their positions are."""

    id: str
    kind: str
    text: str
    project: str
    time: datetime  # aware
    session: str = ""
    role: str = ""
    position: int = 0  # order within the session
    parent: str = ""  # the record this one is a part of; empty for a whole one
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # paths it touched or mentions, as they stood there
    facts: tuple[str, ...] = ()  # "name:value", as "tool:Edit": for filters and counts, never words
    metadata: Mapping[str, Json] = field(default_factory=dict)
    content_hash: str = ""
    vector: Vector | None = None  # None: not embedded yet
    model_id: str = ""  # of the vector; empty while there is none
    worded: bool = True  # False: its words are not indexed, so that it is found by pattern, filter and id alone


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`. `in` takes a sequence; `has` asks whether a tag, file or fact is among the record's.

    Of tags, files and facts `in` asks whether at least one of the values is among the record's. `text has` takes words:
    the record, or one of its parts, shares at least one of them as `search_lexical` understands it.
    """

    field: Field
    operator: Operator
    value: str | int | datetime | Sequence[str]


Filter: TypeAlias = Sequence[Condition]
"""All conditions hold; the empty filter holds for every record."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A found record's score and place; its text is one `get` away, so that a wide search stays cheap."""

    id: str
    score: float  # cosine for dense, BM25 for lexical: higher is better
    kind: str
    project: str
    session: str
    role: str
    position: int
    parent: str
    time: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Meaning:
    """A question as a vector, and the model that made it: vectors of other models are not compared."""

    vector: Vector
    model_id: str


@dataclass(frozen=True, slots=True)
class Names:
    """A column of names, few of which differ: each as its place in `known`, which may hold more.

    >>> Names.of(["user", "assistant", "user"]).codes.tolist()
    [0, 1, 0]
    """

    known: Sequence[str]
    codes: NDArray[Any]

    @classmethod
    def of(cls, names: Sequence[str]) -> "Names":
        code = {name: at for at, name in enumerate(dict.fromkeys(names))}
        return cls(list(code), np.array([code[name] for name in names], np.int64))

    def __getitem__(self, row: int) -> str:
        return self.known[int(self.codes[row])]

    def all(self) -> list[str]:
        known = self.known
        return [known[code] for code in self.codes.tolist()]

    def counts(self) -> dict[str, int]:
        numbers = np.bincount(self.codes)
        return {self.known[code]: int(numbers[code]) for code in np.flatnonzero(numbers).tolist()}

    def among(self, names: Collection[str]) -> NDArray[np.bool_]:
        """Which rows have one of `names`."""
        codes = [self.known.index(name) for name in names if name in self.known]
        has: NDArray[np.bool_] = self.codes == (codes[0] if codes else -1)
        for code in codes[1:]:
            has |= self.codes == code
        return has

    def at(self, rows: NDArray[Any]) -> "Names":
        return Names(self.known, self.codes[rows])


@dataclass(frozen=True, slots=True)
class Matches:
    """What one search found, in columns and in no order: each record once, with all its scores."""

    ids: Sequence[str]
    kinds: Names
    projects: Names
    sessions: Names
    roles: Names
    parents: Names
    positions: NDArray[np.int64]
    times: Scores  # seconds since the epoch
    cosines: Scores  # nan: it has no vector, or one of another model
    words: Mapping[Unit, Scores]  # BM25 of the record's unit; 0: that shares no word
    searched: int  # records that the filter holds for, found or not

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class PatternMatch:
    """A record that a pattern was found in, and the first text that it matched."""

    hit: Hit
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    records: Sequence[Record]
    cursor: str | None  # None: that was the last page


@dataclass(frozen=True, slots=True)
class SessionSpan:
    """What a filter leaves of one session; `session` is empty for what belongs to none."""

    session: str
    project: str  # of its latest record
    records: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Completion:
    """A word that begins as was asked, in how many records it stands, and in how many of them beside the other words."""

    word: str
    records: int
    together: int


@dataclass(frozen=True, slots=True)
class StoreStats:
    records: int  # kept, parts included
    indexed: int  # of them in the indexes: all of them, unless something is broken
    vectors: int
    bytes_on_disk: int
    schema_version: int


Read: TypeAlias = Callable[[Sequence[str]], list[Record]]
"""As `VectorStore.get`, for those who cannot wait."""


class VectorStore(Protocol):
    """Records under ids that the caller chooses. A returned call is durable, and visible to the very next one.

    >>> await store.upsert([Record(id="a", kind="reflection", text="reset the cache", project="shop", time=now)])
    >>> [hit.id for hit in await store.search_lexical("cache resets", [Condition("project", "=", "shop")], k=5)]
    ['a']
    """

    async def upsert(self, records: Sequence[Record]) -> None:
        """Writes all or none; the same id twice is one record, the last one. Raises Invalid, Unavailable, Corrupt.

        A record that comes without a vector keeps the stored one as long as its text and role stay the same.
        """

    async def set_vectors(
        self, ids: Sequence[str], vectors: Matrix, model_id: str, texts: Sequence[str] | None = None
    ) -> None:
        """Adds vectors to stored records, in order; ids that are gone are passed over. Raises Invalid on a wrong shape.

        `texts` are what the vectors were made of: a record that says something else by now is passed over, too.
        """

    async def get(self, ids: Sequence[str]) -> list[Record]:
        """In the order of `ids`; an unknown id is left out. Records come without their vectors."""

    async def vectors(self, ids: Sequence[str]) -> dict[str, Vector]:
        """The stored vectors of those of `ids` that have one, float32."""

    async def delete(self, where: Filter) -> int:
        """How many went. Raises Invalid for an unknown field or operator."""

    async def search_dense(self, vector: Vector, where: Filter, k: int) -> list[Hit]:
        """At most k records with a vector, nearest by cosine first; ties newest first, then by id."""

    async def search_lexical(self, text: str, where: Filter, k: int, unit: Unit = Unit.RECORD) -> list[Hit]:
        """At most k records that share a word (stemmed, stop words left out) with `text`, best BM25 first.

        The score is that of the record's `unit`; every hit is a record all the same. A window needs only one of its
        records to have a word, the middle one or a neighbour; of a session only records that have a word themselves are
        hits, those with the better words first. Neighbours are the whole records (no parts) next in order of position.
        """

    async def search_pattern(self, pattern: str, where: Filter, k: int, *, literal: bool = False) -> list[PatternMatch]:
        """At most k records whose text holds a match of `pattern`, newest first, then by id; every score is 1.

        A pattern is a regular expression in RE2's syntax, so that none takes exponential time; `literal`: plain text.
        Raises Invalid for a wrong expression.
        """

    async def latest(self, where: Filter, k: int) -> list[Hit]:
        """At most k records, newest first, then by id; every score is 1."""

    async def search(
        self,
        text: str,
        meaning: Awaitable[Meaning | None],
        where: Filter,
        k: int,
        judge: Callable[[Matches, Read], T],
    ) -> T:
        """The k best of `search_dense` and of `search_lexical` in every unit, each with what all of them say of it.

        `meaning` may still be on its way: words are looked up meanwhile. None: by words only. `judge` makes of them what
        it likes, maybe in another thread, and may read records.
        """

    async def scan(self, where: Filter, cursor: str | None = None, limit: int = 500) -> Page:
        """Records in the order they were first written; each once, even while others arrive. Raises Invalid for a bad cursor."""

    async def listed(self, where: Filter, order: Order, cursor: str | None = None, limit: int = 50) -> Page:
        """By time, of the same time in order of writing; or by the number `votes` in the metadata (none is 0), then newest.

        Each once, even while others arrive: a cursor names a place, so what is new stands before it or after it. Raises
        Invalid for a bad cursor, one of another order included.
        """

    async def sessions(self, where: Filter, k: int) -> list[SessionSpan]:
        """At most k, that with the latest record first."""

    async def complete(self, prefix: str, where: Filter, k: int, beside: str = "") -> list[Completion]:
        """At most k words of three letters or more that begin with `prefix`, in lower case.

        First those that stand in most records that share a word with `beside`, then those in most records. Of the forms
        of one word the shortest is given, with the records of all. Raises Invalid for a prefix without a letter or digit.
        """

    async def count(self, where: Filter) -> int: ...

    async def facets(self, by: Facet, where: Filter) -> dict[str, int]:
        """Records per value of `by`, most first; a month is `2026-11`. Computed by the store."""

    async def frequencies(self, words: Sequence[str], where: Filter) -> dict[str, int]:
        """In how many of the records each word stands, read as `search_lexical` reads it; 0 for a stop word.

        A name made of several words (`userCache`, `a/b.py`) counts as a whole.
        """

    async def stats(self) -> StoreStats: ...

    async def backup(self, to: Path) -> None:
        """Writes a consistent copy to `to` (owner-only, whole or not at all). Raises Invalid when `to` exists."""

    async def close(self) -> None:
        """Idempotent. What returned before is safe even without it."""
