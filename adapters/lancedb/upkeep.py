"""Compaction, indexes and the removal of old versions: by one process at a time, beside everything else."""

import time
import uuid
from datetime import timedelta
from typing import Any

import pyarrow as pa
from session_mgmt_mcp.adapters.lancedb import indexes
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

AFTER, AT_FIRST = 40, 5
"""Commits of this process; each leaves a file that every search opens. The first time after a few, for who never has more."""
KEPT = timedelta(hours=1)
"""How long a version stays that is not the last: longer than anybody reads in it."""
LONGEST = 600.0
"""Seconds after which whoever does it is taken for dead."""
ATTEMPTS = 5
LEASES = "leases"
SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False, metadata={"lance-schema:unenforced-primary-key": "true"}),
        pa.field("holder", pa.string()),
        pa.field("until", pa.int64()),  # microseconds since the epoch
    ]
)


async def keep_up(database: Any, table: Any) -> bool:
    """False: another process is at it."""
    leases = await leases_of(database)
    holder = uuid.uuid4().hex
    if not await taken(leases, holder, LONGEST):
        return False
    try:
        await indexes.ensure(table)
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RuntimeError),  # others wrote what was to be put together
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        ):
            with attempt:
                await table.checkout_latest()
                await table.optimize(cleanup_older_than=KEPT)
        await leases.optimize(cleanup_older_than=KEPT)
    finally:
        await leases.delete(f"holder = '{holder}'")
    return True


async def leases_of(database: Any) -> Any:
    if LEASES not in (await database.list_tables()).tables:
        try:
            return await database.create_table(LEASES, schema=SCHEMA)
        except ValueError:
            pass  # somebody else makes it now
    return await database.open_table(LEASES)


async def taken(leases: Any, holder: str, seconds: float, name: str = "upkeep") -> bool:
    """Whether the lease is this holder's now: nobody's, or of somebody who has not given it back in time."""
    now = time.time_ns() // 1_000
    row = pa.table({"name": [name], "holder": [holder], "until": [now + int(seconds * 1_000_000)]}, schema=SCHEMA)
    merge = leases.merge_insert("name").when_matched_update_all(where=f"target.until < {now}")
    result = await merge.when_not_matched_insert_all().execute(row)
    return bool(result.num_inserted_rows + result.num_updated_rows)
