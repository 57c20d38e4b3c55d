"""What a language model would be asked about real sessions, and that each line of it is there to be looked up."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dependency_injector import providers
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.adapters.memory.price_list import MemoryPriceList
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.container import Container
from session_mgmt_mcp.domain.llm.budget import Limits
from session_mgmt_mcp.domain.llm.ledger import Ledger
from session_mgmt_mcp.domain.llm.polish import EVIDENCE, LINE, asking
from session_mgmt_mcp.domain.llm.service import LLMService
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.sessions import Opening
from session_mgmt_mcp.domain.tokens import tokens

pytestmark = pytest.mark.shared


@pytest.fixture
def real(shared: Path) -> list[Path]:
    folder = shared / "claude-code"
    return [*folder.glob("real-projects/*/*.jsonl"), *folder.glob("transcripts/*/*.jsonl")]


@pytest.fixture
def model():
    """It names every line that it was shown up to the ninth, and one that there is not."""
    made = MemoryLLMProvider(
        Scripted((" ".join(f"Number {n} was done [L{n}]." for n in range(1, 10)), " More [L999]."))
    )

    async def opened(name: str) -> MemoryLLMProvider:
        return made

    clock = FixedClock(datetime.now(UTC))
    ledger = Ledger(MemorySessionStorage(clock.now), clock, UTC)
    service = LLMService(opened, ["ollama"], {"ollama": "tiny"}, MemoryPriceList(), ledger, Limits())
    with Container.llm.override(providers.Object(service)):
        yield made


async def test_of_real_sessions_bounded_redacted_lines_leave_and_their_evidence_stays_findable(
    product_in, shop, real, model
):
    sizes = []
    mine = max(real, key=lambda path: path.stat().st_size)
    async with product_in(shop, mine.stem) as (app, client):
        for path in real:
            times = [
                line["timestamp"] for text in path.read_text().splitlines() if "timestamp" in (line := json.loads(text))
            ]
            began, ended = (datetime.fromisoformat(time) for time in (min(times), max(times)))
            made = await app.handoffs.make(path.stem, "cli-1a2b3c", "/home/dev/cli", began, None, str(path), ended)
            asked = asking(made)
            sizes.append(tokens(asked.messages[1].text))
            assert sizes[-1] <= EVIDENCE
            assert redact(asked.messages[1].text).text == asked.messages[1].text
            assert all(len(one.text) <= LINE for one in asked.evidence)
            for ref in {ref for one in asked.evidence for ref in one.ref.split(", ") if ref}:
                assert (await app.store.get([ref]))[0].session == path.stem
            for failed in made.errors:
                if len(failed.printed) > 40:
                    assert failed.printed[:40] not in asked.messages[1].text, "what a program printed stays here"
        await app.sessions.open(Opening(mine.stem, str(shop), "startup", str(mine)))
        told = (await client.call_tool("end", {"polish": True})).structured_content
        written = (await app.handoffs.summary(mine.stem)).polished
    print(sorted(sizes))
    assert len(real) == 24 and max(sizes) > 500
    known = {one.mark for one in written.evidence}
    named = [mark for one in written.sentences for mark in one.marks]
    assert set(named) == known and written.invented >= 1
    assert "## Summary by tiny (ollama), not checked" in told["handoff"]
    assert f"- {written.evidence[0].mark}: {written.evidence[0].text}\n" in told["handoff"]
    assert "## Asked" in told["handoff"] and tokens(told["handoff"]) <= 1_500
