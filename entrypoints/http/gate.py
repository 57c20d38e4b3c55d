"""The gate: the one thing that sees a request first, whatever its path or method. Nothing behind it is reached without a token."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from session_mgmt_mcp.connection import Connection, entered
from session_mgmt_mcp.delivery import awaiting
from session_mgmt_mcp.domain.access_tokens import Token
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.http.admission import Admission
from session_mgmt_mcp.http.body import Gone, read, skim
from session_mgmt_mcp.http.limits import Limits
from session_mgmt_mcp.http.names import Names
from session_mgmt_mcp.http.refusal import Refusal, retry_after, too_many
from session_mgmt_mcp.http.reply import App, Message, Receive, Reply, Scope, Send
from session_mgmt_mcp.ports.session_storage import is_name

PATH = "/mcp"
METHODS = ("GET", "POST", "DELETE")
PROJECT_HEADER = b"x-session-mgmt-project"
ONCE = (b"host", b"authorization", b"origin", b"content-length", b"content-type", b"mcp-session-id", PROJECT_HEADER)
SKIMMED_BYTES = 256 * 1024
SKIM_SECONDS = 1.0
STOPPING = "The server is stopping: call again in a moment."

_log = logging.getLogger(__name__)


class Gate:
    """An ASGI application around one for each role."""

    def __init__(self, apps: Mapping[Role, App], admission: Admission, names: Names, limits: Limits) -> None:
        self.apps = apps
        self._admission = admission
        self._names = names
        self._limits = limits
        self._leaving = asyncio.Event()
        self._requests: Counter[str] = Counter()  # in flight, by token
        self._streams: Counter[str] = Counter()

    def leave(self) -> None:
        """No new requests; streams end, requests in flight go on."""
        self._leaving.set()

    @property
    def in_flight(self) -> int:
        return self._requests.total()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # nothing else is served, and uvicorn is told to offer nothing else
        reply = Reply(send, self._limits.write_seconds)
        try:
            await self._serve(scope, receive, reply)
        except Refusal as refusal:
            whole = await skim(receive, SKIMMED_BYTES, SKIM_SECONDS)
            await reply.refuse(refusal, close=not whole)
        except (Gone, TimeoutError):
            _log.debug("a client went, or took nothing, before its answer was whole")
        except asyncio.CancelledError:
            if not self._leaving.is_set():
                raise
            await reply.refuse(Refusal(503, STOPPING, retry_after(1)), close=True)
        except Exception:
            _log.exception("a request over HTTP failed")
            await reply.refuse(Refusal(500, "The server failed to answer this; its log has the details."), close=True)
        with contextlib.suppress(TimeoutError):
            await reply.finish()

    async def _serve(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        if self._leaving.is_set():
            raise Refusal(503, STOPPING, retry_after(1))
        headers = _checked(scope["headers"], self._limits)
        self._names.check(_text(headers, b"host") or "", _text(headers, b"origin"), str(scope.get("scheme", "http")))
        token = await self._admission.of(headers, _address(scope))
        if scope["path"] != PATH:
            raise Refusal(404, f"There is nothing at this address: the server is at {PATH}.")
        if scope["method"] not in METHODS:
            raise Refusal(405, "That method is not for this address.", (b"allow", ", ".join(METHODS).encode()))
        caller = Connection(user=token.user, role=token.role, project=_project(headers))
        stream = scope["method"] == "GET" or headers.get(b"mcp-method") == b"subscriptions/listen"
        with self._counted(token, stream=stream):
            body = await self._body(receive, headers)
            rest = _Rest(body, receive, reply)
            passed = {**scope, "user": _principal(token)}
            app = self.apps[token.role]
            with entered(caller), awaiting() as awaited:
                if stream:
                    async with self._watched(token, rest):
                        await app(passed, rest.receive, reply.send)
                else:
                    try:
                        await app(passed, rest.receive, reply.send)
                    finally:
                        await awaited.all_answered(reply.complete and not rest.gone)

    async def _body(self, receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
        said = headers.get(b"content-length", b"0")
        if not said.isdigit() or int(said) > self._limits.body_bytes:
            raise Refusal(413, f"A message may have at most {self._limits.body_bytes:,} bytes: send less at once.")
        return await read(receive, self._limits.body_bytes, self._limits.body_seconds)

    @contextlib.contextmanager
    def _counted(self, token: Token, *, stream: bool) -> Iterator[None]:
        limits = self._limits
        counts, all_, each = (
            (self._streams, limits.streams, limits.streams_per_token)
            if stream
            else (self._requests, limits.requests, limits.requests_per_token)
        )
        if counts[token.id] >= each:
            raise too_many(1, "streams with this token" if stream else "requests at once with this token")
        if counts.total() >= all_:
            raise Refusal(503, "The server is busy: try again in a moment.", retry_after(1))
        counts[token.id] += 1
        try:
            yield
        finally:
            counts[token.id] -= 1
            if not counts[token.id]:
                del counts[token.id]

    @contextlib.asynccontextmanager
    async def _watched(self, token: Token, rest: "_Rest") -> AsyncIterator[None]:
        """Ends a stream when the server leaves, or its token holds no more."""
        watching = asyncio.create_task(self._until_over(token, rest))
        try:
            yield
        finally:
            watching.cancel()

    async def _until_over(self, token: Token, rest: "_Rest") -> None:
        while await self._admission.still_holds(token):
            try:
                await asyncio.wait_for(self._leaving.wait(), self._limits.stream_check_seconds)
            except TimeoutError:
                continue
            break
        rest.end()


class _Rest:
    """`receive` for an application whose body has been read; afterwards it tells of the client's going, or of an end of ours."""

    def __init__(self, body: bytes, receive: Receive, reply: Reply) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._reply = reply
        self._ended = asyncio.Event()
        self.gone = False

    def end(self) -> None:
        self._ended.set()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        waiting = [asyncio.ensure_future(self._receive()), asyncio.ensure_future(self._ended.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
        self.gone = self.gone or not self._reply.complete
        return {"type": "http.disconnect"}


def _checked(headers: Sequence[tuple[bytes, bytes]], limits: Limits) -> dict[bytes, bytes]:
    """By name; those that decide about anything may come only once."""
    if len(headers) > limits.headers or sum(len(name) + len(value) for name, value in headers) > limits.header_bytes:
        raise Refusal(431, f"At most {limits.headers} headers of {limits.header_bytes:,} bytes together, please.")
    names = Counter(name for name, _ in headers)
    if twice := next((name for name in ONCE if names[name] > 1), None):
        raise Refusal(400, f"The header {twice.decode()} came more than once.")
    return dict(headers)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _project(headers: Mapping[bytes, bytes]) -> str:
    name = _text(headers, PROJECT_HEADER) or ""
    if name and not is_name(name):
        raise Refusal(400, "X-Session-Mgmt-Project: give the name of a project, of letters, digits or -_.:@.")
    return name


def _principal(token: Token) -> AuthenticatedUser:
    """To whom the MCP library binds a session: the very token that opened it."""
    return AuthenticatedUser(AccessToken(token="", client_id=token.id, scopes=[str(token.role)], subject=token.user))
