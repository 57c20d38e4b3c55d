"""LLMProvider on OpenAI's Chat Completions API, by its SDK; also any other server that speaks it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from session_mgmt_mcp.adapters.llm_failures import Server, Told, failure, interrupted, refused
from session_mgmt_mcp.adapters.llm_http import NO_KEY, Sdk, broken, http_client
from session_mgmt_mcp.ports.errors import PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    Denied,
    NoSuchModel,
    Overloaded,
    Prompt,
    RateLimited,
    Refused,
    Stop,
    TooLong,
    Usage,
    check_prompt,
)

if TYPE_CHECKING:
    from openai import AsyncOpenAI

BASE_URL = "https://api.openai.com/v1"

_OPTIONAL = ("temperature", "stream_options", "max_tokens", "max_completion_tokens")

_MEANINGS: dict[str, type[PortError]] = {
    **dict.fromkeys(
        (
            "invalid_api_key", "authentication_error", "account_deactivated", "insufficient_quota", "billing_not_active",
            "billing_hard_limit_reached", "credit_balance_exhausted", "usage_limit_exceeded", "project_spend_limit_exceeded",
            "organization_spend_limit_exceeded", "organization_usage_limit_exceeded", "unsupported_country_region_territory",
        ),
        Denied,
    ),
    **dict.fromkeys(("context_length_exceeded", "string_above_max_length", "exceed_context_size_error"), TooLong),
    **dict.fromkeys(
        (
            "content_filter", "content_policy_violation", "invalid_prompt", "bio_policy", "cyber_policy",
            "misalignment_policy_violation", "moderation_blocked",
        ),
        Refused,
    ),
    "model_not_found": NoSuchModel,
    "rate_limit_exceeded": RateLimited,
    **dict.fromkeys(
        ("server_overloaded", "server_is_overloaded", "slow_down", "overloaded_error", "unavailable_error"), Overloaded
    ),
}  # fmt: skip


class OpenAIProvider:
    """LLMProvider. An empty base URL is the vendor's own; another server's goes as far as its `/v1`, as its pages tell.

    >>> OpenAIProvider(Access("http://127.0.0.1:8080/v1")).name
    'openai'
    """

    name = "openai"

    def __init__(self, access: Access) -> None:
        self._server = Server(self.name, replace(access, base_url=access.base_url or BASE_URL))
        self._own = self._server.host == Server(self.name, Access(BASE_URL)).host
        self._sdk = Sdk(self.name, self._load, "openai", "httpx2", "httpcore2")
        self._not_taken: dict[str, frozenset[str]] = {}  # by model, what it refused

    def _load(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        return AsyncOpenAI(
            api_key=NO_KEY,
            admin_api_key="",
            webhook_secret="",
            base_url=self._server.access.base_url,
            max_retries=0,
            timeout=None,
            http_client=http_client(self._server),
        )

    async def complete(self, prompt: Prompt) -> Completion:
        answer = await self._asked(prompt, stream=False)
        choices = getattr(answer, "choices", None)
        if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
            raise self._no_answer(answer, prompt)
        message = choices[0].message
        text = _text(message, "content")
        return self._whole(prompt, text, answer, choices[0].finish_reason, _text(message, "refusal"), _usage(answer))

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        pieces: list[str] = []
        refusal: list[str] = []
        stopped: str | None = None
        usage: Usage | None = None
        last: Any = None
        written = False
        chunks = await self._asked(prompt, stream=True)
        try:
            async with aclosing(aiter(chunks)) as coming:
                async for chunk in coming:
                    usage = _usage(chunk) or usage
                    for choice in chunk.choices or ():
                        last = chunk
                        stopped = choice.finish_reason or stopped
                        written = written or _writes(choice.delta)
                        refusal.append(_text(choice.delta, "refusal"))
                        if piece := _text(choice.delta, "content"):
                            pieces.append(piece)
                            yield piece
        except PortError:
            raise
        except Exception as error:
            raise self._failure(error, prompt.model, begun=written) from None
        finally:
            await chunks.close()
        yield self._whole(prompt, "".join(pieces), last, stopped, "".join(refusal), usage)

    async def models(self) -> Sequence[str]:
        names = await self._listed()
        if names is None:
            raise Unsupported(f"{self._server} has no list of models: name one that it is known to have.")
        return sorted(set(names))

    async def health(self) -> None:
        await self._listed()  # also without a list, it has answered

    async def close(self) -> None:
        if self._sdk.made is not None:
            await self._sdk.made.close()

    async def _asked(self, prompt: Prompt, *, stream: bool) -> Any:
        """What the SDK gives. Asks again without a parameter that is not taken: nothing was generated."""
        check_prompt(prompt)
        self._server.check_key(needed=self._own)
        client = await self._sdk.client()
        while True:
            left_out = self._not_taken.get(prompt.model, frozenset())
            request = _request(prompt, stream, left_out, own=self._own)
            try:
                return await client.chat.completions.create(**request)
            except Exception as error:
                told = _told(error)
                not_taken = frozenset(name for name in _OPTIONAL if name in request and told.takes_no(name)) - left_out
                if not not_taken:
                    raise self._failure(error, prompt.model) from None
                self._not_taken[prompt.model] = left_out | not_taken

    async def _listed(self) -> list[str] | None:
        """None: the server has no list."""
        self._server.check_key(needed=self._own)
        client = await self._sdk.client()
        try:
            names = [model.id for model in (await client.models.list()).data]
            if all(isinstance(name, str) for name in names):
                return names
        except Exception as error:
            told = _told(error)
            if told.status in {404, 405, 501} and told.readable:
                return None
            raise self._failure(error, "") from None
        raise interrupted(self._server, "what came is no list of models")

    def _whole(
        self, prompt: Prompt, text: str, answer: Any, stopped: str | None, refusal: str, usage: Usage | None
    ) -> Completion:
        if refusal or stopped == "content_filter":
            raise refused(self._server, refusal)
        if not stopped or stopped == "error":
            raise interrupted(self._server, "it ended too early")
        model = str(getattr(answer, "model", None) or prompt.model)
        return Completion(text, model, Stop.LENGTH if stopped == "length" else Stop.END, usage)

    def _no_answer(self, answer: Any, prompt: Prompt) -> PortError:
        """Some gateways answer with status 200 and an error."""
        told = Told.of(getattr(answer, "model_extra", None) or {})
        return (
            failure(self._server, told, _MEANINGS, prompt.model)
            if told.words
            else interrupted(self._server, "what came is none")
        )

    def _failure(self, error: Exception, model: str, begun: bool = False) -> PortError:
        from openai import APIConnectionError, APIError

        if not isinstance(error, APIError) or isinstance(error, APIConnectionError):
            return broken(self._server, error)
        return failure(self._server, _told(error), _MEANINGS, model, begun)


def _request(prompt: Prompt, stream: bool, left_out: frozenset[str], own: bool) -> dict[str, Any]:
    """`own`: to the vendor, who has renamed max_tokens; nobody else needs to have."""
    request: dict[str, Any] = {
        "model": prompt.model,
        "messages": [{"role": message.role.value, "content": message.text} for message in prompt.messages],
        "stream": stream,
    }
    first, other = ("max_completion_tokens", "max_tokens") if own else ("max_tokens", "max_completion_tokens")
    request[other if first in left_out else first] = prompt.max_tokens
    if stream and "stream_options" not in left_out:
        request["stream_options"] = {"include_usage": True}
    if prompt.temperature is not None and "temperature" not in left_out:
        request["temperature"] = prompt.temperature
    return request


def _text(part: Any, name: str) -> str:
    text = getattr(part, name, None)
    return text if isinstance(text, str) else ""


def _writes(delta: Any) -> bool:
    """Anything, also what is left out here: thoughts are charged for as well."""
    return delta is not None and any(value for name, value in dict(delta).items() if name != "role")


def _usage(answer: Any) -> Usage | None:
    usage = getattr(answer, "usage", None)
    counts = (getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None))
    return Usage(*counts) if all(isinstance(count, int) for count in counts) else None  # type: ignore[arg-type]


def _told(error: Exception) -> Told:
    response = getattr(error, "response", None)
    body = getattr(error, "body", None)
    if response is None:
        return Told.of(body)
    return Told.of(body, response.status_code, response.headers)
