"""From a test's first failure to its end: what was edited, how long it took, what still stands."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from session_mgmt_mcp.domain.runs.error_patterns import Pattern, pattern_of
from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.domain.runs.seen import Record, Seen


@dataclass(frozen=True, slots=True)
class Episode:
    """Tests that began to fail in the same run, with one pattern, and failed until the same run."""

    tests: Sequence[str]
    pattern: Pattern
    example: str  # the last message of the first test
    first: str  # run
    last: str  # run
    began: datetime
    failures: int  # runs in which they failed


@dataclass(frozen=True, slots=True)
class Mended:
    """`edited`: the files that changed between the last run that failed and the one that passed; None: nobody can tell.

    `tried`: those that changed before, while it failed.
    """

    failure: Episode
    by: str  # run
    at: datetime
    edited: Sequence[str] | None
    tried: Sequence[str]
    took: timedelta
    sessions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """Failed when it was last run. `tried`: the files that were edited meanwhile, as far as known."""

    failure: Episode
    tried: Sequence[str]
    sessions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Failed until it was not run any more: `by` ran all tests without it."""

    failure: Episode
    by: str  # run
    at: datetime


class _Span(NamedTuple):
    """Places among the runs: of the first and the last failure, and of the pass; None: none. `failures` between."""

    first: int
    last: int
    passed: int | None
    failures: int


def mended(record: Record, flaky: Collection[str] = ()) -> list[Mended]:
    """The failures that went away, but those of `flaky` tests, the newest first; tests mended together are one."""
    spans = _spans(record, record.tests.keys() - set(flaky))
    found = [_mended(record, span, failure) for span, failure in _episodes(record, spans) if span.passed is not None]
    return sorted(found, key=lambda one: (one.at, len(one.failure.tests)), reverse=True)


def standing(record: Record, flaky: Collection[str] = ()) -> list[Standing]:
    """What failed when it was last run, but `flaky` tests and those that are gone, the oldest first."""
    spans = _spans(record, record.tests.keys() - set(flaky) - record.gone.keys())
    found = [
        Standing(failure, _edited(record, span.first, len(record.runs) - 1)[0], _sessions(record.runs[span.first :]))
        for span, failure in _episodes(record, spans)
        if span.passed is None
    ]
    return sorted(found, key=lambda one: (one.failure.began, -len(one.failure.tests)))


def dropped(record: Record) -> list[Dropped]:
    """What failed until it was not run any more, the newest first."""
    found = []
    for span, failure in _episodes(record, _spans(record, record.gone)):
        if span.passed is None:
            without = record.runs[record.gone[failure.tests[0]]]
            found.append(Dropped(failure, without.id, without.at))
    return sorted(found, key=lambda one: (one.at, len(one.failure.tests)), reverse=True)


def _spans(record: Record, tests: Iterable[str]) -> Iterator[tuple[str, _Span]]:
    for test in tests:
        first: Seen | None = None
        last, failures = 0, 0
        for seen in record.tests[test]:
            if seen.failed:
                first, last, failures = first or seen, seen.at, failures + 1
            elif first is not None:
                yield test, _Span(first.at, last, seen.at, failures)
                first, failures = None, 0
        if first is not None:
            yield test, _Span(first.at, last, None, failures)


def _episodes(record: Record, spans: Iterable[tuple[str, _Span]]) -> Iterator[tuple[_Span, Episode]]:
    """Those of one span and pattern together."""
    patterns: dict[str, Pattern] = {}
    found: dict[tuple[_Span, Pattern], list[str]] = {}
    for test, span in spans:
        message = record.messages[span.last, test]
        pattern = patterns.get(message) or patterns.setdefault(message, pattern_of(message))
        found.setdefault((span, pattern), []).append(test)
    for (span, pattern), tests in found.items():
        tests.sort()
        first, last = record.runs[span.first], record.runs[span.last]
        example = record.messages[span.last, tests[0]]
        yield span, Episode(tests, pattern, example, first.id, last.id, first.at, span.failures)


def _mended(record: Record, span: _Span, failure: Episode) -> Mended:
    assert span.passed is not None
    by = record.runs[span.passed]
    edited, known = _edited(record, span.last, span.passed)
    tried, _ = _edited(record, span.first, span.last)
    sessions = _sessions(record.runs[span.first : span.passed + 1])
    return Mended(failure, by.id, by.at, edited if known else None, tried, by.at - failure.began, sessions)


def _edited(record: Record, earlier: int, later: int) -> tuple[list[str], bool]:
    """The files that changed from one run to another, by an edit or by a run; whether these are surely all."""
    edits = [run.edited for run in record.runs[earlier + 1 : later + 1]]
    rewritten = [run.changed for run in record.runs[earlier:later]]
    files = {file for some in (*edits, *rewritten) for file in some or ()}
    return sorted(files), all(some is not None for some in edits)


def _sessions(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(run.session for run in runs if run.session))
