"""A handoff as a stored document, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, TypeVar

from session_mgmt_mcp.domain.handoff import Committed, Handoff, Said, Uncommitted
from session_mgmt_mcp.domain.session_work import Failed, Ran, Touched
from session_mgmt_mcp.ports.transcript_source import Todo
from session_mgmt_mcp.ports.vector_store import Json

FORMAT = 1
T = TypeVar("T")
_LISTS: Mapping[str, type] = {
    "asked": Said,
    "decisions": Said,
    "todos": Todo,
    "commits": Committed,
    "files": Touched,
    "commands": Ran,
    "errors": Failed,
}
_TIMES = frozenset({"started", "ended", "made", "time", "seen"})


def body_of(handoff: Handoff) -> dict[str, Json]:
    """What `handoff_from` reads again."""
    return {"format": FORMAT, **_plain(asdict(handoff))}


def handoff_from(body: Mapping[str, Json]) -> Handoff:
    """A field that this version does not know is passed over."""
    inner: dict[str, Any] = {name: [_made(kind, one) for one in _list(body, name)] for name, kind in _LISTS.items()}
    looked = body.get("uncommitted")
    if isinstance(looked, Mapping):
        files = [(path, state) for path, state in _list(looked, "files")]
        inner["uncommitted"] = _made(Uncommitted, {**looked, "files": files})
    return _made(Handoff, {**body, **inner})


def same_work(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two documents tell the same, whenever they were made or their session was ended."""
    return _timeless(one) == _timeless(other)


def _timeless(body: Mapping[str, Json]) -> dict[str, Json]:
    looked = body.get("uncommitted")
    seen = {"uncommitted": {**looked, "seen": None}} if isinstance(looked, Mapping) else {}
    return {**body, "made": None, "ended": body.get("ended") is not None, **seen}


def _made(kind: type[T], body: Any) -> T:
    given = {one.name: body[one.name] for one in fields(kind) if one.name in body}  # type: ignore[arg-type]
    for name in _TIMES & given.keys():
        if isinstance(given[name], str):
            given[name] = datetime.fromisoformat(given[name])
    return kind(**given)


def _list(body: Mapping[str, Json], name: str) -> list[Any]:
    some = body.get(name)
    return list(some) if isinstance(some, list | tuple) else []


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
