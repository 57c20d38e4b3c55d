"""Handoffs made of transcripts and repositories, and kept once each, through the opened product."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.domain import handoffs
from session_mgmt_mcp.domain.handoffs import BY_PROJECT, COLLECTION
from session_mgmt_mcp.domain.sessions import Opening
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition

from .conftest import BEGAN, SESSION, Transcript

PROJECT = "shop-1a2b3c"
HANDOFFS = [Condition("kind", "=", "handoff"), Condition("parent", "=", "")]


@pytest.fixture
async def app(product_in, shop):
    async with product_in(shop) as (app, _):
        yield app


@pytest.fixture
def worked(transcript, shop):
    """A morning's work."""
    transcript.user("Fix the cart, please.")
    transcript.bash("pytest -q", failed="Exit code 1\nE  KeyError: 'total'")
    transcript.edit(shop / "cart.py")
    transcript.bash("pytest -q")
    transcript.todos(**{"write the docs": "pending", "fix the cart": "completed"})
    transcript.assistant("We decided to keep prices in cents because floats drift.")
    return transcript


def asked(transcript, shop, **more):
    known = {
        "session": SESSION,
        "project": PROJECT,
        "folder": str(shop),
        "started": BEGAN,
        "transcript": str(transcript.path),
    }
    return known | more


async def test_it_is_made_of_the_transcript_as_it_is_now_and_of_what_git_says(app, worked, shop, repository):
    git = repository()
    (shop / "cart.py").write_text("total = 0\ncents = 1\n")
    sha = git.commit("Count in cents", BEGAN + timedelta(minutes=1))
    (shop / "cart.py").write_text("total = 0\ncents = 2\n")
    (shop / "new.txt").write_text("new\n")
    made = await app.handoffs.make(**asked(worked, shop, base=git.base))
    assert [said.text for said in made.asked] == ["Fix the cart, please."]
    assert [(one.sha, one.subject, one.during) for one in made.commits] == [(sha, "Count in cents", True)]
    assert [(one.path, one.added, one.deleted, one.edits) for one in made.files] == [("cart.py", 1, 0, 1)]
    assert (made.branch, made.uncommitted.files) == ("main", [("cart.py", "modified"), ("new.txt", "untracked")])
    assert [(one.what, one.types, one.fixed_by) for one in made.errors] == [("pytest -q", ["KeyError"], "pytest -q")]
    assert [todo.text for todo in made.todos] == ["write the docs"]
    for line in (*made.asked, *made.decisions, *made.errors, *made.commands):
        assert (await app.store.get([line.ref]))[0].session == SESSION


async def test_without_a_base_the_commits_since_the_start_count_and_without_git_there_are_none(
    app, worked, shop, repository
):
    assert (await app.handoffs.make(**asked(worked, shop))).commits == []
    git = repository()
    sha = git.commit("Later", BEGAN + timedelta(minutes=1)) if (shop / "x").write_text("x") else ""
    made = await app.handoffs.make(**asked(worked, shop))
    assert [one.sha for one in made.commits] == [sha]


async def test_made_twice_it_is_one_document_one_memory_and_one_file(app, worked, shop):
    first = await app.handoffs.make(**asked(worked, shop))
    second = await app.handoffs.make(**asked(worked, shop))
    assert second.made == first.made
    assert (await app.storage.get(COLLECTION, SESSION)).version == 1
    (memory,) = (await app.store.scan(HANDOFFS)).records
    assert memory.session == SESSION and "keep prices in cents" in memory.text
    files = [path for path in (app.settings.data_dir / "handoffs").rglob("*") if path.suffix == ".md"]
    assert [path.name for path in files] == [f"{SESSION}.md"]
    assert "“Fix the cart, please.” [" in files[0].read_text()
    assert app.handoffs.file_of(first) == files[0]


async def test_its_end_is_the_first_one_after_which_nothing_happened(app, worked, shop):
    await app.handoffs.make(**asked(worked, shop))
    ends = [BEGAN + timedelta(hours=hour) for hour in (1, 2)]
    made = [await app.handoffs.make(**asked(worked, shop, ended=end)) for end in ends]
    assert [one.ended for one in made] == [ends[0], ends[0]]


