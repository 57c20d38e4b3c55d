"""LLMProvider on Google's Gemini API (that for developers, never Vertex AI), by its SDK; also any server that speaks it."""

import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from session_mgmt_mcp.adapters.llm_failures import Server, Told, failure, interrupted, model_name, refused
from session_mgmt_mcp.adapters.llm_http import NO_KEY, Sdk, begun, broken, http_client
from session_mgmt_mcp.ports.errors import PortError, Unsupported
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    Denied,
    Interrupted,
    NoSuchModel,
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
    from google.genai import Client

BASE_URL = "https://generativelanguage.googleapis.com"
VERSION = "v1beta"
"""Of the API: aliases such as gemini-flash-latest are in no other, and other servers speak no other."""
PAGES = 20

_MEANINGS: dict[str, type[PortError]] = {
    "API_KEY_INVALID": Denied,
    "BILLING_DISABLED": Denied,
    "credits are depleted": Denied,
    "token count": TooLong,
    "payload size": TooLong,
    "UNAUTHENTICATED": Denied,
    "PERMISSION_DENIED": Denied,
    "FAILED_PRECONDITION": Denied,
    "RESOURCE_EXHAUSTED": RateLimited,
    "NOT_FOUND": NoSuchModel,
    "UNAVAILABLE": Overloaded,
    "INTERNAL": Interrupted,
    "DEADLINE_EXCEEDED": Interrupted,
    "CANCELLED": Interrupted,
}
_BY_WORDS = {
    "API_KEY_INVALID": re.compile(r"API key (not valid|expired)", re.I),
    "credits are depleted": re.compile(r"credits are depleted", re.I),
    "token count": re.compile(r"token count\b.*\bexceeds", re.I),
    "payload size": re.compile(r"payload size exceeds", re.I),
}
_STOPS = {"STOP": Stop.END, "MAX_TOKENS": Stop.LENGTH, "CONTINUATION": Stop.LENGTH}
_WITHHELD = {
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION", "MODEL_ARMOR",
}  # fmt: skip
_responses: ContextVar[list[Any] | None] = ContextVar("responses", default=None)
_NAME = re.compile(r"(?!.*\.\.)[\w.:@/-]+")  # it becomes part of the address


@dataclass(slots=True)
class _Answer:
    """What has come of it. An answer has one candidate; what a model thinks is counted, not told."""

    pieces: list[str] = field(default_factory=list)
    model: str = ""
    stopped: str = ""
    withheld: str | None = None  # why the prompt is not answered
    usage: Usage | None = None
    begun: bool = False

    def take(self, part: Any) -> str:
        """The text in a part of a stream, or in the whole."""
        self.begun = True
        self.model = part.model_version or self.model
        if (feedback := part.prompt_feedback) is not None and feedback.block_reason is not None:
            self.withheld = f"{feedback.block_reason.value} {feedback.block_reason_message or ''}"
        if (counts := part.usage_metadata) is not None and counts.prompt_token_count is not None:
            written = (counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0)
            self.usage = Usage(counts.prompt_token_count + (counts.tool_use_prompt_token_count or 0), written)
        text = ""
        for candidate in (part.candidates or ())[:1]:
            if candidate.finish_reason is not None:
                self.stopped = candidate.finish_reason.value
            parts = (candidate.content and candidate.content.parts) or ()
            text = "".join(part.text for part in parts if part.text and not part.thought)
        if text:
            self.pieces.append(text)
        return text


