"""What every LLMProvider does, whichever vendor's server it asks."""

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest
from session_mgmt_mcp.contracts.llm_vendor import (
    Cuts,
    Fails,
    FailsMidway,
    Failure,
    Garbles,
    Redirects,
    Says,
    Scene,
    Stalls,
    TakesNoTemperature,
    Vendor,
)
from session_mgmt_mcp.contracts.llm_wire import Wire
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unavailable
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    Denied,
    Interrupted,
    LLMProvider,
    Message,
    Misdirected,
    NoSuchModel,
    Overloaded,
    Prompt,
    RateLimited,
    Refused,
    Role,
    Stop,
    TooLong,
    Unreachable,
    Usage,
)

KEY = "sk-contract-0123456789abcdef0123456789abcdef"
"""What a `provider` of this contract is to send along."""

HELLO = Prompt((Message(Role.USER, "Hello"),), "scripted-1", 50, 0.5)
TALK = Prompt(
    (
        Message(Role.SYSTEM, "Answer in one word.\nAlways."),
        Message(Role.USER, "日本 \U0001f600 Über \\ \"quoted\" \t 'twice' {json} <b> %s\n\n```python\nprint()\n```"),
        Message(Role.ASSISTANT, "Yes."),
        Message(Role.USER, "x" * 200_000),
    ),
    "scripted-1",
    1_000,
    0.25,
)

TAXONOMY: dict[Failure, type[PortError]] = {
    Failure.WRONG_KEY: Denied,
    Failure.NOT_ALLOWED: Denied,
    Failure.NO_CREDIT: Denied,
    Failure.RATE_LIMITED: RateLimited,
    Failure.OVERLOADED: Overloaded,
    Failure.BROKEN: Interrupted,
    Failure.TOO_LONG: TooLong,
    Failure.REFUSED: Refused,
    Failure.NO_MODEL: NoSuchModel,
    Failure.WRONG_REQUEST: Invalid,
}
UNREADABLE = (
    Garbles(b"<html><body>Welcome to the hotel's network</body></html>", "text/html"),
    Garbles(b'{"half": '),
    Garbles(b"[]"),
    Garbles(b""),
    Garbles(b"\xff\xfe\x00"),
)


async def told(provider: LLMProvider, prompt: Prompt) -> tuple[list[str], Completion]:
    """Everything that a stream gave."""
    pieces: list[str] = []
    async with aclosing(provider.stream(prompt)) as stream:  # type: ignore[type-var]
        async for piece in stream:
            if isinstance(piece, Completion):
                assert await anext(stream, None) is None, "something came after the whole answer"
                return pieces, piece
            pieces.append(piece)
    raise AssertionError("the stream ended without the whole answer")


