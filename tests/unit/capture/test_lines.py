"""What one line of a transcript means."""

import json

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.claude_code.conversation import Conversation
from session_mgmt_mcp.adapters.claude_code.parsing import line_type, parse
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts


async def test_each_text_block_is_one_entry_in_reading_order(transcript, read):
    transcript.user("Why does the cart test fail?")
    transcript.assistant("First I read it.")
    transcript.assistant({"type": "thinking", "thinking": "hm"})
    transcript.assistant("Found it.", "The clock was frozen.")
    entries, skipped, _ = await read(transcript.path)
    assert [(e.role, e.text, e.position) for e in entries] == [
        ("user", "Why does the cart test fail?", 1),
        ("assistant", "First I read it.", 2),
        ("assistant", "Found it.", 3),
        ("assistant", "The clock was frozen.", 4),
    ]
    assert len({e.id for e in entries}) == 4
    assert skipped == {"thinking block": 1}
    first = entries[0]
    assert (first.session, first.cwd, first.home, first.branch) == (
        transcript.session, "/home/you/shop", "/home/you/shop", "main",
    )  # fmt: skip
    assert first.time.isoformat() == "2026-03-02T10:00:01+00:00"


@pytest.mark.parametrize(
    ("content", "more", "reason"),
    [
        ("Caveat: not yours", {"isMeta": True}, "client note"),
        ("<command-name>/exit</command-name><command-args>now</command-args>", {}, "client command"),
        ("<command-message>review</command-message>\n<command-name>/review</command-name>", {}, "client command"),
        ("<local-command-stdout>See ya!</local-command-stdout>", {}, "output of a client command"),
        ("<local-command-caveat>Caveat</local-command-caveat>", {}, "output of a client command"),
        ("<task-notification>done</task-notification>", {}, "task notification"),
        ("<system-reminder>be good</system-reminder>", {}, "client note"),
        ("This session is being continued", {"isCompactSummary": True}, "compaction summary"),
        ("  \n", {}, "empty text"),
        ([{"type": "image", "source": {}}], {}, "image block"),
        ([{"type": "document"}], {}, "document block"),
        (["loose string"], {}, "malformed block"),
        (7, {}, "malformed line"),
    ],
)
async def test_what_nobody_said_is_counted_and_left_out(transcript, read, content, more, reason):
    transcript.user(content, **more)
    assert (await read(transcript.path))[:2] == ([], {reason: 1})


@pytest.mark.parametrize("length", [1, 300])
async def test_a_prompt_that_was_typed_while_the_assistant_worked_is_one(transcript, read, length):
    said = "And mind the invoices. " * length
    transcript.user("Fix the cart.")
    for mode in ("prompt", "task-notification"):
        queued = {"type": "queued_command", "prompt": said, "commandMode": mode, "source_uuid": "s"}
        rendered = [{"content": f"<system-reminder>The user sent a new message: {said}</system-reminder>"}]
        transcript.line("attachment", attachment=queued, rendered=rendered)
    entries, skipped, _ = await read(transcript.path)
    assert [(e.role, e.text, e.position) for e in entries] == [("user", "Fix the cart.", 1), ("user", said.strip(), 2)]
    assert (
        skipped == {"attachment line": 1}
        and (await ClaudeCodeTranscripts().outline(transcript.path)).prompts[1] == said.strip()
    )


async def test_reminders_are_cut_out_of_real_prompts(transcript, read):
    transcript.user("Deploy it.\n<system-reminder>\nnever mind\n</system-reminder>\nTo port 8081.")
    entries, _, _ = await read(transcript.path)
    assert entries[0].text == "Deploy it.\n\nTo port 8081."


async def test_words_typed_behind_a_command_of_the_users_own_count(transcript, read):
    transcript.user(
        "<command-message>plan</command-message>\n<command-name>/plan</command-name>\n"
        "<command-args>move the cache</command-args>"
    )
    assert [e.text for e in (await read(transcript.path))[0]] == ["/plan move the cache"]


