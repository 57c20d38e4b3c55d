"""From transcripts to memories, with the in-memory store."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from session_mgmt_mcp.adapters.claude_code import transcripts
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain import capture as capturing
from session_mgmt_mcp.domain import courtesy as courtesies
from session_mgmt_mcp.domain.capture import CaptureService, ImportProgress
from session_mgmt_mcp.domain.courtesy import Courtesy
from session_mgmt_mcp.domain.projects import ProjectService, project_id
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.samples import folder as samples


class Room:
    """A capture service with everything around it."""

    def __init__(self, source, store=None, ledger=None, courtesy=None) -> None:
        self.store = store or MemoryVectorStore()
        self.ledger = ledger or MemoryImportLedger()
        self.news = 0
        projects = ProjectService(SubprocessGitRepository(), self.ledger)
        self.capture = CaptureService(source, self.store, self.ledger, projects, self._tell, courtesy=courtesy)

    def _tell(self) -> None:
        self.news += 1

    async def rows(self) -> list:
        page = await self.store.scan([], limit=100_000)
        assert page.cursor is None
        return list(page.records)

    async def whole(self) -> list:
        return [record for record in await self.rows() if not record.parent]


@pytest.fixture
def room(source) -> Room:
    return Room(source)


@pytest.fixture
def new_room(source) -> Callable[..., Room]:
    return lambda **how: Room(source, **how)


async def test_what_was_said_and_done_becomes_memories(transcript, room):
    transcript.user("Which port does staging use?")
    transcript.call("t1", command="grep PORT deploy/staging.env")
    transcript.assistant("It uses 8081.")
    transcript.result("t1", "grep: no such file", error=True)
    report = await room.capture.import_paths([transcript.path.parent])
    asked, done, answered = await room.rows()
    assert (report.files, report.entries, report.new, report.problems) == (1, 3, 3, ())
    assert room.news == 1
    assert (asked.kind, asked.role, asked.position, asked.text) == ("turn", "user", 1, "Which port does staging use?")
    assert (answered.kind, answered.role, answered.position) == ("turn", "assistant", 2)
    assert asked.project == answered.project == project_id("/home/you/shop")
    assert asked.session == transcript.session
    assert asked.metadata == {"source": "claude-code", "trust": "user", "branch": "main", "cwd": "/home/you/shop"}
    assert asked.content_hash == content_hash(asked.text)
    assert (done.kind, done.role, done.position) == ("action", "tool", 1)
    assert done.text == "Bash: grep PORT deploy/staging.env -> failed: grep: no such file"
    assert done.metadata["trust"] == "tool"
    assert done.metadata["call"] == {
        "tool": "Bash",
        "ok": False,
        "files": [],
        "command": "grep PORT deploy/staging.env",
        "error": "grep: no such file",
    }


async def test_a_second_import_changes_nothing(room):
    await room.capture.import_paths([samples()])
    before = await room.rows()
    report = await room.capture.import_paths([samples()])
    assert (report.entries, report.new, room.news) == (0, 0, 1)
    await room.ledger.forget_all()
    report = await room.capture.import_paths([samples()])
    assert report.entries > 60
    assert report.new == 0
    assert await room.rows() == before
    assert room.news == 1


async def test_worktrees_and_subagents_of_the_samples_are_in_place(room):
    await room.capture.import_paths([samples()])
    rows = await room.rows()
    assert {row.project.rpartition("-")[0] for row in rows} == {"shop", "invoices"}
    assert len({row.project for row in rows}) == 2
    assert len({row.session for row in rows}) == 4
    agents = [row for row in rows if row.metadata.get("agent")]
    main = [row.position for row in rows if row.session == agents[0].session and "agent" not in row.metadata]
    assert len(agents) == 3
    assert min(row.position for row in agents) > max(main) + 1_000


async def test_private_words_and_secrets_never_reach_the_store(transcript, room):
    token = "ghp_" + "a8Kd0Wq2Zx6Vb4Nm1Lp3Ty7Ru9Eo5Is0Cf2G"
    transcript.user(f"Use <private>my birthday</private> and {token} please")
    transcript.user("<private>all of this</private>")
    transcript.call("t1", command=f"curl -H 'Authorization: Bearer {token}' https://example.org")
    transcript.result("t1", "x" * 30_000 + f"\nrefused {token} " + "y" * 1_990, error=True)
    transcript.call("t2", "Read", file_path=f"/home/you/{token}.txt")
    report = await room.capture.import_paths([transcript.path])
    rows = await room.rows()
    for row in rows:
        for secret in ("birthday", "all of this", token, token[-8:]):
            assert secret not in repr(row)
    said = next(row for row in rows if row.role == "user")
    assert said.text.startswith("Use [private] and [redacted:")
    assert report.skipped["private"] == 1
    assert sum(report.redacted.values()) >= 3
    failed = next(row for row in rows if row.metadata.get("call", {}).get("error") and not row.parent)
    assert len(failed.metadata["call"]["error"]) <= capturing.ERROR_KEPT


async def test_deep_words_of_a_long_message_are_found(transcript, room):
    transcript.user("filler " * 1_000 + "the zanzibar gateway" + " filler" * 100)
    await room.capture.import_paths([transcript.path])
    hits = await room.store.search_lexical("zanzibar", [], 5)
    assert [hit.parent for hit in hits] == [(await room.whole())[0].id]


async def test_following_takes_what_a_session_gained(transcript, new_transcript, room):
    transcript.user("one")
    transcript.call("t1", "Edit", file_path="/home/you/shop/cart.py")
    assert (await room.capture.follow(transcript.path)).new == 2
    pending = (await room.rows())[1]
    assert pending.metadata["call"]["ok"] is None
    transcript.result("t1")
    transcript.user("two")
    sub = new_transcript(name=f"{transcript.session}/subagents/agent-a7.jsonl")
    sub.user("look", isSidechain=True, agentId="a7")
    report = await room.capture.follow(transcript.path)
    assert (report.files, report.new) == (2, 2)
    rows = {row.id: row for row in await room.rows()}
    assert rows[pending.id].metadata["call"]["ok"] is True
    assert {row.text for row in rows.values()} == {"one", "two", "look", "Edit: /home/you/shop/cart.py"}
    assert (await room.capture.follow(transcript.path)).entries == 0


async def test_following_what_is_not_there_is_a_sentence(room, tmp_path):
    report = await room.capture.follow(tmp_path / "gone.jsonl")
    assert report.problems == (f"{tmp_path}/gone.jsonl does not exist; nothing was read from it.",)


async def test_a_resumed_copy_of_a_session_adds_only_what_is_new(transcript, new_transcript, room):
    transcript.user("one")
    transcript.call("t1", command="make")
    copy = new_transcript(session="99999999-2222-4333-8444-555555555555")
    copy.raw(transcript.path.read_bytes())
    copy.result("t1", "Error 2", error=True)
    copy.user("two")
    os.utime(transcript.path, (1, 1))
    report = await room.capture.import_paths([transcript.path.parent])
    rows = await room.whole()
    assert [(row.session, row.position, row.role) for row in rows] == [
        (transcript.session, 1, "user"),
        (transcript.session, 1, "tool"),
        (copy.session, 2, "user"),
    ]
    assert rows[1].metadata["call"]["ok"] is False
    assert report.skipped["copy of another line"] == 1


async def test_the_same_words_said_twice_stay_two_turns(transcript, room):
    transcript.user("continue")
    transcript.user("continue")
    await room.capture.import_paths([transcript.path])
    rows = await room.rows()
    assert len(rows) == 2
    assert rows[0].content_hash == rows[1].content_hash


async def test_trouble_with_one_file_is_a_sentence_and_the_others_go_on(transcript, new_transcript, room, monkeypatch):
    transcript.user("fine")
    (transcript.path.parent / "dir.jsonl").mkdir()
    gone = new_transcript(name="gone.jsonl")
    gone.user("never read")
    find = room.capture._source.find

    async def find_and_remove(roots):
        found = await find(roots)
        gone.path.unlink()
        return found

    monkeypatch.setattr(room.capture._source, "find", find_and_remove)
    report = await room.capture.import_paths([transcript.path.parent])
    assert [row.text for row in await room.rows()] == ["fine"]
    assert sorted(report.problems) == [
        f"{transcript.path.parent}/dir.jsonl is a folder; it was left out.",
        f"{gone.path} is gone; nothing was read from it.",
    ]


async def test_progress_ends_where_everything_is_done(room):
    seen: list[ImportProgress] = []
    report = await room.capture.import_paths([samples()], seen.append)
    assert seen[0] == ImportProgress(0, 5, 0, seen[0].bytes_total, 0)
    assert seen[-1] == ImportProgress(5, 5, seen[0].bytes_total, seen[0].bytes_total, report.entries)
    done = [progress.bytes_done for progress in seen]
    assert done == sorted(done)


class FailsAfter:
    """A store that stops taking writes, as when the disk is full or the process is killed between two of them."""

    def __init__(self, store: MemoryVectorStore, writes: int) -> None:
        self._store, self._writes = store, writes

    def __getattr__(self, name: str):
        return getattr(self._store, name)

    async def upsert(self, records) -> None:
        if self._writes == 0:
            raise Unavailable("The disk is full.")
        self._writes -= 1
        await self._store.upsert(records)


@pytest.mark.parametrize("writes", [0, 1, 2, 5])
@pytest.mark.parametrize("at_once", [1, 4, 1_000])
async def test_an_import_that_broke_off_goes_on_to_the_same_rows(source, new_room, monkeypatch, writes, at_once):
    monkeypatch.setattr(capturing, "ENTRIES_AT_ONCE", at_once)
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", at_once)
    undisturbed = new_room()
    await undisturbed.capture.import_paths([samples()])
    store, ledger = MemoryVectorStore(), MemoryImportLedger()
    broken = new_room(store=FailsAfter(store, writes), ledger=ledger)
    if at_once < 1_000 or writes == 0:
        with pytest.raises(Unavailable):
            await broken.capture.import_paths([samples()])
    resumed = new_room(store=store, ledger=ledger)
    await resumed.capture.import_paths([samples()])
    assert await resumed.rows() == await undisturbed.rows()


async def test_a_cursor_is_set_only_after_what_it_leads_past_is_stored(transcript, new_room):
    transcript.user("one")
    room = new_room(store=FailsAfter(MemoryVectorStore(), 0))
    with pytest.raises(Unavailable):
        await room.capture.follow(transcript.path)
    assert await room.ledger.cursor(transcript.path) is None


async def test_following_gets_its_turn_while_a_long_import_runs(transcript, new_transcript, room, monkeypatch):
    monkeypatch.setattr(capturing, "ENTRIES_AT_ONCE", 1)
    for number in range(20):
        new_transcript(name=f"old-{number}.jsonl").user(f"old {number}")
    live = new_transcript(name="elsewhere/live.jsonl")
    live.user("live")
    order: list[str] = []
    upsert = room.store.upsert

    async def noted(records):
        order.extend(record.text for record in records)
        await upsert(records)

    monkeypatch.setattr(room.store, "upsert", noted)
    everything = asyncio.create_task(room.capture.import_paths([transcript.path.parent]))
    while not order:
        await asyncio.sleep(0)
    await room.capture.follow(live.path)
    assert "live" in order
    assert len(order) < 20
    await everything
    assert sorted(order) == sorted(["live", *(f"old {number}" for number in range(20))])


async def test_a_huge_line_and_odd_characters_survive(transcript, room):
    transcript.user("nul \x00 and \U0001f980 and \u202e")
    transcript.assistant("w " * 1_000_000)
    await room.capture.import_paths([transcript.path])
    whole = await room.whole()
    assert whole[0].text == "nul \x00 and \U0001f980 and \u202e"
    assert len(whole[1].text) == 1_999_999
    assert len(await room.rows()) <= 70


async def test_a_memory_knows_the_files_it_touched_or_mentions(transcript, room):
    token = "ghp_" + "a8Kd0Wq2Zx6Vb4Nm1Lp3Ty7Ru9Eo5Is0Cf2G"
    transcript.user(f"Does src/cart.py, not {token}.py, need docs/prices.md?")
    transcript.call("t1", "Edit", file_path="/home/you/shop/my cart.py")
    transcript.call("t2", command="pytest tests/test_cart.py::test_total")
    transcript.result("t2", "src/total.py:12: AssertionError", error=True)
    transcript.call("t3", "Read", file_path=f"/home/you/{token}.py")
    transcript.call("t4", "Grep", pattern="cart.py", path="/home/you/" + "x" * 400)
    await room.capture.import_paths([transcript.path])
    files = [row.files for row in await room.whole()]
    assert files[0][0] == "src/cart.py" and files[0][-1] == "docs/prices.md"
    assert files[1:3] == [("/home/you/shop/my cart.py",), ("tests/test_cart.py", "src/total.py")]
    assert files[3] == ("/home/you/[redacted:github-token].py",) and files[4] == ()
    assert token not in repr(files)


async def test_the_code_of_a_conversation_is_kept_apart(transcript, room):
    token = "ghp_" + "a8Kd0Wq2Zx6Vb4Nm1Lp3Ty7Ru9Eo5Is0Cf2G"
    transcript.user(f"Like this:\n```python\nKEY = '{token}'\ndef total(cart): ...\n```")
    transcript.call("t1", "Edit", file_path="/shop/cart.go", old_string="a\nb", new_string=f"a\nkey := `{token}`")
    transcript.call("t2", "Edit", file_path="/shop/cart.go", old_string="x", new_string="never made")
    transcript.call(
        "t3", "MultiEdit", file_path="/shop/m.ts", edits=[{"old_string": "", "new_string": f"n{n}"} for n in (1, 2)]
    )
    transcript.call("t4", "Write", file_path="/shop/w.rs", content="fn main() {}")
    transcript.call("t5", "NotebookEdit", notebook_path="/shop/n.ipynb", new_source="x = 1")
    transcript.call("t6", "Edit", file_path="/shop/cart.go", old_string="gone = 1", new_string="")
    transcript.call("t7", "Write", file_path="/shop/waits.rs", content="fn waits() {}")
    for name in ("t1", "t3", "t4", "t5", "t6"):
        transcript.result(name)
    transcript.result("t2", "String to replace not found in file.", error=True)
    await room.capture.import_paths([transcript.path])
    rows = await room.rows()
    code = [row for row in rows if row.kind == "code"]
    assert token not in repr(rows)
    assert [row.text for row in code] == [
        "KEY = '[redacted:github-token]'\ndef total(cart): ...", "a\nkey := `[redacted:github-token]`", "n1", "n2",
        "fn main() {}", "x = 1", "gone = 1",
    ]  # fmt: skip
    assert [row.files for row in code][:3] == [(), ("/shop/cart.go",), ("/shop/m.ts",)]
    assert [row.metadata["code"].get("before") for row in code][:2] == [None, "b"]
    assert {row.parent for row in code} <= {row.id for row in rows}
    assert not any(row.worded for row in code)
    transcript.result("t7")
    await room.capture.import_paths([transcript.path])
    assert "fn waits() {}" in [row.text for row in await room.rows()]


async def test_what_went_wrong_is_a_fact(transcript, room):
    transcript.call("t1", command="pytest -q")
    transcript.result("t1", "Exit code 1\nKeyError: 'total'", error=True)
    transcript.call("t2", command="go test ./... 2>&1 | tail -3")
    transcript.result("t2", "x", beside={"stdout": "--- FAIL: TestCart (0.1s)", "stderr": ""})
    transcript.call("t3", command="rm -rf build")
    transcript.result("t3", "The user doesn't want to proceed with this tool use.", error=True)
    transcript.user("I get\nTraceback (most recent call last):\nValueError: no")
    transcript.call("t4", "Read", file_path="/shop/cart.py")
    transcript.result("t4")
    await room.capture.import_paths([transcript.path])
    rows = await room.whole()
    assert [tuple(fact for fact in row.facts if not fact.startswith("home:")) for row in rows] == [
        ("tool:Bash", "outcome:failed", "error:KeyError"),
        ("tool:Bash", "outcome:hidden", "error:test failure"),
        ("tool:Bash", "outcome:stopped"),
        ("outcome:pasted", "error:ValueError"),
        ("tool:Read",),
    ]
    assert rows[1].metadata["call"]["ok"] and "FAIL: TestCart" in rows[1].text


async def test_the_result_of_a_call_keeps_the_place_of_the_call(transcript, new_transcript, room):
    call = transcript.call("t1", command="make")
    await room.capture.import_paths([transcript.path])
    elsewhere = new_transcript(session="99999999-2222-4333-8444-555555555555", cwd="/home/you/invoices")
    elsewhere.user("another place")
    elsewhere.line("assistant", uuid=call["uuid"], timestamp="2026-03-05T10:00:00.000Z", message=call["message"])
    elsewhere.result("t1", "fine")
    [before] = await room.rows()
    await room.capture.import_paths([elsewhere.path])
    after = next(row for row in await room.rows() if row.id == before.id)
    assert (before.metadata["call"]["ok"], after.metadata["call"]["ok"]) == (None, True)
    for name in ("session", "position", "project", "time"):
        assert getattr(after, name) == getattr(before, name)


async def test_what_is_known_is_neither_written_again_nor_counted_as_a_copy(transcript, room):
    transcript.user("one")
    transcript.call("t1", command="make")
    await room.capture.import_paths([transcript.path])
    await room.ledger.forget_all()
    room.store.upsert = None
    report = await room.capture.import_paths([transcript.path])
    assert (report.entries, report.new, sum(report.skipped.values())) == (2, 0, 0)


async def test_long_texts_are_written_before_there_are_many(transcript, room, monkeypatch):
    monkeypatch.setattr(capturing, "CHARACTERS_AT_ONCE", 50)
    monkeypatch.setattr(transcripts, "MOST_CHARACTERS", 20)
    for number in range(6):
        transcript.user(f"{number} is twenty characters")
    together: list[int] = []
    upsert = room.store.upsert

    async def noted(records):
        together.append(len(records))
        await upsert(records)

    monkeypatch.setattr(room.store, "upsert", noted)
    await room.capture.import_paths([transcript.path])
    assert together == [3, 3]


async def test_an_answer_comes_before_what_is_written(transcript, new_room, monkeypatch):
    monkeypatch.setattr(courtesies, "LONGEST", 60)
    transcript.user("one")
    courtesy = Courtesy()
    room = new_room(courtesy=courtesy)
    kept: list[bool] = []
    upsert = room.store.upsert

    async def noted(records):
        kept.append(answered)
        await upsert(records)

    room.store.upsert = noted
    answered = False
    with courtesy.answering():
        importing = asyncio.create_task(room.capture.import_paths([transcript.path]))
        await asyncio.sleep(0.03)
        answered = True
    await importing
    assert kept == [True]


async def test_others_have_their_turn_after_each_entry_that_takes_long(transcript, room):
    for number in range(10):
        transcript.user(f"turn {number}")
    turns = 0

    async def other():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(other())
    record_of = room.capture._record_of
    seen: list[int] = []

    async def noted(entry, tally):
        seen.append(turns)
        time.sleep(0.003)
        return await record_of(entry, tally)

    room.capture._record_of = noted
    await room.capture.import_paths([transcript.path])
    task.cancel()
    assert len(set(seen)) == 10


async def test_of_what_a_call_was_about_the_beginning_is_kept_and_of_its_error_the_end(transcript, room):
    transcript.call("t1", command="begin " + "x " * 5_000 + "last words")
    transcript.result("t1", "first line\n" + "y " * 5_000 + "\nfinal reason", error=True)
    await room.capture.import_paths([transcript.path])
    [record] = await room.whole()
    call = record.metadata["call"]
    assert call["command"].startswith("begin") and len(call["command"]) <= capturing.COMMAND_KEPT
    assert call["error"].endswith("final reason") and "first line" not in call["error"]
    assert "last words" not in record.text
    assert record.text.startswith("Bash: begin") and record.text.endswith("final reason")


async def test_the_name_of_a_tool_hides_no_secret_behind_it(transcript, room):
    transcript.call("t1", command="db.example.com:5432:shop:me:hunter2-and-more")
    transcript.result("t1")
    await room.capture.import_paths([transcript.path])
    assert "hunter2" not in repr(await room.rows())


async def test_a_memory_knows_the_first_folder_of_its_conversation(transcript, room):
    transcript.user("one")
    transcript.user("two", cwd="/home/you/shop/deploy")
    await room.capture.import_paths([transcript.path])
    assert [row.facts for row in await room.rows()] == [("home:/home/you/shop",)] * 2


async def test_what_cannot_be_opened_is_a_sentence(transcript, new_transcript, room, monkeypatch):
    transcript.user("fine")
    other = new_transcript(name="other.jsonl")
    other.user("never read")
    find = room.capture._source.find

    async def find_and_replace(roots):
        found = await find(roots)
        other.path.unlink()
        other.path.mkdir()
        return found

    monkeypatch.setattr(room.capture._source, "find", find_and_replace)
    report = await room.capture.import_paths([transcript.path.parent])
    assert [row.text for row in await room.rows()] == ["fine"]
    assert len(report.problems) == 1 and str(other.path) in report.problems[0]


async def test_a_disk_that_fails_while_it_is_read_is_a_sentence(transcript, room, monkeypatch):
    transcript.user("never read")

    def fails(file, offset):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(transcripts, "lines", fails)
    report = await room.capture.import_paths([transcript.path])
    assert report.problems == (
        f"{transcript.path} could not be read to its end (Input/output error); import it again.",
    )


async def test_vectors_are_made_of_what_an_import_that_broke_off_has_stored(transcript, new_room, monkeypatch):
    monkeypatch.setattr(capturing, "ENTRIES_AT_ONCE", 1)
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", 1)
    transcript.user("one")
    transcript.user("two")
    room = new_room(store=FailsAfter(MemoryVectorStore(), 1))
    with pytest.raises(Unavailable):
        await room.capture.import_paths([transcript.path])
    assert room.news == 1


async def test_progress_shows_inside_of_a_long_file(transcript, room, monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", 1)
    for number in range(4):
        transcript.user(f"turn {number}")
    seen: list[ImportProgress] = []
    await room.capture.import_paths([transcript.path], seen.append)
    assert len({now.bytes_done for now in seen if now.files_done == 0}) == 5


async def test_noise_is_not_read_again(transcript, room):
    transcript.line("progress", data="x")
    await room.capture.import_paths([transcript.path])
    cursor = await room.ledger.cursor(transcript.path)
    assert cursor is not None and cursor.offset == transcript.path.stat().st_size


async def test_a_cursor_counts_all_entries_and_goes_on_without_a_sum(transcript, room, monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", 2)
    for number in range(5):
        transcript.user(f"turn {number}")
    await room.capture.import_paths([transcript.path])
    cursor = await room.ledger.cursor(transcript.path)
    assert cursor.entries == 5
    state = {name: value for name, value in json.loads(cursor.state).items() if name != "sum"}
    await room.ledger.set_cursor(transcript.path, replace(cursor, state=json.dumps(state)))  # of an earlier version
    transcript.user("later")
    assert (await room.capture.import_paths([transcript.path])).entries == 1
