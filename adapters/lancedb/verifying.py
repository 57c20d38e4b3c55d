"""Whether a table is what was written: Lance opens one with damaged or missing files, and reads on."""

from typing import Any

import numpy as np
import pyarrow as pa
from session_mgmt_mcp.adapters.lancedb.connection import Place
from session_mgmt_mcp.adapters.lancedb.failures import corrupt
from session_mgmt_mcp.adapters.lancedb.records import DERIVED, derived, matrix_of, sum_of, sum_of_vector
from session_mgmt_mcp.adapters.lancedb.schema import READ

NEWEST = 200
ALL_OF_A_FOLDER = 2_000_000
AT_ONCE = 2_000
WHOLE = [*READ, *DERIVED, "vector", "vector_sum"]


async def at_opening(table: Any, place: Place) -> None:
    """The newest rows whole; in a folder also that every file of the table can be read at all. Raises Corrupt."""
    count = await table.count_rows()
    if place.folder is not None and count <= ALL_OF_A_FOLDER:
        sums = await table.query().select(["sum", "model_id"]).to_arrow()
        if sums.num_rows != count:
            raise corrupt(str(place), f"{abs(sums.num_rows - count)} records")
    if count:
        newest = table.query().select(WHOLE).offset(max(0, count - NEWEST)).limit(NEWEST)
        check_rows(await newest.to_arrow(), place)


async def whole(table: Any, place: Place) -> int:
    """Reads every record and vector; how many. Raises Corrupt."""
    count = 0
    async for batch in await table.query().select(WHOLE).to_batches(max_batch_length=AT_ONCE):
        check_rows(batch, place)
        count += batch.num_rows
    return count


def check_rows(found: Any, place: Place) -> None:
    """`found` has the columns of WHOLE."""
    rows = said(found.select(list(READ)), place)
    for one, beside in zip(rows, found.select(list(DERIVED)).to_pylist(), strict=True):
        if derived(one) != beside:
            raise corrupt(str(place), f"words of record {one['id']!r}")
    having = found.filter(found["vector_sum"].is_valid())
    if not having.num_rows:
        return
    vectors = having["vector"]
    if vectors.null_count or not np.array_equal(
        [sum_of_vector(one) for one in matrix_of(vectors)], having["vector_sum"].to_numpy()
    ):
        raise corrupt(str(place), "vectors")


def said(found: Any, place: Place) -> list[dict[str, Any]]:
    """The rows of a table with the columns of READ. Raises Corrupt when one is not as it was written."""
    try:
        found.validate(full=True)
    except pa.ArrowInvalid as error:
        raise corrupt(str(place), "records") from error
    rows: list[dict[str, Any]] = found.to_pylist()
    for one in rows:
        if None in one.values() or sum_of(one) != one["sum"]:
            raise corrupt(str(place), f"record {one['id']!r}")
    return rows
