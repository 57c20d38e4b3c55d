"""One answer on its way out: watched over, and in our own words where it is an error that nobody put in JSON."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from session_mgmt_mcp.http.refusal import Refusal

Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Scope: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_SENTENCES = {
    400: "The request is no message that this server understands.",
    404: "There is nothing at this address.",
    405: "That method is not for this address.",
    406: "Accept both application/json and text/event-stream.",
    415: "Send the message as application/json.",
}


class Reply:
    """`send` for an application; `complete` once all of its answer was handed over."""

    def __init__(self, send: Send, write_seconds: float) -> None:
        self._send = send
        self._write_seconds = write_seconds
        self._replaced: Refusal | None = None
        self.started = False
        self.complete = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._replaced is not None:
            if not message.get("more_body", False):
                refusal, self._replaced = self._replaced, None
                await self._refuse(refusal)
        elif self.started and not self.complete:
            await self._say(message)
            self.complete = not message.get("more_body", False)

    async def refuse(self, refusal: Refusal, *, close: bool = False) -> None:
        """Instead of an answer; nothing when one has begun."""
        if not self.started:
            await self._refuse(refusal, close=close)

    async def finish(self) -> None:
        """Ends an answer that was begun, so that its reader need not guess."""
        if self.started and not self.complete:
            await self._say({"type": "http.response.body", "body": b"", "more_body": False})
            self.complete = True

    async def _start(self, message: Message) -> None:
        status, headers = message["status"], list(message.get("headers", ()))
        kinds = [value for name, value in headers if name.lower() == b"content-type"]
        if status >= 400 and not any(kind.startswith(b"application/json") for kind in kinds):
            kept = [pair for pair in headers if pair[0].lower() in (b"allow", b"retry-after")]
            self._replaced = Refusal(status, _SENTENCES.get(status, "The server could not answer this."), *kept)
            return
        known = {name.lower() for name, _ in headers}
        headers += [pair for pair in ALWAYS if pair[0] not in known]
        self.started = True
        await self._say({**message, "headers": headers})

    async def _refuse(self, refusal: Refusal, *, close: bool = False) -> None:
        body = refusal.body
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *ALWAYS,
            *refusal.headers,
            *([(b"connection", b"close")] if close else []),
        ]
        self.started = True
        await self._say({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._say({"type": "http.response.body", "body": body, "more_body": False})
        self.complete = True

    async def _say(self, message: Message) -> None:
        """Raises TimeoutError when the reader takes nothing for so long."""
        async with asyncio.timeout(self._write_seconds):
            await self._send(message)
