"""What a day's calls used is booked once, and no limit is passed, whoever calls meanwhile."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.llm.budget import Estimate, Limits, OverBudget
from session_mgmt_mcp.domain.llm.ledger import COLLECTION, Ledger
from session_mgmt_mcp.ports.llm_provider import Usage

BERLIN = ZoneInfo("Europe/Berlin")
EVENING = datetime(2026, 11, 22, 21, 30, tzinfo=BERLIN)
CALL = Estimate(60, 40, Decimal("0.10"))
NO_LIMITS = Limits()


class World:
    """One storage and one clock; any number of ledgers over them."""

    def __init__(self) -> None:
        self.clock = FixedClock(EVENING.astimezone(UTC))
        self.storage = MemorySessionStorage(self.clock.now)
        self.ledger = self.another()

    def another(self) -> Ledger:
        return Ledger(self.storage, self.clock, BERLIN)

    async def hold(self, limits=NO_LIMITS, estimate=CALL, model="m"):
        return await self.ledger.reserve("openai", model, estimate, limits)


@pytest.fixture
def world():
    return World()


async def test_what_is_held_counts_until_it_is_settled(world):
    held = await world.hold()
    assert (await world.ledger.today()).used.tokens == 100
    await world.ledger.settle(held, Usage(20, 5), Decimal("0.02"))
    (spent,) = (await world.ledger.today()).spent
    assert (spent.calls, spent.input_tokens, spent.output_tokens, spent.cost) == (1, 20, 5, Decimal("0.02"))
    assert (spent.held_calls, spent.held_tokens, spent.held_cost) == (0, 0, 0)


async def test_what_is_released_was_never_used_and_leaves_no_name(world):
    await world.ledger.release(await world.hold())
    assert (await world.ledger.today()).spent == ()


async def test_who_calls_next_may_use_what_the_others_left(world):
    limits = Limits(day_tokens=150)
    held = await world.hold(limits)
    with pytest.raises(OverBudget):
        await world.hold(limits)
    await world.ledger.settle(held, Usage(20, 5), None)
    await world.hold(limits)
    assert (await world.ledger.today()).used.tokens == 125


async def test_what_is_too_much_is_told_with_the_limit_the_rest_the_end_and_the_setting(world):
    limits = Limits(day_tokens=150, day_cost=Decimal(5))
    await world.hold(limits)
    with pytest.raises(OverBudget) as caught:
        await world.hold(limits)
    assert str(caught.value) == (
        "A day may use 150 tokens: 100 are used or held until 2026-11-23 00:00 (CET), and this call may need 100: "
        "ask for less, wait, or raise llm_day_tokens."
    )
    with pytest.raises(OverBudget, match=r"A day may cost \$0.15.*\$0.10 are spent or held.*raise llm_day_cost"):
        await world.hold(Limits(day_cost=Decimal("0.15")))


async def test_a_refused_call_holds_nothing(world):
    with pytest.raises(OverBudget):
        await world.hold(Limits(day_tokens=99))
    assert (await world.ledger.today()).spent == ()


async def test_the_next_day_begins_at_midnight_where_the_user_is(world):
    await world.hold(Limits(day_tokens=100))
    world.clock.advance(hours=2)
    with pytest.raises(OverBudget):
        await world.hold(Limits(day_tokens=100))
    world.clock.advance(hours=1)
    await world.hold(Limits(day_tokens=100))


async def test_a_call_over_midnight_is_settled_on_the_day_it_began(world):
    held = await world.hold()
    world.clock.advance(hours=3)
    await world.ledger.settle(held, Usage(20, 5), None)
    assert (await world.ledger.today()).spent == ()
    world.clock.advance(hours=-3)
    assert (await world.ledger.today()).used.tokens == 25


async def test_a_day_ends_at_the_next_midnight_also_when_the_clocks_change(world):
    world.clock.advance(days=-28)  # 2026-10-25 has 25 hours in Berlin
    day = await world.ledger.today()
    assert day.ends == datetime(2026, 10, 26, tzinfo=BERLIN) and day.date.isoformat() == "2026-10-25"


async def test_a_server_may_count_more_than_was_held_and_the_truth_is_booked(world):
    await world.ledger.settle(await world.hold(), Usage(300, 70), Decimal("0.9"))
    used = (await world.ledger.today()).used
    assert (used.tokens, used.cost) == (370, Decimal("0.9"))


async def test_each_model_is_told_by_itself(world):
    for model, used in (("small", 1), ("large", 2), ("small", 4)):
        await world.ledger.settle(await world.hold(model=model), Usage(used, 0), None)
    told = {
        (one.provider, one.model): (one.calls, one.input_tokens, one.unpriced)
        for one in (await world.ledger.today()).spent
    }
    assert told == {("openai", "small"): (2, 5, 2), ("openai", "large"): (1, 2, 1)}


async def test_a_secret_that_is_given_as_a_model_is_not_stored(world):
    await world.hold(model="sk-ant-api03-" + "Ab1" * 30)
    document = await world.storage.get(COLLECTION, "2026-11-22")
    assert "Ab1" not in str(document.body) and "redacted" in str(document.body)


async def test_a_day_is_forgotten_two_months_after_it_ended(world):
    await world.hold()
    document = await world.storage.get(COLLECTION, "2026-11-22")
    assert document.expires == datetime(2026, 11, 23, tzinfo=BERLIN) + timedelta(days=60)


async def test_what_is_settled_after_its_day_was_forgotten_is_booked_alone(world):
    held = await world.hold()
    await world.storage.delete(COLLECTION, "2026-11-22")
    await world.ledger.settle(held, Usage(20, 5), Decimal("0.02"))
    used = (await world.ledger.today()).used
    assert (used.tokens, used.cost) == (25, Decimal("0.02"))


STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "settle", "release", "keep"]), st.integers(1, 60), st.integers(0, 40))
)


@given(STEPS, st.integers(0, 400), st.integers(0, 400))
async def test_no_order_of_steps_passes_a_limit(steps, tokens, cents):
    world = World()
    limits = Limits(day_tokens=tokens, day_cost=Decimal(cents) / 100)
    running, used, cost = [], 0, Decimal(0)  # counted here a second time
    for step, read, written in steps:
        estimate = Estimate(read, written, Decimal(read) / 50)
        if step == "reserve":
            fits = used + estimate.tokens <= tokens and cost + estimate.cost <= limits.day_cost
            try:
                running.append(await world.hold(limits, estimate))
            except OverBudget:
                assert not fits
                continue
            assert fits
            used, cost = used + estimate.tokens, cost + estimate.cost
        elif running:
            held = running.pop(read % len(running))
            if step == "keep":
                continue
            used, cost = used - held.estimate.tokens, cost - held.estimate.cost
            if step == "release":
                await world.ledger.release(held)
                continue
            real = Usage(held.estimate.input_tokens // 2, held.estimate.output_tokens)
            used, cost = used + real.input_tokens + real.output_tokens, cost + held.estimate.cost / 2
            await world.ledger.settle(held, real, held.estimate.cost / 2)
        told = (await world.ledger.today()).used
        assert (told.tokens, told.cost) == (used, cost)
        assert used <= tokens and cost <= limits.day_cost


async def test_fifty_calls_at_once_use_the_limit_up_and_do_not_pass_it(tmp_path):
    clock = FixedClock(EVENING.astimezone(UTC))
    storages = [LocalSessionStorage(tmp_path / "documents", clock.now) for _ in range(4)]  # as four processes have them
    ledgers = [Ledger(storage, clock, BERLIN) for storage in storages]

    async def call(place):
        ledger = ledgers[place % 4]
        try:
            held = await ledger.reserve("openai", "m", CALL, Limits(day_tokens=3_000))
        except OverBudget:
            return False
        if place % 3 == 0:
            await ledger.settle(held, Usage(60, 40), None)
        return True

    made = await asyncio.gather(*(call(place) for place in range(50)))
    used = (await ledgers[0].today()).used
    for storage in storages:
        await storage.close()
    assert sum(made) == 30 and used.tokens == 3_000


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from session_mgmt_mcp.adapters.local.session_storage import LocalSessionStorage
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.domain.llm.budget import Estimate, Limits
from session_mgmt_mcp.domain.llm.ledger import Ledger

async def main():
    clock = FixedClock(datetime(2026, 11, 22, 20, 30, tzinfo=UTC))
    ledger = Ledger(LocalSessionStorage(Path(sys.argv[1]), clock.now), clock, UTC)
    await ledger.reserve("openai", "m", Estimate(60, 40, Decimal("0.10")), Limits())
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_leaves_what_it_held(tmp_path: Path):
    process = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, str(tmp_path)], timeout=60)
    assert process.returncode == -9
    clock = FixedClock(EVENING.astimezone(UTC))
    storage = LocalSessionStorage(tmp_path, clock.now)
    used = (await Ledger(storage, clock, UTC).today()).used
    await storage.close()
    assert (used.tokens, used.cost) == (100, Decimal("0.10"))
