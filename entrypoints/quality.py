"""Scores and checkpoints as the tools ask for them, for the connection that asks."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.checkpoints import Checkpoint
from session_mgmt_mcp.domain.pressure import Pressure, pressure
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.trend import Recorded, Trend, regressions, trend_of
from session_mgmt_mcp.domain.quality.trust import Trust


@dataclass(frozen=True, slots=True)
class Monitored:
    """The score now, those of some days before it, and what follows from them."""

    now: Score
    series: list[Recorded]  # oldest first, without the score now
    trend: Trend
    alerts: list[str]
    trust: Trust
    days: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A checkpoint, and how things stood around it."""

    checkpoint: Checkpoint
    trust: Trust
    pressure: Pressure


async def monitor(app: Application, folder: str | None, days: int) -> Monitored:
    """Nothing is stored. Raises Invalid, NotFound."""
    place, project = await _place(app, folder)
    now, trust = await asyncio.gather(
        app.quality.score(place), app.trust.of(place, project, connection.current().session_id)
    )
    series = await app.quality.history(project, now.at - timedelta(days=days))
    before = series or await app.quality.latest(project, 1)
    whole = [*before, Recorded("", project, "", "", now)]
    return Monitored(now, series, trend_of(whole), regressions(whole), trust, days)


async def checkpoint(app: Application, folder: str | None, name: str | None, commit: bool) -> Marked:
    """Takes in first what the session's transcript has gained. Raises Invalid, NotFound."""
    session = connection.current().session_id
    place, project = await _place(app, folder)
    found = await app.session_places.find(session)
    transcript = found.transcript if found else ""
    if transcript:
        await app.capture.follow(Path(transcript))
    made = await app.checkpoints.make(place, project, session, name or "", commit=commit)
    used = await app.compaction.pressure(transcript) if transcript else pressure(None)
    return Marked(made, await app.trust.of(place, project, session), used)


async def _place(app: Application, folder: str | None) -> tuple[Path, str]:
    place = existing(folder or connection.current().folder)
    return place, await app.projects.project_of(str(place))
