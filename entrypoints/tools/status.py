"""Where one stands, in one screen."""

from datetime import datetime

from pydantic import BaseModel
from session_mgmt_mcp import current
from session_mgmt_mcp import standing as places
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.tools.registry import Inject, tool
from session_mgmt_mcp.tools.server import Check
from session_mgmt_mcp.tools.sessions import Folder, SessionFacts


class StatusReply(BaseModel):
    """`total` is the last score that was kept; null: none was, or there was nothing to score."""

    summary: str
    healthy: bool
    session: SessionFacts
    open_sessions: int
    total: int | None
    scored: datetime | None
    trend: str
    memories: int
    reminders: int
    checks: list[Check]


@tool(read_only=True, always_load=True, hint="status health overview where do I stand session project quality memory")
async def status(working_directory: Folder = None, app: Application = Inject) -> StatusReply:
    """Session, project, quality, memory, storage, hub and integrations in one screen, with what to do about anything
    unhealthy. For the memory server alone use health_check."""
    now = await places.standing(app, current.folder_of(working_directory))
    return StatusReply(
        summary=now.summary,
        healthy=all(check.state != "fail" for check in now.checks),
        session=SessionFacts.of(now.session),
        open_sessions=now.open_sessions,
        total=now.last_score.score.total if now.last_score else None,
        scored=now.last_score.score.at.replace(microsecond=0) if now.last_score else None,
        trend=now.trend.direction,
        memories=now.memories,
        reminders=now.reminders,
        checks=[Check(name=check.name, state=check.state, advice=check.advice) for check in now.checks],
    )
