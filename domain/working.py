"""What somebody is in the middle of, in one folder at one moment."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias, TypedDict

from session_mgmt_mcp.domain.file_search import EDITORS
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.file_digests import FileDigests
from session_mgmt_mcp.ports.git_repository import Changed, GitRepository
from session_mgmt_mcp.ports.transcript_source import Outline, Todo, TranscriptSource
from session_mgmt_mcp.ports.vector_store import Condition, Record, VectorStore

READERS = frozenset({"Read", "NotebookRead"})
MOST_FILES = 100  # that a session read or edited, the newest
MOST_PROMPTS = 10
PROMPT_KEPT = 1_000  # characters
COMMAND_KEPT = 500
TODOS_KEPT = 100
DIFF_BYTES = 200_000
_ACTIONS_READ = 500

Use: TypeAlias = Literal["edited", "read"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where work is done, by which session. `transcript` is a path; it and `session` may be empty."""

    project: str
    folder: str
    session: str = ""
    transcript: str = ""
    user: str = "default"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that the session edited, or only read; from the top of the worktree where it lies in it."""

    path: str
    use: Use
    time: datetime  # of the last use


@dataclass(frozen=True, slots=True)
class Work:
    """A working state: git's part of it, and the conversation's. Redacted. Paths are from `root`, with `/`."""

    root: str  # top of the worktree, else the folder itself
    there: bool = True  # the folder is
    repository: bool = False
    branch: str | None = None
    head: str | None = None
    operation: str | None = None
    changed: Sequence[Changed] = ()
    untracked: int = 0
    diff: str = ""
    files: Sequence[OpenFile] = ()
    prompts: Sequence[str] = ()  # oldest first
    todos: Sequence[Todo] = ()
    running: Sequence[str] = ()
    digests: Mapping[str, str] = field(default_factory=dict)  # of what is changed or open
    last: datetime | None = None  # when something was last said

    @property
    def open_todos(self) -> Sequence[Todo]:
        return [todo for todo in self.todos if todo.state != "completed"]

    @property
    def unfinished(self) -> bool:
        """Whether something would be lost from sight if nobody came back."""
        return bool(self.changed or self.open_todos or self.running or self.operation)

    @property
    def paths(self) -> Sequence[str]:
        """What is changed or open and may be compared later."""
        changed = [one.path for one in self.changed if one.state != "deleted" and not one.submodule]
        inside = [one.path for one in self.files if not PurePosixPath(one.path).is_absolute()]
        return list(dict.fromkeys((*changed, *inside)))


class Observer:
    """Looks at a place through git, the session's transcript and what was captured of it. Changes nothing."""

    def __init__(
        self,
        git: GitRepository,
        transcripts: TranscriptSource,
        store: VectorStore,
        digests: FileDigests,
        follow: Callable[[Path], Awaitable[object]],
    ) -> None:
        self._git = git
        self._transcripts = transcripts
        self._store = store
        self._digests = digests
        self._follow = follow

    async def look(self, place: Place) -> Work:
        """How work stands at `place` now; of a folder that is gone, what the conversation still tells."""
        folder = Path(place.folder)
        real = await self._git.resolve(folder) if folder.is_absolute() else None
        repository = await self._git.find(real) if real else None
        root = repository.root if repository else real
        conversation = _of_conversation(await self._outline(place.transcript))
        records = await self._actions(place.session)
        if real is None or root is None:
            return Work(place.folder, there=False, files=open_files(records, [(folder, "")]), **conversation)
        within = real.relative_to(root).as_posix() if real.is_relative_to(root) else ""
        files = open_files(records, [(root, ""), (folder, "" if within == "." else within)])
        state = await self._git.state(root)
        work = Work(
            str(root),
            repository=state is not None,
            branch=redact(state.branch).text if state and state.branch else None,
            head=state.head if state else None,
            operation=str(state.operation) if state and state.operation else None,
            changed=[replace(one, path=redact(one.path).text) for one in state.changed] if state else [],
            untracked=state.untracked if state else 0,
            diff=redact(await self._git.diff(root, DIFF_BYTES)).text if state and state.head else "",
            files=files,
            **conversation,
        )
        return replace(work, digests=await self._digests.read(root, work.paths))

    async def heard(self, transcript: str) -> None:
        """Takes in what the conversation has gained; one that cannot be read tells nothing."""
        if transcript:
            with suppress(PortError):
                await self._follow(Path(transcript))

    async def digests(self, root: Path, paths: Sequence[str]) -> Mapping[str, str]:
        return await self._digests.read(root, paths)

    async def _outline(self, transcript: str) -> Outline | None:
        if not transcript:
            return None
        try:
            await self._follow(Path(transcript))
            return await self._transcripts.outline(Path(transcript))
        except PortError:
            return None  # a conversation that cannot be read tells nothing; git still does

    async def _actions(self, session: str) -> Sequence[Record]:
        if not session:
            return []
        where = [Condition("session", "=", session), Condition("kind", "=", Kind.ACTION), Condition("parent", "=", "")]
        return (await self._store.listed(where, "newest", None, _ACTIONS_READ)).records


def open_files(records: Sequence[Record], tops: Sequence[tuple[Path, str]]) -> list[OpenFile]:
    """What the calls among `records` read or edited, the latest first; edited once is edited.

    Paths below a folder of `tops` are told from the top of the worktree, which that folder's second part leads to.
    """
    found: dict[str, OpenFile] = {}
    for record in sorted(records, key=lambda record: record.time, reverse=True):
        call = record.metadata.get("call")
        if not isinstance(call, Mapping) or not call.get("ok") or (use := _use(str(call.get("tool")))) is None:
            continue
        files = call.get("files")
        for file in files if isinstance(files, Sequence) and not isinstance(files, str) else ():
            path = _within(tops, str(file))
            known = found.get(path)
            if known is None:
                found[path] = OpenFile(path, use, record.time)
            elif use == "edited":
                found[path] = replace(known, use=use)
    return list(found.values())[:MOST_FILES]


def _within(tops: Sequence[tuple[Path, str]], file: str) -> str:
    path = Path(file)
    for top, within in tops:
        if path.is_absolute() and path.is_relative_to(top):
            return (PurePosixPath(within) / path.relative_to(top).as_posix()).as_posix()
    return path.as_posix()


def _use(tool: str) -> Use | None:
    return "edited" if tool in EDITORS else "read" if tool in READERS else None


def _of_conversation(outline: Outline | None) -> "_Conversation":
    if outline is None:
        return {}
    return {
        "prompts": [redact(said).text[:PROMPT_KEPT] for said in outline.prompts[-MOST_PROMPTS:]],
        "todos": [replace(todo, text=redact(todo.text).text[:COMMAND_KEPT]) for todo in outline.todos[:TODOS_KEPT]],
        "running": [redact(command).text[:COMMAND_KEPT] for command in outline.running[:TODOS_KEPT]],
        "last": outline.last,
    }


class _Conversation(TypedDict, total=False):
    prompts: Sequence[str]
    todos: Sequence[Todo]
    running: Sequence[str]
    last: datetime
