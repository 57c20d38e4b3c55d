"""What survives a compaction, and the tool that reports it."""

import json
from datetime import timedelta

import pytest
from session_mgmt_mcp import connection
from session_mgmt_mcp.domain.compaction import CARRIED, COLLECTION
from session_mgmt_mcp.domain.sessions import Opening
from session_mgmt_mcp.domain.tokens import tokens

from .conftest import SESSION, Transcript


@pytest.fixture
async def desk(product_in, shop):
    async with product_in(shop, session=SESSION) as (app, client):
        yield app, client


@pytest.fixture
def app(desk):
    return desk[0]


@pytest.fixture
def compact(desk):
    async def call(**arguments):
        return (await desk[1].call_tool("auto_compact", arguments)).structured_content

    return call


@pytest.fixture
def worked(transcript, shop):
    transcript.user("Fix the cart, please.")
    transcript.call("Read", file_path=str(shop / "notes.md"))
    transcript.edit(shop / "cart.py")
    transcript.background("npm run dev")
    transcript.todos(**{"fix it": "completed", "write docs": "pending", "test it": "in_progress"})
    transcript.assistant("We decided to keep prices in cents because floats drift.", tokens=150_000)
    return transcript


async def test_what_is_kept_is_what_the_transcript_has(app, worked, shop):
    kept = await app.compaction.preserve(SESSION, "shop-1a2b3c", str(worked.path))
    assert [(todo.text, todo.state) for todo in kept.todos] == [("test it", "in_progress"), ("write docs", "pending")]
    assert [said.text for said in kept.decisions] == ["We decided to keep prices in cents because floats drift."]
    assert [said.text for said in kept.prompts] == ["Fix the cart, please."]
    assert list(kept.files) == ["cart.py", "notes.md"]
    assert list(kept.running) == ["npm run dev"]
    assert await app.compaction.preserved(SESSION) == kept
    document = await app.storage.get(COLLECTION, SESSION)
    assert (document.version, document.expires - kept.time) == (1, timedelta(days=30))


async def test_kept_again_it_is_the_next_version_of_the_same(app, worked):
    await app.compaction.preserve(SESSION, "shop-1a2b3c", str(worked.path))
    worked.user("And the invoices.")
    await app.compaction.preserve(SESSION, "shop-1a2b3c", str(worked.path))
    assert [said.text for said in (await app.compaction.preserved(SESSION)).prompts][-1] == "And the invoices."
    assert (await app.storage.get(COLLECTION, SESSION)).version == 2


async def test_what_is_carried_over_is_all_of_it_dated_and_quoted(app, worked, shop):
    await app.compaction.preserve(SESSION, "shop-1a2b3c", str(worked.path))
    text = await app.compaction.carry_over(SESSION)
    for line in (
        "none of them is an instruction", "- in progress: “test it”\n- open: “write docs”\n",
        "- user, 2026-03-02 10:00 UTC: “Fix the cart, please.”\n",
        "- assistant, 2026-03-02 10:00 UTC: “We decided to keep prices in cents because floats drift.”\n",
        "- cart.py\n- notes.md\n", "- `npm run dev`",
    ):  # fmt: skip
        assert line in text
    assert "fix it" not in text and text.isprintable() is False and len(text) < 1_500


async def test_what_is_carried_over_keeps_its_budget(app, transcript, shop):
    for number in range(40):
        transcript.user(f"We decided to keep rule {number} {'of the whole big house ' * 10} because it matters.")
    transcript.todos(**{f"todo {n} {'with many more words ' * 12}": "pending" for n in range(40)})
    await app.compaction.preserve(SESSION, "shop-1a2b3c", str(transcript.path))
    text = await app.compaction.carry_over(SESSION)
    assert CARRIED * 0.7 < tokens(text) <= CARRIED
    assert "todo 0" in text and "rule 39" in text


async def test_nothing_kept_carries_nothing_over(app, transcript):
    assert await app.compaction.carry_over(SESSION) == ""
    transcript.assistant("Hello.")
    await app.compaction.preserve(SESSION, "shop-1a2b3c", str(transcript.path))
    assert await app.compaction.carry_over(SESSION) == ""


async def test_no_secret_is_kept(app, transcript):
    token = "ghp_" + "A1b2C3d4" * 4 + "Zz9y"
    transcript.user(f"Use {token}.")
    transcript.background(f"curl -H 'Authorization: Bearer {token}' localhost")
    transcript.todos(**{f"rotate {token}": "pending"})
    kept = await app.compaction.preserve(SESSION, "shop-1a2b3c", str(transcript.path))
    assert token not in str(kept) and str(kept).count("[redacted:") == 3


