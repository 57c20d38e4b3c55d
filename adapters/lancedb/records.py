"""Records as the table keeps them: checked, cleaned of what Arrow does not take, and in columns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.lancedb.schema import DIMENSIONS, HIT, READ, SCHEMA, VECTOR
from session_mgmt_mcp.adapters.lancedb.words import terms
from session_mgmt_mcp.ports.embedder import Vector
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Hit, Json, Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_ID = 512
SUMMED = READ[: READ.index("model_id")]
DERIVED = ("words", "length", "month", "votes")


@dataclass(frozen=True, slots=True)
class Row:
    """A record ready to be written."""

    columns: Mapping[str, Any]  # those of SUMMED
    sum: int
    vector: Vector | None
    model_id: str

    @property
    def id(self) -> str:
        return str(self.columns["id"])


def parse(record: Record) -> Row:
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
        check_vectors(record.vector.reshape(1, -1), 1)
        if not record.model_id:
            raise Invalid(f"model_id of {record.id}: name the model that made its vector.")
    columns = {
        "id": record.id,
        "kind": clean(record.kind),
        "text": clean(record.text),
        "project": clean(record.project),
        "session": clean(record.session),
        "role": clean(record.role),
        "position": record.position,
        "parent": clean(record.parent),
        "time": microseconds(record.time),
        "tags": [clean(tag) for tag in record.tags],
        "files": [clean(file) for file in record.files],
        "facts": [clean(fact) for fact in record.facts],
        "metadata": dump(record.id, record.metadata),
        "content_hash": clean(record.content_hash),
        "worded": record.worded,
    }
    vector = None if record.vector is None else np.asarray(record.vector, np.float32)
    return Row(columns, sum_of(columns), vector, clean(record.model_id) if vector is not None else "")


def sum_of(columns: Mapping[str, Any]) -> int:
    """Of what a record says, vector and model left out: 64 bits."""
    said = orjson.dumps([columns[name] for name in SUMMED])
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "little", signed=True)


def sum_of_vector(vector: Vector) -> int:
    said = np.ascontiguousarray(vector, "<f4").tobytes()
    return int.from_bytes(blake2b(said, digest_size=8).digest(), "little", signed=True)


def table_of(rows: Sequence[Row]) -> pa.Table:
    columns: dict[str, Any] = {name: [row.columns[name] for row in rows] for name in SUMMED}
    made = [derived(row.columns) for row in rows]
    columns |= {name: [one[name] for one in made] for name in DERIVED}
    columns["sum"] = [row.sum for row in rows]
    columns |= vector_columns([row.vector for row in rows], [row.model_id for row in rows])
    arrays = [
        one if isinstance(one := columns[field.name], pa.Array) else pa.array(one, field.type) for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def derived(columns: Mapping[str, Any]) -> dict[str, Any]:
    """What searches need beside a record, made of it."""
    said = terms(columns["text"], columns["role"], columns["tags"]) if columns["worded"] else None
    return {
        "words": None if said is None else " ".join(said),
        "length": len(said or ()),
        "month": (EPOCH + timedelta(microseconds=columns["time"])).isoformat()[:7],
        "votes": votes_of(columns["metadata"]),
    }


def vector_columns(vectors: Sequence[Vector | None], models: Sequence[str]) -> dict[str, Any]:
    missing = np.array([vector is None for vector in vectors])
    matrix = np.zeros((len(vectors), DIMENSIONS), np.float32)
    for at in np.flatnonzero(~missing).tolist():
        matrix[at] = vectors[at]
    flat = pa.array(matrix.reshape(-1))
    return {
        "model_id": list(models),
        "vector": pa.FixedSizeListArray.from_arrays(flat, type=VECTOR, mask=pa.array(missing)),
        "vector_sum": [None if vector is None else sum_of_vector(vector) for vector in vectors],
    }


def matrix_of(vectors: Any) -> NDArray[np.float32]:
    """float32[n, 384] of an Arrow column without nulls."""
    return np.asarray(pc.list_flatten(vectors), np.float32).reshape(-1, DIMENSIONS)


def to_record(found: Mapping[str, Any]) -> Record:
    """Of the columns in READ."""
    return Record(
        id=found["id"],
        kind=found["kind"],
        text=found["text"],
        project=found["project"],
        time=EPOCH + timedelta(microseconds=found["time"]),
        session=found["session"],
        role=found["role"],
        position=found["position"],
        parent=found["parent"],
        tags=tuple(found["tags"]),
        files=tuple(found["files"]),
        facts=tuple(found["facts"]),
        worded=found["worded"],
        metadata=load(found["metadata"]),
        content_hash=found["content_hash"],
        model_id=found["model_id"],
    )


def to_hit(found: Mapping[str, Any], score: float) -> Hit:
    """Of the columns in HIT."""
    others = {name: found[name] for name in HIT if name != "time"}
    return Hit(score=score, time=found["time"] / 1_000_000, **others)


def check_vectors(vectors: NDArray[Any], count: int) -> None:
    if vectors.shape != (count, DIMENSIONS):
        raise Invalid(f"vectors: give shape ({count}, {DIMENSIONS}), not {vectors.shape}; is it another model's?")
    if not np.isfinite(vectors).all():
        raise Invalid("vectors: every number must be finite.")


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // MICROSECOND


def storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clean(text: str) -> str:
    """Halves of surrogate pairs become U+FFFD: Arrow does not take them."""
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
    try:
        return cast("Mapping[str, Json]", orjson.loads(text))
    except orjson.JSONDecodeError:
        return cast("Mapping[str, Json]", json.loads(text))


def votes_of(metadata: str) -> int:
    votes = load(metadata).get("votes", 0) if '"votes"' in metadata else 0
    return votes if isinstance(votes, int) and abs(votes) < 2**62 else 0
