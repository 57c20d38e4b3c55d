"""The product as a library: the same memory, in this process, without a hub."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.capture import ImportProgress, ImportReport
from session_mgmt_mcp.domain.drafts import Draft, Stored
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.settings import load

T = TypeVar("T")


class AsyncMemory:
    """A memory in `directory`, to be entered with `async with`. One process owns a directory at a time.

    `project` names whose memories are stored and searched; every other keyword is a setting (docs/configuration.md).
    Entering raises Unavailable when another process owns the directory, Corrupt when its file is damaged.

    >>> async with AsyncMemory(directory, project="shop") as memory:
    ...     await memory.store("The cache must be reset after a schema change.")
    ...     hits = await memory.search("when do I clear the cache?")
    """

    def __init__(self, directory: Path | str | None = None, project: str = "default", **settings: Any) -> None:
        named = {"data_dir": Path(directory).expanduser()} if directory is not None else {}
        self._settings = load(**named, **settings)
        self._project = project
        self._stack = AsyncExitStack()
        self._opened: Application | None = None

    async def __aenter__(self) -> Self:
        self._opened = await self._stack.enter_async_context(open_application(self._settings))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None
        await self._stack.aclose()

    async def store(self, content: str, *, tags: Sequence[str] = (), kind: Kind = Kind.REFLECTION) -> Stored:
        """Durable, and findable by word, when it returns. Raises Invalid for empty, binary or oversized content."""
        return (await self.store_many([Draft(content, self._project, kind, tuple(tags), source="library")]))[0]

    async def store_many(self, items: Iterable[str | Draft]) -> list[Stored]:
        """All or none, in order; a string is a reflection of this memory's project."""
        drafts = [item if isinstance(item, Draft) else Draft(item, self._project, source="library") for item in items]
        return await self._app.memory.store_many(drafts)

    async def search(
        self, query: str, *, limit: int = 5, project: str | None = None, kinds: Sequence[Kind] | None = None
    ) -> Sequence[Found]:
        """Best first, by meaning and by word; `project` "*" searches all. Raises Invalid for an empty query."""
        projects = None if project == "*" else (project or self._project,)
        scope = Scope(projects, tuple(kinds) if kinds is not None else None)
        rules = self._app.settings
        result = await self._app.memory.search(
            query, scope, limit=limit, min_score=rules.min_score, half_life_days=rules.half_life_days
        )
        return result.hits

    async def import_transcripts(
        self, *paths: Path | str, progress: Callable[[ImportProgress], None] = lambda _: None
    ) -> ImportReport:
        """Takes in Claude Code's transcripts below `paths`; a second time only what is new."""
        return await self._app.capture.import_paths([Path(path) for path in paths], progress)

    async def wait_for_vectors(self) -> None:
        """Returns when everything stored so far is found by meaning, too; at once when vectors cannot be made."""
        await self._app.embedding.wait_idle()

    @property
    def _app(self) -> Application:
        if self._opened is None:
            raise Invalid("The memory is not open: use it inside `with` or `async with`.")
        return self._opened


class Memory:
    """`AsyncMemory` for callers without an event loop, to be entered with `with`. Safe to share between threads.

    >>> with Memory(directory, project="shop") as memory:
    ...     memory.store("The cache must be reset after a schema change.")
    ...     hits = memory.search("when do I clear the cache?")
    """

    def __init__(self, directory: Path | str | None = None, project: str = "default", **settings: Any) -> None:
        self._memory = AsyncMemory(directory, project, **settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="session-mgmt-memory", daemon=True)
        self._thread.start()
        try:
            self._wait(self._memory.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._wait(self._memory.__aexit__(kind, error, trace))
        finally:
            self._stop()

    def store(self, content: str, *, tags: Sequence[str] = (), kind: Kind = Kind.REFLECTION) -> Stored:
        """See `AsyncMemory.store`."""
        return self._wait(self._memory.store(content, tags=tags, kind=kind))

    def store_many(self, items: Iterable[str | Draft]) -> list[Stored]:
        """See `AsyncMemory.store_many`."""
        return self._wait(self._memory.store_many(items))

    def search(
        self, query: str, *, limit: int = 5, project: str | None = None, kinds: Sequence[Kind] | None = None
    ) -> Sequence[Found]:
        """See `AsyncMemory.search`."""
        return self._wait(self._memory.search(query, limit=limit, project=project, kinds=kinds))

    def import_transcripts(
        self, *paths: Path | str, progress: Callable[[ImportProgress], None] = lambda _: None
    ) -> ImportReport:
        """See `AsyncMemory.import_transcripts`."""
        return self._wait(self._memory.import_transcripts(*paths, progress=progress))

    def wait_for_vectors(self) -> None:
        """See `AsyncMemory.wait_for_vectors`."""
        self._wait(self._memory.wait_for_vectors())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise Invalid("The memory is not open: use it inside `with`.")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
        self._loop = self._thread = None
