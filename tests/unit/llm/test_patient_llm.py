"""How long a provider is waited for, and what of it is asked again."""

import asyncio
import math
from contextlib import aclosing
from dataclasses import replace

import pytest
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.adapters.patient_llm import Patience, PatientProvider
from session_mgmt_mcp.contracts.llm_provider import LLMProviderContract
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Completion,
    Denied,
    Interrupted,
    Message,
    Misdirected,
    NoSuchModel,
    Overloaded,
    Prompt,
    RateLimited,
    Refused,
    Role,
    TooLong,
    Unreachable,
)

from tests.unit.test_memory_llm_provider import Scripting

HELLO = Prompt((Message(Role.USER, "Hello"),), "tiny", 50)
QUICK = Patience(total=5, stall=5, brief=5, attempts=3, pause=0.001)
FREE = [RateLimited, Overloaded, Unreachable]
NOT_FREE = [Interrupted, Denied, TooLong, Refused, Misdirected, NoSuchModel, Invalid, Unsupported]
SILENT = Scripted((), silent=True)


def failing(kind: type[PortError], *pieces: str, after: float = 0.0) -> Scripted:
    error = kind("No.", after) if kind in FREE else kind("No.")
    return Scripted(pieces, error)


def patient(*script: Scripted, **patience: float) -> tuple[MemoryLLMProvider, PatientProvider]:
    inner = MemoryLLMProvider(*script)
    return inner, PatientProvider(inner, replace(QUICK, **patience))


async def told(provider: PatientProvider) -> list[str | Completion]:
    async with aclosing(provider.stream(HELLO)) as pieces:
        return [piece async for piece in pieces]


async def ask(provider: PatientProvider, way: str) -> str:
    if way == "complete":
        return (await provider.complete(HELLO)).text
    *_, last = await told(provider)
    assert isinstance(last, Completion)
    return last.text


@pytest.fixture(params=["complete", "stream"])
def way(request):
    return request.param


async def test_what_comes_is_passed_on_as_it_came():
    inner, provider = patient(Scripted(("Hel", "lo")))
    *pieces, last = await told(provider)
    assert pieces == ["Hel", "lo"] and last == await inner.complete(HELLO) == await provider.complete(HELLO)
    assert provider.name == "memory"


@pytest.mark.parametrize("kind", FREE)
async def test_what_cost_nothing_is_asked_again(kind, way):
    inner, provider = patient(failing(kind), failing(kind), Scripted(("Hello.",)))
    assert await ask(provider, way) == "Hello." and len(inner.prompts) == 3


@pytest.mark.parametrize("kind", FREE)
async def test_it_is_asked_only_so_often(kind, way):
    inner, provider = patient(failing(kind))
    with pytest.raises(kind, match="No"):
        await ask(provider, way)
    assert len(inner.prompts) == 3


@pytest.mark.parametrize("kind", NOT_FREE)
async def test_what_may_have_cost_something_or_stays_as_it_is_is_asked_once(kind, way):
    inner, provider = patient(failing(kind))
    with pytest.raises(kind):
        await ask(provider, way)
    assert len(inner.prompts) == 1


@pytest.mark.parametrize("kind", FREE)
async def test_once_a_piece_came_nothing_is_repeated(kind):
    inner, provider = patient(failing(kind, "Half"))
    with pytest.raises(kind):
        await told(provider)
    assert len(inner.prompts) == 1


async def test_the_server_is_left_alone_as_long_as_it_wants(way):
    _, provider = patient(failing(RateLimited, after=0.2), Scripted())
    began = asyncio.get_running_loop().time()
    await ask(provider, way)
    assert 0.19 <= asyncio.get_running_loop().time() - began < 4


@pytest.mark.parametrize("after", [30.0, math.inf])
async def test_a_time_that_is_not_left_is_not_waited_for(way, after):
    inner, provider = patient(failing(RateLimited, after=after))
    async with asyncio.timeout(2):
        with pytest.raises(RateLimited) as caught:
            await ask(provider, way)
    assert caught.value.retry_after == after and len(inner.prompts) == 1


