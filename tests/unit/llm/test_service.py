"""Who is asked, what leaves, what it may cost, and what is told of who gave no answer."""

import asyncio
from contextlib import suppress
from datetime import UTC
from decimal import Decimal

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.adapters.memory.price_list import MemoryPriceList
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.domain.llm.budget import Limits, OverBudget
from session_mgmt_mcp.domain.llm.ledger import Ledger
from session_mgmt_mcp.domain.llm.service import MAX_TOKENS, LLMService, NoModel, Tried
from session_mgmt_mcp.ports.errors import Invalid, Unavailable, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Denied,
    Interrupted,
    Message,
    Misdirected,
    NoSuchModel,
    Overloaded,
    RateLimited,
    Refused,
    Role,
    Stop,
    TooLong,
    Unreachable,
    Usage,
)
from session_mgmt_mcp.ports.price_list import Price


def user(text):
    return Message(Role.USER, text)


def model(name="ollama", *script):
    """A provider, by default one that answers."""
    return MemoryLLMProvider(*script or [Scripted(("Hel", "lo!"))], models=("small", "large", "huge"), name=name)


HELLO = [user("Hello?")]
KEY = "sk-ant-api03-" + "Ab1" * 30
MODELS = {"anthropic": "large", "openai": "", "gemini": "", "ollama": "small"}
PRICED = Price(Decimal(2), Decimal(10))


class Asked:
    """A service over scripted providers; `ledger` tells what is booked."""

    def __init__(self, *providers, order=(), models=None, limits=None, prices=None, storage=None):
        self.clock = FixedClock()
        self.ledger = Ledger(storage or MemorySessionStorage(self.clock.now), self.clock, UTC)
        self.opened = []
        self._providers = {one.name: one for one in providers}
        models = MODELS if models is None else models
        self.service = LLMService(
            self._open, order, models, prices or MemoryPriceList(), self.ledger, limits or Limits()
        )

    async def _open(self, name):
        self.opened.append(name)
        one = self._providers[name]
        if isinstance(one, Missing):
            raise one.why
        return one

    async def ask(self, messages=HELLO, *args, **more):
        return await self.service.ask(messages, *args, **more)

    async def used(self):
        return (await self.ledger.today()).used.tokens


class Missing:
    def __init__(self, name, why):
        self.name, self.why = name, why


def failing(error, name="anthropic", *before):
    return model(name, Scripted(before, error))


async def test_the_one_that_is_named_is_asked_for_the_model_that_is_named():
    ollama = model()
    asked = Asked(ollama)
    answer = await asked.ask(HELLO, "ollama", "huge")
    assert (answer.text, answer.provider, answer.model, answer.stop) == ("Hello!", "ollama", "huge", Stop.END)
    (prompt,) = ollama.prompts
    assert (prompt.model, prompt.max_tokens, prompt.temperature) == ("huge", MAX_TOKENS, None)


async def test_without_a_name_the_first_of_the_order_is_asked_for_its_default():
    ollama = model()
    await Asked(ollama, model("anthropic"), order=["ollama", "anthropic"]).ask(temperature=0.5, max_tokens=7)
    (prompt,) = ollama.prompts
    assert (prompt.model, prompt.max_tokens, prompt.temperature) == ("small", 7, 0.5)


async def test_a_model_alone_belongs_to_the_first_of_the_order():
    anthropic, ollama = failing(Overloaded("Full.")), model()
    await Asked(anthropic, ollama, order=["anthropic", "ollama"]).ask(model="huge")
    assert (anthropic.prompts[0].model, ollama.prompts[0].model) == ("huge", "small")


async def test_with_nobody_set_up_it_is_said_what_to_set():
    with pytest.raises(Invalid, match="llm_providers"):
        await Asked().ask()


async def test_an_unknown_provider_is_told_who_there_is():
    with pytest.raises(
        Invalid, match="'acme' is none that can be asked: name one of anthropic, openai, gemini, ollama"
    ):
        await Asked(order=["ollama"]).ask(HELLO, "acme")


async def test_nobody_else_is_asked_who_is_not_set_up():
    asked = Asked(failing(Overloaded("Full.")), model())
    with pytest.raises(Overloaded, match=r"^Full\.$"):
        await asked.ask(HELLO, "anthropic")
    assert asked.opened == ["anthropic"]


