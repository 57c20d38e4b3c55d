"""How a conversation stands: its newest prompts, todos, use of the context, and what still runs in the background."""

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import IO, Literal, TypeAlias, get_args

from session_mgmt_mcp.adapters.claude_code.files import Line, lines, open_transcript, tail
from session_mgmt_mcp.adapters.claude_code.parsing import Object, name_in, parse, parse_fully, time_of
from session_mgmt_mcp.adapters.claude_code.words import typed
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.transcript_source import Outline, Todo, Usage

PROMPTS = 20
TEXT_KEPT = 20_000  # characters of a prompt or a command
TODOS_KEPT = 200
OPEN_KEPT = 256  # calls without a result, and commands in the background; the oldest is given up first
MOST_BYTES = 256 * 1024 * 1024  # of a longer file the middle is passed over
_HEAD = 4 * 1024 * 1024
_WANTED = ("command", "todos", "taskId", "status", "subject", "task_id", "shell_id")  # of a call's arguments
_NOT_TYPED = ("[Request interrupted by user", "Operation stopped by hook:")
_NOTICE = b"<task-notification>"
_ENDED = re.compile(r"<status>(?!running)")
_CALL_NAMED = re.compile(r"<(?:tool-use-id|task-id)>([^<]{1,200})</")
_TOKENS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
State: TypeAlias = Literal["pending", "in_progress", "completed"]


@dataclass(slots=True)
class Outlining:
    """Reads lines in order. What it has read it need not read again: `offset` is where the next line starts."""

    session: str
    inode: int
    offset: int = 0
    checksum: int = 0  # of what stands just before `offset`
    home: str = ""
    cwd: str = ""
    branch: str = ""
    started: datetime | None = None
    last: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    prompts: deque[str] = field(default_factory=lambda: deque(maxlen=PROMPTS))
    listed: list[Todo] = field(default_factory=list)  # by the tool that writes the whole list
    tasks: dict[str, Todo] = field(default_factory=dict)  # by the tools that keep one task each
    usage: Usage | None = None
    compactions: int = 0
    waiting: dict[str, Object] = field(default_factory=dict)  # calls by id
    background: dict[str, tuple[str, str]] = field(default_factory=dict)  # by call: the task's name, the command

    def take(self, text: bytes) -> None:
        """One line of the file."""
        line = parse_fully(text) if _NOTICE in text else parse(text)
        if not isinstance(line, dict) or line.get("isSidechain") is True:
            return
        kind, message = line.get("type"), line.get("message")
        if kind == "queue-operation":
            self._notice(name_in(line.get("content")))
        elif kind == "system" and line.get("subtype") == "compact_boundary":
            self._place(line)
            self.compactions += 1
            self.usage = None  # what came before it is gone from the context; the next reply will say what is left
        elif kind in ("user", "assistant") and isinstance(message, dict):
            self._place(line)
            if kind == "assistant":
                self._use(message)
            content = message.get("content")
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for block in blocks if isinstance(blocks, list) else ():
                if isinstance(block, dict):
                    self._block(line, block)

    def outline(self) -> Outline | None:
        if self.started is None:
            return None
        return Outline(
            session=self.session,
            home=self.home,
            cwd=self.cwd,
            branch=self.branch,
            started=self.started,
            last=self.last,
            prompts=tuple(self.prompts),
            todos=(*self.listed, *self.tasks.values())[:TODOS_KEPT],
            usage=self.usage,
            compactions=self.compactions,
            running=tuple(command for _, command in self.background.values()),
        )

    def _place(self, line: Object) -> None:
        if isinstance(cwd := line.get("cwd"), str) and cwd:
            self.cwd, self.home = cwd, self.home or cwd
        if isinstance(branch := line.get("gitBranch"), str):
            self.branch = branch
        if (time := time_of(line)) is not None:
            self.last = max(self.last, time)

    def _block(self, line: Object, block: Object) -> None:
        kind = block.get("type")
        if kind == "tool_result":
            self._result(block, line.get("toolUseResult"))
        elif kind == "tool_use":
            self._begin(line)
            self._call(block)
        elif kind == "text" and isinstance(text := block.get("text"), str):
            if line["type"] == "user":
                self._said(line, text)
            elif text.strip():
                self._begin(line)

    def _begin(self, line: Object) -> None:
        if self.started is None:
            self.started = time_of(line) or self.last

    def _said(self, line: Object, text: str) -> None:
        if _NOTICE.decode() in text:
            self._notice(text)
        if line.get("isMeta") is True or line.get("isCompactSummary") is True:
            return
        words, _ = typed(text)
        if words and not words.startswith(_NOT_TYPED):
            self._begin(line)
            self.prompts.append(words[:TEXT_KEPT])

    def _use(self, message: Object) -> None:
        """Each line of a reply repeats its usage, the last one with all that was written."""
        used, model = message.get("usage"), message.get("model")
        if not isinstance(used, dict) or not isinstance(model, str) or model == "<synthetic>":
            return
        tokens = sum(count for name in _TOKENS if isinstance(count := used.get(name), int))
        self.usage = Usage(model[:200], tokens, self.last)

    def _call(self, block: Object) -> None:
        name, inputs = block.get("id"), block.get("input")
        if not isinstance(name, str) or not isinstance(inputs, dict):
            return
        if len(self.waiting) >= OPEN_KEPT:
            del self.waiting[next(iter(self.waiting))]
        self.waiting[name] = {"tool": block.get("name"), **_wanted(inputs)}
        if inputs.get("run_in_background") is True:
            self._run(name, "", self.waiting[name])

    def _result(self, block: Object, beside: object) -> None:
        name = block.get("tool_use_id")
        call = self.waiting.pop(name, None) if isinstance(name, str) else None
        details = beside if isinstance(beside, dict) else {}
        if call is None or not isinstance(name, str):
            return
        if block.get("is_error") is True:
            self.background.pop(name, None)
            return
        if isinstance(task := details.get("backgroundTaskId"), str):  # asked for, or the client took too long
            self._run(name, task, call)
        elif name in self.background and "stdout" in details:
            del self.background[name]  # it ended at once
        match call["tool"]:
            case "TodoWrite":
                self.listed = list(_todos(details.get("newTodos") or call.get("todos")))
            case "TaskCreate" | "TaskGet":
                self._task(details.get("task"))
            case "TaskList":
                self._tasks(details.get("tasks"))
            case "TaskUpdate" if details.get("success") is not False:
                self._update(call)
            case "TaskStop" | "KillShell" | "KillBash":
                self._end({name_in(call.get("task_id")) or name_in(call.get("shell_id"))})

    def _run(self, name: str, task: str, call: Object) -> None:
        if isinstance(command := call.get("command"), str) and command.strip():
            self.background[name] = (task, command.strip())
            if len(self.background) > OPEN_KEPT:
                del self.background[next(iter(self.background))]

    def _notice(self, text: str) -> None:
        if _ENDED.search(text):
            self._end(set(_CALL_NAMED.findall(text)))

    def _end(self, names: set[str]) -> None:
        ended = [call for call, (task, _) in self.background.items() if call in names or task in names]
        for call in ended:
            del self.background[call]

    def _task(self, task: object) -> None:
        if isinstance(task, dict) and isinstance(task.get("id"), str) and isinstance(task.get("subject"), str):
            known = self.tasks.get(task["id"])
            state = _state(task.get("status")) or (known.state if known else "pending")
            self.tasks[task["id"]] = Todo(task["subject"][:TEXT_KEPT], state)

    def _tasks(self, tasks: object) -> None:
        if isinstance(tasks, list):
            self.tasks.clear()
            for task in tasks[:TODOS_KEPT]:
                self._task(task)

    def _update(self, call: Object) -> None:
        name, status, subject = name_in(call.get("taskId")), call.get("status"), call.get("subject")
        known = self.tasks.get(name)
        if status == "deleted":
            self.tasks.pop(name, None)
        elif known is not None:
            text = subject if isinstance(subject, str) and subject.strip() else known.text
            self.tasks[name] = Todo(text[:TEXT_KEPT], _state(status) or known.state)


