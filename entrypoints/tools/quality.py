"""How good a project is, how that moved, and a point in the work that is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field
from session_mgmt_mcp import quality, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.checkpoint_commit import Committed, Refused
from session_mgmt_mcp.domain.checkpoints import moved, standing
from session_mgmt_mcp.domain.pressure import Pressure
from session_mgmt_mcp.domain.quality.scoring import Component, Part, Score
from session_mgmt_mcp.domain.quality.trend import Recorded
from session_mgmt_mcp.domain.quality.trust import Trust
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.quality import Marked, Monitored
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.models import whole_second
from session_mgmt_mcp.tools.registry import Inject, tool

Folder = Annotated[str | None, Field(max_length=4_096, description="Absolute; default: the client's project folder.")]


class Evidence(BaseModel):
    """One component: its points of so many, what they follow from, where that stands and how old it is."""

    name: str
    part: str
    points: float
    of: float
    figure: str
    source: str
    age_days: int

    @classmethod
    def all_of(cls, score: Score) -> list[Self]:
        return [
            cls(
                name=one.name,
                part=one.part,
                points=round(one.points, 1),
                of=one.of,
                figure=redact(one.figure).text,
                source=redact(one.source).text,
                age_days=_age(one, score.at),
            )
            for one in score.components
            if one.points is not None
        ]


class Unknown(BaseModel):
    """A component without evidence, left out of the total: what would make it known."""

    name: str
    of: float
    needs: str

    @classmethod
    def all_of(cls, score: Score) -> list[Self]:
        return [cls(name=one.name, of=one.of, needs=redact(one.unknown).text) for one in score.unknown]


class Point(BaseModel):
    """A score of the past; `parts` are the points of each part, of those known in it."""

    time: datetime
    total: int | None
    trigger: str
    parts: dict[str, str]

    @classmethod
    def of(cls, one: Recorded) -> Self:
        parts = {str(part): _share(one.score, part) for part in Part}
        return cls(
            time=whole_second(one.score.at),
            total=one.score.total,
            trigger=one.trigger,
            parts={part: share for part, share in parts.items() if share},
        )


class TrustReply(BaseModel):
    """Beside the score: of 40 for what was granted, of 30 for a kept session, of 30 for tools that work; null: unknown."""

    total: int | None
    permissions: int | None
    session: int | None
    tools: int | None
    lacking: list[str]

    @classmethod
    def of(cls, found: Trust) -> Self:
        return cls(
            total=found.total,
            permissions=found.permissions,
            session=found.session,
            tools=found.tools,
            lacking=list(found.lacking),
        )


class PressureReply(BaseModel):
    """How full the session's context is, by what the model's last reply said of it; null: not known."""

    tokens: int | None
    window: int
    share: float | None
    compact: bool
    why: str

    @classmethod
    def of(cls, found: Pressure) -> Self:
        share = None if found.share is None else round(found.share, 3)
        return cls(tokens=found.tokens, window=found.window, share=share, compact=found.due, why=found.why)


class MonitorReply(BaseModel):
    """`total` and `band` are null where there is nothing to score; `known` of the 100 points have evidence."""

    summary: str
    total: int | None
    band: str | None
    known: float
    direction: str
    change: int | None
    alerts: list[str]
    moved: list[str]
    next: list[str]
    components: list[Evidence]
    unknown: list[Unknown]
    series: list[Point]
    trust: TrustReply

    @classmethod
    def of(cls, found: Monitored, steps: list[str], max_tokens: int) -> Self:
        whole = cls(
            summary=_monitored(found),
            total=found.now.total,
            band=found.now.band,
            known=found.now.known,
            direction=found.trend.direction,
            change=found.trend.change,
            alerts=_clean(found.alerts),
            moved=_clean(moved(found.trend)),
            next=_clean(steps),
            components=Evidence.all_of(found.now),
            unknown=Unknown.all_of(found.now),
            series=[Point.of(one) for one in reversed(found.series)],
            trust=TrustReply.of(found.trust),
        )
        return within(whole, max_tokens, "series", "components", "unknown", "moved", "next", "alerts")


class CheckpointReply(BaseModel):
    """`reflection` is the id of the insight that was stored, `because` why; both empty where nothing was remarkable.

    `commit` is the hash of the commit that was made; where none was, though asked for, `commit_note` says why.
    """

    summary: str
    id: str
    name: str
    total: int | None
    band: str | None
    known: float
    direction: str
    change: int | None
    alerts: list[str]
    moved: list[str]
    work: list[str]
    next: list[str]
    components: list[Evidence]
    unknown: list[Unknown]
    trust: TrustReply
    context: PressureReply
    memory: str
    reflection: str
    because: str
    commit: str
    commit_note: str

    @classmethod
    def of(cls, marked: Marked, max_tokens: int) -> Self:
        made = marked.checkpoint
        said = [
            f"Checkpoint {made.name}. {standing(made.score, made.trend)}.",
            _of_commit(made.commit),
            marked.pressure.why if marked.pressure.due else "",
        ]
        whole = cls(
            summary=redact(" ".join(filter(None, said))).text,
            id=made.id,
            name=made.name,
            total=made.score.total,
            band=made.score.band,
            known=made.score.known,
            direction=made.trend.direction,
            change=made.trend.change,
            alerts=_clean(made.alerts),
            moved=_clean(moved(made.trend)),
            work=_clean(made.work.in_words()),
            next=_clean([one.text for one in made.recommendations]),
            components=Evidence.all_of(made.score),
            unknown=Unknown.all_of(made.score),
            trust=TrustReply.of(marked.trust),
            context=PressureReply.of(marked.pressure),
            memory=made.memory,
            reflection=made.reflection,
            because=made.because,
            commit=made.commit.sha if isinstance(made.commit, Committed) else "",
            commit_note=_of_commit(made.commit),
        )
        return within(whole, max_tokens, "components", "unknown", "moved", "work", "alerts", "next")


def _monitored(found: Monitored) -> str:
    said = f"{standing(found.now, found.trend)}. {counted(len(found.series), 'score')} in the last {counted(found.days, 'day')}"
    told = f", {found.trend.direction}" if found.trend.change is not None else ""
    return redact(f"{said}{told}; {counted(len(found.alerts), 'alert')}.").text


def _of_commit(commit: Committed | Refused | None) -> str:
    match commit:
        case None:
            return ""
        case Refused(reason):
            return redact(reason).text
        case Committed(files=files, left_out=left_out):
            rest = f", {len(left_out)} new, renamed or partly staged left out" if left_out else ""
            return f"Committed {counted(len(files), 'tracked file')}{rest}."


def _age(one: Component, now: datetime) -> int:
    return max(0, (now - one.time).days) if one.time else 0


def _share(score: Score, part: Part) -> str:
    known = [one for one in score.components if one.part is part and one.points is not None]
    return f"{sum(one.points or 0 for one in known):.3g} of {sum(one.of for one in known):g}" if known else ""


def _clean(lines: Sequence[str]) -> list[str]:
    return [redact(line).text for line in lines]


@tool(read_only=True, hint="quality score trend history regression alerts coverage lint health monitor")
async def quality_monitor(
    working_directory: Folder = None,
    days: Annotated[int, Field(ge=1, le=365, description="How far back the series goes.")] = 7,
    app: Application = Inject,
) -> MonitorReply:
    """How good the project is now, how its score moved over some days and why, and what got worse.

    Use it to see trends and regressions; it stores nothing. To keep the score and what was done: checkpoint. What has no
    evidence is unknown and left out of the total.
    """
    found = await quality.monitor(app, working_directory, days)
    steps = [one.text for one in app.quality.recommendations(found.now)]
    return MonitorReply.of(found, steps, recall.budget(app))


@tool(always_load=True, hint="checkpoint save progress quality score recommendations milestone")
async def checkpoint(
    working_directory: Folder = None,
    name: Annotated[str | None, Field(max_length=100, description="What this point is, in a few words.")] = None,
    commit: Annotated[
        bool, Field(description="true: commit changed tracked files, where the setting or a grant allows it.")
    ] = False,
    app: Application = Inject,
) -> CheckpointReply:
    """Keep this point of the work: the quality score with its trend, what was done since the last one, what to do next.

    Use it after a piece of work is done, before a risky step, or when the user asks. It is remembered and found by later
    searches. It commits only when asked or set to, never an untracked file. To only look: quality_monitor; to leave: end.
    """
    return CheckpointReply.of(await quality.checkpoint(app, working_directory, name, commit), recall.budget(app))