async def test_attempts_are_not_made_all_at_the_same_moment(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.extend([seconds] if seconds else [])

    monkeypatch.setattr(asyncio, "sleep", sleep)
    for _ in range(5):
        _, provider = patient(failing(Overloaded, after=1.0), failing(Overloaded, after=1.0), Scripted(), pause=0.5)
        await provider.complete(HELLO)
    assert len(set(slept)) == 10 and all(1 <= pause <= 2 for pause in slept)


async def test_who_says_nothing_is_left_when_the_time_is_over(way):
    inner, provider = patient(SILENT, total=0.1)
    with pytest.raises(Interrupted, match="llm_timeout"):
        await ask(provider, way)
    assert inner.left.is_set() and len(inner.prompts) == 1


async def test_the_time_is_that_of_all_attempts(way):
    inner, provider = patient(failing(Overloaded, after=0.4), SILENT, total=0.5)
    began = asyncio.get_running_loop().time()
    with pytest.raises(Interrupted):
        await ask(provider, way)
    assert len(inner.prompts) == 2 and asyncio.get_running_loop().time() - began < 0.8


async def test_who_stops_in_the_middle_is_left():
    inner, provider = patient(Scripted(("Half",), silent=True), stall=0.1)
    with pytest.raises(Interrupted, match=r"memory wrote nothing for 0\.1 s"):
        await told(provider)
    assert inner.left.is_set()


async def test_the_first_piece_may_take_longer_than_a_stall():
    _, provider = patient(SILENT, stall=0.05, total=0.2)
    with pytest.raises(Interrupted, match="llm_timeout"):
        await told(provider)


async def test_a_stream_that_goes_on_ends_with_the_time():
    inner, provider = patient(Scripted(("piece",) * 10_000), total=0.02)
    with pytest.raises(Interrupted, match="llm_timeout"):
        async for _ in provider.stream(HELLO):
            await asyncio.sleep(0.001)
    assert inner.left.is_set()


async def test_cancelling_goes_through(way):
    inner, provider = patient(Scripted(("Half",), silent=True))
    task = asyncio.create_task(ask(provider, way))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert inner.left.is_set() and len(inner.prompts) == 1


async def test_cancelling_ends_the_pause_before_the_next_attempt():
    inner, provider = patient(failing(Overloaded, after=4.0))
    task = asyncio.create_task(provider.complete(HELLO))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(inner.prompts) == 1


async def test_leaving_a_stream_ends_it():
    inner, provider = patient(Scripted(("one", "two", "three")))
    async with aclosing(provider.stream(HELLO)) as pieces:
        assert await anext(pieces) == "one"
    assert inner.left.is_set()


class Unasked(MemoryLLMProvider):
    """Nobody may come this far."""

    async def complete(self, prompt):
        raise AssertionError

    def stream(self, prompt):
        raise AssertionError


@pytest.mark.parametrize("wrong", [{"messages": ()}, {"model": " "}, {"max_tokens": 0}, {"temperature": 3.0}])
async def test_what_no_model_is_asked_is_not_sent(way, wrong):
    provider, prompt = PatientProvider(Unasked(), QUICK), replace(HELLO, **wrong)
    with pytest.raises(Invalid, match=next(iter(wrong))):
        await (provider.complete(prompt) if way == "complete" else anext(provider.stream(prompt)))


async def test_what_it_has_is_asked_again_and_how_it_is_only_once():
    inner = Moody()
    provider = PatientProvider(inner, QUICK)
    assert await provider.models() == ["tiny"] and inner.asked == 3
    inner.asked = 0
    with pytest.raises(Overloaded):
        await provider.health()
    assert inner.asked == 1


class Moody(MemoryLLMProvider):
    """Has no room the first two times."""

    asked = 0

    async def health(self):
        self.asked += 1
        if self.asked < 3:
            raise Overloaded("Full.", 0.0)


class Stalling(MemoryLLMProvider):
    async def health(self):
        await asyncio.Event().wait()


async def test_nobody_waits_long_for_how_it_is():
    provider = PatientProvider(Stalling(), replace(QUICK, brief=0.05))
    for asked in (provider.health(), provider.models()):
        with pytest.raises(Interrupted):
            await asked


async def test_closing_closes_what_is_inside():
    inner, provider = patient()
    await provider.close()
    assert inner.closed


class TestPatientProvider(LLMProviderContract):
    """Whoever waits may not be told from whom they wait for."""

    keyed = False

    @pytest.fixture
    def inner(self):
        return MemoryLLMProvider(models=("scripted-1",))

    @pytest.fixture
    def provider(self, inner):
        return PatientProvider(inner, replace(QUICK, attempts=1))

    @pytest.fixture
    def vendor(self, inner):
        return Scripting(inner)

    @pytest.fixture
    def nowhere(self):
        inner = MemoryLLMProvider(failing(Unreachable, after=1.0), models=("scripted-1",))
        return PatientProvider(inner, replace(QUICK, attempts=1))

    test_a_model_that_takes_no_temperature_answers_without = None  # its models take any
