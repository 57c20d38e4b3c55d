"""Copies of a table in one Arrow file, and the way back from one."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.lancedb.connection import Place, connect, open_table
from session_mgmt_mcp.adapters.lancedb.reading import rows_from
from session_mgmt_mcp.adapters.lancedb.schema import ROW_ID, SCHEMA, VERSION_KEY
from session_mgmt_mcp.adapters.lancedb.syncing import sync
from session_mgmt_mcp.adapters.lancedb.verifying import WITH_VECTORS, check_rows
from session_mgmt_mcp.ports.errors import Invalid

ROWS_AT_ONCE = 2_000


async def write(table: Any, place: Place, to: Path) -> None:
    """A whole, verified, owner-only copy at `to`, or nothing, in the order of first writing.

    `table` stands at one version, while writers go on.
    """
    if to.exists():
        raise Invalid(f"to: {to} exists; name a new file.")
    if not to.parent.is_dir():
        raise Invalid(f"to: {to.parent} is no directory; make it first.")
    descriptor, name = tempfile.mkstemp(prefix=f".{to.name}.", dir=to.parent)  # 0600
    made = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            options = pa.ipc.IpcWriteOptions(compression="zstd")
            with pa.ipc.new_file(file, SCHEMA, options=options) as copy:
                order = await rows_from(table, None)
                for start in range(0, len(order), ROWS_AT_ONCE):
                    rows = await in_order(table, order[start : start + ROWS_AT_ONCE])
                    await asyncio.to_thread(check_rows, rows.select(WITH_VECTORS), place)
                    await asyncio.to_thread(copy.write_table, rows)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        publish(made, to)
    finally:
        made.unlink(missing_ok=True)


async def in_order(table: Any, order: NDArray[np.int64]) -> pa.Table:
    within = f"{ROW_ID} >= {order[0]} and {ROW_ID} <= {order[-1]}"
    rows = await table.query().where(within).with_row_id().to_arrow()
    return rows.sort_by(ROW_ID).select(SCHEMA.names).cast(SCHEMA)


def publish(made: Path, to: Path) -> None:
    """Into place by a link, which unlike a rename never takes another's."""
    try:
        os.link(made, to)
    except FileExistsError as error:
        raise Invalid(f"to: {to} exists; name a new file.") from error
    sync(to.parent)


async def restore(backup: Path, place: Place) -> int:
    """Into an empty place; how many records that were. Raises Invalid for another file, or a place that has any."""
    try:
        source = pa.memory_map(str(backup))
        copy = pa.ipc.open_file(source)
    except (OSError, pa.ArrowInvalid) as error:
        raise Invalid(f"{backup} is not a backup of LanceDB: name the file that `backup` wrote.") from error
    if VERSION_KEY not in (copy.schema.metadata or {}):
        raise Invalid(f"{backup} is not a backup of LanceDB: name the file that `backup` wrote.")
    table = await open_table(await connect(place), place)
    if await table.count_rows():
        raise Invalid(f"{place} has memories: restore into a new place, and set lancedb_uri to it.")
    for number in range(copy.num_record_batches):
        batch = copy.get_batch(number)
        check_rows(batch.select(WITH_VECTORS), place)
        merge = table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        await merge.execute(pa.Table.from_batches([batch]), on_bad_vectors="null")
    return int(await table.count_rows())
