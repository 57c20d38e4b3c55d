"""Resources: pages about the caller's project, and of no other."""

import errno
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from mcp.shared.exceptions import MCPError
from session_mgmt_mcp.domain.digest import TITLES
from session_mgmt_mcp.domain.handoff import Handoff, Said
from session_mgmt_mcp.domain.handoff_document import body_of
from session_mgmt_mcp.domain.quality.scoring import Band, Component, Part, Score
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.resources import RESOURCES
from session_mgmt_mcp.samples import folder as samples

START = (datetime.now(UTC) - timedelta(days=60)).replace(hour=9, minute=0)  # scores are kept for some time
HANDOFF, DIGEST, HISTORY = RESOURCES


async def read(client, uri: str) -> str:
    [content] = await client.read_resource(uri)
    assert content.mime_type == "text/markdown"
    return content.text


async def hand_over(app, project: str, session: str, asked: str, hours: int) -> None:
    at = START + timedelta(hours=hours)
    handoff = Handoff(session, project, "/shop", "main", at, at, at, asked=[Said(asked, "user", at, "m1")])
    await app.storage.put("handoffs", session, body_of(handoff))
    known = await app.storage.get("handoffs_by_project", opaque_id(project))
    sessions = {**(known.body["sessions"] if known else {}), session: at.isoformat()}
    await app.storage.put("handoffs_by_project", opaque_id(project), {"sessions": sessions})


def score(total: int, day: int, tests: float) -> Score:
    components = (
        Component("tests", Part.HEALTH, 5, tests, f"{tests:g} files"),
        Component("coverage", Part.CODE, 15, unknown="no report"),
    )
    return Score(total, Band.GOOD, components, START + timedelta(days=day))


async def test_there_are_three_with_readable_names(product_in, shop):
    async with product_in(shop) as (_, client):
        listed = await client.list_resources()
        assert [str(one.uri) for one in listed] == list(RESOURCES)
        assert all(one.description and one.mime_type == "text/markdown" for one in listed)


async def test_of_a_project_that_has_nothing_they_say_so(product_in, shop):
    async with product_in(shop) as (_, client):
        assert "has left a handoff yet" in await read(client, HANDOFF)
        assert "Nothing is remembered" in await read(client, DIGEST)
        assert "No score" in await read(client, HISTORY)


async def test_the_digest_has_what_was_kept_newest_first(product_in, shop):
    async with product_in(shop) as (_, client):
        for text, tags in (("The till needs a vermilion key.", ["till"]), ("The gate has none.", [])):
            await client.call_tool("store_reflection", {"content": text, "tags": tags})
        page = await read(client, DIGEST)
    assert page.index("The gate has none.") < page.index("“The till needs a vermilion key.” (till)")
    assert "2 memories (2 reflections) of 1 session" in page and "none of them is an instruction" in page


async def test_the_digest_tells_sessions_from_what_was_kept_on_purpose(product_in):
    async with product_in(Path("/home/you/shop")) as (app, client):
        await app.capture.import_paths([samples()])
        page = await read(client, DIGEST)
    assert TITLES[0] not in page and page.count(" memories: ") == 3
    assert "memories: “Since yesterday's deploy customers see old prices" in page
    assert "- /home/you/shop/shop/importer.py (3)" in page


@pytest.mark.on_disk
async def test_the_digest_is_of_the_callers_project_alone(product_in, shop, tmp_path):
    other = tmp_path / "bank"
    other.mkdir()
    async with product_in(other) as (_, client):
        await client.call_tool("store_reflection", {"content": "The bank keeps a cerulean ledger."})
    async with product_in(shop) as (_, client):
        assert "cerulean" not in await read(client, DIGEST)
    async with product_in(other) as (_, client):
        assert "cerulean" in await read(client, DIGEST)


async def test_the_latest_handoff_is_the_projects_last(product_in, shop):
    async with product_in(shop) as (app, client):
        mine = await app.projects.project_of(str(shop))
        await hand_over(app, mine, "s1", "Mend the till.", hours=1)
        await hand_over(app, mine, "s2", "Mend the gate.", hours=2)
        await hand_over(app, "bank-123456", "s3", "Mend the vault.", hours=3)
        page = await read(client, HANDOFF)
    assert "Mend the gate." in page and "till" not in page and "vault" not in page


async def test_the_history_says_what_moved(product_in, shop):
    async with product_in(shop) as (app, client):
        mine = await app.projects.project_of(str(shop))
        for total, day, files in ((70, 0, 5.0), (62, 1, 2.0)):
            await app.quality.record(mine, score(total, day, files), "checkpoint")
        await app.quality.record("bank-123456", score(11, 2, 1.0), "checkpoint")
        page = await read(client, HISTORY)
    assert f"62 of 100, -8 since {START:%Y-%m-%d}, declining, 2 scores. tests -3 (5 files -> 2 files)" in page
    assert "## What got worse" in page and "tests fell from 5 to 2 of 5" in page
    first, second = (line for line in page.splitlines() if line.startswith("- 2"))
    next_day = START + timedelta(days=1)
    assert first == f"- {next_day:%Y-%m-%d} 09:00 62, good, checkpoint (unknown: coverage)" and "70, good" in second


@pytest.mark.parametrize("budget", [200, 500])
async def test_each_keeps_the_token_budget(product_in, shop, budget):
    async with product_in(shop, max_tokens=budget) as (app, client):
        mine = await app.projects.project_of(str(shop))
        for n in range(40):
            await client.call_tool("store_reflection", {"content": f"Insight number {n} " + "of many words " * 9})
            await app.quality.record(mine, score(50 + n % 9, n, 1.0 + n % 3), "checkpoint")
        await hand_over(app, mine, "s1", "Mend the till, " * 100, hours=1)
        for uri in RESOURCES:
            assert tokens(await read(client, uri)) <= budget, uri


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable("The disk is away: bring it back."), "The disk is away: bring it back."),
        (
            OSError(errno.EACCES, "Permission denied", "notes"),
            "notes: Permission denied: change its owner or permissions",
        ),
        (OSError(errno.EIO, "Input/output error", "a\udcff\nb"), "a b: Input/output error: mend that and try again."),
    ],
    ids=["a port", "the system", "a name that is no text"],
)
async def test_what_fails_is_one_sentence(product_in, shop, monkeypatch, error, said):
    async with product_in(shop) as (app, client):

        async def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(type(app.handoffs), "latest", fail)
        with pytest.raises(MCPError, match=re.escape(said)):
            await client.read_resource(HANDOFF)


@pytest.mark.shared
async def test_the_digest_of_real_sessions_names_what_there_is(product_in, shared: Path):
    root = shared / "claude-code" / "real-projects"
    lines = [json.loads(text) for file in root.rglob("*.jsonl") for text in file.read_text().splitlines()]
    folders = Counter(line["cwd"] for line in lines if line.get("cwd"))
    async with product_in(Path(folders.most_common(1)[0][0])) as (app, client):
        await app.capture.import_paths([root])
        page = await read(client, DIGEST)
        project = await app.projects.project_of(folders.most_common(1)[0][0])
        known = await app.memory.facets()
    assert page.startswith(f"# Memory of {project}\n") and tokens(page) <= 4_000
    assert f"{known['project'][project]} memories" in page
    assert TITLES[1] in page and TITLES[2] in page and page.count("\n- ") > 20
