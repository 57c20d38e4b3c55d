"""Times in words over real transcripts, counted here a second time from their lines."""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fastmcp import Client
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

pytestmark = pytest.mark.shared
ZONE = ZoneInfo("America/New_York")


@pytest.fixture
async def client(real_sessions):
    settings = load(embedder="memory", timezone=str(ZONE))
    async with open_application(settings) as app, Client(build_server(app)) as client:
        yield client


@pytest.fixture
def times(shared) -> dict[str, list[datetime]]:
    """When something was said by either side, by session."""
    found = defaultdict(list)
    for path in (shared / "claude-code" / "real-projects").rglob("*.jsonl"):
        for text in path.read_text().splitlines():
            line = json.loads(text)
            if line["type"] in ("user", "assistant") and not line.get("isMeta"):
                found[path.stem].append(datetime.fromisoformat(line["timestamp"]))
    return found


async def sessions(client: Client, time: str) -> list[dict]:
    arguments = {"time_expression": time, "project": "*", "limit": 50}
    return (await client.call_tool("search_temporal", arguments)).structured_content


@pytest.mark.parametrize(
    ("time", "first", "last"),
    [
        ("9 February 2026", "2026-02-09", "2026-02-09"),
        ("from 8 to 9 February 2026", "2026-02-08", "2026-02-09"),
        ("between 2026-01-10 and 2026-01-19", "2026-01-10", "2026-01-19"),
        ("January 2026", "2026-01-01", "2026-01-31"),
        ("2026-W07", "2026-02-09", "2026-02-15"),
    ],
)
async def test_the_sessions_of_a_time_are_those_whose_lines_lie_in_it(client, times, time, first, last):
    start = datetime.fromisoformat(first).replace(tzinfo=ZONE)
    end = datetime.fromisoformat(last).replace(tzinfo=ZONE) + timedelta(1)
    expected = {name for name, said in times.items() if any(start <= when < end for when in said)}
    reply = await sessions(client, time)
    assert reply["total"] == len(expected) > 0
    shown = [one["session"] for one in reply["sessions"]]
    assert set(shown) <= expected and len(shown) == len(set(shown)) > 0
    ends = [one["end"] for one in reply["sessions"]]
    assert ends == sorted(ends, reverse=True)
    assert all(one["said"] for one in reply["sessions"])


async def test_hits_of_a_query_lie_in_the_time(client, times):
    arguments = {"time_expression": "february 2026", "query": "test fails", "project": "*", "limit": 10}
    reply = (await client.call_tool("search_temporal", arguments)).structured_content
    assert len(reply["hits"]) > 3
    assert all(hit["time"].startswith("2026-02") for hit in reply["hits"])
