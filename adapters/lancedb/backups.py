"""Copies of a table in one Arrow file, and the way back from one."""

import asyncio
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.lancedb.connection import Place, connect, open_table, place_of, prepare
from session_mgmt_mcp.adapters.lancedb.reading import rows_from
from session_mgmt_mcp.adapters.lancedb.schema import ROW_ID, SCHEMA, VERSION_KEY
from session_mgmt_mcp.adapters.lancedb.syncing import Syncing, sync
from session_mgmt_mcp.adapters.lancedb.verifying import WHOLE, check_rows
from session_mgmt_mcp.ports.errors import Corrupt, Invalid

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
                    await asyncio.to_thread(check_rows, rows.select(WHOLE), place)
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


async def restore(backup: Path, folder: Path) -> int:
    """In the place of `folder`, which stays beside it as `.replaced-<time>`; how many records there are.

    Raises Invalid for another file, Corrupt for a damaged one: then nothing is touched.
    """
    try:
        copy = pa.ipc.open_file(pa.memory_map(str(backup)))
    except (OSError, pa.ArrowInvalid) as error:
        raise not_a_backup(backup) from error
    if not copy.schema.equals(SCHEMA, check_metadata=False) or VERSION_KEY not in (copy.schema.metadata or {}):
        raise not_a_backup(backup)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    made = folder.with_name(f"{folder.name}.restoring-{stamp}")
    try:
        records = await fill(copy, place_of(str(made), None), backup)
        if folder.exists():
            folder.rename(folder.with_name(f"{folder.name}.replaced-{stamp}"))
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    sync(folder.parent)
    return records


async def fill(copy: Any, place: Place, backup: Path) -> int:
    assert place.folder is not None
    prepare(place.folder)
    table = await open_table(await connect(place), place)
    for number in range(copy.num_record_batches):
        try:
            batch = copy.get_batch(number)
            check_rows(batch.select(WHOLE), place)
        except (OSError, pa.ArrowInvalid, Corrupt) as error:
            raise damaged(backup) from error
        await table.add(pa.Table.from_batches([batch]), on_bad_vectors="null")
    Syncing(place.folder).sync()
    return int(await table.count_rows())


def not_a_backup(file: Path) -> Invalid:
    return Invalid(f"{file} is not a backup of LanceDB: name the file that `backup` wrote.")


def damaged(file: Path) -> Corrupt:
    return Corrupt(f"{file} is damaged: restore another backup; it was left untouched.", file)
