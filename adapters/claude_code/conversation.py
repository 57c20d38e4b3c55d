"""The lines of one transcript as entries: who spoke, in which order, and which result belongs to which call."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from session_mgmt_mcp.adapters.claude_code.calls import about, answers_in, call_of, finished, result_of, subject_of
from session_mgmt_mcp.adapters.claude_code.parsing import Object, name_in, parse, time_of
from session_mgmt_mcp.adapters.claude_code.words import typed
from session_mgmt_mcp.ports.transcript_source import Entry, ToolCall

Role: TypeAlias = Literal["user", "assistant", "tool", "boundary"]
OPEN_CALLS = 256  # calls whose result has not been read; the oldest is given up first
SIDE = "sidechain"  # the agent of older clients, which wrote subagents into the main transcript without a name
_AGENTS_APART = 1_000_000  # positions between two agents of a session: their words are never neighbours
_REASONS = 60  # different line types that are counted apart


@dataclass(slots=True)
class OpenCall:
    """A call that waits for its result. `offset` and `block` say where it stands, so that it can be read again."""

    offset: int
    block: int
    position: int
    entry: Entry | None = None
    subject: str = ""


@dataclass(slots=True)
class Conversation:
    """Reads lines in order. All it remembers fits into `state()`, from which another one goes on in its place."""

    session: str
    agent: str
    read_again: Callable[[int], bytes]  # the line that starts at an offset
    home: str = ""
    cwd: str = ""
    time: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    said: dict[str, int] = field(default_factory=dict)  # by agent
    calls: dict[str, OpenCall] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)

    def state(self) -> Object:
        return {
            "session": self.session,
            "home": self.home,
            "cwd": self.cwd,
            "time": self.time.isoformat(),
            "said": self.said,
            "calls": {name: [call.offset, call.block, call.position] for name, call in self.calls.items()},
        }

    def restore(self, state: Object) -> None:
        self.session, self.home, self.cwd = state["session"], state["home"], state["cwd"]
        self.said = dict(state["said"])
        self.time = datetime.fromisoformat(state["time"])
        self.calls = {name: OpenCall(*place) for name, place in state["calls"].items()}

    def entries(self, text: bytes, offset: int) -> Iterator[Entry]:
        """What one line holds; whatever else is in it is counted in `skipped`."""
        if text.isspace():
            return
        line = parse(text)
        if line is None:
            self.skipped["malformed line"] += 1
        elif isinstance(line, str):
            self._skip_type(line)
        else:
            yield from self._of_line(line, text, offset)

    def _of_line(self, line: Object, text: bytes, offset: int) -> Iterator[Entry]:
        kind, message = line.get("type"), line.get("message")
        if kind == "system" and line.get("subtype") == "compact_boundary":
            self._note(line)
            yield self._entry(line, (text, 0), "boundary", _boundary(line), None)
        elif kind not in ("user", "assistant"):
            self._skip_type(
                f"system/{name_in(line.get('subtype'))}" if kind == "system" else name_in(kind) or "untyped"
            )
        elif not isinstance(message, dict):
            self.skipped["malformed line"] += 1
        elif line.get("isCompactSummary") is True:
            self.skipped["compaction summary"] += 1
        else:
            self._note(line)
            content = message.get("content")
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            if not isinstance(blocks, list):
                self.skipped["malformed line"] += 1
                return
            for number, block in enumerate(blocks):
                yield from self._of_block(line, text, offset, number, block if isinstance(block, dict) else {})

    def _of_block(self, line: Object, text: bytes, offset: int, number: int, block: Object) -> Iterator[Entry]:
        role, kind = line["type"], block.get("type")
        if kind == "tool_result":
            yield from self._result(block, line.get("toolUseResult"))
        elif line.get("isMeta") is True:
            self.skipped["client note"] += 1
        elif kind == "tool_use":
            yield self._call(line, text, offset, number, block)
        elif kind == "text" and isinstance(block.get("text"), str):
            words, reason = typed(block["text"]) if role == "user" else (block["text"].strip(), "empty text")
            if words:
                yield self._entry(line, (text, number), role, words, None)
            else:
                self.skipped[reason] += 1
        else:
            self._skip(f"{name_in(kind)[:40]} block" if name_in(kind) else "malformed block")

    def _call(self, line: Object, text: bytes, offset: int, number: int, block: Object) -> Entry:
        call, subject = call_of(block), subject_of(block)
        entry = self._entry(line, (text, number), "tool", about(call, subject), call)
        name = block.get("id")
        if isinstance(name, str) and name not in self.calls:
            if len(self.calls) >= OPEN_CALLS:
                del self.calls[next(iter(self.calls))]
            self.calls[name] = OpenCall(offset, number, entry.position, entry, subject)
        return entry

    def _result(self, block: Object, beside: object) -> Iterator[Entry]:
        name = block.get("tool_use_id")
        waiting = self.calls.pop(name, None) if isinstance(name, str) else None
        entry = self._recall(waiting, name) if waiting else None
        if waiting is None or entry is None or entry.call is None:
            self.skipped["result without its call"] += 1
            return
        call = finished(entry.call, result_of(block, beside))
        text = about(call, answers_in(beside) or waiting.subject)
        yield Entry(
            entry.id, entry.session, entry.role, text, entry.time, entry.cwd,
            entry.home, entry.position, entry.branch, entry.agent, call,
        )  # fmt: skip

    def _recall(self, waiting: OpenCall, name: object) -> Entry | None:
        """The entry of a call that was read before: from memory, or from its place in the file."""
        if waiting.entry is None:
            text = self.read_again(waiting.offset)
            line = parse(text)
            if not isinstance(line, dict):
                return None
            block = _block(line, waiting.block)
            if block.get("id") != name:
                return None
            call, waiting.subject = call_of(block), subject_of(block)
            before = self.cwd, self.time
            self._note(line)
            entry = self._entry(line, (text, waiting.block), "tool", "", call)
            self.cwd, self.time = before
            waiting.entry = replace(entry, position=waiting.position)
        return waiting.entry

    def _note(self, line: Object) -> None:
        """What later lines may leave out."""
        cwd = line.get("cwd")
        if isinstance(cwd, str) and cwd:
            self.cwd = cwd
            self.home = self.home or cwd
        self.time = time_of(line) or self.time

    def _entry(self, line: Object, source: tuple[bytes, int], role: Role, words: str, call: ToolCall | None) -> Entry:
        text, number = source
        agent = self.agent or (name_in(line.get("agentId")) or SIDE if line.get("isSidechain") is True else "")
        if role in ("user", "assistant"):
            self.said[agent] = self.said.get(agent, 0) + 1
        return Entry(
            id=_id(name_in(line.get("uuid")) or text, number),
            session=self.session,
            role=role,
            text=words,
            time=self.time,
            cwd=self.cwd,
            home=self.home,
            position=_apart(agent) + self.said.get(agent, 0),
            branch=name_in(line.get("gitBranch")),
            agent=agent,
            call=call,
        )

    def _skip_type(self, kind: str) -> None:
        self._skip(f"{kind[:40]} line")

    def _skip(self, reason: str) -> None:
        known = reason in self.skipped or len(self.skipped) < _REASONS
        self.skipped[reason if known else "other line"] += 1


def _block(line: Object, number: int) -> Object:
    message = line.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    block = content[number] if isinstance(content, list) and number < len(content) else None
    return block if isinstance(block, dict) else {}


def _apart(agent: str) -> int:
    if not agent:
        return 0
    return (1 + int(hashlib.sha256(agent.encode()).hexdigest()[:8], 16) % 2_000) * _AGENTS_APART


def _id(line: str | bytes, block: int) -> str:
    """Of the line's uuid, which copies of it share; of its bytes where it has none."""
    name = line if isinstance(line, bytes) else line.encode()
    return hashlib.sha256(b"%b\0%d" % (name, block)).hexdigest()[:20]


def _boundary(line: Object) -> str:
    facts: Any = line.get("compactMetadata")
    facts = facts if isinstance(facts, dict) else {}
    tokens = f", {facts['preTokens']} tokens before" if isinstance(facts.get("preTokens"), int) else ""
    return f"Conversation compacted ({name_in(facts.get('trigger')) or 'unknown'}{tokens})."
