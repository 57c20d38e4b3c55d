"""OllamaProvider against recorded shapes of the vendor's API."""

import sys
from collections.abc import AsyncIterator, Callable

import pytest
from session_mgmt_mcp.adapters.llm_http import ERROR_BYTES, beginning
from session_mgmt_mcp.adapters.ollama.llm_provider import OllamaProvider
from session_mgmt_mcp.contracts.llm_provider import HELLO, KEY, HTTPLLMProviderContract, told
from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure, Says
from session_mgmt_mcp.contracts.llm_wire import Answer, Wire, wire
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    Interrupted,
    LLMProvider,
    NoSuchModel,
    Overloaded,
    TooLong,
    Usage,
)

from tests.integration.llm.ollama_shapes import OllamaFormat, end, line, overflow, part

pytest.importorskip("ollama")


class TestOllama(HTTPLLMProviderContract):
    unsaid = frozenset({Failure.REFUSED})  # a model of one's own says no in words of its own

    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(OllamaFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(OllamaFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return OllamaProvider


class Canned(OllamaFormat):
    """Whatever is asked, it gives one answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def failure(self, fails: Fails) -> Answer:
        return self.answer


@pytest.fixture(params=["complete", "stream"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def asked(way: str, answer: Answer) -> Completion:
    """What a provider makes of it. It asks once."""
    async with wire(Canned(answer)) as vendor:
        vendor.will(Fails(Failure.BROKEN))
        provider = OllamaProvider(Access(vendor.url))
        try:
            return await provider.complete(HELLO) if way == "complete" else (await told(provider, HELLO))[1]
        finally:
            await provider.close()
            assert len(vendor.requests) == 1


NO_MEMORY = "model requires more system memory (5.6 GiB) than is available (3.5 GiB)"
NAMED = {
    "more than the context, of a newer server": (Answer.of(overflow(2_622, 512), 400), TooLong),
    "more than the memory": (Answer.of({"error": NO_MEMORY}, 500), Overloaded),
    "a name that none can have": (Answer.of({"error": "invalid model name"}, 400), NoSuchModel),
    "a cloud that cannot be reached": (Answer.of({"error": "upstream error"}, 502), Interrupted),
    "no such page": (Answer(b"404 page not found", 404, {"content-type": "text/plain"}), Invalid),
    "an error that is none": (Answer.of(["out of order"], 500), Interrupted),
    "an error without words": (Answer.of({"error": {}}, 503), Overloaded),
    "half an error": (Answer(b'{"error": "model', 500, {"content-type": "application/json"}), Interrupted),
    "a model that was only loaded": (Answer.of(part("", done=True, done_reason="load")), Interrupted),
}


@pytest.mark.parametrize("case", NAMED)
async def test_what_ollama_says_has_the_ports_name(way: str, case: str) -> None:
    answer, expected = NAMED[case]
    with pytest.raises(PortError) as caught:
        await asked(way, answer)
    assert type(caught.value) is expected, caught.value
    assert len(str(caught.value)) < 500


async def test_what_its_engine_said_is_told_as_words(way: str) -> None:
    with pytest.raises(TooLong, match=r'It said: "request \(2622 tokens\) exceeds'):
        await asked(way, Answer.of(overflow(2_622, 512), 400))


class Endless:
    def __init__(self) -> None:
        self.chunks = 0

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        for self.chunks in range(1, 1_000):
            yield b"a" * 10_000


async def test_of_an_endless_error_the_beginning_is_read() -> None:
    endless = Endless()
    assert len(await beginning(endless)) == ERROR_BYTES
    assert endless.chunks < 10


async def test_a_model_that_is_not_there_is_to_be_pulled_by_the_user(way: str) -> None:
    with pytest.raises(NoSuchModel, match=r"ollama pull scripted-1"):
        await asked(way, Answer.of({"error": "model 'scripted-1' not found"}, 404))


async def test_thoughts_are_counted_and_not_told(way: str) -> None:
    thought = part("") | {"message": {"role": "assistant", "content": "", "thinking": "The user greets."}}
    last = end(Says(output_tokens=47), "Hello") | {
        "message": {"role": "assistant", "content": "Hello", "thinking": "So."}
    }
    lines = line(thought) + line(last) if way == "stream" else line(last)
    answer = await asked(way, Answer(lines))
    assert (answer.text, answer.usage) == ("Hello", Usage(11, 47))


async def test_nobody_is_sent_a_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", KEY)
    async with wire(OllamaFormat()) as vendor:
        provider = OllamaProvider(Access(vendor.url))
        await provider.complete(HELLO)
        await provider.close()
        assert "authorization" not in vendor.requests[0].headers


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/"])
async def test_the_address_may_be_given_with_its_path(path: str) -> None:
    async with wire(OllamaFormat()) as vendor:
        provider = OllamaProvider(Access(vendor.url + path))
        await provider.complete(HELLO)
        await provider.close()
        assert vendor.requests[0].path == "/api/chat"


async def test_without_its_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ollama", None)
    provider = OllamaProvider(Access(""))
    for asking in (provider.complete(HELLO), provider.models(), provider.health()):
        with pytest.raises(Unsupported, match=r"pip install 'session-mgmt-mcp\[ollama\]'"):
            await asking
    await provider.close()
