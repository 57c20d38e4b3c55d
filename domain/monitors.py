"""What somebody switched on, and what has become of it: kept, so that it goes on after a restart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias

from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.errors import Conflict
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage

MONITORS = "monitors"
Sort: TypeAlias = Literal["interruption", "activity"]
State: TypeAlias = Literal["on", "off", "ended"]


@dataclass(frozen=True, slots=True)
class Monitor:
    """One folder that somebody asked to be watched. `ended` by itself, it says `why` in one sentence."""

    sort: Sort
    project: str
    folder: str
    since: datetime
    user: str = "default"
    watch_files: bool = True
    state: State = "on"
    why: str = ""

    @property
    def id(self) -> str:
        return f"{self.sort}-{opaque_id(self.folder)}"


class Monitors:
    """Their records. A change is made on what is there now, whoever else writes."""

    def __init__(self, storage: SessionStorage) -> None:
        self._storage = storage

    async def all(self, sort: Sort, project: str | None = None) -> Sequence[Monitor]:
        """The newest first; None: of all projects."""
        found: list[Monitor] = []
        cursor = None
        while True:
            page = await self._storage.list(MONITORS, f"{sort}-", {"project": project} if project else None, cursor)
            found += [_monitor(document) for document in page.documents]
            if (cursor := page.cursor) is None:
                return sorted(found, key=lambda monitor: monitor.since, reverse=True)

    async def put(self, monitor: Monitor) -> Monitor:
        """In the place of one of the same folder that is off; one that is on stays as it is, but for its options."""

        def change(known: Monitor | None) -> Monitor:
            return replace(monitor, since=known.since) if known and known.state == "on" else monitor

        return await self._change(monitor.id, change) or monitor

    async def finish(self, monitor: Monitor, state: State, why: str = "") -> Monitor:
        """Switches it off, unless that was done already."""

        def change(known: Monitor | None) -> Monitor | None:
            return replace(known, state=state, why=why) if known and known.state == "on" else None

        return await self._change(monitor.id, change) or monitor

    async def _change(self, id: str, change: Callable[[Monitor | None], Monitor | None]) -> Monitor | None:
        while True:
            document = await self._storage.get(MONITORS, id)
            changed = change(_monitor(document) if document else None)
            if changed is None:
                return None
            body = {**asdict(changed), "since": changed.since.isoformat()}
            try:
                await self._storage.put(MONITORS, id, body, expected_version=document.version if document else 0)
            except Conflict:
                continue
            return changed


def _monitor(document: Document) -> Monitor:
    body: Mapping[str, Any] = document.body
    return Monitor(**{**body, "since": datetime.fromisoformat(body["since"])})