class LLMProviderContract:
    """Subclass it and give fixtures: `vendor`, a server that plays scenes; `provider`, which asks it with KEY; `nowhere`,
    a provider whose base URL nobody listens at. What a vendor cannot say stands in `unsaid`."""

    unsaid: frozenset[Failure] = frozenset()
    keyed = True  # it always sends the key

    @pytest.fixture(params=["complete", "stream"])
    def way(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "each_failure" in metafunc.fixturenames:
            metafunc.parametrize("each_failure", [one for one in TAXONOMY if one not in self.unsaid], ids=str)

    async def ask(self, provider: LLMProvider, way: str, prompt: Prompt = HELLO) -> Completion:
        return await provider.complete(prompt) if way == "complete" else (await told(provider, prompt))[1]

    async def test_the_whole_answer_comes(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Says(("Hel", "lo ", "Jürgen, 日本 \U0001f600\n"), 1_234, 56, Stop.END, "scripted-1"))
        answer = await self.ask(provider, way)
        assert answer == Completion("Hello Jürgen, 日本 \U0001f600\n", "scripted-1", Stop.END, Usage(1_234, 56))

    async def test_an_answer_that_was_too_long_says_so(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Says(("Half an",), stop=Stop.LENGTH))
        answer = await self.ask(provider, way)
        assert (answer.text, answer.stop) == ("Half an", Stop.LENGTH)

    async def test_an_empty_answer_is_an_answer(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Says(()))
        assert (await self.ask(provider, way)).text == ""

    async def test_a_server_that_does_not_count_is_told(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Says(counted=False))
        assert (await self.ask(provider, way)).usage is None

    async def test_pieces_come_in_order_before_the_whole(self, provider: LLMProvider, vendor: Vendor) -> None:
        vendor.will(Says(tuple(f"{place} " for place in range(300))))
        pieces, answer = await told(provider, HELLO)
        assert "".join(pieces) == answer.text == "".join(f"{place} " for place in range(300))
        assert len(pieces) > 1 and all(pieces)

    async def test_a_piece_comes_before_the_next_is_written(self, provider: LLMProvider, vendor: Vendor) -> None:
        vendor.will(Stalls(("first",)))
        async with asyncio.timeout(20), aclosing(provider.stream(HELLO)) as stream:  # type: ignore[type-var]
            assert await anext(stream) == "first"

    @pytest.mark.parametrize("prompt", [HELLO, TALK], ids=["hello", "talk"])
    async def test_what_is_asked_arrives_whole(
        self, provider: LLMProvider, vendor: Vendor, way: str, prompt: Prompt
    ) -> None:
        await self.ask(provider, way, prompt)
        assert list(vendor.prompts) == [prompt]

    async def test_the_models_own_temperature_is_left_to_it(
        self, provider: LLMProvider, vendor: Vendor, way: str
    ) -> None:
        asked = Prompt(HELLO.messages, HELLO.model, HELLO.max_tokens)
        await self.ask(provider, way, asked)
        assert list(vendor.prompts) == [asked]

    async def test_a_model_that_takes_no_temperature_answers_without(
        self, provider: LLMProvider, vendor: Vendor, way: str
    ) -> None:
        vendor.will(TakesNoTemperature(Says(("Yes",))))
        assert (await self.ask(provider, way)).text == "Yes"
        assert [prompt.temperature for prompt in vendor.prompts] == [HELLO.temperature, None]

    async def test_the_key_comes_with_each_request(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        await self.ask(provider, way)
        assert list(vendor.keys) == [KEY if self.keyed else ""]

    async def test_nothing_is_sent_before_it_is_asked(self, provider: LLMProvider, vendor: Vendor) -> None:
        stream = provider.stream(HELLO)
        await asyncio.sleep(0.05)
        assert not vendor.prompts
        async with aclosing(stream):  # type: ignore[type-var]
            await anext(stream)
        assert len(vendor.prompts) == 1

    async def test_each_failure_has_its_name(
        self, provider: LLMProvider, vendor: Vendor, way: str, each_failure: Failure
    ) -> None:
        vendor.will(Fails(each_failure))
        with pytest.raises(PortError) as caught:
            await self.ask(provider, way)
        assert type(caught.value) is TAXONOMY[each_failure], caught.value
        assert len(vendor.prompts) == 1

    async def test_a_rate_limit_says_when_to_come_again(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Fails(Failure.RATE_LIMITED, retry_after=42))
        with pytest.raises(RateLimited) as caught:
            await self.ask(provider, way)
        assert caught.value.retry_after == pytest.approx(42, abs=2)

    async def test_a_rate_limit_that_does_not_say_when_has_a_guess(
        self, provider: LLMProvider, vendor: Vendor, way: str
    ) -> None:
        vendor.will(Fails(Failure.RATE_LIMITED))
        with pytest.raises(RateLimited) as caught:
            await self.ask(provider, way)
        assert 0 < caught.value.retry_after <= 60

    @pytest.mark.parametrize("failure", [Failure.OVERLOADED, Failure.BROKEN], ids=str)
    async def test_an_error_in_the_middle_of_a_stream_is_an_error(
        self, provider: LLMProvider, vendor: Vendor, failure: Failure
    ) -> None:
        vendor.will(FailsMidway(failure, ("Hel",)))
        pieces: list[str | Completion] = []
        with pytest.raises(Interrupted):
            async for piece in provider.stream(HELLO):
                pieces.append(piece)
        assert pieces == ["Hel"]

    async def test_an_error_before_any_piece_of_a_stream_has_its_name(
        self, provider: LLMProvider, vendor: Vendor
    ) -> None:
        vendor.will(FailsMidway(Failure.OVERLOADED, ()))
        with pytest.raises(Overloaded):
            await told(provider, HELLO)

    @pytest.mark.parametrize("scene", [Cuts(), Cuts(("Hel", "lo"))], ids=["before", "within"])
    async def test_an_answer_that_breaks_off_is_interrupted(
        self, provider: LLMProvider, vendor: Vendor, way: str, scene: Scene
    ) -> None:
        vendor.will(scene)
        with pytest.raises(Interrupted):
            await self.ask(provider, way)
        assert len(vendor.prompts) == 1

    async def test_a_stream_that_ends_without_its_end_is_interrupted(
        self, provider: LLMProvider, vendor: Vendor
    ) -> None:
        vendor.will(Cuts(("Hel", "lo"), tidy=True))
        with pytest.raises(Interrupted):
            await told(provider, HELLO)

    @pytest.mark.parametrize("scene", UNREADABLE, ids=lambda scene: repr(scene.body[:12]))
    async def test_what_is_no_answer_is_interrupted(
        self, provider: LLMProvider, vendor: Vendor, way: str, scene: Scene
    ) -> None:
        vendor.will(scene)
        with pytest.raises(Interrupted):
            await self.ask(provider, way)

    async def test_a_server_that_is_not_there_is_unreachable(self, nowhere: LLMProvider, way: str) -> None:
        with pytest.raises(Unreachable):
            await self.ask(nowhere, way)
        for listed in (nowhere.models(), nowhere.health()):
            with pytest.raises(Unreachable):
                await listed

    async def test_cancelling_ends_the_request(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Stalls(("first",)))
        asking = asyncio.ensure_future(self.ask(provider, way))
        async with asyncio.timeout(20):
            while not vendor.prompts:
                await asyncio.sleep(0.01)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await vendor.abandoned()

    async def test_leaving_a_stream_ends_the_request(self, provider: LLMProvider, vendor: Vendor) -> None:
        vendor.will(Stalls(("first",)))
        async with asyncio.timeout(20):
            async with aclosing(provider.stream(HELLO)) as stream:  # type: ignore[type-var]
                await anext(stream)
            await vendor.abandoned()

    async def test_one_can_be_asked_by_many_at_once(self, provider: LLMProvider, vendor: Vendor) -> None:
        vendor.will(Says())
        answers = await asyncio.gather(*(told(provider, HELLO) for _ in range(20)))
        assert {answer.text for _, answer in answers} == {Says().text}
        assert len(vendor.prompts) == 20

    async def test_it_answers_after_it_failed(self, provider: LLMProvider, vendor: Vendor, way: str) -> None:
        vendor.will(Cuts(("Hel",)), Fails(Failure.BROKEN), Says(("Well.",)))
        for _ in range(2):
            with pytest.raises(Interrupted):
                await self.ask(provider, way)
        assert (await self.ask(provider, way)).text == "Well."

    @pytest.mark.parametrize(
        "prompt",
        [
            Prompt((), "scripted-1", 50),
            Prompt((Message(Role.USER, " \n"),), "scripted-1", 50),
            Prompt((Message(Role.SYSTEM, "Be brief."),), "scripted-1", 50),
            Prompt((Message(Role.ASSISTANT, "Hello"), Message(Role.USER, "Hello")), "scripted-1", 50),
            Prompt((Message(Role.USER, "Hello"), Message(Role.USER, "Hello?")), "scripted-1", 50),
            Prompt((Message(Role.USER, "Hello"), Message(Role.SYSTEM, "No.")), "scripted-1", 50),
            Prompt((Message(Role.USER, "Hello"), Message(Role.ASSISTANT, "Hi")), "scripted-1", 50),
            Prompt((Message(Role.USER, "Half a \ud83d"),), "scripted-1", 50),
            Prompt(HELLO.messages, "scripted-\ud83d", 50),
            Prompt(HELLO.messages, "", 50),
            Prompt(HELLO.messages, "scripted-1", 0),
            Prompt(HELLO.messages, "scripted-1", 50, 3.0),
            Prompt(HELLO.messages, "scripted-1", 50, float("nan")),
        ],
    )
    async def test_what_nobody_can_be_asked_is_not_sent(
        self, provider: LLMProvider, vendor: Vendor, way: str, prompt: Prompt
    ) -> None:
        with pytest.raises(Invalid):
            await self.ask(provider, way, prompt)
        assert not vendor.prompts

    async def test_its_models_are_listed_in_order(self, provider: LLMProvider, vendor: Vendor) -> None:
        vendor.lists("zeta-1", "alpha-2", "mid.3:8b")
        assert list(await provider.models()) == ["alpha-2", "mid.3:8b", "zeta-1"]
        assert not vendor.prompts

    async def test_it_is_well_when_the_server_answers(self, provider: LLMProvider, vendor: Vendor) -> None:
        await provider.health()
        assert not vendor.prompts

    @pytest.mark.parametrize("failure", [Failure.WRONG_KEY, Failure.OVERLOADED], ids=str)
    async def test_it_is_not_well_when_the_server_says_no(
        self, provider: LLMProvider, vendor: Vendor, failure: Failure
    ) -> None:
        vendor.will(Fails(failure))
        for asked in (provider.health(), provider.models()):
            with pytest.raises(TAXONOMY[failure]):
                await asked

    async def test_no_message_holds_the_key_and_none_is_long(
        self,
        provider: LLMProvider,
        vendor: Vendor,
        way: str,
        each_failure: Failure,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        vendor.will(Fails(each_failure, words=f"Your key {KEY} said: " + "and so on " * 2_000))
        with pytest.raises(PortError) as caught:
            await self.ask(provider, way)
        assert KEY not in str(caught.value) + caplog.text
        assert len(str(caught.value)) < 500
        assert "\n" not in str(caught.value)
        assert KEY not in "".join(traceback.format_exception(caught.value))

    async def test_what_fails_for_now_says_when_to_come_again(
        self, provider: LLMProvider, vendor: Vendor, way: str
    ) -> None:
        for failure in (Failure.OVERLOADED, Failure.BROKEN):
            vendor.will(Fails(failure))
            with pytest.raises(Unavailable) as caught:
                await self.ask(provider, way)
            assert caught.value.retry_after > 0

    async def test_its_repr_names_no_key(self, provider: LLMProvider) -> None:
        assert KEY not in repr(provider) + repr(vars(provider) if hasattr(provider, "__dict__") else "")


STRAY = "stray-0123456789abcdef"
"""Of the environment; no request may hold it."""

STRAYS = {
    **dict.fromkeys(
        (
            "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS", "OPENAI_API_KEY", "OPENAI_ADMIN_KEY",
            "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_CUSTOM_HEADERS", "GEMINI_API_KEY", "GOOGLE_API_KEY",
            "GOOGLE_CLOUD_PROJECT", "OLLAMA_API_KEY",
        ),
        STRAY,
    ),
    "GOOGLE_GENAI_USE_VERTEXAI": "true",
    "GOOGLE_GENAI_USE_ENTERPRISE": "true",
}  # fmt: skip
HOSTS = ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "OLLAMA_HOST")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class HTTPLLMProviderContract(LLMProviderContract):
    """For those that ask over HTTP. `vendor` is a server of contracts.llm_wire, `elsewhere` another one; `made` gives a
    provider for an Access, as `provider` and `nowhere` here do."""

    @pytest.fixture
    async def provider(self, vendor: Wire, made: Callable[[Access], LLMProvider]) -> AsyncIterator[LLMProvider]:
        asked = made(Access(vendor.url, KEY))
        yield asked
        await asked.close()

    @pytest.fixture
    async def nowhere(self, made: Callable[[Access], LLMProvider]) -> AsyncIterator[LLMProvider]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and nobody listens
            asked = made(Access(f"http://127.0.0.1:{taken.getsockname()[1]}", KEY))
            yield asked
            await asked.close()

    async def test_the_model_is_named_as_the_server_names_it(
        self, provider: LLMProvider, vendor: Wire, way: str
    ) -> None:
        vendor.will(Says(model="scripted-1-2026-11-20"))
        assert (await self.ask(provider, way)).model == "scripted-1-2026-11-20"

    async def test_a_temperature_that_was_refused_is_not_tried_again(
        self, provider: LLMProvider, vendor: Wire, way: str
    ) -> None:
        vendor.will(TakesNoTemperature(Says(("Yes",))))
        for _ in range(2):
            await self.ask(provider, way)
        assert [prompt.temperature for prompt in vendor.prompts] == [HELLO.temperature, None, None]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_a_redirect_is_not_followed(
        self, provider: LLMProvider, vendor: Wire, elsewhere: Wire, way: str, status: int
    ) -> None:
        vendor.will(Redirects(elsewhere.url, status))
        for asked in (self.ask(provider, way), provider.models(), provider.health()):
            with pytest.raises(Misdirected, match=elsewhere.url.removeprefix("http://")) as caught:
                await asked
            assert KEY not in str(caught.value)
        assert not elsewhere.requests

    async def test_a_redirect_within_the_server_is_not_followed_either(
        self, provider: LLMProvider, vendor: Wire, way: str
    ) -> None:
        vendor.will(Redirects("/moved"), Says())
        with pytest.raises(Misdirected):
            await self.ask(provider, way)
        assert len(vendor.requests) == 1

    async def test_the_environment_changes_nothing(
        self,
        made: Callable[[Access], LLMProvider],
        vendor: Wire,
        elsewhere: Wire,
        way: str,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        for name, stray in STRAYS.items():
            monkeypatch.setenv(name, stray)
        for name in (*HOSTS, *PROXIES):
            monkeypatch.setenv(name, elsewhere.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        netrc = tmp_path / "netrc"
        netrc.write_text(f"default login {STRAY} password {STRAY}\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        for access, key in ((Access(vendor.url, KEY), KEY), (Access(vendor.url + "/", KEY), KEY)):
            provider = made(access)
            assert (await self.ask(provider, way)).text == Says().text
            await provider.models()
            await provider.close()
            assert vendor.keys[-1] == key
        assert not elsewhere.requests
        sent = "\n".join(f"{one.path}?{one.query} {one.headers} {one.body!r}" for one in vendor.requests)
        assert STRAY not in sent

    async def test_the_key_is_in_no_address(self, provider: LLMProvider, vendor: Wire, way: str) -> None:
        await self.ask(provider, way)
        await provider.models()
        assert all(KEY not in f"{one.path}?{one.query}" for one in vendor.requests)
