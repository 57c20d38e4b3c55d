"""A summary is asked for once, beside a handoff that is stored before and stays whatever becomes of the call."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.domain.handoffs import COLLECTION as HANDOFFS
from session_mgmt_mcp.domain.llm.budget import Limits
from session_mgmt_mcp.domain.llm.ledger import Ledger
from session_mgmt_mcp.domain.llm.polish_document import COLLECTION, State
from session_mgmt_mcp.domain.llm.polishing import PolishService
from session_mgmt_mcp.domain.llm.service import LLMService
from session_mgmt_mcp.polishing import Polishing
from session_mgmt_mcp.ports.errors import PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import Denied, Interrupted, Overloaded, RateLimited, Refused, Stop, Unreachable
from session_mgmt_mcp.ports.price_list import Price

from .conftest import BEGAN, SESSION

PROJECT = "shop-1a2b3c"
NOW = datetime.now(UTC).replace(microsecond=0)  # what is stored for some days expires by the real clock
GOOD = Scripted(("The cart was fixed [L1]. ", "Everybody is happy. Docs are open [L77]."))


class Prices:
    def price(self, provider: str, model: str, read: int | None = None) -> Price | None:
        return Price(Decimal(3), Decimal(15))


class Room:
    """A product in which a session left a handoff, and a model that does as it is told."""

    def __init__(self, app, transcript, shop, *script: Scripted, limits: Limits = Limits()) -> None:  # noqa: B008
        self.app, self.transcript, self.shop = app, transcript, shop
        self.model = MemoryLLMProvider(*(script or (GOOD,)), name="ollama")
        self.clock = FixedClock(NOW)
        self.ledger = Ledger(app.storage, self.clock, UTC)
        self.limits = limits
        self.service = self.another()

    def another(self, storage=None) -> PolishService:
        """As a hub after this one has it."""

        async def opened(name: str) -> MemoryLLMProvider:
            return self.model

        llm = LLMService(opened, ["ollama"], {"ollama": "tiny"}, Prices(), self.ledger, self.limits)
        return PolishService(self.app.handoffs, storage or self.app.storage, llm, self.clock)

    async def hand_off(self):
        return await self.app.handoffs.make(
            SESSION, PROJECT, str(self.shop), BEGAN, transcript=str(self.transcript.path), ended=NOW
        )

    @property
    def calls(self) -> int:
        return len(self.model.prompts)

    async def page(self) -> str:
        handoff = await self.app.handoffs.of(SESSION)
        return self.app.handoffs.file_of(handoff).read_text()


@pytest.fixture
async def room(product_in, shop, transcript):
    transcript.user("Fix the cart, please.")
    transcript.bash("pytest -q")
    transcript.assistant("We decided to keep prices in cents because floats drift.")
    async with product_in(shop) as (app, _):

        async def opened(*script: Scripted, **more) -> Room:
            made = Room(app, transcript, shop, *script, **more)
            await made.hand_off()
            return made

        yield opened


async def test_a_summary_stands_in_the_page_with_who_wrote_it_and_what_it_names(room):
    there = await room()
    outcome = await there.service.polish(SESSION)
    assert [(one.text, one.marks) for one in outcome.polished.sentences] == [
        ("The cart was fixed.", ("L1",)),
        ("Everybody is happy.", ()),
        ("Docs are open.", ()),
    ]
    assert (outcome.polished.unsupported, outcome.polished.invented, outcome.polished.at) == (2, 1, NOW)
    ref = (await there.app.handoffs.of(SESSION)).asked[0].ref
    page = await there.page()
    assert "## Summary by tiny (ollama), not checked\n" in page
    assert "2 of 3 sentences name no evidence. Refs that it gave and that do not exist were taken out: 1." in page
    assert f"“Fix the cart, please.” [{ref}]\n" in page.split("It names:")[1].split("## ")[0]
    assert outcome.in_words().startswith("summary by tiny (ollama) for $0.0002 at most, not checked: 2 sentences name")


async def test_the_handoff_is_stored_before_and_is_the_same_after(room):
    there = await room()
    before = await there.app.storage.get(HANDOFFS, SESSION)
    await there.service.polish(SESSION)
    after = await there.app.storage.get(HANDOFFS, SESSION)
    assert (after.version, after.body) == (before.version, before.body)


async def test_the_same_work_is_asked_about_once_and_other_work_again(room):
    there = await room()
    first = await there.service.polish(SESSION)
    assert await there.another().polish(SESSION) == await there.another().polish(SESSION, again=True) == first
    there.clock.advance(hours=3)
    await there.hand_off()
    await there.service.polish(SESSION)
    assert there.calls == 1
    there.transcript.user("And now the invoices.")
    await there.hand_off()
    assert "from what the session had left until then" in await there.page()
    await there.service.polish(SESSION)
    assert there.calls == 2 and "invoices" in there.model.prompts[1].messages[1].text
    assert "from the evidence below" in await there.page()


async def test_many_at_once_ask_once(room):
    there = await room()
    services = [there.another() for _ in range(4)]
    await asyncio.gather(*(service.polish(SESSION) for service in services * 2))
    assert there.calls == 1


async def test_whoever_comes_after_a_killed_hub_does_not_ask_again(room):
    there = await room(Scripted(("The ca",), silent=True), GOOD)
    dying = asyncio.create_task(there.service.polish(SESSION))
    while not there.calls:
        await asyncio.sleep(0.001)
    held = (await there.ledger.today()).used.tokens  # what a kill would leave: nobody settles anything
    for again in (False, True):
        outcome = await there.another().polish(SESSION, again=again)
        assert outcome.polished is None and f"was begun at {NOW:%Y-%m-%d %H:%M} UTC" in outcome.why
    assert there.calls == 1 and held > 2_000
    assert (await there.app.handoffs.summary(SESSION)).state is State.BEGUN
    there.clock.advance(hours=1, minutes=1)
    assert (await there.another().polish(SESSION)).polished is None
    assert (await there.another().polish(SESSION, again=True)).polished is not None, "a person asks anew"
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert (await there.app.handoffs.summary(SESSION)).state is State.DONE, "what is late changes nothing"


FAULTS: list[PortError] = [
    Denied("ollama does not take the key: set another."),
    Refused("ollama will not answer this."),
    RateLimited("Too many calls: wait.", 30.0),
    Overloaded("ollama has no room: try later."),
    Unreachable("Nothing listens at 127.0.0.1:11434: start Ollama."),
    Interrupted("ollama broke off: ask again."),
    Unsupported("ollama needs the extra ollama: pip install 'session-mgmt-mcp[ollama]'."),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_a_call_that_fails_leaves_the_handoff_and_one_sentence(room, fault):
    there = await room(Scripted((), error=fault), GOOD)
    before = await there.app.storage.get(HANDOFFS, SESSION)
    outcome = await there.service.polish(SESSION)
    assert outcome.polished is None and str(fault) in outcome.why and "\n" not in outcome.why
    assert (await there.app.storage.get(HANDOFFS, SESSION)).body == before.body
    assert f"## No summary by a language model\nIt was to be written and was not: {outcome.why}\n" in await there.page()
    assert (await there.service.polish(SESSION)).why == outcome.why and there.calls == 1, "not by itself again"
    assert (await there.service.polish(SESSION, again=True)).polished is not None, "but when somebody asks"


async def test_over_budget_nobody_is_asked(room):
    there = await room(limits=Limits(call_tokens=1_000))
    assert "llm_call_tokens" in (await there.service.polish(SESSION)).why
    there = await room(limits=Limits(day_cost=Decimal("0.0001")))
    assert "llm_day_cost" in (await there.service.polish(SESSION, again=True)).why
    assert there.calls == 0 and await there.page()


async def test_an_answer_without_words_is_no_summary(room):
    there = await room(Scripted(("<think>what", " now?")))
    assert (await there.service.polish(SESSION)).why == "tiny wrote nothing that can be read."


async def test_an_answer_that_was_cut_says_so(room):
    there = await room(Scripted(("The cart was fixed [L1]. And",), stop=Stop.LENGTH))
    assert (await there.service.polish(SESSION)).polished.cut
    assert "It was longer and is cut." in await there.page()


async def test_a_fault_that_quotes_a_secret_is_kept_without_it(room):
    token = "ghp_" + "A1b2C3d4" * 4 + "Zz9y"
    there = await room(Scripted((), error=Denied(f"no such key <b>{token}</b>\nobey")))
    why = (await there.service.polish(SESSION)).why
    assert token not in why and "[redacted:" in why and "<" not in why and "\n" not in why


async def test_no_secret_of_the_session_leaves_and_none_of_the_answer_is_kept(room):
    token = "ghp_" + "A1b2C3d4" * 4 + "Zz9y"
    there = await room(Scripted((f"The key {token} works [L1].",)))
    there.transcript.user(f"We decided to use {token} instead.")
    await there.hand_off()
    await there.service.polish(SESSION)
    assert token not in str(there.model.prompts)
    written = [path for path in there.app.settings.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in written if token.encode() in path.read_bytes()]


async def test_it_is_no_memory(room):
    there = await room(Scripted(("The flamingo was fixed [L1].",)))
    await there.service.polish(SESSION)
    assert "flamingo" in await there.page()
    assert not [hit for hit in (await there.app.memory.search("flamingo")).hits if "flamingo" in hit.record.text]


async def test_without_a_handoff_nobody_is_asked(room):
    there = await room()
    assert "nothing happened" in (await there.service.polish("another")).why
    assert there.calls == 0


async def test_one_that_is_not_wanted_is_not_written_until_somebody_asks(room):
    there = await room()
    await there.service.decline(SESSION)
    assert (await there.service.polish(SESSION)).why == "it was not wanted."
    there.transcript.user("And now the invoices.")
    await there.hand_off()
    assert (await there.service.polish(SESSION)).polished is None and there.calls == 0
    assert "language model" not in await there.page()
    assert (await there.service.polish(SESSION, again=True)).polished is not None


async def test_its_document_is_plain(room):
    there = await room()
    await there.service.polish(SESSION)
    body = (await there.app.storage.get(COLLECTION, SESSION)).body
    assert json.loads(json.dumps(body)) == body and body["state"] == "done"


async def test_by_default_an_end_asks_nobody(room):
    there = await room()
    polishing = Polishing(there.service, on=False)
    polishing.ended(SESSION)
    assert await polishing.asked(SESSION, None) == await polishing.asked(SESSION, False) == ""
    assert not polishing.busy and there.calls == 0
    assert (await there.app.storage.list(COLLECTION)).documents == []


async def test_switched_on_an_end_is_not_kept_waiting_and_is_asked_about_once(room):
    there = await room()
    polishing = Polishing(there.service, on=True)
    polishing.ended(SESSION)
    polishing.ended(SESSION)
    assert polishing.busy and there.calls == 0
    assert (await polishing.asked(SESSION, None)).startswith("summary by tiny")
    assert not polishing.busy or await polishing.close() is None
    assert there.calls == 1


async def test_a_slow_one_goes_on_after_the_answer(room):
    there = await room(Scripted(("The ca",), silent=True))
    polishing = Polishing(there.service, on=False, wait=0.05, leaving=0.05)
    assert "still being written" in await polishing.asked(SESSION, True)
    assert polishing.busy
    began = asyncio.get_running_loop().time()
    await polishing.close()
    assert asyncio.get_running_loop().time() - began < 2
    assert there.model.left.is_set(), "the request is ended"
    assert (await there.app.handoffs.summary(SESSION)).why == "it was stopped."
    assert "it was stopped." in await there.page()
    polishing.ended(SESSION)
    assert not polishing.busy, "nothing is begun by whoever leaves"


async def test_whoever_stops_the_end_stops_the_call(room):
    there = await room(Scripted(("The ca",), silent=True))
    polishing = Polishing(there.service, on=False)
    asked = asyncio.create_task(polishing.asked(SESSION, True))
    while not there.calls:
        await asyncio.sleep(0.001)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await asyncio.wait_for(there.model.left.wait(), 5)


async def test_what_cannot_be_stored_is_said_and_breaks_nothing(room, monkeypatch, caplog):
    there = await room()
    polishing = Polishing(there.service, on=True)

    async def broken(*_, **__):
        raise RuntimeError("a bug")

    monkeypatch.setattr(there.app.handoffs, "of", broken)
    assert "the log has the details" in await polishing.asked(SESSION, True)
    assert "a summary could not be written" in caplog.text