async def test_many_at_once_make_one(app, worked, shop):
    await asyncio.gather(*(app.handoffs.make(**asked(worked, shop)) for _ in range(8)))
    assert (await app.storage.get(COLLECTION, SESSION)).version == 1
    assert await app.store.count(HANDOFFS) == 1


async def test_of_a_resumed_session_the_next_one_takes_the_place_of_the_first(app, worked, shop):
    long = "\n".join(f"Always keep rule number {n} of the house in mind, because it matters." for n in range(40))
    worked.user(long)
    first = await app.handoffs.make(**asked(worked, shop, ended=BEGAN + timedelta(minutes=1)))
    (before,) = (await app.store.scan(HANDOFFS)).records
    worked.user("And now the invoices.")
    second = await app.handoffs.make(**asked(worked, shop, ended=BEGAN + timedelta(days=1)))
    (after,) = (await app.store.scan(HANDOFFS)).records
    assert (await app.storage.get(COLLECTION, SESSION)).version == 2
    assert (
        after.id == before.id and "And now the invoices." in after.text and "And now the invoices." not in before.text
    )
    assert first.ended != second.ended and (await app.handoffs.of(SESSION)).asked[-1].text == "And now the invoices."
    hits = (await app.memory.search("which invoices are next")).hits
    assert after.id in {hit.record.id for hit in hits}
    parts = (await app.store.scan([Condition("parent", "=", after.id)])).records
    assert all(part.text in after.text for part in parts)


async def test_what_is_stored_holds_no_secret(app, transcript, shop):
    token = "ghp_" + "A1b2C3d4" * 4 + "Zz9y"
    transcript.user(f"We decided to use {token} instead of the other one.")
    transcript.bash(f"curl -H 'Authorization: Bearer {token}' localhost", failed=f"denied {token}")
    transcript.todos(**{f"rotate {token}": "pending"})
    await app.handoffs.make(**asked(transcript, shop))
    written = [path.read_bytes() for path in app.settings.data_dir.rglob("*") if path.is_file()]
    assert not any(token.encode() in data for data in written)
    assert "[redacted:" in (await app.handoffs.of(SESSION)).todos[0].text


async def test_a_session_in_which_nothing_happened_leaves_nothing(app, transcript, shop):
    transcript.line("system", "")
    assert await app.handoffs.make(**asked(transcript, shop)) is None
    assert await app.handoffs.latest(PROJECT) is None
    assert (await app.storage.list(COLLECTION)).documents == []
    assert await app.store.count(HANDOFFS) == 0


async def test_a_transcript_that_is_gone_leaves_what_was_captured(app, worked, shop):
    await app.capture.follow(worked.path)
    worked.path.unlink()
    made = await app.handoffs.make(**asked(worked, shop))
    assert [said.text for said in made.asked] == ["Fix the cart, please."] and made.todos == []


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 201, "a b"])
async def test_a_session_that_no_document_can_be_named_by_is_refused(app, worked, shop, name):
    with pytest.raises(Invalid):
        await app.handoffs.make(**asked(worked, shop, session=name))


async def test_a_folder_that_is_gone_costs_only_what_git_would_say(app, worked, shop):
    made = await app.handoffs.make(**asked(worked, shop, folder=str(shop / "gone"), base="f" * 40))
    assert made.commits == [] and made.uncommitted is None and made.asked


async def test_the_latest_of_a_project_is_that_which_ended_last(app, tmp_path, shop):
    for number in (2, 3, 1):
        session = f"{number}1111111-2222-4333-8444-555555555555"
        began = BEGAN + timedelta(days=number)
        transcript = Transcript(tmp_path / "t", shop, session, began)
        transcript.user(f"Day {number}.")
        facts = {"session": session, "started": began, "ended": began + timedelta(hours=1)}
        await app.handoffs.make(**asked(transcript, shop, **facts))
    other = Transcript(tmp_path / "t", shop, "91111111-2222-4333-8444-555555555555", BEGAN + timedelta(days=9))
    other.user("Elsewhere.")
    await app.handoffs.make(**asked(other, shop, session=other.session, project="blog-4d5e6f"))
    assert (await app.handoffs.latest(PROJECT)).asked[0].text == "Day 3."
    assert [handoff.asked[0].text for handoff in await app.handoffs.recent(PROJECT, 2)] == ["Day 3.", "Day 2."]
    assert await app.handoffs.latest("nowhere-000000") is None