@pytest.mark.parametrize("kind", [RateLimited, Overloaded, Unreachable, Interrupted, Denied, Unsupported])
async def test_the_next_one_is_asked_when_the_first_cannot(kind):
    answer = await Asked(failing(kind("No.")), model(), order=["anthropic", "ollama"]).ask()
    assert (answer.text, answer.provider, answer.tried) == ("Hello!", "ollama", (Tried("anthropic", "No."),))


@pytest.mark.parametrize("kind", [Invalid, TooLong, Refused, Misdirected, NoSuchModel])
async def test_nobody_else_is_asked_what_the_first_one_would_not(kind):
    asked = Asked(failing(kind("No.")), model(), order=["anthropic", "ollama"])
    with pytest.raises(kind, match=r"^No\.$"):
        await asked.ask()
    assert asked.opened == ["anthropic"]


async def test_the_one_that_is_named_comes_before_the_order_and_not_twice():
    asked = Asked(failing(Denied("No.")), failing(Denied("No."), "ollama"), order=["ollama", "anthropic", "ollama"])
    with pytest.raises(Denied):
        await asked.ask(HELLO, "anthropic")
    assert asked.opened == ["anthropic", "ollama"]


async def test_without_fallback_only_the_first_is_asked():
    asked = Asked(failing(Overloaded("Full.")), model(), order=["anthropic", "ollama"])
    with pytest.raises(Overloaded):
        await asked.ask(use_fallback=False)
    assert asked.opened == ["anthropic"]


async def test_who_has_no_default_model_is_passed_over_and_that_is_told():
    answer = await Asked(failing(Denied("No.")), model(), order=["anthropic", "openai", "ollama"]).ask()
    assert [one.provider for one in answer.tried] == ["anthropic", "openai"]
    assert answer.tried[1].why == "openai has no default model: name one, or set openai_model."


async def test_who_is_named_without_a_model_is_not_passed_over():
    asked = Asked(model(), order=["ollama"])
    with pytest.raises(NoModel, match="openai_model"):
        await asked.ask(HELLO, "openai")
    assert asked.opened == []


async def test_where_nobody_has_a_default_model_each_is_told():
    with pytest.raises(NoModel, match=r"openai: .*set openai_model\.; gemini: .*set gemini_model"):
        await Asked(order=["openai", "gemini"]).ask()


async def test_when_all_fail_each_is_told_and_the_last_says_when_to_come_back():
    asked = Asked(
        failing(Denied("No key.")), failing(RateLimited("Slow down.", 7), "ollama"), order=["anthropic", "ollama"]
    )
    with pytest.raises(RateLimited) as caught:
        await asked.ask()
    assert str(caught.value) == "anthropic: No key.; ollama: Slow down." and caught.value.retry_after == 7


async def test_an_sdk_that_is_missing_is_passed_over():
    missing = Missing("anthropic", Unsupported("pip install 'session-mgmt-mcp[anthropic]'."))
    answer = await Asked(missing, model(), order=["anthropic", "ollama"]).ask()
    assert "pip install" in answer.tried[0].why


@pytest.mark.parametrize("messages", [[], [Message(Role.ASSISTANT, "Hello")], [user("  ")], [user("a"), user("b")]])
async def test_what_no_model_is_asked_opens_nobody(messages):
    asked = Asked(model(), order=["ollama"])
    with pytest.raises(Invalid, match="messages"):
        await asked.ask(messages)
    assert asked.opened == [] and await asked.used() == 0


async def test_secrets_stay_here_and_are_counted():
    ollama = model()
    messages = [Message(Role.SYSTEM, f"Use {KEY}"), user("a"), Message(Role.ASSISTANT, "b"), user(f"{KEY} and {KEY}")]
    answer = await Asked(ollama).ask(messages, "ollama")
    assert "Ab1" not in repr(ollama.prompts) and answer.redacted == 3


async def test_secrets_in_a_vendors_words_are_not_told():
    asked = Asked(
        failing(Denied(f"Wrong key {KEY}")), failing(Invalid(f"Bad {KEY}"), "ollama"), order=["anthropic", "ollama"]
    )
    with pytest.raises(Invalid) as caught:
        await asked.ask()
    assert "Ab1" not in str(caught.value) and caught.value.__context__ is None
    answer = await Asked(failing(Denied(f"Wrong key {KEY}")), model(), order=["anthropic", "ollama"]).ask()
    assert "Ab1" not in repr(answer)


