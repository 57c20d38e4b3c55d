"""A point in the work that is kept: how good the project is, what moved, what was done, what to do next."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from session_mgmt_mcp.domain.checkpoint_commit import CheckpointCommit, Committed, Refused
from session_mgmt_mcp.domain.documents import key_of, moment
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.quality.recommendations import MOST, Recommendation, recommend
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.domain.quality.trend import Recorded, Trend
from session_mgmt_mcp.domain.quality.work import Work, WorkAnalysis, advice
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

CHECKPOINTS = "checkpoints"
EXCEPTIONAL = 90  # a score that is worth remembering
A_CHANGE = 10  # points that are worth remembering
LOOKED_BACK = timedelta(hours=24)  # for work, before there is a checkpoint
ALERTS_WITHIN = timedelta(days=30)
MOVES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was kept, and where: `memory` and `reflection` are ids of memories. No reflection: nothing was remarkable."""

    id: str
    name: str
    recorded: Recorded
    trend: Trend
    work: Work
    recommendations: Sequence[Recommendation]
    alerts: Sequence[str]
    memory: str = ""
    reflection: str = ""
    because: str = ""  # of the reflection
    commit: Committed | Refused | None = None  # None: nobody asked for one

    @property
    def score(self) -> Score:
        return self.recorded.score


class CheckpointService:
    """Makes checkpoints. One of a folder with nothing in it is kept as well, and says that there was nothing to score.

    `always_commit` is the user's setting; else a commit is made where somebody asks for one, and allowed it.
    """

    def __init__(
        self,
        quality: QualityService,
        work: WorkAnalysis,
        commits: CheckpointCommit,
        memory: MemoryService,
        storage: SessionStorage,
        clock: Clock,
        always_commit: bool = False,
    ) -> None:
        self._quality = quality
        self._work = work
        self._commits = commits
        self._always_commit = always_commit
        self._memory = memory
        self._storage = storage
        self._clock = clock

    async def make(
        self,
        folder: Path,
        project: str,
        session: str = "",
        name: str = "",
        *,
        manual: bool = True,
        commit: bool = False,
    ) -> Checkpoint:
        """Durable, and its memory findable by word, when it returns. Raises NotFound when the folder is gone."""
        now = self._clock.now()
        name = redact(name.strip()).text or f"{now:%Y-%m-%d %H:%M} UTC"
        last = await self._quality.last(project, "checkpoint")
        since = last.score.at if last else now - LOOKED_BACK
        score, work = await asyncio.gather(self._quality.score(folder), self._work.since(folder, project, since))
        recorded = await self._quality.record(project, score, "checkpoint", session)
        trend, alerts = await asyncio.gather(
            self._quality.trend(project), self._quality.regressions(project, now - ALERTS_WITHIN)
        )
        if score.total is None:
            trend, alerts = Trend("unknown", None), []
        made = Checkpoint(recorded.id, name, recorded, trend, work, next_steps(score, work), alerts)
        if commit or self._always_commit:
            made = replace(made, commit=await self._commits.commit(folder, name, score.total))
        return await self._kept(made, project, session, manual)

    async def _kept(self, made: Checkpoint, project: str, session: str, manual: bool) -> Checkpoint:
        """Remembers it, and notes where."""
        tags = ("checkpoint",)
        text = in_words(made)
        whole = Draft(text, project, Kind.CHECKPOINT, tags, session, trust=Trust.TOOL, source="checkpoint", key=made.id)
        made = replace(
            made, memory=(await self._memory.store(whole)).id, because=remarkable(made.score, made.trend, manual)
        )
        if made.because:
            insight = Draft(as_insight(made), project, Kind.REFLECTION, (*tags, "quality"), session, trust=Trust.TOOL)
            stored = await self._memory.store(replace(insight, source="checkpoint", key=f"{made.id}:reflection"))
            made = replace(made, reflection=stored.id)
        await self._note(made, project, session)
        return made

    async def _note(self, made: Checkpoint, project: str, session: str) -> None:
        at = made.score.at
        body: dict[str, Json] = {
            "name": made.name,
            "project": project,
            "session": session,
            "time": at.isoformat(),
            "score": made.recorded.id,
            "total": made.score.total,
            "change": made.trend.change,
            "work": list(made.work.in_words()),
            "recommendations": [redact(one.text).text for one in made.recommendations],
            "memory": made.memory,
            "reflection": made.reflection,
            "because": made.because,
            "commit": made.commit.sha if isinstance(made.commit, Committed) else "",
        }
        while True:
            try:
                await self._storage.put(CHECKPOINTS, f"{key_of(project)}:{moment(at)}", body, expected_version=0)
                return
            except Conflict:
                at += timedelta(microseconds=1)


