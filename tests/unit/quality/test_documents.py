"""Ids of documents."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.documents import every, key_of, moment

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)


@given(st.text(max_size=300))
async def test_any_project_has_a_key_that_an_id_may_hold(name):
    storage = MemorySessionStorage()
    id = f"{key_of(name)}:{moment(NOW)}"
    assert (await storage.put("scores", id, {}, expected_version=0)).id == id


async def test_no_project_is_read_with_another_whose_name_goes_on():
    storage = MemorySessionStorage()
    for project in ("shop-1a2b3c", "shop-1a2b3c:2-4d5e6f", "shop-1a2b3c-4d5e6f"):
        await storage.put("scores", f"{key_of(project)}:{moment(NOW)}", {"project": project}, expected_version=0)
    found = [document.body["project"] async for document in every(storage, "scores", f"{key_of('shop-1a2b3c')}:")]
    assert found == ["shop-1a2b3c"]


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),
    st.integers(-12, 12),
    st.integers(1, 10**9),
)
def test_later_moments_sort_behind_whatever_their_zone(time, hours, microseconds):
    first = time.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert moment(first) < moment(first.astimezone(UTC) + timedelta(microseconds=microseconds))


async def test_every_page_is_read():
    storage = MemorySessionStorage()
    for number in range(250):
        await storage.put("scores", f"shop:{number:03}", {"n": number}, expected_version=0)
    assert [document.body["n"] async for document in every(storage, "scores", "shop:")] == list(range(250))
