"""The transcript parser: the lines of a file that anything may have written into."""

import io
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import orjson
from session_mgmt_mcp.adapters.claude_code.conversation import Conversation
from session_mgmt_mcp.adapters.claude_code.files import line_at, lines
from session_mgmt_mcp.adapters.claude_code.outline import Outlining
from session_mgmt_mcp.adapters.claude_code.parsing import line_type, parse_fully
from session_mgmt_mcp.ports.transcript_source import Entry

from tests.fuzz.reading import Reader
from tests.fuzz.values import any_value, dumped

INGREDIENTS = (
    b'{"type":"user","message":{"content":"', b'{"type":"assistant","message":{"content":[', b'{"type":"text","text":"',
    b'{"type":"tool_use","id":"t","name":"Bash","input":{"command":"', b'{"type":"tool_result","tool_use_id":"t","content":"',
    b'"toolUseResult":{"stdout":"', b'"newTodos":[{"content":"a","status":"pending"}]', b'"backgroundTaskId":"b"', b'"answers":{"q":"a"}',
    b'"timestamp":"', b"2026-03-01T12:00:00Z", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b'"cwd":"/home/you"',
    b'"isSidechain":true', b'"agentId":', b'"gitBranch":', b'"uuid":', b'"isMeta":true', b'"isCompactSummary":true', b'"is_error":true',
    b'"subtype":"compact_boundary"', b'"type":"system"', b'"compactMetadata":{"preTokens":', b'"usage":{"input_tokens":', b'"model":"m"',
    b'{"type":"attachment","attachment":{"type":"queued_command","commandMode":"prompt","prompt":"', b'{"type":"queue-operation","content":"',
    b"<task-notification>", b"<task-id>", b"</task-id>", b"<status>completed", b"<system-reminder>", b"</system-reminder>",
    b"<command-message>", b"<command-name>", b"</command-name>", b"<command-args>", b"</command-args>", b"<local-command-",
    b'"name":"TodoWrite"', b'"name":"TaskUpdate"', b'"taskId":', b'"input":{', b'"edits":[', b'"old_string":"', b'"new_string":"',
    b'"file_path":"/a"', b'"run_in_background":true', b'"id":"', b'"', b'":', b'"}', b'"}}\n', b'"}]}}\n', b"{", b"}", b"[", b"]", b",",
    b":", b"\n", b"\r\n", b"\\n", b"\\u0000", b"\\ud800", b"\xff", b"\xed\xa0\x80", b"\x00", b"NaN", b"1e999", b"null", b"true", b"-0",
    b"9" * 30, b"9" * 400, b"1", b" ", b"\\", b'"a"', b"[[[[[[[[", b"]]]]]]]]", b'{"a":',
)  # fmt: skip
LINES: tuple[dict[str, Any], ...] = (
    {"type": "user", "uuid": "u1", "timestamp": "2026-03-01T12:00:00Z", "cwd": "/home/you"},
    {"type": "assistant", "timestamp": "2026-03-01T12:00:01Z", "isSidechain": False},
    {"type": "user", "isSidechain": True, "agentId": "a"},
    {"type": "user", "toolUseResult": {"stdout": "x", "newTodos": [{"content": "a", "status": "pending"}]}},
    {
        "type": "user",
        "toolUseResult": {"backgroundTaskId": "b", "task": {"id": "1", "subject": "a"}, "answers": {"q": "a"}},
    },
    {"type": "system", "subtype": "compact_boundary", "compactMetadata": {"trigger": "auto", "preTokens": 5}},
    {"type": "attachment", "attachment": {"type": "queued_command", "commandMode": "prompt", "prompt": "and then"}},
    {"type": "queue-operation", "content": "<task-notification><task-id>b</task-id><status>done"},
)
MESSAGES: tuple[dict[str, Any], ...] = (
    {"role": "user"},
    {"role": "assistant", "model": "m", "usage": {"input_tokens": 5, "output_tokens": 6}},
)
BLOCKS: tuple[dict[str, Any], ...] = (
    {"type": "text", "text": "hello"},
    {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls", "run_in_background": True}},
    {"type": "tool_use", "id": "u", "name": "Edit", "input": {"file_path": "/a", "old_string": "x", "new_string": "y"}},
    {"type": "tool_use", "id": "v", "name": "TodoWrite", "input": {"todos": [{"content": "a", "status": "pending"}]}},
    {"type": "tool_use", "id": "v", "name": "TaskUpdate", "input": {"taskId": "1", "status": "completed"}},
    {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "done"}]},
    {"type": "tool_result", "tool_use_id": "u", "content": "no", "is_error": True},
    {"type": "tool_result", "tool_use_id": "v"},
)
NAMES = (
    "type", "uuid", "timestamp", "cwd", "gitBranch", "isSidechain", "agentId", "isMeta", "isCompactSummary", "subtype", "text",
    "compactMetadata", "preTokens", "toolUseResult", "attachment", "message", "content", "model", "usage", "input_tokens", "id", "name",
    "input", "tool_use_id", "is_error", "command", "todos", "edits", "new_string", "old_string", "file_path", "pattern", "status",
    "stdout", "interrupted", "filePath", "newTodos", "task", "tasks", "subject", "success", "backgroundTaskId", "answers",
)  # fmt: skip
TEXTS = (
    "user", "assistant", "system", "compact_boundary", "tool_use", "tool_result", "text", "t", "u", "v", "pending", "1", "b",
    "2026-03-01T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-03-01", "/home/you", "<system-reminder>x",
    "<command-message>a<command-name>/b</command-name><command-args>c</command-args>", "<command-message><command-name>",
    "<task-notification><task-id>b</task-id><status>completed</status>", "TaskList", "KillShell", "deleted",
)  # fmt: skip
MOST_LINES = 8
ROLES = {"user", "assistant", "tool", "boundary"}