def next_steps(score: Score, work: Work) -> list[Recommendation]:
    """What costs points, then what the work itself asks for; at most five."""
    asked = [Recommendation(text, 0, "work") for text in advice(work)]
    found = recommend(score)
    return [*found[: MOST - min(len(asked), 2)], *asked, *found[MOST - min(len(asked), 2) :]][:MOST]


def remarkable(score: Score, trend: Trend, manual: bool) -> str:
    """Why a score is remembered as a reflection; empty: it is not.

    >>> remarkable(score, trend, manual=False)
    'the score is 92, at least 90'
    """
    if manual:
        return "somebody asked for it"
    if score.total is not None and score.total >= EXCEPTIONAL:
        return f"the score is {score.total}, at least {EXCEPTIONAL}"
    if trend.change is not None and abs(trend.change) >= A_CHANGE:
        return f"the score changed by {trend.change:+d}, at least {A_CHANGE}"
    return ""


def standing(score: Score, trend: Trend) -> str:
    """The score in one sentence, with what it rests on.

    >>> standing(score, trend)
    'Quality 68 of 100 (good, +4 since 2026-11-20), counted over the 55 points that are known'
    """
    if score.total is None:
        return score.note.rstrip(".")
    since = f", {trend.change:+d} since {trend.since:%Y-%m-%d}" if trend.change is not None and trend.since else ""
    over = "" if score.known == 100 else f", counted over the {score.known:g} points that are known"
    return f"Quality {score.total} of 100 ({score.band}{since}){over}"


def moved(trend: Trend) -> list[str]:
    """What moved and why, one sentence a component."""
    return [
        f"{one.name} {_points(one.before)} -> {_points(one.after)} of {one.of:g} ({one.why})" for one in trend.moves
    ]


def in_words(made: Checkpoint) -> str:
    """The whole of it, as it is remembered."""
    lines = [f"Checkpoint {made.name}: {standing(made.score, made.trend)}."]
    lines += [f"Moved: {sentence}" for sentence in moved(made.trend)[:MOVES_TOLD]]
    lines += [f"Alert: {sentence}" for sentence in made.alerts]
    if done := made.work.in_words():
        lines.append(f"Since {made.work.since:%Y-%m-%d %H:%M} UTC: {'; '.join(done)}.")
    if isinstance(made.commit, Committed):
        lines.append(f"Committed as {made.commit.sha[:12]}: {counted(len(made.commit.files), 'file')}.")
    if made.work.files:
        lines.append(f"Files in work: {', '.join(made.work.files)}.")
    return "\n".join([*lines, *(f"Next: {one.text}" for one in made.recommendations)])


def as_insight(made: Checkpoint) -> str:
    """The point of it in a few lines: where the project stood, the largest move, the best next step."""
    lines = [f"At the checkpoint {made.name} the project stood so: {standing(made.score, made.trend)}."]
    lines += [f"What moved most: {sentence}." for sentence in moved(made.trend)[:1]]
    lines += [f"Most to gain: {one.text}" for one in made.recommendations[:1]]
    return "\n".join(lines)


def _points(points: float | None) -> str:
    return "unknown" if points is None else f"{points:.3g}"
