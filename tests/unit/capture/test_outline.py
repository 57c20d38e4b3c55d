"""How a conversation stands, read from its file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.claude_code import files, outline
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts
from session_mgmt_mcp.ports.errors import Invalid, NotFound
from session_mgmt_mcp.ports.transcript_source import Todo

BACKGROUND = {"stdout": "", "stderr": "", "backgroundTaskId": "b1"}


def notice(transcript, call: str, task: str, status: str = "completed") -> str:
    text = (
        f"<task-notification>\n<task-id>{task}</task-id>\n<tool-use-id>{call}</tool-use-id>\n"
        f"<status>{status}</status>\n<summary>It ended</summary>\n</task-notification>"
    )
    transcript.raw(json.dumps({"type": "queue-operation", "operation": "enqueue", "content": text}).encode() + b"\n")
    return text


def reply(transcript, *usage: int, model: str = "claude-opus-5-5", **more) -> None:
    names = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
    used = dict(zip(names, usage, strict=True)) | {"service_tier": "standard"}
    content = [{"type": "text", "text": "Well."}]
    transcript.line("assistant", message={"id": "msg_1", "model": model, "content": content, "usage": used}, **more)


@pytest.fixture
def outlined(transcript):
    async def read():
        return await ClaudeCodeTranscripts().outline(transcript.path)

    return read


async def test_nobody_has_spoken_in_an_empty_file_or_one_of_notes(transcript, outlined):
    assert await outlined() is None
    transcript.line("attachment", attachment={"type": "date"})
    transcript.user("Caveat: not yours", isMeta=True)
    assert await outlined() is None


async def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(NotFound):
        await ClaudeCodeTranscripts().outline(tmp_path / "gone.jsonl")
    with pytest.raises(Invalid):
        await ClaudeCodeTranscripts().outline(tmp_path)


async def test_it_says_where_and_when(transcript, outlined):
    transcript.user("Why does the cart test fail?")
    transcript.assistant("I look.", cwd="/home/you/shop/tests", gitBranch="fix")
    found = await outlined()
    assert (found.session, found.home, found.cwd) == (transcript.session, "/home/you/shop", "/home/you/shop/tests")
    assert (found.branch, found.started.second, found.last.second) == ("fix", 1, 2)


async def test_the_newest_twenty_prompts_are_kept_oldest_first(transcript, outlined):
    for number in range(25):
        transcript.user(f"Do number {number}.\n<system-reminder>be good</system-reminder>")
        transcript.user("[Request interrupted by user]")
        transcript.user("Operation stopped by hook: Another session is active")
        transcript.user("This session is being continued", isCompactSummary=True)
        transcript.user("<command-name>/clear</command-name>")
    assert (await outlined()).prompts == tuple(f"Do number {number}." for number in range(5, 25))


async def test_what_a_subagent_says_and_uses_is_left_out(transcript, outlined):
    transcript.user("Go.")
    reply(transcript, 1, 2, 3, 4)
    transcript.user("You are a reviewer.", isSidechain=True)
    reply(transcript, 1000, 1000, 1000, 1000, isSidechain=True)
    transcript.call("t", "TodoWrite", todos=[{"content": "mine", "status": "pending"}])
    transcript.user(
        [{"type": "tool_result", "tool_use_id": "t"}],
        isSidechain=True, toolUseResult={"newTodos": [{"content": "mine", "status": "pending"}]},
    )  # fmt: skip
    found = await outlined()
    assert (found.prompts, found.usage.tokens, found.todos) == (("Go.",), 10, ())


async def test_use_is_that_of_the_newest_reply_as_its_last_line_has_it(transcript, outlined):
    transcript.user("Go.")
    reply(transcript, 10, 500, 20, 1)
    reply(transcript, 10, 500, 20, 70)
    reply(transcript, 0, 0, 0, 0, model="<synthetic>")
    usage = (await outlined()).usage
    assert (usage.model, usage.tokens, usage.time.second) == ("claude-opus-5-5", 600, 3)


async def test_a_compaction_is_counted_and_makes_the_use_unknown_until_the_next_reply(transcript, outlined):
    transcript.user("Go.")
    reply(transcript, 150_000, 0, 0, 10)
    transcript.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 150_010})
    assert ((await outlined()).compactions, (await outlined()).usage) == (1, None)
    reply(transcript, 9_000, 0, 0, 1)
    assert (await outlined()).usage.tokens == 9_001


async def test_a_list_of_todos_stands_as_it_was_written_last(transcript, outlined):
    transcript.user("Go.")
    for number, state in enumerate(("pending", "in_progress", "completed")):
        todos = [{"content": "Write it", "status": state, "activeForm": "Writing it"}]
        transcript.call(f"t{number}", "TodoWrite", todos=todos)
        transcript.result(f"t{number}", beside={"oldTodos": [], "newTodos": todos})
    assert (await outlined()).todos == (Todo("Write it", "completed"),)
    transcript.call("t9", "TodoWrite", todos=[{"content": "refused", "status": "pending"}])
    transcript.result("t9", "No such tool", error=True, beside="Error: No such tool")
    assert (await outlined()).todos == (Todo("Write it", "completed"),)


async def test_tasks_are_made_changed_and_deleted_one_by_one(transcript, outlined):
    transcript.user("Go.")
    for number, subject in enumerate(("Read", "Write", "Drop"), 1):
        transcript.call(f"c{number}", "TaskCreate", subject=subject, description="more")
        transcript.result(f"c{number}", beside={"task": {"id": str(number), "subject": subject}})
    for name, changes in {
        "1": {"status": "completed"},
        "2": {"subject": "Write it"},
        "3": {"status": "deleted"},
    }.items():
        transcript.call(f"u{name}", "TaskUpdate", taskId=name, **changes)
        transcript.result(f"u{name}", beside={"success": True, "taskId": name})
    transcript.call("u9", "TaskUpdate", taskId="2", status="completed")
    transcript.result("u9", "Task not found", beside={"success": False, "taskId": "2", "error": "no"})
    assert (await outlined()).todos == (Todo("Read", "completed"), Todo("Write it", "pending"))
    transcript.call("l", "TaskList")
    transcript.result("l", beside={"tasks": [{"id": "7", "subject": "From elsewhere", "status": "in_progress"}]})
    assert (await outlined()).todos == (Todo("From elsewhere", "in_progress"),)


@pytest.mark.parametrize("status", ["completed", "failed", "killed"])
async def test_a_command_in_the_background_runs_until_a_notice_says_that_it_ended(transcript, outlined, status):
    transcript.call("c1", command="npm run dev", run_in_background=True)
    assert (await outlined()).running == ("npm run dev",)
    transcript.result("c1", "Command running in background with ID: b1", beside=BACKGROUND)
    transcript.call("c2", command="make test")
    transcript.result("c2", beside={"stdout": "fine", "stderr": ""})
    assert (await outlined()).running == ("npm run dev",)
    notice(transcript, "c1", "b1", status)
    assert (await outlined()).running == ()


async def test_a_notice_in_a_user_line_ends_a_command_too_and_one_of_another_task_does_not(transcript, outlined):
    transcript.call("c1", command="npm run dev", run_in_background=True)
    transcript.result("c1", beside=BACKGROUND)
    text = notice(transcript, "c7", "b7")
    assert (await outlined()).running == ("npm run dev",)
    transcript.user(text.replace("b7", "b1"))
    assert (await outlined()).running == ()


async def test_a_command_that_the_client_moved_into_the_background_runs_until_it_is_stopped(transcript, outlined):
    transcript.call("c1", command="make soak")
    transcript.result("c1", beside=BACKGROUND)
    assert (await outlined()).running == ("make soak",)
    transcript.call("c2", "TaskStop", task_id="b1")
    transcript.result("c2", beside={"message": "stopped"})
    assert (await outlined()).running == ()


async def test_a_command_that_could_not_start_does_not_run(transcript, outlined):
    transcript.call("c1", command="npm run dev", run_in_background=True)
    transcript.result("c1", "denied", error=True, beside="Error: denied")
    assert (await outlined()).running == ()


async def test_an_outline_goes_on_where_the_last_one_stopped(transcript, monkeypatch):
    source = ClaudeCodeTranscripts()
    transcript.user("First.")
    transcript.assistant("Well.")
    await source.outline(transcript.path)
    taken = []
    monkeypatch.setattr(outline.Outlining, "take", lambda self, text: taken.append(text))
    transcript.user("Second.")
    await source.outline(transcript.path)
    assert len(taken) == 1 and b"Second." in taken[0]


async def test_a_file_that_was_replaced_is_read_anew(transcript):
    source = ClaudeCodeTranscripts()
    transcript.user("First.")
    assert (await source.outline(transcript.path)).prompts == ("First.",)
    text = transcript.path.read_bytes()
    transcript.path.write_bytes(text.replace(b"First.", b"Other.") + text.replace(b"First.", b"Third."))
    assert (await source.outline(transcript.path)).prompts == ("Other.", "Third.")
    transcript.path.write_bytes(text)
    assert (await source.outline(transcript.path)).prompts == ("First.",)


async def test_a_line_that_is_still_being_written_waits(transcript):
    source = ClaudeCodeTranscripts()
    transcript.user("First.")
    transcript.user("Second.")
    whole = transcript.path.read_bytes()
    transcript.path.write_bytes(whole[:-30])
    assert (await source.outline(transcript.path)).prompts == ("First.",)
    with transcript.path.open("ab") as file:
        file.write(whole[-30:])
    assert (await source.outline(transcript.path)).prompts == ("First.", "Second.")


async def test_of_a_very_long_file_the_middle_is_passed_over(transcript, outlined, monkeypatch):
    monkeypatch.setattr(outline, "MOST_BYTES", 3_000)
    monkeypatch.setattr(outline, "_HEAD", 1_000)
    for number in range(100):
        transcript.user(f"Number {number}.", cwd=f"/home/you/{number}")
    found = await outlined()
    assert (found.home, found.cwd, found.started.second) == ("/home/you/0", "/home/you/99", 1)
    assert found.prompts[-1] == "Number 99." and "Number 50." not in found.prompts
    assert 3 < len(found.prompts) < 16


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n", b"[]\n", b"\xff\xfe\n", b'{"type":"user","message":{"content":7}}\n',
        b'{"type":"assistant","message":{"content":[7,{"type":"tool_use","id":3,"input":[]}],"usage":7}}\n',
        b'{"type":"assistant","message":{"model":"m","usage":{"input_tokens":"many"},"content":null}}\n',
        b'{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":["x"]}]},"timestamp":9}\n',
        b'{"type":"queue-operation","content":["<task-notification>"]}\n',
    ],
)  # fmt: skip
async def test_a_malformed_line_is_passed_over(transcript, outlined, line):
    transcript.user("First.")
    transcript.raw(line)
    transcript.user("Second.")
    assert (await outlined()).prompts == ("First.", "Second.")


NAMES = st.sampled_from([
    "type", "message", "content", "user", "assistant", "text", "tool_use", "tool_result", "id", "input", "tool_use_id", "usage",
    "input_tokens", "model", "toolUseResult", "backgroundTaskId", "task", "tasks", "newTodos", "todos", "name", "TodoWrite",
    "TaskCreate", "TaskUpdate", "taskId", "status", "timestamp", "cwd", "isSidechain", "subtype", "system", "compact_boundary",
    "queue-operation", "command", "run_in_background", "subject", "2026-03-02T10:00:00Z", "completed", "pending",
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)
BLOCKS = st.lists(st.dictionaries(NAMES, JSON, max_size=6) | JSON, max_size=4)
LINES = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "assistant", "system", "queue-operation"])},
    optional={
        "message": st.fixed_dictionaries({}, optional={"content": BLOCKS | NAMES, "usage": JSON, "model": NAMES}) | JSON,
        "toolUseResult": st.dictionaries(NAMES, JSON, max_size=6) | JSON,
        "timestamp": NAMES | JSON, "cwd": JSON, "gitBranch": JSON, "subtype": NAMES, "isSidechain": JSON, "content": JSON,
    },
)  # fmt: skip


@given(st.lists(LINES, max_size=8))
def test_whatever_a_line_holds_an_outline_can_be_made(some):
    known = outline.Outlining("s", 1)
    for line in some:
        known.take(json.dumps(line).encode() + b"\n")
    found = known.outline()
    if found is not None:
        assert all(isinstance(prompt, str) for prompt in found.prompts)
        assert all(
            isinstance(todo.text, str) and todo.state in ("pending", "in_progress", "completed") for todo in found.todos
        )
        assert found.usage is None or isinstance(found.usage.tokens, int)


@pytest.mark.parametrize("longest", [500, 50_000])
async def test_of_a_long_file_whose_last_line_has_yet_to_end_the_beginning_is_told(
    transcript, outlined, monkeypatch, longest
):
    monkeypatch.setattr(files, "LONGEST_LINE", longest)
    monkeypatch.setattr(outline, "MOST_BYTES", 2_000)
    monkeypatch.setattr(outline, "_HEAD", 100)
    transcript.user("Go.")
    transcript.raw(b'{"type":"user","x":"' + b"x" * 5_000)
    assert (await outlined()).prompts == ("Go.",)
