"""What was said and done in a client's sessions, read from wherever the client leaves it."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Change:
    """What a call put into a file: `after` in the place of `before`."""

    file: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of one tool, as facts."""

    tool: str
    ok: bool | None  # None: no result seen yet
    files: tuple[str, ...] = ()
    command: str = ""
    error: str = ""  # what it printed when it failed, or the end of it
    output: str = ""  # the end of what a command printed when it did not fail
    changes: tuple[Change, ...] = ()  # asked for; made only if it went well


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing said (`user`, `assistant`), done (`tool`), or a compaction's mark (`boundary`).

    The text of something done is what it was about; its error stands in the call alone. Nothing is redacted, and
    nothing is cut closer than 20,000 characters, so that a secret is either there as a whole or not at all.
    """

    id: str  # stable across re-reads, copies of the line, resumed and forked sessions
    session: str
    role: Literal["user", "assistant", "tool", "boundary"]
    text: str
    time: datetime
    cwd: str
    home: str = ""  # the first folder of the conversation
    position: int = 0  # things said in the conversation up to this one; something done has that of the turn before it
    branch: str = ""
    agent: str = ""  # the subagent that spoke; empty for the main conversation
    call: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """A file that holds a conversation, or looks like one and cannot be read: then `problem` is one sentence."""

    path: Path
    bytes: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one file was read. A file that was replaced or cut is recognised and read anew."""

    inode: int = 0
    offset: int = 0  # bytes; always at the start of a line
    entries: int = 0  # entries yielded up to here
    state: str = ""  # whatever else the source needs to go on; opaque


@dataclass(frozen=True, slots=True)
class Batch:
    """Some entries and where to go on after them. What is not an entry is counted, by reason."""

    entries: Sequence[Entry]
    cursor: Cursor
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Todo:
    """One line of the list that the assistant keeps."""

    text: str
    state: Literal["pending", "in_progress", "completed"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the newest reply of the main conversation said of its context."""

    model: str
    tokens: int  # read, from the cache or not, and written: what the next request begins with
    time: datetime


@dataclass(frozen=True, slots=True)
class Outline:
    """A conversation as it stands now. Nothing is redacted."""

    session: str
    home: str
    cwd: str
    branch: str
    started: datetime
    last: datetime
    prompts: Sequence[str]  # the user's newest 20, oldest first
    todos: Sequence[Todo]  # of the main conversation
    usage: Usage | None  # None: no reply yet, or none since the last compaction
    compactions: int
    running: Sequence[str]  # commands that were started in the background and not seen to end


class TranscriptSource(Protocol):
    """Conversations that a client left on disk, found and read on from where the last reading stopped."""

    async def find(self, roots: Sequence[Path]) -> list[Transcript]:
        """Every transcript below `roots`, each once, oldest first. Never follows a link out of its root.

        A file may be named itself; the conversations of its subagents come along.
        """

    def read(self, path: Path, cursor: Cursor | None = None) -> AsyncGenerator[Batch, None]:
        """What came after `cursor`, in file order, in batches of bounded size; a last line without its end waits for next time.

        A tool's entry may come twice under one id: when it was called, and complete when its result was read.
        Raises NotFound, Invalid for what is not a readable file.
        """

    async def outline(self, path: Path) -> Outline | None:
        """How the conversation in this file stands; None when nobody has spoken yet. Raises NotFound, Invalid."""
