"""What calls of language models have used, a day at a time, and what is held for those that run."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from session_mgmt_mcp.domain.llm.budget import Estimate, Limits, Used, check_call, check_day
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.wall_clock import settled
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict
from session_mgmt_mcp.ports.llm_provider import Usage
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

COLLECTION = "llm_spending"
KEPT = timedelta(days=60)
LONGEST_NAME = 200
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one model. `unpriced`: calls among them whose cost nobody knows. Held is what was reserved and not settled."""

    provider: str
    model: str
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = NOTHING  # US dollars
    unpriced: int = 0
    held_calls: int = 0  # they run, were cut off, or their server does not count
    held_tokens: int = 0
    held_cost: Decimal = NOTHING

    @property
    def tokens(self) -> int:
        """With what is held."""
        return self.input_tokens + self.output_tokens + self.held_tokens


@dataclass(frozen=True, slots=True)
class Day:
    """A day where the user is, and when it ends (aware)."""

    date: date
    ends: datetime
    spent: tuple[Spent, ...] = ()

    @property
    def used(self) -> Used:
        cost = sum((one.cost + one.held_cost for one in self.spent), NOTHING)
        return Used(sum(one.tokens for one in self.spent), cost, self.ends)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held for one call, on the day it began."""

    day: date
    provider: str
    model: str
    estimate: Estimate


class Ledger:
    """Reserve before a call, then settle it, or release it when nothing was generated; what gets neither stays held.

    Days are those of `zone`. Writes are compare-and-swap: any number of processes never pass a limit together, as long
    as no call uses more than was estimated.
    """

    def __init__(self, storage: SessionStorage, clock: Clock, zone: tzinfo) -> None:
        self._storage = storage
        self._clock = clock
        self._zone = zone
        self._turn = asyncio.Lock()

    async def reserve(self, provider: str, model: str, estimate: Estimate, limits: Limits) -> Reservation:
        """Holds what a call uses at worst. Raises OverBudget: then nothing is held."""
        check_call(estimate, limits, model)
        reservation = Reservation(self._today(), provider, redact(model).text[:LONGEST_NAME], estimate)

        def hold(day: Day, spent: Spent) -> Spent:
            check_day(estimate, limits, day.used)
            return _held(spent, estimate, 1)

        await self._change(reservation, hold)
        return reservation

    async def settle(self, reservation: Reservation, usage: Usage, cost: Decimal | None) -> None:
        """What it really used, also where that is more than was held."""

        def book(_: Day, spent: Spent) -> Spent:
            freed = _held(spent, reservation.estimate, -1)
            return replace(
                freed,
                calls=freed.calls + 1,
                input_tokens=freed.input_tokens + usage.input_tokens,
                output_tokens=freed.output_tokens + usage.output_tokens,
                cost=freed.cost + (cost or 0),
                unpriced=freed.unpriced + (cost is None),
            )

        await self._change(reservation, book)

    async def release(self, reservation: Reservation) -> None:
        """Nothing was generated, so nothing was used."""
        await self._change(reservation, lambda _, spent: _held(spent, reservation.estimate, -1))

    async def today(self) -> Day:
        day = self._today()
        return self._day(day, await self._storage.get(COLLECTION, day.isoformat()))

    def _today(self) -> date:
        return self._clock.now().astimezone(self._zone).date()

    async def _change(self, of: Reservation, change: Callable[[Day, Spent], Spent]) -> None:
        id = of.day.isoformat()
        async with self._turn:  # of this process; others meet in the compare-and-swap
            while True:
                document = await self._storage.get(COLLECTION, id)
                day = self._day(of.day, document)
                known = {(one.provider, one.model): one for one in day.spent}
                name = (of.provider, of.model)
                known[name] = change(day, known.get(name, Spent(*name)))
                version = document.version if document else 0
                with suppress(Conflict):
                    expires = day.ends + KEPT
                    body = _body(known.values())
                    await self._storage.put(COLLECTION, id, body, expected_version=version, expires=expires)
                    return

    def _day(self, day: date, document: Document | None) -> Day:
        ends = settled(datetime.combine(day + timedelta(days=1), time.min), self._zone).at.astimezone(self._zone)
        body: Mapping[str, Any] = document.body if document else {}
        return Day(day, ends, tuple(_spent(one) for one in body.get("spent", ())))


def _held(spent: Spent, estimate: Estimate, by: int) -> Spent:
    return replace(
        spent,
        held_calls=max(0, spent.held_calls + by),
        held_tokens=max(0, spent.held_tokens + by * estimate.tokens),
        held_cost=max(NOTHING, spent.held_cost + by * (estimate.cost or NOTHING)),
    )


def _body(spent: Iterable[Spent]) -> dict[str, Json]:
    used = [one for one in spent if one.calls or one.held_calls]
    return {"spent": [{**asdict(one), "cost": str(one.cost), "held_cost": str(one.held_cost)} for one in used]}


def _spent(body: Mapping[str, Any]) -> Spent:
    return Spent(**{**body, "cost": Decimal(body["cost"]), "held_cost": Decimal(body["held_cost"])})