async def test_pieces_are_told_with_who_wrote_them():
    told = []

    async def on_piece(provider, piece):
        told.append((provider, piece))

    anthropic = failing(Interrupted("Broke off."), "anthropic", "Half")
    await Asked(anthropic, model(), order=["anthropic", "ollama"]).ask(on_piece=on_piece)
    assert told == [("anthropic", "Half"), ("ollama", "Hel"), ("ollama", "lo!")]


async def test_what_it_used_is_told_and_booked():
    asked = Asked(
        model("ollama", Scripted(usage=Usage(1_000, 100))), prices=MemoryPriceList({("ollama", "small"): PRICED})
    )
    answer = await asked.ask(HELLO, "ollama")
    assert (answer.usage, answer.cost) == (Usage(1_000, 100), Decimal("0.003"))
    used = (await asked.service.spent()).used
    assert (used.tokens, used.cost) == (1_100, Decimal("0.003"))


class ByLength:
    """PriceList: a cent a token up to a thousand that are read, two beyond."""

    def price(self, provider, model, read=None):
        cents = Decimal(10_000 if read is not None and read <= 1_000 else 20_000)
        return Price(cents, cents)


async def test_a_call_costs_what_its_length_costs():
    limits = Limits(call_cost=Decimal(11))  # a short one fits, though a long one would not
    asked = Asked(model("ollama", Scripted(usage=Usage(900, 100))), prices=ByLength(), limits=limits)
    assert (await asked.ask(HELLO, "ollama", max_tokens=100)).cost == Decimal(10)


async def test_a_call_that_was_longer_than_was_guessed_costs_what_a_long_one_costs():
    asked = Asked(model("ollama", Scripted(usage=Usage(1_900, 100))), prices=ByLength())
    assert (await asked.ask(HELLO, "ollama")).cost == Decimal(40)


async def test_without_a_price_the_cost_is_not_known():
    asked = Asked(model())
    assert (await asked.ask(HELLO, "ollama")).cost is None
    assert (await asked.service.spent()).spent[0].unpriced == 1


async def test_where_the_server_does_not_count_the_worst_case_stays():
    asked = Asked(model("ollama", Scripted(("Hi",), usage=None)), prices=MemoryPriceList({("ollama", "small"): PRICED}))
    answer = await asked.ask(HELLO, "ollama", max_tokens=500)
    assert (answer.text, answer.usage, answer.cost) == ("Hi", None, None)
    assert await asked.used() > 500


@pytest.mark.parametrize("told", [Usage(-1_000_000, 7), Usage(7, -1_000_000), Usage(0, 0)])
async def test_what_is_no_count_gives_nothing_back(told):
    asked = Asked(model("ollama", Scripted(("Hi",), usage=told)), prices=MemoryPriceList({("ollama", "small"): PRICED}))
    answer = await asked.ask(HELLO, "ollama", max_tokens=500)
    assert (answer.text, answer.usage, answer.cost) == ("Hi", None, None)
    assert await asked.used() > 500


@pytest.mark.parametrize("kind", [RateLimited, Overloaded, Unreachable, Denied, TooLong, Misdirected, NoSuchModel])
async def test_what_was_not_generated_is_not_used(kind):
    asked = Asked(failing(kind("No.")))
    with pytest.raises(kind):
        await asked.ask(HELLO, "anthropic")
    assert await asked.used() == 0


@pytest.mark.parametrize("kind", [Interrupted, Refused])
async def test_what_may_have_been_charged_stays_held(kind):
    asked = Asked(failing(kind("No.")))
    with pytest.raises(kind):
        await asked.ask(HELLO, "anthropic", max_tokens=500)
    assert await asked.used() > 500


async def test_whatever_breaks_after_the_first_piece_stays_held():
    asked = Asked(failing(Overloaded("Full."), "anthropic", "Half"))
    with pytest.raises(Overloaded):
        await asked.ask(HELLO, "anthropic", max_tokens=500)
    assert await asked.used() > 500


class Endless(MemoryLLMProvider):
    """Its stream ends before the answer."""

    async def stream(self, prompt):
        yield "Half"


