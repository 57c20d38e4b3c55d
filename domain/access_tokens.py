"""Tokens: whose word a request over the network is, and how much it may do."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage, is_name
from session_mgmt_mcp.ports.vector_store import Json

PREFIX = "sessmgmt_"  # domain/secret_tokens knows it, too
COLLECTION = "tokens"
LONGEST_NAME = 200
NOTED_AGAIN = timedelta(hours=1)  # last use is told this coarsely
REMEMBERED = timedelta(days=30)  # so long a list still shows one that has expired
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SHAPE = re.compile(PREFIX + r"([0-9a-f]{12})_[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; the token itself is not."""

    id: str
    user: str
    role: Role
    name: str
    created: datetime
    expires: datetime | None
    used: datetime | None  # to the hour

    def holds(self, now: datetime) -> bool:
        return self.expires is None or now < self.expires


class Tokens:
    """Gives, lists and takes tokens, and says who holds one. `entropy(n)` gives n random bytes."""

    def __init__(self, storage: SessionStorage, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._storage = storage
        self._clock = clock
        self._entropy = entropy

    async def create(self, user: str, role: Role, lifetime: timedelta | None, name: str = "") -> tuple[Token, str]:
        """The token's record, and the token, which nobody can tell again. Raises Invalid."""
        if not is_name(user):
            raise Invalid(f"user {user[:40]!r}: give 1 to 200 letters, digits or -_.:@, the first of them no dot.")
        if lifetime is not None and lifetime <= timedelta(0):
            raise Invalid("expires: give a time that is still to come, as 90d, or never.")
        now = self._clock.now()
        id = self._entropy(6).hex()
        secret = f"{PREFIX}{id}_{self._entropy(32).hex()}"
        expires = now + lifetime if lifetime is not None else None
        body: dict[str, Json] = {
            "user": user,
            "role": str(role),
            "name": redact(name).text[:LONGEST_NAME],
            "created": now.isoformat(),
            "expires": expires.isoformat() if expires else None,
            "used": None,
            "sha256": _digest(secret),
        }
        document = await self._storage.put(COLLECTION, id, body, expected_version=0, expires=_forgotten(expires))
        return _token(document), secret

    async def list(self) -> list[Token]:
        """The oldest first; those that expired lately, too."""
        found: list[Token] = []
        cursor: str | None = None
        while True:
            page = await self._storage.list(COLLECTION, cursor=cursor)
            found += map(_token, page.documents)
            if (cursor := page.cursor) is None:
                return sorted(found, key=lambda token: (token.created, token.id))

    async def any_valid(self) -> bool:
        now = self._clock.now()
        return any(token.holds(now) for token in await self.list())

    async def revoke(self, id: str) -> Token:
        """The one that opens nothing from now on. Raises NotFound."""
        document = await self._storage.get(COLLECTION, id) if is_name(id) else None
        if document is None or not await self._storage.delete(COLLECTION, id):
            raise NotFound(f"There is no token {id[:40]!r}: `token list` names them.")
        return _token(document)

    async def holder(self, secret: str) -> Token | None:
        """Whose token it is; None for one that is unknown, revoked or expired."""
        shape = _SHAPE.fullmatch(secret)
        document = await self._storage.get(COLLECTION, shape[1]) if shape else None
        stored = str(document.body["sha256"]) if document else ""
        same = hmac.compare_digest(_digest(secret), stored)
        if document is None or not same:
            return None
        token = _token(document)
        return token if token.holds(self._clock.now()) else None

    async def still_holds(self, id: str) -> bool:
        document = await self._storage.get(COLLECTION, id)
        return document is not None and _token(document).holds(self._clock.now())

    async def note_use(self, token: Token) -> None:
        """Once an hour. One that is revoked meanwhile stays so."""
        now = self._clock.now()
        if token.used is not None and now - token.used < NOTED_AGAIN:
            return
        document = await self._storage.get(COLLECTION, token.id)
        if document is None:
            return
        body = {**document.body, "used": now.replace(minute=0, second=0, microsecond=0).isoformat()}
        try:
            await self._storage.put(
                COLLECTION, token.id, body, expected_version=document.version, expires=_forgotten(token.expires)
            )
        except Conflict:
            return  # it was revoked, or somebody else has just noted the same


def lifetime(text: str) -> timedelta | None:
    """`never` is None. Raises Invalid.

    >>> lifetime("12h"), lifetime("2w"), lifetime("never")
    (datetime.timedelta(seconds=43200), datetime.timedelta(days=14), None)
    """
    if text == "never":
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text, re.ASCII)
    if not found:
        raise Invalid(f"expires {text[:40]!r}: give hours, days or weeks, as 12h, 90d or 2w; or never.")
    return int(found[1]) * _UNITS[found[2]]


def looks_like_one(secret: str) -> bool:
    """Whether it has a token's shape; only such are looked up."""
    return bool(_SHAPE.fullmatch(secret))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _forgotten(expires: datetime | None) -> datetime | None:
    return expires + REMEMBERED if expires is not None else None


def _token(document: Document) -> Token:
    body: Mapping[str, Json] = document.body
    return Token(
        id=document.id,
        user=str(body["user"]),
        role=Role(str(body["role"])),
        name=str(body["name"]),
        created=datetime.fromisoformat(str(body["created"])),
        expires=_time(body["expires"]),
        used=_time(body["used"]),
    )


def _time(value: Json) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
