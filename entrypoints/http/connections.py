"""Connections that come to nothing are not kept: too many of them, or one that never says what it wants."""

import asyncio
from typing import ClassVar

import h11
from session_mgmt_mcp.http.limits import Limits
from session_mgmt_mcp.http.refusal import Refusal
from uvicorn.protocols.http.h11_impl import H11Protocol


class Impatient(H11Protocol):
    """uvicorn waits for headers as long as somebody likes; this one does not."""

    limits: ClassVar[Limits] = Limits()
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._wait_for_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._done_waiting()
        elif self._patience is None:
            self._wait_for_headers()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP/1.1, or has too long headers, hears so as everybody does."""
        body = Refusal(400, "This is no HTTP/1.1 request, or its headers are too long: send less, or speak HTTP.").body
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        for event in (h11.Response(status_code=400, headers=headers), h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._done_waiting()
        super().connection_lost(exc)

    def _wait_for_headers(self) -> None:
        self._patience = self.loop.call_later(self.limits.header_seconds, self.transport.abort)

    def _done_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def impatient(limits: Limits) -> type[Impatient]:
    return type("Impatient", (Impatient,), {"limits": limits})
