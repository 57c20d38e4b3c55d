"""Tests that fail and pass by turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from session_mgmt_mcp.domain.runs.seen import Record, Seen

UNSTEADY = 3  # flips


@dataclass(frozen=True, slots=True)
class Wavering:
    """A test with how often it was seen to fail and to pass, and how often it changed from one to the other.

    `shown`: pairs of runs that ran it one after the other, saw surely the same files, and disagree. There is one: it is flaky.
    None: files were edited at each of its flips, or nobody can tell, and it is unsteady.
    """

    test: str
    failed: int
    passed: int
    flips: int
    shown: Sequence[tuple[str, str]]
    last: datetime  # of its last flip


def flaky(record: Record) -> list[Wavering]:
    """Tests that both failed and passed while the files were surely the same, those that do it most first."""
    found = [one for one in _flipping(record) if one.shown]
    return sorted(found, key=lambda one: (-len(one.shown), -one.last.timestamp(), one.test))


def unsteady(record: Record) -> list[Wavering]:
    """Tests that are not surely flaky and yet changed three times or more, those that do it most first."""
    found = [one for one in _flipping(record) if not one.shown and one.flips >= UNSTEADY]
    return sorted(found, key=lambda one: (-one.flips, -one.last.timestamp(), one.test))


def _flipping(record: Record) -> list[Wavering]:
    return [
        _wavering(record, test, seen) for test, seen in record.tests.items() if len({one.failed for one in seen}) > 1
    ]


def _wavering(record: Record, test: str, seen: Sequence[Seen]) -> Wavering:
    flips = [(one.at, after.at) for one, after in pairwise(seen) if one.failed != after.failed]
    shown = [(record.runs[a].id, record.runs[b].id) for a, b in flips if record.same_files(a, b)]
    failed = sum(one.failed for one in seen)
    return Wavering(test, failed, len(seen) - failed, len(flips), shown, record.runs[flips[-1][1]].at)
