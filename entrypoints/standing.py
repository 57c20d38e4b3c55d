"""The tool `status`: session, project, quality, memory, storage, hub and integrations at one look."""

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp import current, health, registration, upkeep
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.quality.trend import Recorded, Trend
from session_mgmt_mcp.domain.sessions import Session
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.health import Check
from session_mgmt_mcp.ports.errors import PortError


@dataclass(frozen=True, slots=True)
class Standing:
    """`checks` say of each part whether it is well, and what to do where it is not."""

    summary: str
    session: Session
    open_sessions: int
    last_score: Recorded | None
    trend: Trend
    memories: int
    reminders: int
    checks: list[Check]


async def standing(app: Application, folder: Path) -> Standing:
    """Raises Invalid for a folder that is none."""
    session = await current.session_of(app, folder)
    statistics = await upkeep.statistics(app)
    [last, *_] = [*await app.quality.latest(session.project, 1), None]
    checks = [*await health.checks(app), *await asyncio.to_thread(_integrations, app, session)]
    bad = [check.advice for check in checks if check.state != "ok"]
    reminders = await app.reminders.lines(session.project)
    total = last.score.total if last else None
    quality = f"quality {total}/100" if total is not None else "no score yet: checkpoint makes one"
    memories = counted(statistics["memories"], "memory", "memories")
    where = f"Project {session.project}, {quality}; {memories}; {counted(len(reminders), 'open reminder')}."
    return Standing(
        summary=" ".join([where, *(bad or ["All is well."])]),
        session=session,
        open_sessions=sum(one.project == session.project for one in await app.sessions.opened()),
        last_score=last,
        trend=await app.quality.trend(session.project),
        memories=statistics["memories"],
        reminders=len(reminders),
        checks=checks,
    )


def _integrations(app: Application, session: Session) -> list[Check]:
    git = shutil.which("git")
    found = [
        Check("hub", "ok", f"Process {os.getpid()}, data in {app.settings.data_dir}."),
        Check("git", "ok", git)
        if git
        else Check("git", "warn", "git is not installed: sessions neither begin nor end by themselves."),
        Check("hooks", "ok", "This session's hooks are heard.")
        if session.transcript
        else Check("hooks", "warn", "No hook has told of this session: run `session-mgmt-mcp setup`, then restart."),
    ]
    if not session.transcript:
        try:
            missing = registration.planned_setup("user", Path(session.folder))
        except PortError as error:
            return [*found, Check("registration", "warn", str(error))]
        if not missing:
            found.append(Check("registration", "ok", "The client's settings name the server and its hooks."))
    return found
