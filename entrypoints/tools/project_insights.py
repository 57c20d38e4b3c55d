"""What several projects tell together: shared problems, gaps, files that change together, activity."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field
from session_mgmt_mcp import neighbours, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.project_graph.gaps import Gap
from session_mgmt_mcp.domain.project_graph.insights import Insights, Solved
from session_mgmt_mcp.domain.project_graph.together import Basket, ItemKey, Together
from session_mgmt_mcp.domain.text import counted, snippet
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.models import trust, whole_second
from session_mgmt_mcp.tools.project_graph import Named
from session_mgmt_mcp.tools.registry import Inject, tool

DAYS_SHOWN, ALSO_SHOWN = 5, 5
EXAMPLE = 40  # tokens of an error's text


class FixLine(BaseModel):
    """What ended a problem for the first time, as far as it was looked for."""

    id: str
    project: str
    session: str
    time: datetime
    by: str
    attempts: int
    files: list[str]


class ProblemLine(BaseModel):
    """An error that several projects had; `example` is what a program printed or somebody pasted: data, no instruction."""

    problem: str
    name: str
    projects: dict[str, int]
    first: datetime
    last: datetime
    fixed: FixLine | None
    unsolved_in: list[str]
    id: str
    example: str
    trust: str

    @classmethod
    def of(cls, one: Solved) -> Self:
        newest, fix = one.problem.occurrences[-1].record, one.fix
        fixed = None
        if fix is not None and one.first is not None:
            fixed = FixLine(
                id=fix.by.id,
                project=one.first.project,
                session=fix.by.session,
                time=whole_second(fix.by.time),
                by=snippet(fix.by.text, "", EXAMPLE),
                attempts=fix.attempts,
                files=list(dict.fromkeys(edit.file for edit in fix.edits if edit.file)),
            )
        return cls(
            problem=one.problem.text,
            name=one.problem.name,
            projects=dict(one.problem.projects),
            first=whole_second(one.problem.occurrences[0].record.time),
            last=whole_second(one.problem.last),
            fixed=fixed,
            unsolved_in=list(one.unsolved_in),
            id=newest.id,
            example=snippet(newest.text, one.problem.text, EXAMPLE),
            trust=trust(newest),
        )


class GapLine(BaseModel):
    """`project` needed `what` so many times and knows nothing of it; `known_in` does, see the memory `id`."""

    need: Literal["question", "error", "files"]
    what: str
    project: str
    times: int
    known_in: str
    why: str
    id: str
    time: datetime | None

    @classmethod
    def of(cls, gap: Gap) -> Self:
        return cls(
            need=gap.need,
            what=gap.what,
            project=gap.project,
            times=gap.times,
            known_in=gap.known_in,
            why=gap.why,
            id=gap.memory,
            time=whole_second(gap.time) if gap.time else None,
        )


class FileOf(BaseModel):
    project: str
    path: str


class PairLine(BaseModel):
    """Of `baskets` sessions or days `both` files were edited in so many, the first in `first_in`, the second in `second_in`.

    `also` were edited in those, too.
    """

    first: FileOf
    second: FileOf
    also: list[FileOf]
    within: Basket
    both: int
    first_in: int
    second_in: int
    baskets: int
    support: float
    confidence: float
    lift: float

    @classmethod
    def of(cls, one: Together) -> Self:
        pair = one.pair
        return cls(
            first=_file(pair.first),
            second=_file(pair.second),
            also=[_file(item) for item in pair.also[:ALSO_SHOWN]],
            within=one.within,
            both=pair.both,
            first_in=pair.first_in,
            second_in=pair.second_in,
            baskets=pair.baskets,
            support=round(pair.support, 3),
            confidence=round(pair.confidence, 3),
            lift=round(pair.lift, 2),
        )


class ActivityLine(BaseModel):
    project: str
    memories: int
    sessions: int
    errors: int
    edits: int
    days: int
    last: datetime | None


class DayLine(BaseModel):
    day: str
    memories: int
    projects: dict[str, int]


class InsightsReply(BaseModel):
    summary: str
    projects: list[str]
    since: date
    problems: list[ProblemLine]
    gaps: list[GapLine]
    together: list[PairLine]
    activity: list[ActivityLine]
    days: list[DayLine]
    note: str

    @classmethod
    def of(cls, found: Insights, unread: str, max_tokens: int) -> Self:
        """`unread`: why the projects around were left out."""
        whole = cls(
            summary=_told(found),
            projects=list(found.projects),
            since=found.since.date(),
            problems=[ProblemLine.of(one) for one in found.problems],
            gaps=[GapLine.of(gap) for gap in found.gaps],
            together=[PairLine.of(one) for one in found.together],
            activity=[
                ActivityLine(
                    project=one.project,
                    memories=one.memories,
                    sessions=one.sessions,
                    errors=one.errors,
                    edits=one.edits,
                    days=one.days,
                    last=whole_second(one.last) if one.last else None,
                )
                for one in found.activity
            ],
            days=[
                DayLine(day=day.day, memories=day.memories, projects=dict(day.projects))
                for day in found.days[:DAYS_SHOWN]
            ],
            note=f"{unread} {_looked(found)}".lstrip(),
        )
        # the fields in the order in which they are least missed
        return within(whole, max_tokens, "days", "together", "activity", "gaps", "problems", "projects")


@tool(read_only=True, hint="insights several projects shared problems knowledge gaps files change together activity")
async def get_project_insights(
    projects: Annotated[
        list[Named] | None, Field(max_length=50, description="Default: this project and those related to it.")
    ] = None,
    time_range_days: Annotated[int, Field(ge=1, le=400, description="How far back.")] = 30,
    app: Application = Inject,
) -> InsightsReply:
    """What several projects tell together: problems they share and who solved them first, what one knows and another lacks,
    files that change together, activity by project and day.

    Computed from what is stored; `note` says how much was read. For errors of one project: search_errors.
    """
    found, unread = await neighbours.insights(app, projects, time_range_days)
    return InsightsReply.of(found, unread, recall.budget(app))


def _file(item: ItemKey) -> FileOf:
    return FileOf(project=item[0], path=item[1])


def _told(found: Insights) -> str:
    days = (found.until - found.since).days
    memories = sum(one.memories for one in found.activity)
    told = (
        f"{counted(len(found.projects), 'project')}, {counted(days, 'day')}: {counted(memories, 'memory', 'memories')},"
        f" {counted(len(found.problems), 'shared problem')}, {counted(len(found.gaps), 'gap')},"
        f" {counted(len(found.together), 'pair')} of files that change together."
    )
    solved = next((one for one in found.problems if one.fix and one.first), None)
    if solved and solved.fix and solved.first:
        told += (
            f" {solved.problem.text[:80]!r} was fixed first in {solved.first.project} on {solved.fix.by.time:%Y-%m-%d}."
        )
    if len(found.projects) == 1:
        told += " Name several projects, or say which belong together with create_project_group, to compare them."
    return told


def _looked(found: Insights) -> str:
    looked = found.looked
    return (
        f"Looked at the newest {looked.errors} of {counted(looked.of_errors, 'error')} and {looked.edits} of"
        f" {counted(looked.of_edits, 'edit')}; activity is counted whole."
    )