def read_outline(path: Path, name: Callable[[IO[bytes]], str], known: Outlining | None = None) -> Outlining:
    """Reads `path` to its end, going on from `known` where that is of this file; `name` tells the session's.

    Raises NotFound, Invalid, Unavailable.
    """
    with open_transcript(path) as file:
        try:
            about = os.fstat(file.fileno())
            same = known is not None and known.inode == about.st_ino and known.offset <= about.st_size
            if known is None or not same or tail(file, known.offset) != known.checksum:
                known = Outlining(name(file), about.st_ino)
            for text in _texts(file, known, about.st_size):
                known.take(text)
            known.checksum = tail(file, known.offset)
        except OSError as error:
            raise Unavailable(f"{path} could not be read to its end ({error.strerror}); try again.") from error
    return known


def _texts(file: IO[bytes], known: Outlining, size: int) -> Iterator[bytes]:
    """The lines that are complete, from `known.offset` on, which moves along; of very much the beginning and the end."""
    passed_over = size - MOST_BYTES
    head = known.offset + _HEAD
    first_part = lines(file, known.offset)
    if head < passed_over:
        yield from _complete(takewhile(lambda line: line.offset < head, first_part), known)
        cut = next(lines(file, passed_over), None)
        if cut is None or not cut.ended:
            return  # it has become shorter, or its last line has yet to end
        known.offset = cut.end
        first_part = lines(file, known.offset)
    yield from _complete(first_part, known)


def _complete(some: Iterable[Line], known: Outlining) -> Iterator[bytes]:
    for line in some:
        if not line.ended and (line.text is None or parse_fully(line.text) is None):
            return  # it is still being written
        known.offset = line.end
        if line.text is not None:
            yield line.text


def _wanted(inputs: Object) -> Object:
    return {name: inputs[name] for name in _WANTED if name in inputs}


def _todos(listed: object) -> Iterator[Todo]:
    for one in listed[:TODOS_KEPT] if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("content"), str) and one["content"].strip():
            yield Todo(one["content"].strip()[:TEXT_KEPT], _state(one.get("status")) or "pending")


def _state(status: object) -> State | None:
    return next((state for state in get_args(State) if state == status), None)
