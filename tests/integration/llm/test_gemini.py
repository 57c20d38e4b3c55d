"""GeminiProvider against recorded shapes of the vendor's API."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest
from session_mgmt_mcp.adapters import llm_http
from session_mgmt_mcp.adapters.gemini.llm_provider import GeminiProvider
from session_mgmt_mcp.contracts.llm_provider import HELLO, KEY, HTTPLLMProviderContract, told
from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure
from session_mgmt_mcp.contracts.llm_wire import Answer, Wire, wire
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    Denied,
    Interrupted,
    LLMProvider,
    NoSuchModel,
    Overloaded,
    RateLimited,
    Refused,
    Stop,
    TooLong,
    Unreachable,
    Usage,
)

from tests.integration.llm.gemini_shapes import (
    QUOTA,
    GeminiFormat,
    candidate,
    chunk,
    counts,
    event,
    info,
    retry,
    status,
)

pytest.importorskip("google.genai")


class TestGemini(HTTPLLMProviderContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(GeminiFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(GeminiFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return GeminiProvider


class Canned(GeminiFormat):
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
        provider = GeminiProvider(Access(vendor.url, KEY))
        try:
            return await provider.complete(HELLO) if way == "complete" else (await told(provider, HELLO))[1]
        finally:
            await provider.close()
            assert len(vendor.requests) == 1


def refusal(code: int, name: str, message: str, *details: dict[str, object]) -> Answer:
    return Answer.of(status(code, name, message, list(details)), code)


def events(*chunks: dict[str, object]) -> Answer:
    return Answer(b"".join(event(one) for one in chunks), headers={"content-type": "text/event-stream"})


NAMED = {
    "an expired key": (refusal(400, "INVALID_ARGUMENT", "API key expired. Please renew it.", info("API_KEY_INVALID")), Denied),
    "a wrong key without details": (refusal(400, "INVALID_ARGUMENT", "API key not valid."), Denied),
    "no key": (refusal(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."), Denied),
    "a token in place of a key": (refusal(401, "UNAUTHENTICATED", "Expected OAuth 2 access token."), Denied),
    "no API for this key": (refusal(403, "PERMISSION_DENIED", "It is disabled.", info("SERVICE_DISABLED")), Denied),
    "the wrong country": (refusal(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), Denied),
    "no account to bill": (refusal(400, "INVALID_ARGUMENT", "Not for this project.", info("BILLING_DISABLED")), Denied),
    "a body that is too large": (
        refusal(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), TooLong,
    ),
    "a deadline": (refusal(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), Interrupted),
    "a proxy without a server": (Answer(b"<html>Bad Gateway</html>", 502, {"content-type": "text/html"}), Interrupted),
    "a proxy with too much to do": (Answer(b"<html></html>", 503, {"content-type": "text/html"}), Overloaded),
    "no such page": (Answer(b"<html>Not Found</html>", 404, {"content-type": "text/html"}), Invalid),
    "a list of one error": (Answer.of([status(503, "UNAVAILABLE", "The model is overloaded.", [])], 503), Overloaded),
    "an error that is none": (Answer.of({"error": "out of order"}, 500), Interrupted),
    "nothing at all": (Answer(b"", 204), Interrupted),
}  # fmt: skip


@pytest.mark.parametrize("case", NAMED)
async def test_what_google_says_has_the_ports_name(way: str, case: str) -> None:
    answer, expected = NAMED[case]
    with pytest.raises(PortError) as caught:
        await asked(way, answer)
    assert type(caught.value) is expected, caught.value


async def test_the_delay_in_the_details_is_the_one_to_wait(way: str) -> None:
    answer = refusal(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", *QUOTA, retry(32.5))
    answer.headers["retry-after"] = "1"
    with pytest.raises(RateLimited) as caught:
        await asked(way, answer)
    assert caught.value.retry_after == 32.5


THOUGHT = "The user greets. I greet, too."
THINKING = counts(11, 7, thought=40)


async def test_thoughts_are_counted_and_not_told(way: str) -> None:
    parts = [candidate(THOUGHT, thought=True), candidate("Hel"), candidate("lo", "STOP")]
    whole = parts[2] | {"content": {"parts": [part["content"]["parts"][0] for part in parts], "role": "model"}}
    answers = {
        "complete": Answer.of(chunk(whole, usage=THINKING)),
        "stream": events(*(chunk(part, usage=THINKING) for part in parts)),
    }
    answer = await asked(way, answers[way])
    assert (answer.text, answer.usage) == ("Hello", Usage(11, 47))


FINISHED = {
    **dict.fromkeys(("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION"), Refused),
    **dict.fromkeys(("OTHER", "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "WRITTEN_LATER"), Interrupted),
    "PUP_LIMITED_DISABLED": Denied,
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:WRITTEN_LATER is not a valid FinishReason")
@pytest.mark.parametrize("reason", FINISHED)
async def test_an_answer_that_was_stopped_is_none(way: str, reason: str) -> None:
    with pytest.raises(PortError) as caught:
        await asked(way, Answer.of(chunk(candidate("Hel", reason), usage=counts(11, 1))))
    assert type(caught.value) is FINISHED[reason], caught.value


async def test_an_answer_is_not_asked_on_for(way: str) -> None:
    more = candidate("Hel", "CONTINUATION") | {"continuationToken": "abc"}
    answer = await asked(way, Answer.of(chunk(more, usage=counts(11, 7))))
    assert (answer.text, answer.stop) == ("Hel", Stop.LENGTH)


@pytest.mark.parametrize("model", ["../files", "a?key=b", "a&b", "a#b", "a b", "a%2Fb", "a\nb"])
async def test_a_model_whose_name_would_change_the_address_is_not_asked(model: str) -> None:
    async with wire(GeminiFormat()) as vendor:
        provider = GeminiProvider(Access(vendor.url, KEY))
        with pytest.raises(NoSuchModel):
            await provider.complete(replace(HELLO, model=model))
        assert not vendor.requests


async def test_google_is_not_asked_without_a_key() -> None:
    provider = GeminiProvider(Access(""))
    for asked in (provider.complete(HELLO), told(provider, HELLO), provider.models(), provider.health()):
        with pytest.raises(Denied, match="wants an API key"):
            await asked


async def test_another_server_is_asked_without_one() -> None:
    async with wire(GeminiFormat()) as vendor:
        provider = GeminiProvider(Access(vendor.url + "/v1beta"))
        await provider.complete(HELLO)
        await provider.close()
        assert vendor.keys == [""]


async def test_a_connection_has_little_time_though_the_sdk_gives_it_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_http, "CONNECT_SECONDS", 0.1)
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):  # whoever comes next hears nothing
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        provider = GeminiProvider(Access(f"http://127.0.0.1:{full.getsockname()[1]}", KEY))
        async with asyncio.timeout(10):
            with pytest.raises(Unreachable):
                await provider.health()


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_a_list_of_models_is_well(status: int) -> None:
    async with wire(Canned(Answer.of({"detail": "Not Found"}, status))) as vendor:
        vendor.will(Fails(Failure.BROKEN))
        provider = GeminiProvider(Access(vendor.url, KEY))
        await provider.health()
        with pytest.raises(Unsupported, match="no list of models"):
            await provider.models()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>nginx</html>", 404, {"content-type": "text/html"}),
        Answer.of({}),
        Answer.of({"data": [{"id": "a"}]}),
    ],
)
async def test_what_is_no_list_is_not_well(answer: Answer) -> None:
    async with wire(Canned(answer)) as vendor:
        vendor.will(Fails(Failure.BROKEN))
        provider = GeminiProvider(Access(vendor.url, KEY))
        for listed in (provider.health(), provider.models()):
            with pytest.raises((Interrupted, Invalid)):
                await listed


async def test_without_its_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.genai", None)
    provider = GeminiProvider(Access("", KEY))
    for asking in (provider.complete(HELLO), provider.models(), provider.health()):
        with pytest.raises(Unsupported, match=r"pip install 'session-mgmt-mcp\[gemini\]'"):
            await asking
    await provider.close()
