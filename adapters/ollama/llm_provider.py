"""LLMProvider on Ollama, by its SDK; also any other server that speaks its format."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from session_mgmt_mcp.adapters.llm_failures import Server, Told, failure, interrupted, model_name, unreachable
from session_mgmt_mcp.adapters.llm_http import Sdk, beginning, begun, broken, connection
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Completion,
    NoSuchModel,
    Overloaded,
    Prompt,
    Stop,
    Usage,
    check_prompt,
)

BASE_URL = "http://127.0.0.1:11434"

_MEANINGS: dict[str, type[PortError]] = {
    "server busy": Overloaded,
    "server overloaded": Overloaded,
    "requires more system memory": Overloaded,
}
"""By its words: it has no codes."""
_STOPS = {None: Stop.END, "stop": Stop.END, "length": Stop.LENGTH}


class _Failed(Exception):
    """An answer with the status of an error: the SDK's own error has lost its headers."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.status)
        self.told = told


class OllamaProvider:
    """LLMProvider. An empty base URL is Ollama on this machine, which wants no key.

    A prompt beyond the model's context is TooLong from Ollama 0.12.6 on; an older one cuts it and says nothing.
    A model that is not there is not fetched. What a model thinks is counted, not told.

    >>> OllamaProvider(Access("")).name
    'ollama'
    """

    name = "ollama"

    def __init__(self, access: Access) -> None:
        base_url = (access.base_url or BASE_URL).rstrip("/").removesuffix("/api")
        self._server = Server(self.name, replace(access, base_url=base_url))
        self._sdk: Sdk[Any] = Sdk(self.name, self._load, "httpx", "httpcore")
        self._without_temperature: set[str] = set()

    def _load(self) -> Any:
        import httpx
        from ollama import AsyncClient

        made_with = connection(httpx, self._server)
        made_with["event_hooks"]["response"].append(_check)
        return AsyncClient(self._server.access.base_url, auth=_uncut, **made_with)

    async def complete(self, prompt: Prompt) -> Completion:
        answer = await self._asked(prompt, stream=False)
        return self._whole(prompt, answer.message.content or "", answer)

    async def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        pieces: list[str] = []
        last: Any = None
        try:
            async with aclosing(await self._asked(prompt, stream=True)) as parts:
                async for part in parts:
                    last = part
                    if piece := part.message.content:
                        pieces.append(piece)
                        yield piece
        except PortError:
            raise
        except Exception as error:
            raise self._failure(error, prompt.model, begun=last is not None) from None
        yield self._whole(prompt, "".join(pieces), last)

    async def models(self) -> Sequence[str]:
        self._server.check_key(needed=False)
        client = await self._sdk.client()
        try:
            return sorted({model.model for model in (await client.list()).models if model.model})
        except Exception as error:
            raise self._failure(error, "") from None

    async def health(self) -> None:
        """Ollama shows its list to anybody: whether it takes the key, only an answer tells."""
        await self.models()

    async def close(self) -> None:
        if self._sdk.made is not None:
            await self._sdk.made.close()

    async def _asked(self, prompt: Prompt, *, stream: bool) -> Any:
        """What the SDK gives. Asks once more without the temperature where the model takes none: nothing was generated."""
        check_prompt(prompt)
        self._server.check_key(needed=False)
        client = await self._sdk.client()
        tempered = prompt.temperature is not None and prompt.model not in self._without_temperature
        for with_temperature in (True, False) if tempered else (False,):
            try:
                answer = await client.chat(**_request(prompt, with_temperature), stream=stream)
                return await begun(answer) if stream else answer
            except Exception as error:
                if not (with_temperature and _told(error).takes_no("temperature")):
                    raise self._failure(error, prompt.model) from None
                self._without_temperature.add(prompt.model)
        raise AssertionError("the last try returns or raises")

    def _whole(self, prompt: Prompt, text: str, last: Any) -> Completion:
        if last is None or not last.done:
            raise interrupted(self._server, "it ended too early")
        if last.done_reason not in _STOPS:
            raise interrupted(self._server, "it was not asked to write")
        counts = (last.prompt_eval_count, last.eval_count)
        usage = None if counts == (None, None) else Usage(counts[0] or 0, counts[1] or 0)
        return Completion(text, last.model or prompt.model, _STOPS[last.done_reason], usage)

    def _failure(self, error: Exception, model: str, begun: bool = False) -> PortError:
        if isinstance(error, ConnectionError):  # the SDK's word for no connection
            return unreachable(self._server, "")
        told = _told(error)
        if not told.status and not told.words:
            return broken(self._server, error, "httpx")
        meant = failure(self._server, told, _MEANINGS, model, begun)
        if isinstance(meant, NoSuchModel):
            name = model_name(model)
            return NoSuchModel(
                f"{self._server} has no model {name}: pull it there (ollama pull {name}), or name another."
            )
        return meant


def _request(prompt: Prompt, with_temperature: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"num_predict": prompt.max_tokens}
    if with_temperature:
        options["temperature"] = prompt.temperature
    messages = [{"role": message.role.value, "content": message.text} for message in prompt.messages]
    return {"model": prompt.model, "messages": messages, "options": options}


def _uncut(request: Any) -> Any:
    """The same request, but a prompt beyond the context is an error: the SDK has no argument for that."""
    import httpx

    if not request.url.path.endswith("/api/chat"):
        return request
    asked = json.loads(request.content) | {"truncate": False, "shift": False}
    return httpx.Request(request.method, request.url, json=asked, extensions=request.extensions)


async def _check(response: Any) -> None:
    if response.status_code >= 300:
        body = await beginning(response)
        try:
            said = json.loads(body)
        except ValueError:
            said = ""
        raise _Failed(_of(said, response.status_code, response.headers))


def _told(error: Exception) -> Told:
    from ollama import ResponseError

    if isinstance(error, _Failed):
        return error.told
    return _of({"error": error.error}) if isinstance(error, ResponseError) else Told(0, readable=False)


def _of(body: object, status: int = 0, headers: Any = None) -> Told:
    """Ollama hands on as a string what its engine said as JSON."""
    said = body.get("error") if isinstance(body, dict) else None
    if isinstance(said, str) and said.startswith("{"):
        with suppress(ValueError):
            body = json.loads(said)
    told = Told.of(body, status, headers)
    found = tuple(sign for sign in _MEANINGS if sign in told.words)
    return Told(told.status, found, told.words, told.param, told.headers, told.readable)
