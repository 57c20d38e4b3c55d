"""Context pressure and what a compaction must not lose, for the connection that asks."""

from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.compaction import Preserved
from session_mgmt_mcp.domain.pressure import Pressure
from session_mgmt_mcp.ports.errors import NotFound
from session_mgmt_mcp.ports.vector_store import Condition


@dataclass(frozen=True, slots=True)
class Measured:
    """A session's context pressure; `kept` None: nothing was preserved, since no compaction is due."""

    session: str
    pressure: Pressure
    kept: Preserved | None


async def measure(app: Application, folder: str | None, force: bool) -> Measured:
    """Measures, and preserves when a compaction is due or `force` says so. Raises Invalid, NotFound."""
    caller = connection.current()
    where = existing(folder or caller.folder)
    project = await app.projects.project_of(str(where))
    session = caller.session_id if not folder or _same(where, caller.folder) else ""
    session = session or await _latest(app, project)
    found = await app.session_places.find(session)
    if found is None or not found.transcript:
        raise NotFound(f"No transcript of a session in {where} is known: the client writes one with its first prompt.")
    measured = await app.compaction.pressure(found.transcript)
    if not (force or measured.due):
        return Measured(session, measured, None)
    return Measured(session, measured, await app.compaction.preserve(session, project, found.transcript))


def _same(where: Path, folder: str) -> bool:
    return bool(folder) and Path(folder).resolve() == where


async def _latest(app: Application, project: str) -> str:
    spans = await app.store.sessions([Condition("project", "=", project), Condition("kind", "=", "turn")], 1)
    return spans[0].session if spans else ""
