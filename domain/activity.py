"""What the kept hours say: files, programs, stretches of work, switches. Computed, nothing is guessed."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import PurePosixPath

from session_mgmt_mcp.domain.activity_hours import Hour
from session_mgmt_mcp.domain.programs import Category, telling

PAUSE = timedelta(minutes=10)  # a stretch of work goes on over a shorter one
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ActiveFile:
    """A file that changed, and in how many changes; times are minutes."""

    path: str
    project: str
    folder: str
    changes: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """Minutes with changes, no two of them further apart than PAUSE."""

    start: datetime
    end: datetime
    minutes: int  # in which something changed
    projects: Mapping[str, int]  # minutes by project


@dataclass(frozen=True, slots=True)
class Summary:
    """`changes` are of `files` and of those that were only counted."""

    changes: int
    files: int
    minutes: int  # in which something changed
    projects: Mapping[str, int]  # changes
    kinds: Mapping[str, int]  # changes by the ending of the file's name
    programs: Mapping[str, int]  # minutes in which each ran
    categories: Mapping[str, Category]
    busiest: Sequence[ActiveFile]


@dataclass(frozen=True, slots=True)
class Insights:
    """`focus` is the project with most minutes, and its share of them."""

    focus: str
    share: float
    minutes: Mapping[str, int]  # by project
    switches: int  # from a minute in one project to the next one in another
    stretches: Sequence[Stretch]
    areas: Mapping[str, int]  # changes by project and folder
    together: Sequence[tuple[str, str, int]]  # files that changed in the same minutes, and in how many


def active_files(hours: Sequence[Hour], since: datetime, until: datetime) -> list[ActiveFile]:
    """The last changed first, of the same minute those with more changes."""
    found: dict[tuple[str, str, str], Counter[datetime]] = defaultdict(Counter)
    for hour in hours:
        for path, minutes in hour.files.items():
            for minute, times in minutes.items():
                if _within(hour.at(minute), since, until):
                    found[hour.folder, path, hour.project][hour.at(minute)] += times
    files = [
        ActiveFile(path, project, folder, times.total(), min(times), max(times))
        for (folder, path, project), times in found.items()
    ]
    return sorted(files, key=lambda file: (-file.last.timestamp(), -file.changes, file.path))


def summarised(hours: Sequence[Hour], since: datetime, until: datetime) -> Summary:
    files = active_files(hours, since, until)
    by_minute = _by_minute(hours, since, until)
    programs = Counter(
        {
            name: count
            for name in {name for hour in hours for name in hour.programs}
            if (count := _minutes_of(name, hours, since, until))
        }
    )
    projects: Counter[str] = Counter()
    for changes in by_minute.values():
        projects.update(changes)
    kinds: Counter[str] = Counter()
    for file in files:
        kinds[PurePosixPath(file.path).suffix.lower() or "(none)"] += file.changes
    return Summary(
        changes=projects.total(),
        files=len(files),
        minutes=len(by_minute),
        projects=dict(projects.most_common()),
        kinds=dict(kinds.most_common()),
        programs=dict(programs.most_common()),
        categories=telling(list(programs)),
        busiest=sorted(files, key=lambda file: (-file.changes, file.path)),
    )


def insights(hours: Sequence[Hour], since: datetime, until: datetime) -> Insights:
    by_minute = _by_minute(hours, since, until)
    # Of a minute in which several projects changed, the one with most changes is meant.
    leading = {minute: changes.most_common(1)[0][0] for minute, changes in sorted(by_minute.items())}
    minutes = Counter(leading.values())
    focus, most = minutes.most_common(1)[0] if minutes else ("", 0)
    return Insights(
        focus=focus,
        share=most / minutes.total() if minutes else 0.0,
        minutes=dict(minutes.most_common()),
        switches=sum(one != other for one, other in pairwise(leading.values())),
        stretches=_stretches(leading),
        areas=_areas(active_files(hours, since, until)),
        together=_together(hours, since, until),
    )


def _within(time: datetime, since: datetime, until: datetime) -> bool:
    """Whether any of that minute lies in [since, until]."""
    return time + _MINUTE > since and time <= until


def _by_minute(hours: Sequence[Hour], since: datetime, until: datetime) -> dict[datetime, Counter[str]]:
    """Changes by minute and project."""
    found: dict[datetime, Counter[str]] = defaultdict(Counter)
    for hour in hours:
        for minutes in (*hour.files.values(), hour.more):
            for minute, times in minutes.items():
                if _within(hour.at(minute), since, until):
                    found[hour.at(minute)][hour.project] += times
    return dict(found)


def _minutes_of(program: str, hours: Sequence[Hour], since: datetime, until: datetime) -> int:
    return len(
        {
            hour.at(minute)
            for hour in hours
            for minute in hour.programs.get(program, ())
            if _within(hour.at(minute), since, until)
        }
    )


def _stretches(leading: Mapping[datetime, str]) -> list[Stretch]:
    groups: list[list[datetime]] = []
    for minute in sorted(leading):
        if groups and minute - groups[-1][-1] <= PAUSE:
            groups[-1].append(minute)
        else:
            groups.append([minute])
    return [
        Stretch(group[0], group[-1] + _MINUTE, len(group), dict(Counter(leading[minute] for minute in group)))
        for group in groups
    ]


def _areas(files: Sequence[ActiveFile]) -> dict[str, int]:
    areas: Counter[str] = Counter()
    for file in files:
        inner = PurePosixPath(file.path).parent.parts[:2]
        areas["/".join((file.project, *inner))] += file.changes
    return dict(areas.most_common())


def _together(hours: Sequence[Hour], since: datetime, until: datetime) -> list[tuple[str, str, int]]:
    """Pairs that changed in at least two same minutes, of the files that changed in most minutes."""
    minutes: dict[str, set[datetime]] = defaultdict(set)
    for hour in hours:
        for path, times in hour.files.items():
            minutes[path] |= {hour.at(minute) for minute in times if _within(hour.at(minute), since, until)}
    often = sorted(minutes, key=lambda path: (-len(minutes[path]), path))[:40]
    pairs = (
        (one, other, len(minutes[one] & minutes[other])) for at, one in enumerate(often) for other in often[at + 1 :]
    )
    return sorted((pair for pair in pairs if pair[2] > 1), key=lambda pair: (-pair[2], pair[0], pair[1]))[:10]
