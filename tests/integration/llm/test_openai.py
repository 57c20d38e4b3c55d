"""OpenAIProvider against recorded shapes of the vendor's API, and of other servers that speak its format."""

import gzip
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from session_mgmt_mcp.adapters import llm_http
from session_mgmt_mcp.adapters.openai import llm_provider
from session_mgmt_mcp.adapters.openai.llm_provider import OpenAIProvider
from session_mgmt_mcp.contracts.llm_provider import HELLO, KEY, STRAY, HTTPLLMProviderContract, told
from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure, Says
from session_mgmt_mcp.contracts.llm_wire import Answer, Request, Stream, Wire, wire
from session_mgmt_mcp.ports.errors import Invalid, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Denied,
    Interrupted,
    LLMProvider,
    Message,
    NoSuchModel,
    Overloaded,
    Prompt,
    RateLimited,
    Refused,
    Role,
    TooLong,
    Usage,
)

from tests.integration.llm.openai_shapes import OpenAIFormat, begun, chunk, completion, data, error, limits, usage

LIMITS = ("max_tokens", "max_completion_tokens")

pytest.importorskip("openai")


class TestOpenAI(HTTPLLMProviderContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(OpenAIFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(OpenAIFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return OpenAIProvider


class Answering(OpenAIFormat):
    """Gives one answer to whatever is asked, or the stream that `events` are."""

    def __init__(self, answer: Answer | None = None, *events: bytes) -> None:
        self.answer, self.events = answer, events

    def whole(self, says: Says) -> Answer:
        return self.answer or super().whole(says)

    def stream(self, says: Says) -> Stream:
        return Stream(b"", self.events, b"")

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        return self.answer


class Picky(OpenAIFormat):
    """Refuses some parameters, as `words` say it, until they are left out."""

    def __init__(self, words: str, *parameters: str) -> None:
        self.words, self.parameters = words, parameters

    def stream(self, says: Says) -> Stream:
        raise AssertionError

    def prompt(self, request: Request) -> Prompt | None:
        self.asked = request.json if request.method == "POST" else {}
        return super().prompt(request)

    def whole(self, says: Says) -> Answer:
        refused = [name for name in self.parameters if name in self.asked]
        if refused:
            return error(
                400, self.words.format(refused[0]), "invalid_request_error", "unsupported_parameter", refused[0]
            )
        return super().whole(says)


@asynccontextmanager
async def asked(spoken: OpenAIFormat, key: str = KEY) -> AsyncIterator[tuple[OpenAIProvider, Wire]]:
    async with wire(spoken) as vendor:
        provider = OpenAIProvider(Access(vendor.url + "/v1", key))
        yield provider, vendor
        await provider.close()


def sent(vendor: Wire, *names: str) -> list[dict[str, object]]:
    return [{name: request.json[name] for name in names if name in request.json} for request in vendor.requests]


async def test_other_servers_are_sent_what_they_all_know():
    async with asked(OpenAIFormat()) as (provider, vendor):
        await provider.complete(HELLO)
        await told(provider, HELLO)
    assert [request.path for request in vendor.requests] == ["/v1/chat/completions"] * 2
    assert [set(request.json) for request in vendor.requests] == [
        {"model", "messages", "max_tokens", "temperature", "stream"},
        {"model", "messages", "max_tokens", "temperature", "stream", "stream_options"},
    ]
    assert vendor.requests[1].json["stream_options"] == {"include_usage": True}


async def test_the_vendor_is_sent_the_new_name_of_the_limit(monkeypatch):
    async with wire(OpenAIFormat()) as vendor:
        monkeypatch.setattr(llm_provider, "BASE_URL", f"{vendor.url}/v1")
        provider = OpenAIProvider(Access("", KEY))
        await provider.complete(HELLO)
        await provider.close()
    assert sent(vendor, "max_tokens", "max_completion_tokens") == [{"max_completion_tokens": 50}]


async def test_a_model_that_wants_the_new_name_of_the_limit_gets_it_from_then_on():
    words = "Unsupported parameter: '{}' is not supported with this model. Use 'max_completion_tokens' instead."
    async with asked(Picky(words, "max_tokens")) as (provider, vendor):
        for _ in range(2):
            assert (await provider.complete(HELLO)).text == Says().text
    limits = [
        "max_completion_tokens" if "max_completion_tokens" in one else "max_tokens" for one in sent(vendor, *LIMITS)
    ]
    assert limits == ["max_tokens", "max_completion_tokens", "max_completion_tokens"]


async def test_a_model_that_takes_neither_name_of_the_limit_is_given_up():
    async with asked(Picky("Unknown parameter: '{}'.", *LIMITS, "temperature")) as (provider, vendor):
        with pytest.raises(Invalid, match="Unknown parameter"):
            await provider.complete(HELLO)
    assert len(vendor.requests) <= 4


class KnowsNoOptions(OpenAIFormat):
    def stream(self, says: Says) -> Stream:
        return super().stream(replace(says, counted=False))

    def prompt(self, request: Request) -> Prompt | None:
        found = super().prompt(request)
        self.refuses = found is not None and "stream_options" in request.json
        return found

    def streams(self, request: Request) -> bool:
        return not self.refuses

    def whole(self, says: Says) -> Answer:
        return error(
            422, "[{'type': 'extra_forbidden', 'loc': 'stream_options', 'msg': 'is not permitted'}]", "invalid"
        )


async def test_a_server_that_knows_no_options_of_streams_is_asked_without():
    async with asked(KnowsNoOptions()) as (provider, vendor):
        for _ in range(2):
            _, answer = await told(provider, HELLO)
            assert (answer.text, answer.usage) == (Says().text, None)
    assert [bool(one) for one in sent(vendor, "stream_options")] == [True, False, False]


async def test_a_temperature_that_is_out_of_range_is_not_left_out():
    words = "temperature must be in the range 0 to 1"
    async with asked(Answering(error(400, words, "invalid_request_error"))) as (provider, vendor):
        with pytest.raises(Invalid, match="range 0 to 1"):
            await provider.complete(HELLO)
    assert len(vendor.requests) == 1


REFUSAL = {"role": "assistant", "content": None, "refusal": "I'm sorry, I cannot assist with that request."}


@pytest.mark.parametrize(
    ("message", "stopped", "said"),
    [
        (REFUSAL, "stop", "I cannot assist"),
        ({"role": "assistant", "content": "So"}, "content_filter", "will not answer"),
    ],
)
async def test_a_refusal_is_no_answer(message, stopped, said):
    async with asked(Answering(Answer.of(completion(Says(), message, stopped)))) as (provider, _):
        with pytest.raises(Refused, match=said):
            await provider.complete(HELLO)


@pytest.mark.parametrize(
    ("deltas", "stopped", "pieces"),
    [
        ([{"refusal": "I'm sorry, "}, {"refusal": "I cannot assist with that."}], "stop", []),
        ([{"content": "Well, "}], "content_filter", ["Well, "]),
    ],
)
async def test_a_refusal_in_a_stream_is_no_answer(deltas, stopped, pieces):
    events = (*(chunk(Says(), delta) for delta in deltas), chunk(Says(), {}, stopped), b"data: [DONE]\n\n")
    heard = []
    async with asked(Answering(None, *events)) as (provider, _):
        with pytest.raises(Refused):
            async for piece in provider.stream(HELLO):
                heard.append(piece)
    assert heard == pieces


async def test_what_other_servers_add_to_a_stream_is_left_out():
    events = (
        b": OPENROUTER PROCESSING\n\n",
        data(begun(Says()) | {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        chunk(Says(), {"role": "assistant", "content": None, "reasoning_content": "They greet me."}),
        data(begun(Says()) | {"choices": [{"index": 0, "delta": None, "finish_reason": None}]}),
        chunk(Says(), {"content": "Well."}),
        data(begun(Says()) | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage(Says())}),
        data(begun(Says()) | {"choices": []}),
        data(begun(Says()) | {"choices": None}),
        b"data: [DONE]\n\n",
    )
    async with asked(Answering(None, *events)) as (provider, _):
        pieces, answer = await told(provider, HELLO)
    assert (pieces, answer.text, answer.usage) == (["Well."], "Well.", Usage(11, 7))


@pytest.mark.parametrize(
    ("events", "meant"),
    [
        ([data({"error": {"code": 502, "message": "Provider disconnected"}})], Interrupted),
        ([data({"error": {"code": 429, "message": "Too many requests"}})], RateLimited),
        ([data({"error": {"code": "insufficient_quota", "message": "No."}})], Denied),
        ([chunk(Says(), {"content": "Hel"}), data({"error": {"code": 503, "message": "Overloaded"}})], Interrupted),
        ([chunk(Says(), {"reasoning_content": "Hm"}), data({"error": {"code": 429, "message": "Full"}})], Interrupted),
        ([chunk(Says(), {"role": "assistant"}), data({"error": {"code": 429, "message": "Full"}})], RateLimited),
        ([chunk(Says(), {"content": "Hel"}), chunk(Says(), {}, "error")], Interrupted),
        ([chunk(Says(), {"content": "Hel"}), b"data: [DONE]\n\n"], Interrupted),
        ([chunk(Says(), {"content": "Hel"}), b"data: {half\n\n"], Interrupted),
        ([b"data: [1]\n\n"], Interrupted),
        ([b"data: null\n\n"], Interrupted),
    ],
)
async def test_errors_within_streams_have_their_names(events, meant):
    async with asked(Answering(None, *events)) as (provider, _):
        with pytest.raises(meant) as caught:
            await told(provider, HELLO)
    assert type(caught.value) is meant


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (Answer.of({"error": {"code": 402, "message": "Insufficient credits"}}), Denied),
        (Answer.of({"error": {"code": 502, "message": "Provider disconnected"}}), Interrupted),
        (Answer.of({"choices": []}), Interrupted),
        (Answer.of({"choices": [{}]}), Interrupted),
        (Answer.of({"choices": [{"message": {"content": "So"}}]}), Interrupted),
        (Answer.of({"choices": "none"}), Interrupted),
        (error(429, "No.", "insufficient_quota", "insufficient_quota"), Denied),
        (error(400, "No.", "invalid_request_error", "billing_hard_limit_reached"), Denied),
        (error(401, "No.", "invalid_request_error", "account_deactivated"), Denied),
        (
            error(403, "Project `p` does not have access to model `m`", "invalid_request_error", "model_not_found"),
            NoSuchModel,
        ),
        (
            error(429, "Request too large for m: Limit 30000, Requested 45000.", "tokens", "rate_limit_exceeded"),
            TooLong,
        ),
        (error(400, "No.", "invalid_request_error", "string_above_max_length"), TooLong),
        (error(400, "No.", "invalid_request_error", "content_filter"), Refused),
        (error(503, "Slow down", "server_error", "slow_down"), Overloaded),
        (error(404, "model 'scripted-1' not found", "api_error"), NoSuchModel),
        (error(404, "File Not Found", "not_found_error", 404), Invalid),
    ],
)
async def test_further_errors_have_their_names(answer, meant):
    async with asked(Answering(answer)) as (provider, _):
        with pytest.raises(meant) as caught:
            await provider.complete(HELLO)
    assert type(caught.value) is meant


async def test_limits_that_begin_anew_say_when():
    headers = limits() | {"x_ratelimit_remaining_tokens": "0"}
    async with asked(Answering(error(429, "No.", "tokens", "rate_limit_exceeded", **headers))) as (provider, _):
        with pytest.raises(RateLimited) as caught:
            await provider.complete(HELLO)
    assert caught.value.retry_after == 360


async def test_a_key_that_the_vendor_repeats_in_part_is_not_told():
    async with asked(OpenAIFormat()) as (provider, vendor):
        vendor.will(Fails(Failure.WRONG_KEY))
        with pytest.raises(Denied) as caught:
            await provider.complete(HELLO)
    assert not any(part in str(caught.value) for part in ("sk-contr", "cdef", "***"))


@pytest.mark.parametrize("failing", [False, True])
async def test_no_more_is_read_than_an_answer_can_be(monkeypatch, failing):
    monkeypatch.setattr(llm_http, "MOST_BYTES", 100_000)
    much = error(500 if failing else 200, "and so on " * 20_000, "server_error")
    pieces = tuple(chunk(Says(), {"content": "and so on"}) for _ in range(1_000))
    async with asked(Answering(much, *pieces)) as (provider, _):
        with pytest.raises(Interrupted, match="broke off"):
            await provider.complete(HELLO)
        with pytest.raises(Interrupted, match="broke off"):
            await told(provider, HELLO)


async def test_what_is_packed_is_asked_for_plain_and_not_unpacked():
    packed = gzip.compress(error(400, "and so on " * 20_000, "invalid_request_error").body)
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    async with asked(Answering(Answer(packed, headers=headers))) as (provider, vendor):
        with pytest.raises(Interrupted):
            await provider.complete(HELLO)
    assert vendor.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [404, 405])
async def test_a_server_without_a_list_of_models_is_well(status):
    async with asked(Answering(Answer.of({"detail": "Not Found"}, status))) as (provider, _):
        await provider.health()
        with pytest.raises(Unsupported, match="no list of models"):
            await provider.models()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>nginx</html>", 404, {"content-type": "text/html"}),
        Answer.of({}),
        Answer.of({"data": [{"id": 1}]}),
    ],
)
async def test_what_is_no_list_is_not_well(answer):
    async with asked(Answering(answer)) as (provider, _):
        for listed in (provider.health(), provider.models()):
            with pytest.raises((Invalid, Interrupted)):
                await listed


