"""Records as the database keeps them: checked, cleaned of what no database takes, and in Arrow columns."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple, cast

import numpy as np
import orjson
from arro3.core import Array, DataType, Table, fixed_size_list_array, list_array
from numpy.typing import NDArray
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Json, Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_ID = 512
TEXTS = ("id", "kind", "text", "project", "session", "role", "parent", "metadata", "content_hash")
LABELLED = ("tags", "files", "facts")
_PLAIN = attrgetter(*TEXTS, "time", "position")
COLUMNS = "seq, revision, id, kind, text, project, session, role, parent, metadata, content_hash, time, position, tags, files, facts, worded"


class Row(NamedTuple):
    """A record ready to be written, and as it is read back (then without a vector)."""

    seq: int
    id: str
    kind: str
    text: str
    project: str
    session: str
    role: str
    parent: str
    metadata: str
    content_hash: str
    time: int  # microseconds since the epoch
    position: int
    tags: tuple[str, ...]
    files: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    worded: bool = True
    vector: Vector | None = None
    model_id: str = ""

    def same(self, other: "Row") -> bool:
        """Nothing but seq and vector differs."""
        return all(
            getattr(self, name) == getattr(other, name) for name in (*TEXTS, "time", "position", *LABELLED, "worded")
        )


def parse(record: Record, dimensions: int) -> Row:
    """Raises Invalid, naming the argument."""
    if not record.id or len(record.id) > LONGEST_ID or not storable(record.id):
        raise Invalid(f"id: give 1 to {LONGEST_ID} characters of valid unicode, not {record.id[:40]!a}.")
    if not isinstance(record.text, str):
        raise Invalid(f"text of {record.id}: give a str, not {type(record.text).__name__}.")
    if record.time.tzinfo is None:
        raise Invalid(f"time of {record.id}: give an aware datetime, for example datetime.now(UTC).")
    if not -(2**62) < record.position < 2**62:
        raise Invalid(f"position of {record.id}: {record.position} is out of range.")
    if record.vector is not None:
        check_vectors(record.vector.reshape(1, -1), 1, dimensions)
        if not record.model_id:
            raise Invalid(f"model_id of {record.id}: name the model that made its vector.")
    return Row(
        seq=0,
        id=record.id,
        kind=clean(record.kind),
        text=clean(record.text),
        project=clean(record.project),
        session=clean(record.session),
        role=clean(record.role),
        parent=clean(record.parent),
        metadata=dump(record.id, record.metadata),
        content_hash=clean(record.content_hash),
        time=microseconds(record.time),
        position=record.position,
        tags=tuple(map(clean, record.tags)),
        files=tuple(map(clean, record.files)),
        facts=tuple(map(clean, record.facts)),
        worded=record.worded,
        vector=None if record.vector is None else np.asarray(record.vector, np.float32),
        model_id=clean(record.model_id) if record.vector is not None else "",
    )


def check_vectors(vectors: NDArray[Any], count: int, dimensions: int) -> None:
    if vectors.shape != (count, dimensions):
        raise Invalid(f"vectors: give shape ({count}, {dimensions}), not {vectors.shape}; is it another model's?")
    if not np.isfinite(vectors).all():
        raise Invalid("vectors: every number must be finite.")


def restored(row: Sequence[Any]) -> Row:
    """Of a database row in the order of COLUMNS."""
    seq, _, *plain, tags, files, facts, worded = row  # in the order of Row, too
    return Row(*(seq, *plain, tuple(tags), tuple(files), tuple(facts), worded))


def packed(row: Row) -> bytes:
    """As bytes, without its vector."""
    return orjson.dumps((row.seq, *_PLAIN(row), row.tags, row.files, row.facts, row.worded))


def unpacked(body: bytes, model_id: str) -> Record:
    """The record of what `packed` made."""
    _, *texts, time, position, tags, files, facts, worded = orjson.loads(body)
    name, kind, text, project, session, role, parent, metadata, content_hash = texts
    return Record(
        id=name,
        kind=kind,
        text=text,
        project=project,
        time=EPOCH + timedelta(microseconds=time),
        session=session,
        role=role,
        position=position,
        parent=parent,
        tags=tuple(tags),
        files=tuple(files),
        facts=tuple(facts),
        worded=worded,
        metadata=load(metadata),
        content_hash=content_hash,
        model_id=model_id,
    )


def to_record(row: Row, model_id: str) -> Record:
    return Record(
        id=row.id,
        kind=row.kind,
        text=row.text,
        project=row.project,
        time=EPOCH + timedelta(microseconds=row.time),
        session=row.session,
        role=row.role,
        position=row.position,
        parent=row.parent,
        tags=row.tags,
        files=row.files,
        facts=row.facts,
        worded=row.worded,
        metadata=load(row.metadata),
        content_hash=row.content_hash,
        model_id=model_id,
    )


def record_table(rows: Sequence[Row], revision: int) -> Table:
    string = DataType.string()
    columns: dict[str, Any] = {
        "seq": Array(np.fromiter((row.seq for row in rows), np.int64, len(rows))),
        "revision": Array(np.arange(revision, revision + len(rows), dtype=np.int64)),
    }
    for name in TEXTS:
        columns[name] = Array([getattr(row, name) for row in rows], string)
    columns["time"] = Array(np.fromiter((row.time for row in rows), np.int64, len(rows)))
    columns["position"] = Array(np.fromiter((row.position for row in rows), np.int64, len(rows)))
    for name in LABELLED:
        columns[name] = lists([getattr(row, name) for row in rows])
    columns["worded"] = Array([row.worded for row in rows], DataType.bool())
    return Table.from_pydict(columns)


def lists(values: Sequence[Sequence[str]]) -> Any:
    offsets = np.cumsum([0, *map(len, values)], dtype=np.int32)
    return list_array(Array(offsets), Array(list(chain.from_iterable(values)), DataType.string()))


def vector_table(seqs: Sequence[int], revision: int, models: Sequence[str], vectors: NDArray[np.float32]) -> Table:
    flat = np.ascontiguousarray(vectors, np.float32)
    return Table.from_pydict(
        {
            "seq": Array(np.asarray(seqs, np.int64)),
            "revision": Array(np.arange(revision, revision + len(seqs), dtype=np.int64)),
            "model_id": Array(list(models), DataType.string()),
            "vector": fixed_size_list_array(Array(flat.reshape(-1)), flat.shape[1]),
        }
    )


def seq_table(seqs: Sequence[int] | NDArray[Any], revision: int = 0) -> Table:
    return Table.from_pydict(
        {
            "seq": Array(np.asarray(seqs, np.int64)),
            "revision": Array(np.arange(revision, revision + len(seqs), dtype=np.int64)),
        }
    )


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str) -> str:
    """Halves of surrogate pairs become U+FFFD: neither Arrow nor DuckDB takes them."""
    if text.isascii() or storable(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def dump(record_id: str, metadata: Mapping[str, Json]) -> str:
    try:
        return orjson.dumps(metadata).decode()
    except TypeError:
        pass  # orjson takes neither lone surrogates, integers beyond 64 bits nor other mappings; json does
    try:
        return json.dumps(dict(metadata))
    except (TypeError, ValueError) as error:
        raise Invalid(f"metadata of {record_id}: give what JSON can hold ({error}).") from error


def load(text: str) -> Mapping[str, Json]:
    if text == "{}":
        return {}  # as most have it
    try:
        return cast("Mapping[str, Json]", orjson.loads(text))
    except orjson.JSONDecodeError:
        return cast("Mapping[str, Json]", json.loads(text))
