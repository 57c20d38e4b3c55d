"""What was done with a file, and what was said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from session_mgmt_mcp.domain.file_names import How, Matches, matching
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.text import snippet
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_repository import GitRepository
from session_mgmt_mcp.ports.vector_store import Condition, Filter, Record, VectorStore

Use: TypeAlias = Literal["edited", "read", "run", "mentioned"]
EDITORS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit"})
_ORDER: Sequence[Use] = ("edited", "read", "run", "mentioned")
_AT_ONE_TIME = 20  # more than asked for, so that those of the same second can be put in order
_SHOWN = 40  # tokens of a hit's text


@dataclass(frozen=True, slots=True)
class FileHit:
    """A memory that touched or named the file, and how that name was told to mean it."""

    record: Record
    use: Use
    name: str  # as the file was called there
    how: How
    snippet: str


@dataclass(frozen=True, slots=True)
class FileHistory:
    """Newest first; within a second edits before reads before commands before mentions."""

    hits: Sequence[FileHit]
    total: int
    tools: Mapping[str, int]
    sessions: Mapping[str, int]
    known_as: Sequence[str]
    names: Mapping[str, int]  # how often under each name
    others: Sequence[str]  # files that share only its last part


class FileSearch:
    """Finds what was done with a file and said of it, under every name that means it."""

    def __init__(self, store: VectorStore, git: GitRepository) -> None:
        self._store = store
        self._git = git

    async def search(self, file: str, scope: Scope, folder: Path, limit: int = 10) -> FileHistory:
        """All that is remembered of `file`; `folder` is where a relative path and the renames are read from.

        Raises Invalid for an empty path.
        """
        if not file.strip() or "\0" in file:
            raise Invalid("file_path: name a file, by its path, the end of its path or its name.")
        where: Filter = scope.wholes()
        known = await self._store.facets("files", where)
        matches = await self._matching(file.strip(), known, where, folder)
        where = [*where, Condition("files", "in", tuple(matches.names))]
        hits = await self._hits(matches, where, limit) if matches.names else []
        facts = await self._store.facets("facts", where)
        return FileHistory(
            hits=hits,
            total=await self._store.count(where),
            tools={name[5:]: count for name, count in facts.items() if name.startswith("tool:")},
            sessions={name: count for name, count in (await self._store.facets("session", where)).items() if name},
            known_as=matches.known_as,
            names={name: count for name, count in known.items() if name in matches.names},
            others=matches.others,
        )

    async def _matching(self, file: str, known: Mapping[str, int], where: Filter, folder: Path) -> Matches:
        facts = await self._store.facets("facts", where)
        homes = [name[5:] for name in facts if name.startswith("home:")]
        tops = [str(top) for top in await self._git.worktrees(folder)]
        renames = [(one.before, one.after) for one in await self._git.renames(folder)]
        return matching(file, known, [*tops, *homes], renames)

    async def _hits(self, matches: Matches, where: Filter, limit: int) -> list[FileHit]:
        latest = await self._store.latest(where, limit + _AT_ONE_TIME)
        records = await self._store.get([hit.id for hit in latest])
        hits = [_hit(record, matches.names) for record in records]
        hits.sort(key=lambda hit: (-int(hit.record.time.timestamp()), _ORDER.index(hit.use)))
        edits = [f"{hit.record.id}.c1" for hit in hits[:limit] if hit.use == "edited"]
        changes = {record.parent: record.text for record in await self._store.get(edits)}
        return [
            FileHit(hit.record, hit.use, hit.name, hit.how, snippet(changes[hit.record.id], "", _SHOWN))
            if hit.record.id in changes
            else hit
            for hit in hits[:limit]
        ]


def use_of(record: Record, names: Mapping[str, How] | None = None) -> Use:
    """What a memory did with one of `names`; None: with whatever its call named."""
    call = record.metadata.get("call")
    if record.kind != Kind.ACTION or not isinstance(call, Mapping):
        return "mentioned"
    files = call.get("files")
    touched = isinstance(files, Sequence) and any(names is None or file in names for file in files)
    if not touched:
        return "run" if call.get("command") else "mentioned"
    if call.get("tool") in EDITORS:
        return "edited" if call.get("ok") else "mentioned"
    return "read"


def _hit(record: Record, names: Mapping[str, How]) -> FileHit:
    name = next((file for file in record.files if file in names), "")
    return FileHit(record, use_of(record, names), name, names.get(name, "name"), snippet(record.text, name, _SHOWN))