class GeminiProvider:
    """LLMProvider. An empty base URL is Google's own; another server's goes as far as the version, which is added.

    >>> GeminiProvider(Access("", "AIza...")).name
    'gemini'
    """

    name = "gemini"

    def __init__(self, access: Access) -> None:
        base_url = (access.base_url or BASE_URL).rstrip("/").removesuffix(f"/{VERSION}")
        self._server = Server(self.name, replace(access, base_url=base_url))
        self._own = self._server.host == Server(self.name, Access(BASE_URL)).host
        self._sdk = Sdk(self.name, self._load, "google_genai", "httpx2", "httpcore2")
        self._http: Any = None
        self._without_temperature: set[str] = set()

    def _load(self) -> "Client":
        import httpx2
        from google.genai import Client
        from google.genai.types import HttpOptions

        self._http = http_client(self._server, key_header="x-goog-api-key")
        self._http.event_hooks["response"].append(_note)
        # what is never used gets nothing to work with: the SDK would make its own, as the environment says
        options = HttpOptions(
            base_url=self._server.access.base_url,
            api_version=VERSION,
            httpx_async_client=self._http,
            httpx_client=httpx2.Client(transport=httpx2.BaseTransport()),
            async_client_args={"ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},  # of websockets
        )
        return Client(vertexai=False, api_key=NO_KEY, http_options=options)

    async def complete(self, prompt: Prompt) -> Completion:
        answer = _Answer()
        answer.take(await self._asked(prompt, stream=False))
        return self._whole(prompt, answer)

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        answer = _Answer()
        try:
            async with aclosing(await self._asked(prompt, stream=True)) as parts:
                async for part in parts:
                    if piece := answer.take(part):
                        yield piece
        except PortError:
            raise
        except Exception as error:
            raise self._failure(error, prompt.model, answer.begun) from None
        yield self._whole(prompt, answer)

    async def models(self) -> Sequence[str]:
        found: set[str] = set()
        token: str | None = None
        for _ in range(PAGES):
            if (listed := await self._listed(1_000, token)) is None:
                raise Unsupported(f"{self._server} has no list of models: name one that it is known to have.")
            names, token = listed
            found.update(names)
            if not token:
                break
        return sorted(found)

    async def health(self) -> None:
        await self._listed(1, None)  # also without a list, it has answered

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    async def _asked(self, prompt: Prompt, *, stream: bool) -> Any:
        """What the SDK gives. Asks once more without the temperature where the model takes none: nothing was generated."""
        check_prompt(prompt)
        if not _NAME.fullmatch(prompt.model):
            raise NoSuchModel(f"{self._server} has no model {model_name(prompt.model)}: name another.")
        self._server.check_key(needed=self._own)
        models = (await self._sdk.client()).aio.models
        tempered = prompt.temperature is not None and prompt.model not in self._without_temperature
        for with_temperature in (True, False) if tempered else (False,):
            request = _request(prompt, with_temperature)
            try:
                return await (_streamed(models, request) if stream else models.generate_content(**request))
            except Exception as error:
                if not (with_temperature and _told(error).takes_no("temperature")):
                    raise self._failure(error, prompt.model) from None
                self._without_temperature.add(prompt.model)
        raise AssertionError("the last try returns or raises")

    async def _listed(self, size: int, token: str | None) -> tuple[list[str], str | None] | None:
        """The names on one page, of models that write, and what to ask for the next page with; None: it has no list."""
        self._server.check_key(needed=self._own)
        client = await self._sdk.client()
        try:
            pager = await client.aio.models.list(config={"page_size": size, "page_token": token})
            names = [
                (model.name or "").removeprefix("models/")
                for model in pager.page
                if not model.supported_actions or "generateContent" in model.supported_actions
            ]
            if pager.page or token:
                return [name for name in names if name], pager.config.get("page_token")
        except Exception as error:
            told = _told(error)
            if told.status in {404, 405, 501} and told.readable:
                return None
            raise self._failure(error, "") from None
        raise interrupted(self._server, "what came is no list of models")

    def _whole(self, prompt: Prompt, answer: _Answer) -> Completion:
        if answer.withheld is not None:
            raise refused(self._server, answer.withheld)
        if answer.stopped in _WITHHELD:
            raise refused(self._server, answer.stopped)
        if answer.stopped == "PUP_LIMITED_DISABLED":
            raise Denied(f"{self._server} has limited the account for what it was asked before: look at the account.")
        if answer.stopped not in _STOPS:
            raise interrupted(self._server, f"it ended too early {answer.stopped[:40]}".rstrip())
        text = "".join(answer.pieces)
        return Completion(text, answer.model or prompt.model, _STOPS[answer.stopped], answer.usage)

    def _failure(self, error: Exception, model: str, begun: bool = False) -> PortError:
        told = _told(error)
        if not told.status:
            return broken(self._server, error)
        return failure(self._server, told, _MEANINGS, model, begun)


async def _note(response: Any) -> None:
    if (responses := _responses.get()) is not None:
        responses.append(response)


async def _streamed(models: Any, request: Mapping[str, Any]) -> AsyncIterator[Any]:
    """The SDK keeps the connection of a stream that is left early: it is closed here."""
    responses: list[Any] = []
    asking = _responses.set(responses)
    try:
        parts = await begun(await models.generate_content_stream(**request))
    finally:
        _responses.reset(asking)

    async def closing() -> AsyncIterator[Any]:
        try:
            async with aclosing(parts):  # type: ignore[type-var]
                async for part in parts:
                    yield part
        finally:
            for response in responses:
                await response.aclose()

    return closing()


def _request(prompt: Prompt, with_temperature: bool) -> dict[str, Any]:
    """One call, without what the SDK does on top: calling functions, and asking on until an answer is whole."""
    config: dict[str, Any] = {
        "max_output_tokens": prompt.max_tokens,
        "automatic_continuation": False,
        "automatic_function_calling": {"disable": True},
    }
    if system := "".join(message.text for message in prompt.messages if message.role is Role.SYSTEM):
        config["system_instruction"] = system
    if with_temperature:
        config["temperature"] = prompt.temperature
    turns = [
        {"role": "user" if message.role is Role.USER else "model", "parts": [{"text": message.text}]}
        for message in prompt.messages
        if message.role is not Role.SYSTEM
    ]
    return {"model": prompt.model, "contents": turns, "config": config}


def _told(error: Exception) -> Told:
    """Out of google.rpc.Status: its name for the error, the reasons in its details, and how long to wait."""
    from google.genai.errors import APIError

    if not isinstance(error, APIError) or not isinstance(error.code, int):
        return Told(0, readable=False)
    body: Any = error.details if isinstance(error.details, Mapping) else {}
    inside: Any = body.get("error", body)
    if not isinstance(inside, Mapping):
        return Told(error.code, words=str(inside))
    words = str(inside.get("message") or "")
    details = [detail for detail in inside.get("details") or () if isinstance(detail, Mapping)]
    by_words = [name for name, pattern in _BY_WORDS.items() if pattern.search(words)]
    reasons = [str(detail["reason"]) for detail in details if detail.get("reason")]
    headers = dict(getattr(error.response, "headers", None) or {})
    readable = "json" in headers.get("content-type", "")
    for wait in (str(detail["retryDelay"]).removesuffix("s") for detail in details if detail.get("retryDelay")):
        headers["retry-after"] = wait
    codes = (*reasons, *by_words, str(inside.get("status") or ""))
    return Told(error.code, codes, words, headers=headers, readable=readable)