async def test_other_line_types_are_counted_by_name(transcript, read):
    transcript.line("progress", data={"type": "hook_progress"})
    transcript.line("system", subtype="turn_duration")
    transcript.line("something-new")
    transcript.raw(b'{"no": "type"}\n[1]\n"text"\nnot json\n\n{"type":"user"}\n\xff\xfe\x00binary\n')
    entries, skipped, _ = await read(transcript.path)
    assert entries == []
    assert skipped == {
        "progress line": 1,
        "system/turn_duration line": 1,
        "something-new line": 1,
        "untyped line": 1,
        "malformed line": 5,
    }


async def test_a_compaction_leaves_its_mark(transcript, read):
    transcript.user("hello")
    transcript.line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 99043})
    entries, _, _ = await read(transcript.path)
    assert (entries[1].role, entries[1].position) == ("boundary", 1)
    assert entries[1].text == "Conversation compacted (auto, 99043 tokens before)."


async def test_half_a_surrogate_pair_costs_a_character_not_the_line(transcript, read):
    transcript.raw(b'{"type":"user","uuid":"u1","message":{"content":"cut here \\ud83d"}}\n')
    transcript.raw(b'{"type":"user","uuid":"u2","message":{"content":"caf\xe9"}}\n')
    entries, skipped, _ = await read(transcript.path)
    assert [e.text for e in entries] == ["cut here ?", "caf\ufffd"]
    assert skipped == {}


async def test_a_line_of_a_subagent_in_the_main_file_has_its_agent_and_its_own_order(transcript, read):
    transcript.user("main prompt")
    transcript.user("sub prompt", isSidechain=True)
    transcript.user("named sub prompt", isSidechain=True, agentId="a1")
    transcript.user("second main prompt")
    entries, _, _ = await read(transcript.path)
    assert [e.agent for e in entries] == ["", "sidechain", "a1", ""]
    assert [entries[0].position, entries[3].position] == [1, 2]
    assert len({e.position for e in entries}) == 4
    assert all(abs(e.position - 2) > 1_000 for e in entries[1:3])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet='abtype"\\:,{} ', max_size=12) | st.sampled_from(["type", "user", 'x","type":"user"']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "a", 'b"', "c"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["a", "b", "uuid", "message", 'odd"', "type"]), json_values, max_size=5),
    st.booleans(),
)
def test_a_type_told_without_parsing_is_the_lines_own(line, compact):
    text = json.dumps(line, separators=(",", ":") if compact else None).encode()
    told = line_type(text)
    assert told is None or told == line.get("type")


def test_noise_is_told_without_parsing_in_both_layouts():
    noise = {"uuid": "u", "attachment": {"type": "user", "text": "x" * 5_000}, "type": "attachment", "cwd": "/x"}
    assert parse(json.dumps(noise).encode()) == "attachment"
    assert parse(orjson.dumps(noise)) == "attachment"
    front = {"parentUuid": None, "isSidechain": False, "type": "progress", "data": {"message": {"type": "user"}}}
    assert line_type(orjson.dumps(front)) == "progress"


fields = st.sampled_from(
    [
        "type",
        "text",
        "id",
        "name",
        "input",
        "content",
        "tool_use_id",
        "is_error",
        "file_path",
        "command",
        "filePath",
        "answers",
    ]
)
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(["text", "tool_use", "tool_result", "user", "2026-01-01", "t1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(fields, inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
odd_lines = st.fixed_dictionaries(
    {"type": st.sampled_from(["user", "assistant", "system"])},
    optional={
        "message": odd | st.fixed_dictionaries({"content": st.lists(odd, max_size=4) | odd}),
        "uuid": odd,
        "timestamp": odd,
        "cwd": odd,
        "agentId": odd,
        "isSidechain": st.booleans() | odd,
        "gitBranch": odd,
        "toolUseResult": odd,
        "subtype": st.just("compact_boundary") | odd,
        "compactMetadata": odd,
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(odd_lines, max_size=3))
def test_no_line_however_odd_stops_the_reading(lines):
    conversation = Conversation("s", "", lambda _: b"{}")
    for line in lines:
        for entry in conversation.entries(json.dumps(line).encode(), 0):
            assert entry.text == str(entry.text)
            assert isinstance(entry.cwd, str)
        state = json.loads(json.dumps(conversation.state()))
        conversation = Conversation("", "", lambda _: b"{}")
        conversation.restore(state)
