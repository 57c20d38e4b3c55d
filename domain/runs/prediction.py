"""How long a run will take, from those before it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from session_mgmt_mcp.domain.runs.run import Run
from session_mgmt_mcp.ports.quality_runner import Command, Options

LAST = 7  # runs that are asked: enough for a median that one slow run does not move, few enough to follow a change
ENOUGH = 5  # predictions that were made, before an error is told


@dataclass(frozen=True, slots=True)
class Prediction:
    """`error`: by how many seconds half of the predictions so far were wrong, or more; None: too few to say. `runs` were asked."""

    seconds: float
    error: float | None
    runs: int


def prediction(runs: Iterable[Run], runner: str, command: Command, options: Options) -> Prediction | None:
    """The median of the last seven runs (`runs` oldest first) that were the same and came to their own end; None without one.

    Its error is the median absolute one of having predicted each of them in this way from those before it.

    >>> prediction(runs, "pytools", Command.TEST, Options())
    Prediction(seconds=12.5, error=0.8, runs=7)
    """
    asked = _asked(options)
    took = [
        run.report.seconds
        for run in runs
        if run.ended and run.command is command and run.report.runner == runner and _asked(run.options) == asked
    ]
    if not took:
        return None
    errors = [abs(seconds - _predicted(took[:at])) for at, seconds in enumerate(took) if at]
    return Prediction(_predicted(took), median(errors) if len(errors) >= ENOUGH else None, len(took[-LAST:]))


def _predicted(took: Sequence[float]) -> float:
    return median(took[-LAST:])


def _asked(options: Options) -> tuple[object, ...]:
    return options.changed_only, options.fail_fast, options.workers, frozenset(options.paths)
