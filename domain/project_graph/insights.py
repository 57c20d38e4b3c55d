"""What several projects tell together: shared problems, gaps, files that change together, activity. All of it counted."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

from session_mgmt_mcp.domain.error_search import ErrorSearch, Fixed, step_of
from session_mgmt_mcp.domain.journal import SearchJournal
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.project_graph.activity import EDITING, OUTCOMES, Activity, Day, activity
from session_mgmt_mcp.domain.project_graph.gaps import (
    FAILURES,
    KEPT,
    SURE,
    Gap,
    Lacking,
    Need,
    first_of,
    kind_of_file,
    kinds_of_files,
    lacking,
)
from session_mgmt_mcp.domain.project_graph.problems import Occurrence, SharedProblem, occurrences, shared
from session_mgmt_mcp.domain.project_graph.together import Edits, ItemKey, Together, placed, together
from session_mgmt_mcp.domain.projects import bare_name
from session_mgmt_mcp.domain.scope import OWN, Scope
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.query_log import QueryLog, Searches
from session_mgmt_mcp.ports.vector_store import Condition, Filter, Record, VectorStore

ERRORS, EDITS = 1_000, 2_000  # the newest, that are read
FEWEST_ERRORS = 50  # of each project, however many projects
PROBLEMS, PAIRS, GAPS = 8, 10, 10
LOOKED_AT = 40  # occurrences whose session is read on for a fix
OLDEST, NEWEST = 3, 1  # of each problem: of all its occurrences, and of each project's
QUESTIONS, ASKED = 5, 12  # of each project, and of all
NAMES = 30  # of errors, of each project
FILES = 3_000  # names of files of each project, those in most memories
CHARACTERS = 500  # of a question that is asked again


@dataclass(frozen=True, slots=True)
class Solved:
    """A shared problem, and who solved it first as far as it was looked for."""

    problem: SharedProblem
    first: Occurrence | None
    fix: Fixed | None
    solved_in: Collection[str]
    unsolved_in: Collection[str]  # where it failed in the time asked for, and no fix was seen


@dataclass(frozen=True, slots=True)
class Looked:
    """How much was read of how much there is: the newest."""

    errors: int
    of_errors: int
    edits: int
    of_edits: int


@dataclass(frozen=True, slots=True)
class Insights:
    projects: Sequence[str]
    since: datetime
    until: datetime
    activity: Sequence[Activity]
    days: Sequence[Day]
    problems: Sequence[Solved]
    gaps: Sequence[Gap]
    together: Sequence[Together]
    looked: Looked


class ProjectInsights:
    """Reads what is stored of some projects. Nothing is written, and nothing is asked of the network."""

    def __init__(
        self,
        store: VectorStore,
        memory: MemoryService,
        errors: ErrorSearch,
        queries: QueryLog,
        journal: SearchJournal,
        clock: Clock,
        zone: tzinfo,
    ) -> None:
        self._store = store
        self._memory = memory
        self._errors = errors
        self._queries = queries
        self._journal = journal
        self._clock = clock
        self._zone = zone

    async def read(self, projects: Sequence[str], days: int) -> Insights:
        """Of the last `days`. A shared problem may be older, as long as it came up again in that time."""
        until = self._clock.now()
        since = until - timedelta(days=days)
        means = _means(projects)
        of_all = [*OWN, Condition("parent", "=", ""), Condition("project", "in", tuple(means))]
        where = [*of_all, Condition("time", ">=", since)]
        (active, busy), (problems, errors), (pairs, edits), counts = await asyncio.gather(
            activity(self._store, means, where, since, until, self._zone),
            self._problems(means, of_all, since),
            self._together(means, where),
            asyncio.gather(
                self._store.count([*of_all, _FAILED]),
                self._store.count([*where, Condition("facts", "in", EDITING)]),
            ),
        )
        gaps = [
            *await self._questions(means, since),
            *(gap for one in problems for gap in _unsolved(one)),
            *await self._names(means, where, of_all),
            *await self._kinds(means, where, of_all),
        ]
        return Insights(
            projects=list(dict.fromkeys(means.values())),
            since=since,
            until=until,
            activity=active,
            days=busy,
            problems=problems,
            gaps=first_of(gaps, GAPS),
            together=pairs[:PAIRS],
            looked=Looked(errors, counts[0], edits, counts[1]),
        )

    async def _problems(self, means: Mapping[str, str], of_all: Filter, since: datetime) -> tuple[list[Solved], int]:
        """What several projects ran into, with the first fix, and how many errors were looked at."""
        projects = list(dict.fromkeys(means.values()))
        most = max(FEWEST_ERRORS, ERRORS // max(1, len(projects)))
        failed = [*of_all, _FAILED]
        pages = await asyncio.gather(
            *(self._store.listed([*failed, _named(project, means)], "newest", None, most) for project in projects)
        )
        records = [record for page in pages for record in page.records]
        problems = await asyncio.to_thread(_shared, records, means, since)
        looked = _looked_at(problems)
        fixes = await self._errors.fixes([one.record for one in looked])
        fixed = {one.record.id: fix for one, fix in zip(looked, fixes, strict=True) if fix}
        return [_solved(problem, fixed, looked, since) for problem in problems], len(records)

    async def _together(self, means: Mapping[str, str], where: Filter) -> tuple[list[Together], int]:
        """Files that change together, those of two projects first, and how many edits were read."""
        edited = [*where, Condition("facts", "in", EDITING)]
        page, homes = await asyncio.gather(self._store.listed(edited, "newest", None, EDITS), self._homes(means, where))
        found = await asyncio.to_thread(_together, page.records, means, homes, self._zone)
        return found, len(page.records)

    async def _homes(self, means: Mapping[str, str], where: Filter) -> dict[str, str]:
        """Whose the folders are in which conversations began."""
        facts = await asyncio.gather(
            *(self._store.facets("facts", [*where, Condition("project", "=", one)]) for one in means)
        )
        return {
            home: means[name]
            for name, some in zip(means, facts, strict=True)
            for fact in some
            if fact.startswith("home:") and (home := fact.removeprefix("home:").rstrip("/")).count("/") > 1
        }

    async def _questions(self, means: Mapping[str, str], since: datetime) -> list[Gap]:
        """What was asked in vain in one project and has a sure answer in another."""
        await self._journal.flush()
        projects = list(dict.fromkeys(means.values()))
        tops = await asyncio.gather(
            *(
                self._queries.top(Searches(since, None, _stored(project, means)), QUESTIONS, unanswered=True)
                for project in projects
            )
        )
        asked = [(project, one) for project, some in zip(projects, tops, strict=True) for one in some]
        found = []
        for project, one in sorted(asked, key=lambda both: (-both[1].searches, both[0]))[:ASKED]:
            if not one.query.strip("* "):
                continue
            best = await self._memory.search(
                one.query[:CHARACTERS], Scope(projects=tuple(means)), limit=1, min_score=SURE
            )
            if best.hits and (known := means[best.hits[0].record.project]) != project:
                told, why = best.hits[0].record, "its memory answers that search"
                found.append(Gap("question", one.query, project, one.searches, known, why, told.id, told.time))
        return found

    async def _names(self, means: Mapping[str, str], where: Filter, of_all: Filter) -> list[Gap]:
        """Errors by name that one project meets often and only another has kept insights about."""
        failed: dict[str, dict[str, int]] = {}
        kept: dict[str, dict[str, int]] = {}
        projects = list(dict.fromkeys(means.values()))
        for project in projects:
            of = [*where, _named(project, means), _FAILED]
            facts = await self._store.facets("facts", of)
            names = {fact.removeprefix("error:"): n for fact, n in facts.items() if fact.startswith("error:")}
            failed[project] = {name: n for name, n in list(names.items())[:NAMES] if " " not in name}
        every = sorted({name for names in failed.values() for name in names})
        for project in projects:
            kept[project] = await self._store.frequencies(every, [*of_all, _named(project, means), _INSIGHT])
        return [
            await self._gap(
                one, "error", [*of_all, _named(one.known_in, means), _INSIGHT, Condition("text", "has", one.what)]
            )
            for one in lacking(failed, kept)[:GAPS]
        ]

    async def _kinds(self, means: Mapping[str, str], where: Filter, of_all: Filter) -> list[Gap]:
        """Kinds of files on which one project fails often and about which only another has kept insights."""
        failing, insights = {}, {}
        for project in dict.fromkeys(means.values()):
            own = _named(project, means)
            failing[project] = await self._files([*where, own, _FAILED])
            insights[project] = await self._files([*of_all, own, _INSIGHT])
        failed = {project: kinds_of_files(files) for project, files in failing.items()}
        kept = {project: kinds_of_files(files) for project, files in insights.items()}
        found = []
        for one in lacking(failed, kept)[:GAPS]:
            there = _of_kind(one.what, failing[one.project])
            times = await self._store.count([*where, _named(one.project, means), _FAILED, there])
            naming = _of_kind(one.what, insights[one.known_in])
            number = await self._store.count([*of_all, _named(one.known_in, means), _INSIGHT, naming])
            if times >= FAILURES and number >= KEPT:  # one memory may name several files
                exact = replace(one, times=times, kept=number)
                found.append(await self._gap(exact, "files", [*of_all, _named(one.known_in, means), _INSIGHT, naming]))
        return found

    async def _files(self, where: Filter) -> dict[str, int]:
        return dict(list((await self._store.facets("files", where)).items())[:FILES])

    async def _gap(self, one: Lacking, need: Need, where: Filter) -> Gap:
        """With the newest insight that tells of it."""
        [hit, *_] = [*await self._store.latest(where, 1), None]
        time = datetime.fromtimestamp(hit.time, UTC) if hit else None
        why = f"{counted(one.kept, 'insight')} kept there name{'s' * (one.kept == 1)} it, none here"
        return Gap(need, one.what, one.project, one.times, one.known_in, why, hit.id if hit else "", time)


def _means(projects: Sequence[str]) -> dict[str, str]:
    """By each name under which memories are stored, whose they are: bare ones are the original product's."""
    found = {project: project for project in projects}
    for project in projects:
        found.setdefault(bare_name(project), project)
    return found