async def test_no_key_is_sent_where_there_is_none():
    async with asked(OpenAIFormat(), key="") as (provider, vendor):
        await provider.complete(HELLO)
        await provider.models()
    assert not any("authorization" in request.headers for request in vendor.requests)


async def test_the_vendor_is_not_asked_without_a_key():
    provider = OpenAIProvider(Access(""))
    for asking in (provider.complete(HELLO), told(provider, HELLO), provider.models(), provider.health()):
        with pytest.raises(Denied, match=r"openai at api\.openai\.com wants an API key"):
            await asking


async def test_requests_carry_what_is_needed_and_nothing_of_this_machine_or_its_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Stray: {STRAY}\nAuthorization: {STRAY}\nHost: {STRAY}")
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, STRAY)
    monkeypatch.setenv("OPENAI_LOG", "debug")
    async with asked(OpenAIFormat()) as (provider, vendor):
        await provider.complete(HELLO)
        await provider.models()
    needed = {"host", "accept", "accept-encoding", "user-agent", "authorization", "content-type", "content-length"}
    assert {name for request in vendor.requests for name in request.headers} == needed
    assert STRAY not in str(vendor.requests)
    assert set(vendor.keys) == {KEY}


async def test_nothing_that_is_asked_or_answered_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    async with asked(OpenAIFormat()) as (provider, _):
        await told(provider, replace(HELLO, messages=(Message(Role.USER, "the-secret-question"),)))
    assert "the-secret-question" not in caplog.text
    assert Says().pieces[0] not in caplog.text


async def test_without_its_sdk_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    provider = OpenAIProvider(Access("", KEY))
    for asking in (provider.complete(HELLO), provider.models(), provider.health()):
        with pytest.raises(Unsupported, match=r"pip install 'session-mgmt-mcp\[openai\]'"):
            await asking
    await provider.close()
