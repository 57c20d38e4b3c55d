"""Which files are read, and how reading goes on where it stopped."""

import json
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.claude_code import files, transcripts
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts
from session_mgmt_mcp.ports.errors import Invalid, NotFound


async def test_files_come_oldest_first_and_each_once(new_transcript, source):
    old, new = new_transcript(name="b.jsonl"), new_transcript(name="a.jsonl")
    os.utime(old.path, (1, 1))
    os.utime(new.path, (2, 2))
    (old.path.parent / "notes.txt").write_text("no transcript")
    root = old.path.parent.parent
    found = await source.find([root, old.path.parent, new.path])
    assert [t.path for t in found] == [old.path, new.path]
    assert not any(t.problem for t in found)


async def test_a_session_named_itself_brings_its_subagents(transcript, new_transcript, source, read):
    sub = new_transcript(name=f"{transcript.session}/subagents/agent-a7.jsonl")
    sub.user("look at the cart", isSidechain=True, agentId="a7")
    assert {t.path for t in await source.find([transcript.path])} == {transcript.path, sub.path}
    entries, _, _ = await read(sub.path)
    assert [(e.session, e.agent) for e in entries] == [(transcript.session, "a7")]


async def test_the_session_is_the_files_whatever_copied_lines_say(transcript, new_transcript, read):
    transcript.user("copied", sessionId="another")
    assert (await read(transcript.path))[0][0].session == transcript.session
    beside = new_transcript(name="agent-b2.jsonl")  # as older clients left them
    beside.user("look", isSidechain=True)
    entry = (await read(beside.path))[0][0]
    assert (entry.session, entry.agent) == (beside.session, "b2")
    exported = new_transcript(name="exported.jsonl", session="demo-session")
    exported.user("hello")
    assert (await read(exported.path))[0][0].session == "demo-session"


