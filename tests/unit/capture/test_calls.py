"""Tool calls and their results become one entry of facts."""

import pytest
from session_mgmt_mcp.adapters.claude_code import conversation


async def test_a_call_and_its_result_are_one_entry(transcript, read):
    transcript.user("run the tests")
    transcript.call("t1", command="go test ./...", description="Run tests")
    transcript.assistant("Waiting.")
    transcript.result("t1", "Exit code 1\nFAIL cart_test.go:12", error=True)
    entries, skipped, _ = await read(transcript.path)
    assert [e.role for e in entries] == ["user", "tool", "assistant"]
    done = entries[1]
    assert done.text == "Bash: go test ./..."
    assert (done.position, done.call.tool, done.call.ok) == (1, "Bash", False)
    assert done.call.command == "go test ./..."
    assert done.call.error == "Exit code 1\nFAIL cart_test.go:12"
    assert skipped == {}


async def test_files_come_from_the_call_and_from_what_it_changed(transcript, read):
    transcript.call("t1", "Edit", file_path="/s/a.py", old_string="x", new_string="y")
    transcript.call("t2", "NotebookEdit", notebook_path="/s/b.ipynb")
    transcript.call("t3", "Grep", pattern="port", path="/s/conf")
    transcript.result("t1", beside={"filePath": "/real/s/a.py", "originalFile": "secret of mine"})
    entries, _, _ = await read(transcript.path)
    assert [e.call.files for e in entries] == [("/s/a.py", "/real/s/a.py"), ("/s/b.ipynb",), ("/s/conf",)]
    assert [e.call.ok for e in entries] == [True, None, None]
    assert entries[2].text == "Grep: /s/conf, port"
    assert not any("secret of mine" in repr(e) for e in entries)


@pytest.mark.parametrize(
    ("content", "error", "beside", "expected"),
    [
        ("<tool_use_error>File has not been read yet</tool_use_error>", True, "Error", "File has not been read yet"),
        ([{"type": "text", "text": "boom"}, {"type": "image"}], True, None, "boom"),
        ("", False, {"interrupted": True, "stdout": "half", "stderr": "killed"}, "half\nkilled"),
        (None, True, None, ""),
    ],
)
async def test_a_failed_call_keeps_what_it_printed(transcript, read, content, error, beside, expected):
    transcript.call("t1", command="make")
    transcript.result("t1", content, error, beside)
    entries, _, _ = await read(transcript.path)
    assert (entries[0].call.ok, entries[0].call.error) == (False, expected)


async def test_a_result_read_later_completes_the_same_entry(transcript, read):
    transcript.user("go")
    transcript.call("t1", command="make")
    transcript.user("and?")
    before, _, cursor = await read(transcript.path)
    transcript.result("t1", "Error 2", error=True)
    after, skipped, _ = await read(transcript.path, cursor)
    whole, _, _ = await read(transcript.path)
    assert before[1].call.ok is None
    assert [e.id for e in after] == [before[1].id]
    assert after[0] == whole[1]
    assert skipped == {}


async def test_a_result_without_its_call_is_counted(transcript, read):
    transcript.result("t9")
    assert (await read(transcript.path))[:2] == ([], {"result without its call": 1})


async def test_a_result_counts_once(transcript, read):
    transcript.call("t1", command="make")
    transcript.result("t1", "Error 2", error=True)
    transcript.result("t1", "fine")
    entries, skipped, _ = await read(transcript.path)
    assert [e.call.ok for e in entries] == [False]
    assert skipped == {"result without its call": 1}


async def test_calls_that_never_end_are_given_up_oldest_first(transcript, read, monkeypatch):
    monkeypatch.setattr(conversation, "OPEN_CALLS", 2)
    for name in ("t1", "t2", "t3"):
        transcript.call(name, command=name)
    for name in ("t1", "t2", "t3"):
        transcript.result(name)
    entries, skipped, _ = await read(transcript.path)
    assert [e.call.ok for e in entries] == [None, True, True]
    assert skipped == {"result without its call": 1}


async def test_what_a_person_answered_through_a_tool_is_kept(transcript, read):
    transcript.call("t1", "AskUserQuestion", questions=[{"question": "Which port?"}])
    transcript.result("t1", "User has answered", beside={"answers": {"Which port?": "8081", "odd": 7}})
    entries, _, _ = await read(transcript.path)
    assert [e.text for e in entries] == ["AskUserQuestion: Which port? 8081"]


async def test_a_call_that_is_no_longer_in_its_place_is_not_mistaken_for_another(transcript, read):
    transcript.call("t1", command="make")
    transcript.user("x" * 600)
    _, _, cursor = await read(transcript.path)
    transcript.path.write_bytes(transcript.path.read_bytes().replace(b'"t1"', b'"t7"'))
    transcript.result("t1")
    entries, skipped, _ = await read(transcript.path, cursor)
    assert (entries, skipped) == ([], {"result without its call": 1})