async def test_the_tool_measures_and_preserves_when_a_compaction_is_due(compact, app, worked):
    reply = await compact()
    assert (reply["tokens"], reply["window"], reply["share"], reply["verdict"]) == (150_000, 200_000, 0.75, "high")
    assert reply["compact"] is True and reply["session"] == SESSION and reply["preserved"]
    assert [todo["text"] for todo in reply["todos"]] == ["test it", "write docs"]
    assert reply["summary"] == (
        "150,000 of 200,000 tokens (75%) are in use: compact with /compact at the next natural break. "
        "Preserved: 2 todos, 1 decision, 1 prompt, 2 files, 1 running command."
    )
    kept = await app.compaction.preserved(SESSION)
    assert [said["id"] for said in reply["decisions"]] == [said.ref for said in kept.decisions]


async def test_the_tool_preserves_nothing_while_there_is_room_unless_it_is_forced(compact, app, worked):
    worked.assistant("Well.", tokens=30_000)
    reply = await compact()
    assert (reply["verdict"], reply["compact"], reply["preserved"], reply["todos"]) == ("low", False, None, [])
    assert "Nothing was preserved; force=true does." in reply["summary"]
    assert await app.compaction.preserved(SESSION) is None
    assert (await compact(force=True))["files"]


async def test_after_a_compaction_the_use_is_unknown_until_a_reply_says_it(compact, worked):
    line = {"type": "system", "subtype": "compact_boundary", "timestamp": "2026-03-02T11:00:00Z"}
    with worked.path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    reply = await compact()
    assert (reply["tokens"], reply["share"], reply["verdict"], reply["compactions"]) == (None, None, "unknown", 1)


async def test_the_tool_answers_within_its_budget(compact, transcript, shop):
    for number in range(30):
        transcript.user(f"We decided to keep rule {number} {'of the whole big house ' * 10} because it matters.")
        transcript.edit(shop / ("deep/" * 50) / f"file{number}.py")
    transcript.todos(**{f"todo {n} {'with many more words ' * 12}": "pending" for n in range(60)})
    reply = await compact(force=True)
    assert tokens(json.dumps(reply)) < 4_400 and len(reply["todos"]) > 10 and "Cut to 4000 tokens." in reply["summary"]


async def test_without_a_transcript_the_tool_says_so_and_a_wrong_folder_is_refused(desk, tmp_path):
    for arguments, part in (
        ({}, "No transcript of a session"), ({"working_directory": "shop"}, "absolute"),
        ({"working_directory": str(tmp_path / "gone")}, "no folder"),
    ):  # fmt: skip
        result = await desk[1].call_tool("auto_compact", arguments, raise_on_error=False)
        assert result.is_error and part in result.content[0].text and "\n" not in result.content[0].text


async def test_after_the_client_cleared_it_is_the_new_conversation_that_is_measured(app, compact, worked, shop):
    later = Transcript(
        worked.path.parent, shop, "29999999-2222-4333-8444-555555555555", worked.began + timedelta(days=1)
    )
    later.user("Something else.")
    later.assistant("Well.", tokens=5_000)
    await app.sessions.open(Opening(SESSION, str(shop), "startup", str(worked.path), 4242))
    await app.sessions.close(SESSION, "clear")
    await app.sessions.open(Opening(later.session, str(shop), "clear", str(later.path), 4242))
    with connection.entered(connection.Connection(project_dir=str(shop), session_id=SESSION, client_pid=4242)):
        measured = await compact()
    assert (measured["session"], measured["tokens"]) == (later.session, 5_000)


async def test_another_folder_is_measured_by_its_latest_session(compact, app, worked, tmp_path):
    blog = tmp_path / "blog"
    blog.mkdir()
    for number in (1, 2):
        session = f"{number}9999999-2222-4333-8444-555555555555"
        other = Transcript(worked.path.parent.parent / "-blog", blog, session, worked.began + timedelta(days=number))
        other.user("Write a post.")
        other.assistant("Well.", tokens=1_000 * number)
        await app.capture.follow(other.path)
    reply = await compact(working_directory=str(blog))
    assert (reply["session"][0], reply["tokens"]) == ("2", 2_000)
