"""Sessions that no process holds: documents with an end, which any machine that shares their storage reads and writes on."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from session_mgmt_mcp.domain.documents import every
from session_mgmt_mcp.domain.redaction import redact, redact_values
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage, is_name
from session_mgmt_mcp.ports.vector_store import Json

SERVERLESS = "serverless"
MOST_BYTES = 64 * 1024
"""Of a session's data, as JSON in UTF-8."""
MOST_HOURS = 24.0 * 366
_FOLDER = re.compile(r".+-[0-9a-f]{6}")  # as domain/projects.py names them
CLEARED_AFTER = timedelta(days=1)  # by the storage itself; until then `clear` counts what it takes away


@dataclass(frozen=True, slots=True)
class ServerlessSession:
    """One session. Times are aware, UTC; `version` counts its writes."""

    id: str
    user: str
    project: str
    data: Mapping[str, Json]
    created: datetime
    updated: datetime
    expires: datetime
    version: int


class ServerlessSessions:
    """Sessions in a shared storage. `new_id` makes text that nobody can guess.

    Methods that take `user` see that user's sessions alone, and those of others as if there were none; None: all.
    A session that has expired is gone for every method, whether or not the storage has taken it away.
    """

    def __init__(self, storage: SessionStorage, clock: Clock, new_id: Callable[[], str]) -> None:
        self._storage = storage
        self._clock = clock
        self._new_id = new_id

    async def create(self, user: str, project: str, data: Mapping[str, Any], hours: float) -> ServerlessSession:
        """Without the secrets that `data` may hold. Raises Invalid for data that is no JSON or too large."""
        user, now = redact(user).text, self._clock.now()
        id = f"{_whose(user)}-{self._new_id()}"
        expires = now + timedelta(hours=hours)
        made = ServerlessSession(id, user, redact(project).text, _clean(data), now, now, expires, 0)
        try:
            return await self._put(made)
        except Conflict:  # nobody else has this id: the first try was written, though its answer was lost
            return await self.get(id, user)

    async def get(self, id: str, user: str | None) -> ServerlessSession:
        """Raises NotFound."""
        document = await self._storage.get(SERVERLESS, id) if is_name(id) else None
        found = _session(document) if document else None
        if found is None or not self._lives(found) or user not in (None, found.user):
            raise NotFound(
                f"No serverless session has the id {redact(id).text[:60]!r}, or it has expired: "
                "list_serverless_sessions names those there are."
            )
        return found

    async def update(
        self, id: str, updates: Mapping[str, Any], user: str | None, hours: float | None = None
    ) -> ServerlessSession:
        """Merges `updates` into its data (RFC 7396: objects are merged, null takes a name away); `hours` from now on it lives.

        What others write at the same time is merged as well: each write is made upon the last one. Raises NotFound, Invalid.
        """
        cleaned = _clean(updates)
        while True:
            known = await self.get(id, user)
            now = self._clock.now()
            changed = ServerlessSession(
                known.id,
                known.user,
                known.project,
                _clean(merged(known.data, cleaned)),
                known.created,
                now,
                known.expires if hours is None else now + timedelta(hours=hours),
                known.version,
            )
            try:
                return await self._put(changed)
            except Conflict:
                continue

    async def delete(self, id: str, user: str | None) -> bool:
        """Whether there was one."""
        while True:
            try:
                known = await self.get(id, user)
                return await self._storage.delete(SERVERLESS, id, expected_version=known.version)
            except NotFound:
                return False
            except Conflict:
                continue

    async def list(self, user: str, project: str | None = None) -> list[ServerlessSession]:
        """A user's, the one written last first; None: of all projects. A bare name means that project on any machine."""
        user = redact(user).text  # as `create` keeps it
        every_one = every(self._storage, SERVERLESS, f"{_whose(user)}-", {"user": user})
        read = [_session(one) async for one in every_one]
        found = [one for one in read if self._lives(one) and (project is None or _is_of(one, project))]
        return sorted(found, key=lambda one: (one.updated, one.id), reverse=True)

    async def clear(self, user: str | None) -> int:
        """Takes expired ones out of the storage; how many went."""
        count = 0
        prefix = f"{_whose(user)}-" if user is not None else ""
        async for document in every(self._storage, SERVERLESS, prefix, {"user": user} if user is not None else None):
            if not self._lives(_session(document)):
                try:
                    count += await self._storage.delete(SERVERLESS, document.id, expected_version=document.version)
                except Conflict:
                    continue  # somebody has given it more time
        return count

    def _lives(self, session: ServerlessSession) -> bool:
        return session.expires > self._clock.now()

    async def _put(self, session: ServerlessSession) -> ServerlessSession:
        body: dict[str, Json] = {
            "user": session.user,
            "project": session.project,
            "data": dict(session.data),
            "created": session.created.isoformat(),
            "updated": session.updated.isoformat(),
            "expires": session.expires.isoformat(),
        }
        expires = session.expires + CLEARED_AFTER
        written = await self._storage.put(
            SERVERLESS, session.id, body, expected_version=session.version, expires=expires
        )
        return _session(written)


def merged(data: Mapping[str, Json], updates: Mapping[str, Json]) -> dict[str, Json]:
    """As JSON Merge Patch (RFC 7396) says.

    >>> merged({"a": 1, "b": {"c": 2, "d": 3}}, {"a": None, "b": {"d": 4}})
    {'b': {'c': 2, 'd': 4}}
    """
    result = dict(data)
    for name, value in updates.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            before = result.get(name)
            result[name] = merged(before if isinstance(before, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def _clean(data: Mapping[str, Any]) -> dict[str, Json]:
    """Without its secrets. Raises Invalid for what is no JSON, or too large."""
    try:
        text = json.dumps(dict(data), allow_nan=False, ensure_ascii=False)
        size = len(text.encode("utf-8", "surrogatepass"))
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"The session's data cannot be kept ({error}): give an object that JSON can hold.") from None
    if size > MOST_BYTES:
        raise Invalid(f"The session's data has {size:,} bytes, at most {MOST_BYTES:,} are kept: leave something out.")
    clean = redact_values(_names(data))
    assert isinstance(clean, Mapping)
    return dict(clean)


def _names(value: Any) -> Any:
    """Secrets that stand as names go, too."""
    if isinstance(value, Mapping):
        return {redact(name).text: _names(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_names(inner) for inner in value]
    return value


def _whose(user: str) -> str:
    """What the ids of a user's sessions begin with: so they are found without looking at those of others."""
    return opaque_id(user)[:12]


def _is_of(session: ServerlessSession, project: str) -> bool:
    """By the whole name, or the id of a folder of that name."""
    named = redact(project).text
    return session.project == named or bool(_FOLDER.fullmatch(session.project) and session.project[:-7] == named)


def _session(document: Document) -> ServerlessSession:
    body: Mapping[str, Any] = document.body
    return ServerlessSession(
        document.id,
        str(body["user"]),
        str(body["project"]),
        body["data"],
        datetime.fromisoformat(body["created"]),
        datetime.fromisoformat(body["updated"]),
        datetime.fromisoformat(body["expires"]),
        document.version,
    )