async def test_a_stream_without_an_end_is_no_answer():
    asked = Asked(Endless(models=["small"], name="ollama"))
    with pytest.raises(Interrupted, match="broke off"):
        await asked.ask(HELLO, "ollama", max_tokens=500)
    assert await asked.used() > 500


async def test_cancelling_ends_the_request_and_keeps_what_it_may_have_cost():
    ollama = model("ollama", Scripted(("Half",), silent=True))
    asked = Asked(ollama)
    arrived = asyncio.Event()

    async def on_piece(provider, piece):
        arrived.set()

    task = asyncio.create_task(asked.ask(HELLO, "ollama", max_tokens=500, on_piece=on_piece))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ollama.left.is_set() and await asked.used() > 500


async def test_who_no_longer_listens_ends_the_request():
    ollama = model()
    asked = Asked(ollama)

    async def on_piece(provider, piece):
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await asked.ask(HELLO, "ollama", max_tokens=500, on_piece=on_piece)
    assert ollama.left.is_set() and await asked.used() > 500


@pytest.mark.parametrize("limits", [Limits(call_tokens=0), Limits(day_tokens=0)])
async def test_where_the_limit_is_zero_nobody_is_asked(limits):
    ollama = model()
    with pytest.raises(OverBudget, match="is 0, so no language model is asked"):
        await Asked(ollama, limits=limits).ask(HELLO, "ollama")
    assert ollama.prompts == []


async def test_what_is_too_much_is_not_asked_of_anybody_else():
    asked = Asked(model("anthropic"), model(), order=["anthropic", "ollama"], limits=Limits(call_tokens=500))
    with pytest.raises(OverBudget, match="llm_call_tokens"):
        await asked.ask(max_tokens=501)
    assert asked.opened == ["anthropic"] and await asked.used() == 0


@pytest.mark.parametrize("limits", [Limits(call_cost=Decimal(1)), Limits(day_cost=Decimal(1))])
async def test_where_money_is_limited_an_unknown_price_is_too_much(limits):
    ollama = model()
    with pytest.raises(OverBudget, match=r"The price of small is not known, and llm_(call|day)_cost limits"):
        await Asked(ollama, limits=limits).ask(HELLO, "ollama")
    assert ollama.prompts == []


async def test_what_costs_nothing_is_asked_though_nothing_may_be_spent():
    free = MemoryPriceList(free={"ollama"})
    answer = await Asked(model(), prices=free, limits=Limits(day_cost=Decimal(0))).ask(HELLO, "ollama")
    assert answer.cost == 0


async def test_what_the_budget_forbids_the_second_is_told_with_why_the_first_was_not_enough():
    asked = Asked(
        failing(Overloaded("Full.")),
        model(),
        order=["anthropic", "ollama"],
        prices=MemoryPriceList(free={"anthropic"}),
        limits=Limits(call_cost=Decimal(1)),
    )
    with pytest.raises(OverBudget, match=r"anthropic: Full\.; ollama: The price of small is not known"):
        await asked.ask()


class Broken(MemorySessionStorage):
    """Writes only so often."""

    def __init__(self, writes):
        super().__init__(FixedClock().now)
        self._left = writes

    async def put(self, *args, **more):
        self._left -= 1
        if self._left < 0:
            raise Unavailable("The storage is gone.")
        return await super().put(*args, **more)


async def test_what_cannot_be_booked_is_not_asked_of_anybody():
    asked = Asked(model("anthropic"), model(), order=["anthropic", "ollama"], storage=Broken(0))
    with pytest.raises(Unavailable, match="storage is gone"):
        await asked.ask()
    assert asked.opened == ["anthropic"]


async def test_an_answer_that_was_paid_for_is_given_although_it_cannot_be_booked():
    asked = Asked(model(), storage=Broken(1))
    assert (await asked.ask(HELLO, "ollama", max_tokens=500)).text == "Hello!"
    assert await asked.used() > 500


async def test_many_at_once_do_not_use_more_than_a_day_has():
    asked = Asked(model("ollama", Scripted(usage=Usage(20, 500))), limits=Limits(day_tokens=5_300))

    async def ask():
        with suppress(OverBudget):
            return await asked.ask(HELLO, "ollama", max_tokens=500)

    answers = await asyncio.gather(*(ask() for _ in range(50)))
    assert 0 < sum(answer is not None for answer in answers) <= 10
    assert await asked.used() <= 5_300