async def test_of_a_session_that_came_to_another_project_nothing_is_left_in_the_first(app, worked, shop):
    await app.handoffs.make(**asked(worked, shop))
    moved = await app.handoffs.make(**asked(worked, shop, project="shop-ffffff"))
    assert await app.handoffs.latest(PROJECT) is None
    assert (await app.handoffs.latest("shop-ffffff")).session == SESSION
    assert [record.project for record in (await app.store.scan(HANDOFFS)).records] == ["shop-ffffff"]
    assert list((app.settings.data_dir / "handoffs").rglob("*.md")) == [app.handoffs.file_of(moved)]


async def test_of_very_many_the_latest_are_listed(app, tmp_path, shop, monkeypatch):
    monkeypatch.setattr(handoffs, "LISTED", 2)
    for number in (1, 3, 2):
        session, began = f"{number}1111111-2222-4333-8444-555555555555", BEGAN + timedelta(days=number)
        transcript = Transcript(tmp_path / "t", shop, session, began)
        transcript.user(f"Day {number}.")
        await app.handoffs.make(**asked(transcript, shop, session=session, started=began, ended=began))
    assert [handoff.asked[0].text for handoff in await app.handoffs.recent(PROJECT, 9)] == ["Day 3.", "Day 2."]


async def test_the_memory_quotes_no_program_and_the_file_does(app, worked, shop):
    await app.handoffs.make(**asked(worked, shop))
    (memory,) = (await app.store.scan(HANDOFFS)).records
    assert "KeyError" in memory.text and "E KeyError: 'total'" not in memory.text
    assert memory.metadata["trust"] == "assistant"
    assert "E KeyError: 'total'" in next((app.settings.data_dir / "handoffs").rglob("*.md")).read_text()


async def test_what_a_crash_left_undone_the_next_make_does(app, worked, shop):
    made = await app.handoffs.make(**asked(worked, shop))
    await app.store.delete(HANDOFFS)
    await app.storage.delete(BY_PROJECT, opaque_id(PROJECT))
    page = next((app.settings.data_dir / "handoffs").rglob("*.md"))
    page.unlink()
    assert (await app.handoffs.make(**asked(worked, shop))).made == made.made
    assert (await app.handoffs.latest(PROJECT)).session == SESSION
    assert await app.store.count(HANDOFFS) == 1 and page.exists()


async def test_made_again_long_after_the_end_it_keeps_what_was_seen_in_time(app, worked, shop, repository):
    git = repository()
    (shop / "cart.py").write_text("total = 1\n")
    seen = await app.handoffs.make(**asked(worked, shop, base=git.base))
    assert seen.uncommitted.files == [("cart.py", "modified")]
    (shop / "cart.py").write_text("total = 0\n" + "other = 1\n" * 50)
    made = await app.handoffs.make(**asked(worked, shop, base=git.base, ended=datetime.now(UTC) - timedelta(hours=2)))
    assert made.uncommitted == seen.uncommitted
    assert [(one.path, one.added, one.deleted) for one in made.files] == [("cart.py", 1, 1)]


async def test_writers_of_other_processes_are_waited_for(app, worked, shop, monkeypatch):
    from session_mgmt_mcp.ports.errors import Conflict

    put, refused = app.storage.put, []

    async def once_too_late(collection, id, body, **more):
        if len(refused) < 2:
            refused.append(collection)
            raise Conflict("somebody was first", 1)
        return await put(collection, id, body, **more)

    monkeypatch.setattr(type(app.storage), "put", staticmethod(once_too_late))
    await app.handoffs.make(**asked(worked, shop))
    assert refused == [COLLECTION, COLLECTION]
    assert (await app.handoffs.latest(PROJECT)).session == SESSION


def test_the_transcripts_folder_is_the_tests_own(transcript):
    assert Path.home() in transcript.path.parents


async def test_the_tool_end_names_the_file_that_was_written(product_in, tmp_path, worked):
    shop = tmp_path / "My Shop"
    shop.mkdir()
    async with product_in(shop, session=SESSION) as (app, client):
        await app.sessions.open(Opening(SESSION, str(shop), "startup", str(worked.path)))
        reply = (await client.call_tool("end", {"working_directory": str(shop)})).structured_content
    assert Path(reply["file"]).read_text().startswith("# Session of ")