def check(data: bytes) -> None:
    reader = Reader(data)
    apart = reader.below(16)
    stream = reader.rest() if reader.below(4) == 3 else b"".join(_lines(reader))
    whole = list(_entries(stream, Conversation("s", "", _looking_back(stream))))
    for entry in whole:
        _check_entry(entry)
    _check_resumed(stream, apart, whole)
    _check_outline(stream)
    for line in lines(io.BytesIO(stream), 0):
        _check_type(line.text or b"")


def _lines(reader: Reader) -> Iterator[bytes]:
    for _ in range(MOST_LINES):
        if not reader:
            return
        line = dumped(_line(reader))
        match reader.below(16):
            case 13:
                yield line[: reader.below(len(line) + 1)]
            case 14:
                yield line.replace(b'"', b"\xff", 1) + b"\n"
            case 15:
                yield reader.text(20).encode("utf-8", "surrogateescape") + b"\n"
            case _:
                yield line + b"\n"


def _line(reader: Reader) -> dict[str, Any]:
    """One with everything in its place, of which a few are something else."""
    line = {**reader.one_of(LINES), "message": {**reader.one_of(MESSAGES)}}
    line["message"]["content"] = [{**reader.one_of(BLOCKS)} for _ in range(reader.below(4))]
    for _ in range(reader.below(4)):
        content = line["message"]["content"]
        place = reader.one_of((line, line["message"], *(content if isinstance(content, list) else ())))
        if isinstance(place, dict):
            name = reader.one_of((*place, *NAMES))
            if name != "message":
                place[name] = any_value(reader, TEXTS, NAMES)
    return line


def _looking_back(stream: bytes) -> Any:
    return lambda offset: line_at(io.BytesIO(stream), offset)


def _entries(stream: bytes, conversation: Conversation, start: int = 0) -> Iterator[Entry]:
    end = start
    for line in lines(io.BytesIO(stream), start):
        assert line.offset == end and line.end > line.offset, "a line is left out or read twice"
        end = line.end
        yield from conversation.entries(line.text or b"", line.offset)
    assert end == len(stream)
    orjson.dumps(conversation.state())
    orjson.dumps(conversation.skipped)
    assert len(conversation.skipped) < 100


def _check_entry(entry: Entry) -> None:
    texts = [entry.id, entry.session, entry.text, entry.cwd, entry.home, entry.branch, entry.agent]
    if entry.call:
        changed = [text for change in entry.call.changes for text in (change.file, change.before, change.after)]
        texts += [entry.call.tool, *entry.call.files, entry.call.command, entry.call.error, entry.call.output, *changed]
    "".join(texts).encode()
    assert entry.role in ROLES and len(entry.id) == 20
    assert entry.time.tzinfo is not None
    assert entry.time.astimezone(UTC).year >= 1
    assert 0 <= entry.position < 2**63


def _check_resumed(stream: bytes, apart: int, whole: list[Entry]) -> None:
    """Who stops after some lines and goes on from the state that was kept tells the same."""
    starts = [line.offset for line in lines(io.BytesIO(stream), 0)][apart : apart + 1]
    if starts:
        first = Conversation("s", "", _looking_back(stream))
        told = list(_entries(stream[: starts[0]], first))
        second = Conversation("", "", _looking_back(stream))
        second.restore(orjson.loads(orjson.dumps(first.state())))
        told += _entries(stream, second, starts[0])
        assert [_shown(one) for one in told] == [_shown(one) for one in whole], "resuming tells something else"


def _shown(entry: Entry) -> tuple[Any, ...]:
    """Without time and folders of a call: one that its line leaves out is that of the line before, also when read again."""
    said = () if entry.role == "tool" else (entry.time, entry.cwd, entry.home)
    return entry.id, entry.role, entry.text, entry.position, entry.agent, entry.call, *said


def _check_outline(stream: bytes) -> None:
    outlining = Outlining("s", 1)
    for line in lines(io.BytesIO(stream), 0):
        outlining.take(line.text or b"")
    outline = outlining.outline()
    if outline is not None:
        texts = [
            *outline.prompts,
            *outline.running,
            outline.cwd,
            outline.branch,
            *(todo.text for todo in outline.todos),
        ]
        "".join(texts).encode()
        assert outline.last.astimezone(UTC) and outline.started.astimezone(UTC)
        assert outline.usage is None or 0 <= outline.usage.tokens < 2**53


def _check_type(line: bytes) -> None:
    """What is told without parsing is what parsing tells, as long as no name stands twice."""
    told, found = line_type(line), parse_fully(line)
    if told is not None and found is not None and line.count(b"type") == 1:
        name = found.get("type")
        assert name is None or json.dumps(name).isascii() is False or name == told or not isinstance(name, str), (
            told,
            name,
        )