def _stored(project: str, means: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(name for name, meant in means.items() if meant == project)


def _named(project: str, means: Mapping[str, str]) -> Condition:
    return Condition("project", "in", _stored(project, means))


def _of_kind(kind: str, files: Mapping[str, int]) -> Condition:
    return Condition("files", "in", tuple(file for file in files if kind_of_file(file) == kind))


def _shared(records: Sequence[Record], means: Mapping[str, str], since: datetime) -> list[SharedProblem]:
    found = [one for record in records for one in occurrences(record, means[record.project])]
    return shared(found, since)[:PROBLEMS]


def _together(
    records: Sequence[Record], means: Mapping[str, str], homes: Mapping[str, str], zone: tzinfo
) -> list[Together]:
    @cache
    def place(file: str, project: str) -> ItemKey:
        return placed(file, project, homes)

    return together(
        [
            Edits(
                record.session or record.id,
                f"{record.time.astimezone(zone):%Y-%m-%d}",
                {place(file, means[record.project]) for file in _edited(record)},
            )
            for record in records
        ]
    )


def _edited(record: Record) -> Sequence[str]:
    """The files that a call changed, if it went well."""
    step = step_of(record)
    return step.files if step.ok else ()


def _looked_at(problems: Sequence[SharedProblem]) -> list[Occurrence]:
    """Of each problem the OLDEST and each project's NEWEST, one a session."""
    found: dict[str, Occurrence] = {}
    for problem in problems:
        sessions = list({one.record.session or one.record.id: one for one in reversed(problem.occurrences)}.values())
        first = sessions[::-1]  # the first of each session, oldest first
        for one in first[:OLDEST]:
            found.setdefault(one.record.id, one)
        for project in problem.projects:
            for one in [one for one in reversed(first) if one.project == project][:NEWEST]:
                found.setdefault(one.record.id, one)
    return list(found.values())[:LOOKED_AT]


def _solved(
    problem: SharedProblem, fixed: Mapping[str, Fixed], looked: Sequence[Occurrence], since: datetime
) -> Solved:
    read = {one.record.id for one in looked}
    told = [(fixed[one.record.id].by.time, one.record.id, one) for one in problem.occurrences if one.record.id in fixed]
    solved = dict.fromkeys(one.project for _, _, one in told)
    unsolved = dict.fromkeys(
        one.project
        for one in problem.occurrences
        if one.record.id in read and one.record.time >= since and one.project not in solved
    )
    if not told:
        return Solved(problem, None, None, (), list(unsolved))
    first = min(told)[2]
    return Solved(problem, first, fixed[first.record.id], list(solved), list(unsolved))


def _unsolved(one: Solved) -> list[Gap]:
    """Where a problem came up and no fix was seen, though another project has fixed it."""
    if one.first is None or one.fix is None:
        return []
    times = one.problem.projects
    by, known = one.fix.by, one.first.project
    return [
        Gap("error", one.problem.text, project, times[project], known, "fixed there, no fix seen here", by.id, by.time)
        for project in one.unsolved_in
    ]


_INSIGHT = Condition("kind", "=", Kind.REFLECTION)
_FAILED = Condition("facts", "in", OUTCOMES)
