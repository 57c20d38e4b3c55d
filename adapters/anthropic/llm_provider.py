"""LLMProvider on Anthropic's Messages API, by its SDK; also any other server that speaks it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from session_mgmt_mcp.adapters.llm_failures import Server, Told, failure, interrupted, refused
from session_mgmt_mcp.adapters.llm_http import NO_KEY, Sdk, broken, http_client
from session_mgmt_mcp.ports.errors import Invalid, PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    Denied,
    Overloaded,
    Prompt,
    RateLimited,
    Role,
    Stop,
    TooLong,
    Usage,
    check_prompt,
)

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

BASE_URL = "https://api.anthropic.com"
VERSION = "2026-10-21"
WITH_TEMPERATURE = "2023-06-01"
"""The last version of the API that takes a temperature, from the models that take one."""
HOTTEST = 1.0
PAGES = 20

_VERSION_HEADER = "anthropic-version"
_MEANINGS: dict[str, type[PortError]] = {
    "authentication_error": Denied,
    "permission_error": Denied,
    "billing_error": Denied,
    "contract_spend_limit_reached": Denied,
    "enforced_spend_limit_reached": Denied,
    "linked_organization_billing_unavailable": Denied,
    "linked_organization_spend_limit_reached": Denied,
    "organization_on_hold": Denied,
    "rate_limit_error": RateLimited,
    "overloaded_error": Overloaded,
    "request_too_large": TooLong,
    "exceed_context_size_error": TooLong,
}
_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


class AnthropicProvider:
    """LLMProvider. An empty base URL is the vendor's own. Temperatures go from 0 to 1.

    >>> AnthropicProvider(Access("", "sk-ant-...")).name
    'anthropic'
    """

    name = "anthropic"

    def __init__(self, access: Access) -> None:
        base_url = (access.base_url or BASE_URL).rstrip("/").removesuffix("/v1")
        self._server = Server(self.name, replace(access, base_url=base_url))
        self._own = self._server.host == Server(self.name, Access(BASE_URL)).host
        self._sdk = Sdk(self.name, self._load, "anthropic", "httpx2", "httpcore2")
        self._without_temperature: set[str] = set()

    def _load(self) -> "AsyncAnthropic":
        from anthropic import AsyncAnthropic

        return AsyncAnthropic(
            api_key=NO_KEY,
            webhook_key="",
            base_url=self._server.access.base_url,
            max_retries=0,
            timeout=None,
            open_telemetry=False,
            http_client=http_client(self._server, _VERSION_HEADER),
        )

    async def complete(self, prompt: Prompt) -> Completion:
        message = await self._asked(prompt, stream=False)
        blocks = getattr(message, "content", None)
        stopped = getattr(message, "stop_reason", None)
        if not isinstance(blocks, list) or not isinstance(stopped, str):
            if (told := Told.of(getattr(message, "model_extra", None) or {})).words:
                raise failure(self._server, told, _MEANINGS, prompt.model)
            raise interrupted(self._server, "what came is none")
        text = "".join(block.text for block in blocks if block.type == "text")
        counted = _counts(getattr(message, "usage", None))
        return self._whole(prompt, text, message, stopped, counted)

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        pieces: list[str] = []
        opening: Any = None
        closing: Any = None
        written = False  # also what it thinks, which is charged for
        counted: dict[str, int] = {}
        events = await self._asked(prompt, stream=True)
        try:
            async with aclosing(aiter(events)) as coming:
                async for event in coming:
                    match event.type:
                        case "message_start":
                            opening = event.message
                            counted |= _counts(getattr(opening, "usage", None))
                        case "message_delta":
                            closing = event.delta
                            counted |= _counts(getattr(event, "usage", None))
                        case "content_block_start" | "content_block_delta":
                            written = written or _writes(event)
                            if piece := _piece(event):
                                pieces.append(piece)
                                yield piece
        except PortError:
            raise
        except Exception as error:
            raise self._failure(error, prompt.model, begun=written) from None
        finally:
            await events.close()
        stopped = getattr(closing, "stop_reason", None)
        if not isinstance(stopped, str):
            raise interrupted(self._server, "it ended too early")
        yield self._whole(prompt, "".join(pieces), opening, stopped, counted, closing)

    async def models(self) -> Sequence[str]:
        found: set[str] = set()
        after: dict[str, Any] = {}
        for _ in range(PAGES):
            page = await self._listed(limit=1_000, **after)
            if page is None:
                raise Unsupported(f"{self._server} has no list of models: name one that it is known to have.")
            known = [model.id for model in page.data]
            found.update(known)
            if not known or not getattr(page, "has_more", None):
                break
            after = {"after_id": known[-1]}
        return sorted(found)

    async def health(self) -> None:
        await self._listed(limit=1)  # also without a list, it has answered

    async def close(self) -> None:
        if self._sdk.made is not None:
            await self._sdk.made.close()

    async def _asked(self, prompt: Prompt, *, stream: bool) -> Any:
        """What the SDK gives. Asks once more without the temperature where the model takes none: nothing was generated."""
        check_prompt(prompt)
        if prompt.temperature is not None and prompt.temperature > HOTTEST:
            raise Invalid(f"temperature: {self.name} takes 0 to {HOTTEST:g}.")
        self._server.check_key(needed=self._own)
        client = await self._sdk.client()
        tempered = prompt.temperature is not None and prompt.model not in self._without_temperature
        try:
            return await client.messages.create(**_request(prompt, tempered), stream=stream)
        except Exception as error:
            if not (tempered and _told(error).takes_no("temperature")):
                raise self._failure(error, prompt.model) from None
        self._without_temperature.add(prompt.model)
        try:
            return await client.messages.create(**_request(prompt, tempered=False), stream=stream)
        except Exception as error:
            raise self._failure(error, prompt.model) from None

    async def _listed(self, **asked: Any) -> Any:
        """A page of the list; None: the server has none."""
        self._server.check_key(needed=self._own)
        client = await self._sdk.client()
        try:
            page = await client.models.list(**asked, extra_headers={_VERSION_HEADER: VERSION})
            if all(isinstance(model.id, str) for model in page.data):
                return page
        except Exception as error:
            told = _told(error)
            if told.status in {404, 405, 501} and told.readable:
                return None
            raise self._failure(error, "") from None
        raise interrupted(self._server, "what came is no list of models")

    def _whole(
        self, prompt: Prompt, text: str, message: Any, stopped: str, counted: dict[str, int], closing: Any = None
    ) -> Completion:
        if stopped == "refusal":
            details = getattr(closing if closing is not None else message, "stop_details", None)
            said = (getattr(details, "category", None), getattr(details, "explanation", None))
            raise refused(self._server, ": ".join(part for part in said if part))
        limits = {"max_tokens", "model_context_window_exceeded"}
        known = counted.keys() >= {"input_tokens", "output_tokens"}
        read = sum(count for name, count in counted.items() if name != "output_tokens")
        return Completion(
            text,
            str(getattr(message, "model", None) or prompt.model),
            Stop.LENGTH if stopped in limits else Stop.END,
            Usage(read, counted["output_tokens"]) if known else None,
        )

    def _failure(self, error: Exception, model: str, begun: bool = False) -> PortError:
        from anthropic import APIStatusError

        if not isinstance(error, APIStatusError):
            return broken(self._server, error)
        return failure(self._server, _told(error), _MEANINGS, model, begun)


def _request(prompt: Prompt, tempered: bool) -> dict[str, Any]:
    """The SDK knows no temperature, since the newest version of the API takes none."""
    system = "".join(message.text for message in prompt.messages if message.role is Role.SYSTEM)
    request: dict[str, Any] = {
        "model": prompt.model,
        "max_tokens": prompt.max_tokens,
        "messages": [
            {"role": message.role.value, "content": message.text}
            for message in prompt.messages
            if message.role is not Role.SYSTEM
        ],
        "extra_headers": {_VERSION_HEADER: WITH_TEMPERATURE if tempered else VERSION},
    }
    if system:
        request["system"] = system
    if tempered:
        request["extra_body"] = {"temperature": prompt.temperature}
    return request


def _piece(event: Any) -> str:
    """Of text; what it thinks, and all else, is left out."""
    part = event.delta if event.type == "content_block_delta" else event.content_block
    return part.text or "" if part.type in {"text", "text_delta"} else ""


def _writes(event: Any) -> bool:
    return bool(event.type == "content_block_delta" or event.content_block.type != "text")


def _counts(usage: Any) -> dict[str, int]:
    """Those that are told: in a stream they are counted up, so the last ones hold."""
    told = {name: getattr(usage, name, None) for name in _COUNTS}
    return {name: count for name, count in told.items() if isinstance(count, int)}


def _told(error: Exception) -> Told:
    response = getattr(error, "response", None)
    if response is None:
        return Told(0, readable=False)
    status = 0 if response.status_code == 200 else response.status_code
    return Told.of(getattr(error, "body", None), status, response.headers)
