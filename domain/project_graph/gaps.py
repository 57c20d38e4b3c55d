"""What one project knows and another lacks, though it needed it. Pure.

A gap is a need in one project, seen in the time asked for, of which nothing is known there, and which another project
of the same set knows well. Three needs are seen, and each has its own way of being known:

    question   asked there and nothing was found    the best hit of the same search is another project's, and sure
    error      failed there, no fix seen            the same error was fixed in another project
               failed there FAILURES times          no insight kept there names it, KEPT of another project's do
    files      FAILURES failures on a kind of file  no insight kept there names such a file, KEPT of another project's do
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Need: TypeAlias = Literal["question", "error", "files"]
FAILURES = 3  # of one name or kind of file in one project
KEPT = 2  # insights of another project that name it
SURE = 0.4  # score of an answer; at a third it is open whether it answers (ADR 0007)
GENERAL = frozenset({"AssertionError", "Exception", "Error", "Warning", "timeout", "panic", "fatal"})
"""Names of errors that say nothing of what went wrong."""


@dataclass(frozen=True, slots=True)
class Gap:
    """`project` needed it so often, `known_in` knows it; `memory` is where, with its time."""

    need: Need
    what: str
    project: str
    times: int
    known_in: str
    why: str
    memory: str
    time: datetime | None


@dataclass(frozen=True, slots=True)
class Lacking:
    """Something that failed so often in a project that keeps no insight about it, and how many another one keeps."""

    what: str
    project: str
    times: int
    known_in: str
    kept: int


def lacking(failed: Mapping[str, Mapping[str, int]], kept: Mapping[str, Mapping[str, int]]) -> list[Lacking]:
    """From counts by project and name, the most frequent failures first. Of several projects that know, the one with most.

    >>> lacking({"shop": {"TS2322": 4}}, {"shop": {}, "blog": {"TS2322": 2}})[0].known_in
    'blog'
    """
    found = []
    for project, names in failed.items():
        for name, times in names.items():
            if times < FAILURES or kept.get(project, {}).get(name) or name in GENERAL:
                continue
            most, knowing = max(((some.get(name, 0), other) for other, some in sorted(kept.items())), default=(0, ""))
            if most >= KEPT:
                found.append(Lacking(name, project, times, knowing, most))
    return sorted(found, key=lambda one: (-one.times, one.project, one.what))


def kinds_of_files(files: Mapping[str, int]) -> dict[str, int]:
    """Counts by what follows a file's last dot; of a name without one, the name.

    >>> kinds_of_files({"/shop/main.tf": 2, "db.tf": 1, "Makefile": 1})
    {'.tf': 3, 'Makefile': 1}
    """
    counts: Counter[str] = Counter()
    for file, count in files.items():
        counts[kind_of_file(file)] += count
    return dict(counts)


def kind_of_file(file: str) -> str:
    name = file[max(file.rfind("/"), file.rfind("\\")) + 1 :]
    stem, dot, end = name.rpartition(".")
    return f".{end.lower()}" if dot and stem else name


def first_of(gaps: Sequence[Gap], most: int) -> list[Gap]:
    """Each need and thing once a project, in the order given."""
    return list({(gap.need, gap.what, gap.project): gap for gap in reversed(gaps)}.values())[::-1][:most]
