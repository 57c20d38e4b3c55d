"""A figure, its floor measured in the same run, and its budget."""

import asyncio
import operator
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

_COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Budget:
    """`of` says what is compared with the limit: measured over floor, or the measured value itself."""

    comparison: Literal["<=", ">="]
    limit: float
    of: Literal["ratio", "value"]

    def __str__(self) -> str:
        return f"{self.comparison} {self.limit:g}{'x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    what: str
    measured: float
    unit: str
    budget: Budget | None = None
    floor: float | None = None
    floor_is: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.measured / self.floor if self.floor else None

    @property
    def ok(self) -> bool | None:
        """None: there is no budget for it."""
        compared = self.ratio if self.budget and self.budget.of == "ratio" else self.measured
        if self.budget is None or compared is None:
            return None
        return bool(_COMPARE[self.budget.comparison](compared, self.budget.limit))

    def as_json(self) -> dict[str, float | str | bool | None]:
        return {
            "what": self.what,
            "measured": round(self.measured, 4),
            "unit": self.unit,
            "floor": None if self.floor is None else round(self.floor, 4),
            "floor_is": self.floor_is or None,
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "budget": str(self.budget) if self.budget else None,
            "ok": self.ok,
            "note": self.note or None,
        }


Step = Callable[[], Awaitable[object]]


async def interleaved(repetitions: int, *steps: Step, pause: float = 0.0) -> list[list[float]]:
    """Seconds of each step, one list a step. The steps take turns, so that what disturbs the machine disturbs all.

    `pause` seconds pass before each: threads of numpy's BLAS go on spinning for a while after their last product.
    """
    seconds: list[list[float]] = [[] for _ in steps]
    for _ in range(repetitions):
        for own, step in zip(seconds, steps, strict=True):
            await asyncio.sleep(pause)
            start = time.perf_counter()
            await step()
            own.append(time.perf_counter() - start)
    return seconds


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


def p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
