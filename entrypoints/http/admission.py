"""Who is let in: the token of a request, and the count of those who came with a wrong one."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping

from session_mgmt_mcp.domain.access_tokens import Token, Tokens, looks_like_one
from session_mgmt_mcp.http.limits import Buckets, Limits, Recent, neighbourhood
from session_mgmt_mcp.http.refusal import Refusal, retry_after, too_many, unauthorized
from session_mgmt_mcp.ports.errors import PortError

_log = logging.getLogger(__name__)


class Admission:
    """Asks for each request anew, so that a revoked token opens nothing."""

    def __init__(self, tokens: Tokens, limits: Limits) -> None:
        self._tokens = tokens
        self._failures = Buckets(limits.failure_rate, limits.failure_burst)
        self._paces = Buckets(limits.rate, limits.burst)
        self._let_in = Recent()
        self._notes: set[asyncio.Task[None]] = set()

    async def of(self, headers: Mapping[bytes, bytes], address: str) -> Token:
        """Raises Refusal: 401 without a valid token, 429 for too many of them or of its requests."""
        secret = _bearer(headers.get(b"authorization", b""))
        place = neighbourhood(address)
        known = _fingerprint(secret)
        # Whoever shares an address with a guesser, behind a proxy, goes on working with the token they came with before.
        if known not in self._let_in and (wait := self._failures.wait(place)):
            raise too_many(wait, "failed attempts from this address")
        token = await self._holder(secret) if looks_like_one(secret) else None
        if token is None:
            self._let_in.discard(known)
            if wait := self._failures.take(place):
                raise too_many(wait, "failed attempts from this address")
            raise unauthorized()
        self._let_in.add(known)
        if wait := self._paces.take(token.id):
            raise too_many(wait, "requests with this token")
        self._note(token)
        return token

    async def still_holds(self, token: Token) -> bool:
        try:
            return await self._tokens.still_holds(token.id)
        except PortError:
            return False

    async def close(self) -> None:
        await asyncio.gather(*self._notes, return_exceptions=True)

    async def _holder(self, secret: str) -> Token | None:
        try:
            return await self._tokens.holder(secret)
        except PortError as error:
            _log.warning("a token could not be looked up: %s", error)
            raise Refusal(503, "Tokens cannot be checked at the moment: try again.", retry_after(2)) from None

    def _note(self, token: Token) -> None:
        task = asyncio.create_task(self._noted(token))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _noted(self, token: Token) -> None:
        try:
            await self._tokens.note_use(token)
        except PortError as error:
            _log.warning("the use of a token could not be noted: %s", error)


def _bearer(header: bytes) -> str:
    scheme, _, secret = header.decode("latin-1").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
