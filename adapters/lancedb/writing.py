"""What a write does to the table: one commit a group, whole or not at all."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from session_mgmt_mcp.adapters.lancedb import filters
from session_mgmt_mcp.adapters.lancedb.records import Row, table_of, vector_columns
from session_mgmt_mcp.adapters.lancedb.schema import SCHEMA
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.vector_store import Filter

GROUP_ROWS, GROUP_CHARACTERS = 2_000, 8_000_000
IDS_AT_ONCE = 1_000
SET = pa.schema([SCHEMA.field(name) for name in ("id", "model_id", "vector", "vector_sum")])


@dataclass(frozen=True, slots=True)
class Write:
    """Rows to upsert, or anything else to run between the others."""

    done: "asyncio.Future[Any]"
    rows: Sequence[Row] = ()
    run: Callable[[], Awaitable[Any]] | None = None


class Writer:
    """Does one write after the other; upserts that wait together become one commit.

    `upsert` and the `run` of a write are expected to repeat themselves where that helps.
    """

    def __init__(self, upsert: Callable[[Sequence[Row]], Awaitable[None]]) -> None:
        self._upsert = upsert
        self._waiting: deque[Write] = deque()
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    async def upsert(self, rows: Sequence[Row]) -> None:
        await self._write(Write(asyncio.get_running_loop().create_future(), rows=rows))

    async def run(self, what: Callable[[], Awaitable[Any]]) -> Any:
        return await self._write(Write(asyncio.get_running_loop().create_future(), run=what))

    async def close(self) -> None:
        """What was asked for before is done first."""
        self._closed = True
        if self._working is not None and not self._working.done():
            await asyncio.wait([self._working])

    async def _write(self, write: Write) -> Any:
        if self._closed:
            raise Unavailable("The store is closed: open it again.")
        self._waiting.append(write)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await write.done  # a caller that gives up takes back what has not begun

    async def _work(self) -> None:
        while self._waiting:
            await self._together(self._next())

    def _next(self) -> list[Write]:
        group: list[Write] = []
        rows = characters = 0
        while self._waiting:
            write = self._waiting[0]
            if write.done.cancelled():
                self._waiting.popleft()
                continue
            rows += len(write.rows)
            characters += sum(len(row.columns["text"]) for row in write.rows)
            full = rows > GROUP_ROWS or characters > GROUP_CHARACTERS
            if group and (full or write.run or group[0].run):
                break
            group.append(self._waiting.popleft())
        return group

    async def _together(self, group: list[Write]) -> None:
        if not group:
            return
        run = group[0].run
        try:
            answer = await (run() if run else self._upsert([row for write in group for row in write.rows]))
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Unavailable):
                for write in group:  # one of them is to blame
                    await self._together([write])
                return
            for write in group:
                if not write.done.done():
                    write.done.set_exception(error)
            return
        except BaseException:
            for write in group:
                write.done.cancel()
            raise
        for write in group:
            if not write.done.done():
                write.done.set_result(answer)


async def upsert(table: Any, rows: Sequence[Row]) -> bool:
    """Unchanged records are left alone; a vector stays as long as what it was made of does. Whether anything changed.

    Another process may set a vector between the look and the commit: that vector is lost, and made again.
    """
    latest = {row.id: row for row in rows}
    known = await find(table, list(latest), ["id", "sum", "model_id"])
    stored = {one["id"]: one for one in known.to_pylist()}
    changed = [row for row in latest.values() if row.vector is not None or not same(row, stored.get(row.id))]
    if not changed:
        return False
    made = table_of(changed) if len(changed) < 50 else await asyncio.to_thread(table_of, changed)
    keeping = [row for row in changed if row.vector is None and row.id in stored and stored[row.id]["model_id"]]
    if keeping:
        made = with_vectors(made, changed, await kept(table, keeping))
    merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    await merge.execute(made, on_bad_vectors="null")
    return True


def same(row: Row, stored: Mapping[str, Any] | None) -> bool:
    return stored is not None and stored["sum"] == row.sum


async def kept(table: Any, rows: Sequence[Row]) -> dict[str, tuple[Vector, str]]:
    """By id, the vectors of those whose text and role are still the same."""
    by_id = {row.id: row.columns for row in rows}
    found = await find(table, list(by_id), ["id", "text", "role", "vector", "model_id"])
    names, texts, roles, models = (found[name].to_pylist() for name in ("id", "text", "role", "model_id"))
    vectors = found["vector"].combine_chunks()
    return {
        name: (vectors[at].values.to_numpy(), model)
        for at, (name, text, role, model) in enumerate(zip(names, texts, roles, models, strict=True))
        if vectors[at].is_valid and (by_id[name]["text"], by_id[name]["role"]) == (text, role)
    }


def with_vectors(made: pa.Table, rows: Sequence[Row], kept: Mapping[str, tuple[Vector, str]]) -> pa.Table:
    pairs = [kept.get(row.id, (row.vector, row.model_id)) for row in rows]
    for name, column in vector_columns([vector for vector, _ in pairs], [model for _, model in pairs]).items():
        field = SCHEMA.field(name)
        made = made.set_column(made.schema.get_field_index(name), field, pa.array(column, field.type))
    return made


async def set_vectors(
    table: Any, ids: Sequence[str], vectors: Matrix, model_id: str, texts: Sequence[str] | None
) -> None:
    latest = dict(zip(ids, vectors, strict=True))  # the same id twice: the last
    if texts is not None:
        said = {one["id"]: one["text"] for one in (await find(table, ids, ["id", "text"])).to_pylist()}
        latest = {one: latest[one] for one, text in zip(ids, texts, strict=True) if said.get(one) == text}
        if not latest:
            return
    columns = {"id": list(latest), **vector_columns(list(latest.values()), [model_id] * len(latest))}
    arrays = [pa.array(columns[field.name], field.type) for field in SET]
    await table.merge_insert("id").when_matched_update_all().execute(pa.Table.from_arrays(arrays, schema=SET))


async def delete(table: Any, where: Filter) -> int:
    result = await table.delete(await filters.predicate(table, where) or "true")
    return int(result.num_deleted_rows)


async def find(table: Any, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Those of the records that are there, in no order."""
    found = [
        await table.query()
        .where(filters.among("id", ids[start : start + IDS_AT_ONCE]))
        .select(list(columns))
        .to_arrow()
        for start in range(0, len(ids), IDS_AT_ONCE)
    ]
    return pa.concat_tables(found)
