"""Tool calls as facts: which files, which command, did it work, what did it print when it did not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from session_mgmt_mcp.adapters.claude_code.parsing import name_in
from session_mgmt_mcp.adapters.claude_code.words import without_notes
from session_mgmt_mcp.ports.transcript_source import Change, ToolCall

KEPT = 20_000  # characters of a text; of an error those at the end, where the reason stands
_PATHS = ("file_path", "notebook_path", "path")
EDITS_KEPT = 20  # of one call
_AFTER = ("new_string", "new_source", "content")
_SUBJECTS = ("pattern", "query", "url", "subject", "description", "skill", "plan", "prompt", "text")


@dataclass(frozen=True, slots=True)
class Result:
    ok: bool
    error: str
    files: tuple[str, ...]
    output: str


def call_of(block: Mapping[str, Any]) -> ToolCall:
    inputs = _mapping(block.get("input"))
    files = [inputs[name] for name in _PATHS if isinstance(inputs.get(name), str)]
    command = inputs.get("command")
    return ToolCall(
        tool=(name_in(block.get("name")) or "unknown")[:200],
        ok=None,
        files=tuple(dict.fromkeys(files)),
        command=command[:KEPT] if isinstance(command, str) else "",
        changes=_changes(inputs, files[0]) if files else (),
    )


def _changes(inputs: Mapping[str, Any], file: str) -> tuple[Change, ...]:
    """Of an edit, several edits at once, a file or a notebook's cell that is written."""
    several = inputs.get("edits")
    edits = [edit for edit in several if isinstance(edit, dict)] if isinstance(several, list) else [inputs]
    found: list[Change] = []
    for edit in edits[:EDITS_KEPT]:
        after = next((edit[name] for name in _AFTER if isinstance(edit.get(name), str)), None)
        before = edit.get("old_string")
        if after is not None:
            found.append(Change(file, before[:KEPT] if isinstance(before, str) else "", after[:KEPT]))
    return tuple(found)


def subject_of(block: Mapping[str, Any]) -> str:
    """What a call without file or command was about, in one stretch of text."""
    inputs = _mapping(block.get("input"))
    texts = [inputs[name] for name in _SUBJECTS if isinstance(inputs.get(name), str) and inputs[name].strip()]
    return ", ".join(text.strip()[:KEPT] for text in texts[:2])


def result_of(block: Mapping[str, Any], beside: object) -> Result:
    """From a `tool_result` block and the `toolUseResult` of its line."""
    details = _mapping(beside)
    failed = block.get("is_error") is True or details.get("interrupted") is True
    changed = details.get("filePath")
    return Result(
        ok=not failed,
        error=_error(block.get("content"), details) if failed else "",
        output="" if failed else _printed(details)[-KEPT:],
        files=(changed,) if isinstance(changed, str) and changed else (),
    )


def answers_in(beside: object) -> str:
    """What a person answered to questions that were asked through a tool."""
    answers = _mapping(_mapping(beside).get("answers"))
    return "; ".join(f"{question} {answer}" for question, answer in answers.items() if isinstance(answer, str))[:KEPT]


def finished(call: ToolCall, result: Result) -> ToolCall:
    files = tuple(dict.fromkeys((*call.files, *result.files)))
    output = result.output if call.command else ""
    return ToolCall(call.tool, result.ok, files, call.command, result.error, output, call.changes)


def about(call: ToolCall, subject: str) -> str:
    """What a call was about, so that its words are found: "Bash: go test ./..." or "Edit: /home/you/shop/cart.py"."""
    what = call.command or ", ".join((*call.files, *([subject] if subject else [])))
    return f"{call.tool}: {what}" if what else call.tool


def _error(content: object, details: Mapping[str, Any]) -> str:
    text = _plain(content)
    if not text:
        text = _printed(details)
    text = text.replace("<tool_use_error>", "").replace("</tool_use_error>", "")
    return without_notes(text)[-KEPT:].strip()


def _printed(details: Mapping[str, Any]) -> str:
    return "\n".join(part for name in ("stdout", "stderr") if isinstance(part := details.get(name), str) and part)


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    blocks = (block.get("text") for block in content if isinstance(block, dict))
    return "\n".join(text for text in blocks if isinstance(text, str))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