async def test_links_are_not_followed_out_of_the_root(transcript, source, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.jsonl").write_text("{}\n")
    folder = transcript.path.parent
    (folder / "out.jsonl").symlink_to(outside / "x.jsonl")
    (folder / "tree").symlink_to(outside)
    (folder / "broken.jsonl").symlink_to(folder / "gone.jsonl")
    (folder / "again.jsonl").symlink_to(transcript.path)
    (folder / "loop").symlink_to(folder)
    problems = {t.path.name: t.problem for t in await source.find([folder])}
    assert problems.pop(transcript.path.name) == ""
    assert problems.keys() == {"out.jsonl", "tree", "broken.jsonl"}
    assert "is a link out of" in problems["out.jsonl"]
    assert "is a link out of" in problems["tree"]
    assert "is a broken link" in problems["broken.jsonl"]


async def test_a_root_may_be_a_link(transcript, source, tmp_path):
    (tmp_path / "link").symlink_to(transcript.path.parent)
    assert [t.path for t in await source.find([tmp_path / "link"])] == [transcript.path]


async def test_what_only_looks_like_a_transcript_is_one_sentence(transcript, source):
    folder = transcript.path.parent
    (folder / "dir.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    odd = os.fsencode(folder) + b"/\xff.jsonl"
    Path(os.fsdecode(odd)).write_bytes(b"{}\n")
    found = await source.find([folder, folder / "absent"])
    problems = sorted(t.problem.removeprefix(str(folder)) for t in found if t.problem)
    assert problems == [
        "/absent does not exist; nothing was read from it.",
        "/dir.jsonl is a folder; it was left out.",
        "/pipe.jsonl is not a file; it was left out.",
        "/\ufffd.jsonl has a name that is no valid UTF-8; rename it to import it.",
    ]


async def test_reading_what_is_no_file_raises(transcript, read, monkeypatch):
    folder = transcript.path.parent
    (folder / "dir.jsonl").mkdir()
    os.mkfifo(folder / "pipe.jsonl")
    (folder / "link.jsonl").symlink_to(transcript.path)
    with pytest.raises(NotFound):
        await read(folder / "absent.jsonl")
    for name in ("dir.jsonl", "pipe.jsonl", "link.jsonl"):
        with pytest.raises(Invalid, match=name):
            await read(folder / name)

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Invalid, match="Permission denied"):
        await read(transcript.path)


async def test_a_line_that_is_still_being_written_waits(transcript, read):
    transcript.user("one")
    line = json.dumps({"type": "user", "uuid": "u2", "message": {"content": "two"}}).encode()
    transcript.raw(line[:30])
    entries, skipped, cursor = await read(transcript.path)
    assert ([e.text for e in entries], skipped) == (["one"], {})
    transcript.raw(line[30:] + b"\n")
    entries, _, cursor = await read(transcript.path, cursor)
    assert [(e.text, e.position) for e in entries] == [("two", 2)]
    assert await read(transcript.path, cursor) == ([], {}, cursor)


async def test_a_last_line_without_its_end_counts_once_it_is_whole(transcript, read):
    transcript.raw(b'{"type":"user","uuid":"u1","message":{"content":"one"}}')
    entries, _, cursor = await read(transcript.path)
    assert [e.text for e in entries] == ["one"]
    transcript.raw(b'\n{"type":"user","uuid":"u2","message":{"content":"two"}}')
    entries, skipped, _ = await read(transcript.path, cursor)
    assert ([e.text for e in entries], skipped) == (["two"], {})


@pytest.mark.parametrize("change", ["cut", "replaced", "rewritten in place", "unknown state", "no state"])
async def test_a_file_that_is_no_longer_the_same_is_read_anew(transcript, read, change):
    transcript.user("one")
    transcript.user("two")
    _, _, cursor = await read(transcript.path)
    data = transcript.path.read_bytes()
    match change:
        case "cut":
            transcript.path.write_bytes(data[: data.index(b"\n") + 1])
        case "replaced":
            other = transcript.path.with_suffix(".new")
            other.write_bytes(data)
            other.replace(transcript.path)
        case "rewritten in place":
            transcript.path.write_bytes(data.replace(b"two", b"TWO") + data.replace(b"one", b"six"))
        case "unknown state":
            cursor = replace(cursor, state='{"format": 99}')
        case "no state":
            cursor = replace(cursor, state="")
    entries, _, _ = await read(transcript.path, cursor)
    assert entries[0].text == "one"


async def test_an_overlong_line_is_counted_and_passed_over(transcript, read, monkeypatch):
    monkeypatch.setattr(files, "LONGEST_LINE", 2_000)
    transcript.user("before")
    transcript.user("x" * 9_000)
    transcript.user("after")
    transcript.raw(b'{"endless": "' + b"y" * 9_000)
    entries, skipped, cursor = await read(transcript.path)
    assert [e.text for e in entries] == ["before", "after"]
    assert skipped == {"line over 32 MB": 1}
    transcript.raw(b'"}\n')
    transcript.user("last")
    entries, skipped, _ = await read(transcript.path, cursor)
    assert ([e.text for e in entries], skipped) == (["last"], {"line over 32 MB": 1})


async def test_batches_are_bounded(transcript, source, monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", 10)
    monkeypatch.setattr(transcripts, "MOST_CHARACTERS", 1_000)
    for number in range(35):
        transcript.user(f"{number}")
    transcript.user("z" * 3_000)
    transcript.user("end")
    sizes = [len(batch.entries) async for batch in source.read(transcript.path)]
    assert sizes == [10, 10, 10, 6, 1]


async def test_noise_alone_still_moves_the_cursor(transcript, source, monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_BYTES", 500)
    for _ in range(4):
        transcript.line("progress", data="x" * 400)
    offsets = [batch.cursor.offset async for batch in source.read(transcript.path)]
    assert len(offsets) == 4
    assert offsets == sorted(set(offsets))


async def test_the_same_line_twice_in_a_file_is_one_entry(transcript, read):
    transcript.user("one", uuid="same")
    transcript.user("two")
    transcript.user("one", uuid="same")
    entries, skipped, _ = await read(transcript.path)
    assert [(e.text, e.position) for e in entries] == [("one", 1), ("two", 2)]
    assert skipped == {"copy of another line": 1}


steps = st.lists(
    st.tuples(st.sampled_from(["say", "answer", "call", "result", "noise", "side"]), st.integers(0, 3)), max_size=25
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=steps, cuts=st.lists(st.integers(0, 10_000), max_size=5))
async def test_reading_in_pieces_gives_the_same_as_reading_at_once(tmp_path_factory, new_transcript, steps, cuts):
    script = new_transcript(name=f"{len(list(tmp_path_factory.getbasetemp().iterdir()))}-{os.urandom(6).hex()}.jsonl")
    for number, (step, name) in enumerate(steps):
        match step:
            case "say":
                script.user(f"say {number}")
            case "answer":
                script.assistant(f"answer {number}", f"and {number}")
            case "call":
                script.call(f"t{name}", command=f"make {number}")
            case "result":
                script.result(f"t{name}", f"error {number}", error=name % 2 == 0)
            case "noise":
                script.line("progress", data=number)
            case "side":
                script.user(f"side {number}", isSidechain=True, agentId=f"a{name}")
    data = script.path.read_bytes()
    source = ClaudeCodeTranscripts()

    async def collect(into, cursor=None):
        async for batch in source.read(script.path, cursor):
            for entry in batch.entries:
                into.setdefault(entry.id, entry)
                if into[entry.id].position == entry.position:
                    into[entry.id] = entry
            cursor = batch.cursor
        return cursor

    at_once: dict = {}
    await collect(at_once)
    in_pieces: dict = {}
    cursor = None
    script.path.write_bytes(b"")
    written = 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        with script.path.open("ab") as file:
            file.write(data[written:cut])
        written = max(written, cut)
        cursor = await collect(in_pieces, cursor)
    assert list(in_pieces.values()) == list(at_once.values())


async def test_memory_does_not_grow_with_the_file(new_transcript, source, monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", 20)

    async def peak(turns: int) -> int:
        script = new_transcript(name=f"{turns}.jsonl")
        script.user("go")
        script.call("t1", command="make")
        script.result("t1", "x" * 20_000)
        script.assistant("y" * 2_000)
        block = script.path.read_bytes()
        lines = [json.loads(line) for line in block.splitlines()]
        for number in range(turns):
            script.raw(
                b"".join(json.dumps(line | {"uuid": f"{number}/{line['uuid']}"}).encode() + b"\n" for line in lines)
            )
        tracemalloc.start()
        async for batch in source.read(script.path):
            assert len(batch.entries) <= 22
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await peak(5)
    assert await peak(400) < 1.2 * await peak(50)


async def test_a_file_that_grows_while_it_is_read_loses_nothing(transcript, source, read, monkeypatch):
    monkeypatch.setattr(transcripts, "MOST_ENTRIES", 3)
    for number in range(10):
        transcript.user(f"{number}")
    seen, cursor = [], None
    async for batch in source.read(transcript.path):
        seen += batch.entries
        cursor = batch.cursor
        if transcript.lines < 40:
            line = json.dumps(
                {"type": "user", "uuid": f"late {len(seen)}", "message": {"content": f"late {len(seen)}"}}
            )
            transcript.raw(line[:20].encode())
            transcript.raw(line[20:].encode() + b"\n")
            transcript.lines += 10
    later, _, _ = await read(transcript.path, cursor)
    whole, _, _ = await read(transcript.path)
    assert seen + later == whole
    assert len(whole) == 13
