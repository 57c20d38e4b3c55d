"""AnthropicProvider against recorded shapes of the vendor's API."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.adapters.anthropic.llm_provider import AnthropicProvider
from session_mgmt_mcp.contracts.llm_provider import HELLO, KEY, STRAY, HTTPLLMProviderContract, told
from session_mgmt_mcp.contracts.llm_vendor import Fails, Says, TakesNoTemperature
from session_mgmt_mcp.contracts.llm_wire import Answer, Request, Stream, Wire, wire
from session_mgmt_mcp.ports.errors import Invalid, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Denied,
    Interrupted,
    LLMProvider,
    Message,
    Overloaded,
    RateLimited,
    Refused,
    Role,
    Stop,
    TooLong,
    Unreachable,
    Usage,
)

from tests.integration.llm.anthropic_shapes import AnthropicFormat, error, event, limits, message

pytest.importorskip("anthropic")


class TestAnthropic(HTTPLLMProviderContract):
    @pytest.fixture
    async def vendor(self) -> AsyncIterator[Wire]:
        async with wire(AnthropicFormat()) as vendor:
            yield vendor

    @pytest.fixture
    async def elsewhere(self) -> AsyncIterator[Wire]:
        async with wire(AnthropicFormat()) as vendor:
            yield vendor

    @pytest.fixture
    def made(self) -> Callable[[Access], LLMProvider]:
        return AnthropicProvider


class Answering(AnthropicFormat):
    """Gives one answer to whatever is asked, or the stream that `events` are."""

    def __init__(self, answer: Answer | None = None, *events: bytes) -> None:
        self.answer, self.events = answer, events

    def whole(self, says: Says) -> Answer:
        return self.answer or super().whole(says)

    def stream(self, says: Says) -> Stream:
        return Stream(b"", self.events, b"")

    def failure(self, fails: Fails) -> Answer:
        assert self.answer is not None
        return self.answer

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        return self.answer


@asynccontextmanager
async def asked(
    spoken: AnthropicFormat, key: str = KEY, path: str = ""
) -> AsyncIterator[tuple[AnthropicProvider, Wire]]:
    async with wire(spoken) as vendor:
        provider = AnthropicProvider(Access(vendor.url + path, key))
        yield provider, vendor
        await provider.close()


OPENING = message(Says(), [], None)
REFUSES = {
    "stop_reason": "refusal",
    "stop_sequence": None,
    "stop_details": {"type": "refusal", "category": "cyber", "explanation": "It could enable harm."},
}


async def test_a_refusal_says_why():
    async with asked(Answering(Answer.of(OPENING | REFUSES))) as (provider, _):
        with pytest.raises(Refused, match="cyber: It could enable harm"):
            await provider.complete(HELLO)


async def test_a_refusal_in_the_middle_of_a_stream_is_no_answer():
    events = (
        event("message_start", message=OPENING),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Well, "}),
        event("message_delta", delta=REFUSES, usage={"output_tokens": 3}),
        event("message_stop"),
    )
    async with asked(Answering(None, *events)) as (provider, _):
        with pytest.raises(Refused, match="cyber"):
            await told(provider, HELLO)


@pytest.mark.parametrize(
    ("begins", "meant"),
    [({"type": "thinking", "thinking": ""}, Interrupted), ({"type": "text", "text": ""}, Overloaded)],
)
async def test_what_fails_after_it_thought_may_be_charged_for(begins, meant):
    events = (
        event("message_start", message=OPENING),
        event("content_block_start", index=0, content_block=begins),
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    )
    async with asked(Answering(None, *events)) as (provider, _):
        with pytest.raises(meant) as caught:
            await told(provider, HELLO)
    assert type(caught.value) is meant


async def test_events_and_blocks_that_nobody_asked_for_are_left_out():
    events = (
        b": a comment\n\n",
        event("message_start", message=OPENING),
        event("something_new", of={"a": 1}),
        event("content_block_start", index=0, content_block={"type": "redacted_thinking", "data": "EqQB"}),
        event("content_block_stop", index=0),
        event("content_block_start", index=1, content_block={"type": "tool_use", "id": "t", "name": "n", "input": {}}),
        event("content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": '{"text": 1}'}),
        event("content_block_start", index=2, content_block={"type": "text", "text": "Well"}),
        event("content_block_delta", index=2, delta={"type": "citations_delta", "citation": {"type": "new"}}),
        event("content_block_delta", index=2, delta={"type": "remark_delta", "text": "Not to be told"}),
        event("content_block_delta", index=2, delta={"type": "text_delta", "text": "."}),
        event("message_delta", delta={"stop_reason": "model_context_window_exceeded"}, usage={"output_tokens": 9}),
        event("message_stop"),
    )
    async with asked(Answering(None, *events)) as (provider, _):
        pieces, answer = await told(provider, HELLO)
    assert (pieces, answer.text, answer.stop) == (["Well", "."], "Well.", Stop.LENGTH)
    assert answer.usage == Usage(Says().input_tokens, 9)


async def test_a_temperature_goes_to_the_version_of_the_api_that_takes_one():
    async with asked(AnthropicFormat()) as (provider, vendor):
        await provider.complete(HELLO)
        await provider.complete(replace(HELLO, temperature=None))
        await provider.models()
    versions = [request.headers["anthropic-version"] for request in vendor.requests]
    assert versions == ["2023-06-01", "2026-10-21", "2026-10-21"]


class TakesNone(AnthropicFormat):
    def no_temperature(self) -> Answer:
        return error(400, "invalid_request_error", "temperature: Extra inputs are not permitted")


@pytest.mark.parametrize("spoken", [AnthropicFormat(), TakesNone()], ids=["model", "version"])
async def test_a_model_that_took_no_temperature_is_not_sent_one_again(spoken):
    async with asked(spoken) as (provider, vendor):
        vendor.will(TakesNoTemperature())
        for _ in range(2):
            await provider.complete(HELLO)
        await provider.complete(replace(HELLO, model="another"))
    assert [prompt.temperature for prompt in vendor.prompts] == [0.5, None, None, 0.5, None]


@pytest.mark.parametrize("way", ["complete", "stream"])
async def test_what_its_models_never_take_is_not_sent(way):
    async with asked(AnthropicFormat()) as (provider, vendor):
        with pytest.raises(Invalid, match="0 to 1"):
            hot = replace(HELLO, temperature=1.5)
            await (provider.complete(hot) if way == "complete" else told(provider, hot))
        assert not vendor.requests


@pytest.mark.parametrize(
    ("answer", "meant"),
    [
        (error(402, "billing_error", "Your account has no credit."), Denied),
        (error(429, "rate_limit_error", "No.", {"error_code": "enforced_spend_limit_reached"}), Denied),
        (error(429, "rate_limit_error", "No.", {"error_code": "ramp_limit_exceeded"}), RateLimited),
        (error(400, "invalid_request_error", "You have reached your specified API usage limits."), Denied),
        (error(400, "invalid_request_error", "No.", {"error_code": "organization_on_hold"}), Denied),
        (error(413, "request_too_large", "Request exceeds the maximum size"), TooLong),
        (
            error(
                400,
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000",
            ),
            TooLong,
        ),
        (error(504, "timeout_error", "The request timed out"), Interrupted),
        (error(503, "api_error", "Service unavailable"), Overloaded),
        (error(404, "not_found_error", "Not Found"), Invalid),
        (Answer.of({"type": "error", "error": {"type": "overloaded_error", "message": "No."}}), Overloaded),
    ],
)
async def test_further_errors_of_the_vendor_have_their_names(answer, meant):
    async with asked(Answering(answer)) as (provider, _):
        with pytest.raises(meant) as caught:
            await provider.complete(HELLO)
    assert type(caught.value) is meant


async def test_limits_that_begin_anew_say_when():
    soon = (datetime.now(UTC) + timedelta(seconds=30)).isoformat()
    headers = limits() | {"anthropic_ratelimit_input_tokens_reset": soon}
    async with asked(Answering(error(429, "rate_limit_error", "No.", **headers))) as (provider, _):
        with pytest.raises(RateLimited) as caught:
            await provider.complete(HELLO)
    assert caught.value.retry_after == pytest.approx(30, abs=3)


class Paged(AnthropicFormat):
    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        return super().listing(replace(request, query=request.query.replace("limit=1000", "limit=2")), models)


async def test_a_list_of_several_pages_is_read_to_its_end():
    names = [f"model-{place}" for place in range(7)]
    async with asked(Paged()) as (provider, vendor):
        vendor.lists(*names)
        assert list(await provider.models()) == names
        assert len(vendor.requests) == 4


@pytest.mark.parametrize("status", [404, 405])
async def test_a_server_without_a_list_of_models_is_well(status):
    async with asked(Answering(Answer.of({"detail": "Not Found"}, status))) as (provider, _):
        await provider.health()
        with pytest.raises(Unsupported, match="no list of models"):
            await provider.models()


async def test_a_page_that_is_none_of_an_api_is_not_well():
    async with asked(Answering(Answer(b"<html>nginx</html>", 404, {"content-type": "text/html"}))) as (provider, _):
        for listed in (provider.health(), provider.models()):
            with pytest.raises(Invalid, match="base_url"):
                await listed


async def test_an_address_may_end_as_those_of_others_do():
    for path in ("", "/", "/v1", "/v1/"):
        async with asked(AnthropicFormat(), path=path) as (provider, _):
            assert (await provider.complete(HELLO)).text == Says().text


async def test_no_key_is_sent_where_there_is_none():
    async with asked(AnthropicFormat(), key="") as (provider, vendor):
        await provider.complete(HELLO)
        await provider.models()
    assert not any("authorization" in request.headers or "x-api-key" in request.headers for request in vendor.requests)


async def test_the_vendor_is_not_asked_without_a_key():
    provider = AnthropicProvider(Access(""))
    for asking in (provider.complete(HELLO), told(provider, HELLO), provider.models(), provider.health()):
        with pytest.raises(Denied, match=r"anthropic at api\.anthropic\.com wants an API key"):
            await asking


async def test_requests_carry_what_is_needed_and_nothing_of_this_machine_or_its_environment(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", f"X-Stray: {STRAY}\nAuthorization: {STRAY}\nHost: {STRAY}")
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    async with asked(AnthropicFormat()) as (provider, vendor):
        await provider.complete(HELLO)
        await provider.models()
    needed = {"host", "accept", "accept-encoding", "user-agent", "authorization", "content-type", "content-length"}
    assert {name for request in vendor.requests for name in request.headers} == needed | {"anthropic-version"}
    assert STRAY not in str(vendor.requests)
    assert set(vendor.keys) == {KEY}


async def test_nothing_that_is_asked_or_answered_is_logged(caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    async with asked(AnthropicFormat()) as (provider, _):
        await told(provider, replace(HELLO, messages=(Message(Role.USER, "the-secret-question"),)))
    assert "the-secret-question" not in caplog.text
    assert Says().pieces[0] not in caplog.text


async def test_without_its_sdk_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "anthropic", None)
    provider = AnthropicProvider(Access("", KEY))
    for asking in (provider.complete(HELLO), provider.models(), provider.health()):
        with pytest.raises(Unsupported, match=r"pip install 'session-mgmt-mcp\[anthropic\]'"):
            await asking
    await provider.close()


async def test_the_proxy_of_the_environment_is_asked_for_other_machines(monkeypatch):
    async with wire(AnthropicFormat()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        provider = AnthropicProvider(Access("http://models.example", KEY))
        with pytest.raises(Invalid):
            await provider.complete(HELLO)
        assert [request.path for request in proxy.requests] == ["http://models.example/v1/messages"]
        await provider.close()


@pytest.mark.parametrize(
    "proxy", ["socks5://name:word@proxy", "socks4://name:word@proxy", "nonsense://name:word@proxy", "http://[name:word"]
)
async def test_a_proxy_that_is_none_is_told_without_what_it_holds(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    provider = AnthropicProvider(Access("", KEY))
    with pytest.raises(Unreachable, match="HTTPS_PROXY") as caught:
        await provider.health()
    assert "word" not in str(caught.value)
