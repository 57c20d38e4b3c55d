"""A real engine, llama.cpp, asked through both adapters whose format it speaks."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from session_mgmt_mcp.adapters.anthropic.llm_provider import AnthropicProvider
from session_mgmt_mcp.adapters.openai.llm_provider import OpenAIProvider
from session_mgmt_mcp.contracts.llm_provider import told
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Denied,
    LLMProvider,
    Message,
    Prompt,
    Role,
    Stop,
    TooLong,
    Unreachable,
)

from tests.services import LlamaServer, llama_server
from tests.tiny_model import LETTERS

pytest.importorskip("anthropic")
pytest.importorskip("openai")


class World:
    """The engine, and what one of the adapters makes of it."""

    def __init__(self, llama: LlamaServer, made: Callable[[Access], LLMProvider], path: str) -> None:
        self.llama, self.made, self.path = llama, made, path

    def provider(self, path: str | None = None, key: str | None = None) -> LLMProvider:
        url = self.llama.url + (self.path if path is None else path)
        return self.made(Access(url, self.llama.key if key is None else key))

    def prompt(self, *texts: str, max_tokens: int = 100, temperature: float | None = None) -> Prompt:
        roles = (Role.USER, Role.ASSISTANT) * len(texts)
        said = tuple(Message(role, text) for role, text in zip(roles, texts, strict=False))
        return Prompt(said, self.llama.model, max_tokens, temperature)

    def is_generating(self) -> bool:
        asked = Request(f"{self.llama.url}/slots", headers={"Authorization": f"Bearer {self.llama.key}"})
        with build_opener(ProxyHandler({})).open(asked, timeout=20) as answer:
            return any(slot["is_processing"] for slot in json.load(answer))

    async def stopped(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while await asyncio.to_thread(self.is_generating):
            assert time.monotonic() < until, "it still generates"
            await asyncio.sleep(0.02)


@pytest.fixture(params=[(AnthropicProvider, ""), (OpenAIProvider, "/v1")], ids=["anthropic", "openai"])
def world(request: pytest.FixtureRequest, llama: LlamaServer) -> World:
    return World(llama, *request.param)


@pytest.fixture
async def provider(world: World) -> AsyncIterator[LLMProvider]:
    provider = world.provider()
    yield provider
    await provider.close()


async def test_an_answer_comes_whole_to_its_end(world, provider):
    answer = await provider.complete(world.prompt("go on from 3"))
    assert (answer.text, answer.model, answer.stop) == ("456789é", world.llama.model, Stop.END)
    assert answer.usage.output_tokens == len("456789é".encode()) + 1  # and the end
    assert answer.usage.input_tokens > len("go on from 3")


async def test_a_stream_comes_piece_by_piece_to_its_end(world, provider):
    pieces, answer = await told(provider, world.prompt("go on from 3"))
    assert pieces == list("456789é")
    assert (answer.text, answer.stop) == ("456789é", Stop.END)
    assert answer.usage == (await provider.complete(world.prompt("go on from 3"))).usage


async def test_an_answer_ends_at_its_limit(world, provider):
    pieces, answer = await told(provider, world.prompt("go on from a", max_tokens=30, temperature=1.0))
    assert "".join(pieces) == answer.text == (LETTERS * 2)[1:31]
    assert (answer.stop, answer.usage.output_tokens) == (Stop.LENGTH, 30)


async def test_it_reads_the_whole_conversation(world, provider):
    short = await provider.complete(world.prompt("9"))
    long = await provider.complete(world.prompt("say this:", "x" * 500, "9"))
    assert short.text == long.text == "é"
    assert long.usage.input_tokens - short.usage.input_tokens > 500


async def test_more_than_it_reads_is_too_long(world, provider):
    for asked in (provider.complete, lambda prompt: told(provider, prompt)):
        with pytest.raises(TooLong, match="context size"):
            await asked(world.prompt("a" * (world.llama.context + 1)))


async def test_its_model_is_listed(world, provider):
    assert list(await provider.models()) == [world.llama.model]
    await provider.health()


async def test_another_key_is_denied(world):
    for key in ("", "sk-another-0123456789"):
        provider = world.provider(key=key)
        for asked in (provider.complete(world.prompt("a")), provider.health()):
            with pytest.raises(Denied):
                await asked
        await provider.close()


async def test_a_base_url_that_leads_to_nothing_is_invalid(world):
    provider = world.provider("/somewhere")
    with pytest.raises(Invalid, match="check base_url"):
        await provider.complete(world.prompt("a"))
    await provider.close()


@pytest.mark.parametrize(
    "way", ["leaving", "cancelling"]
)  # of a stream: it looks at no connection before a whole answer
async def test_it_stops_to_generate_when_nobody_listens(world, provider, way):
    endless = world.prompt("go on from a", max_tokens=world.llama.context - 100)
    if way == "leaving":
        async with aclosing(provider.stream(endless)) as stream:
            assert await anext(stream) == "b"
            assert world.is_generating()
    else:
        asking = asyncio.ensure_future(told(provider, endless))
        while not await asyncio.to_thread(world.is_generating):
            assert not asking.done()
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    await world.stopped(2.0)
    assert (await provider.complete(world.prompt("8"))).text == "9é"


async def test_a_server_that_ended_is_unreachable_and_one_that_came_back_answers(world):
    with llama_server() as (server, program):
        other = World(server, world.made, world.path)
        provider = other.provider()
        assert (await provider.complete(other.prompt("8"))).text == "9é"
        program.kill()
        with pytest.raises(Unreachable):
            await provider.complete(other.prompt("8"))
        program.start()
        assert (await provider.complete(other.prompt("8"))).text == "9é"
        await provider.close()
