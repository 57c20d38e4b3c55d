"""Scores and checkpoints as the tools ask for them, for the connection that asks."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from session_mgmt_mcp import connection
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.contexts import existing
from session_mgmt_mcp.domain.checkpoints import Checkpoint
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.trend import Recorded, Trend, regressions, trend_of


@dataclass(frozen=True, slots=True)
class Monitored:
    """The score now, those of some days before it, and what follows from them."""

    now: Score
    series: list[Recorded]  # oldest first, without the score now
    trend: Trend
    alerts: list[str]
    days: int


async def monitor(app: Application, folder: str | None, days: int) -> Monitored:
    """Nothing is stored. Raises Invalid, NotFound."""
    place, project = await _place(app, folder)
    now = await app.quality.score(place)
    series = await app.quality.history(project, now.at - timedelta(days=days))
    before = series or (await app.quality.latest(project, 1))
    whole = [*before, Recorded("", project, "", "", now)]
    return Monitored(now, series, trend_of(whole), regressions(whole), days)


async def checkpoint(app: Application, folder: str | None, name: str | None, commit: bool) -> Checkpoint:
    """Raises Invalid, NotFound."""
    place, project = await _place(app, folder)
    return await app.checkpoints.make(place, project, connection.current().session_id, name or "", commit=commit)


async def _place(app: Application, folder: str | None) -> tuple[Path, str]:
    place = existing(folder or connection.current().folder)
    return place, await app.projects.project_of(str(place))
