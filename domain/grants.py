"""What a person has allowed: a closed set of operations, by project or for all, kept until it is revoked."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

ALL = "*"
_COLLECTION = "grants"


class Operation(StrEnum):
    """What needs somebody's word."""

    GIT_COMMIT = "git_commit"
    DEPENDENCY_SYNC = "dependency_sync"
    QUALITY_FIX = "quality_fix"
    REPO_WRITE = "repo_write"
    HTTP_EXPOSURE = "http_exposure"


MEANING: Mapping[Operation, str] = {
    Operation.GIT_COMMIT: "checkpoint commits changed tracked files",
    Operation.DEPENDENCY_SYNC: "start installs the project's dependencies",
    Operation.QUALITY_FIX: "quality runs change files",
    Operation.REPO_WRITE: "files are written into the repository: handoffs, starting layouts",
    Operation.HTTP_EXPOSURE: "the server listens on a network address",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Somebody's word. `project` `*` is all of them."""

    operation: Operation
    project: str
    who: str
    when: datetime


class Grants:
    """Gives, takes and asks for grants. One document a project, and one for all."""

    def __init__(self, storage: SessionStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def require(self, operation: Operation, project: str) -> Grant:
        """The grant that covers it. Raises Invalid with a sentence that says how to get one."""
        for grant in await self.of(project):
            if grant.operation is operation:
                return grant
        raise Invalid(
            f"{operation} is not allowed in {project}: ask the user, then call permissions with action=trust and"
            f" operation={operation}."
        )

    async def of(self, project: str) -> list[Grant]:
        """What holds in a project, its own grants before those for all."""
        return [grant for place in dict.fromkeys((project, ALL)) for grant in _grants(await self._read(place))]

    async def trust(self, operation: Operation, project: str, who: str) -> Grant:
        """Allows it; who allowed it first stays."""
        given = {"who": redact(who).text[:200], "when": self._clock.now().isoformat()}
        body = await self._change(project, lambda granted: {operation: given, **granted})
        return next(grant for grant in _grants(body) if grant.operation is operation)

    async def revoke(self, operation: Operation, project: str) -> bool:
        """Whether it was allowed in this very project, or for this very `*`."""
        return operation in await self._take(project, {operation})

    async def revoke_all(self, project: str) -> list[Operation]:
        """What was allowed there."""
        return await self._take(project, set(Operation))

    async def _take(self, project: str, gone: set[Operation]) -> list[Operation]:
        taken: list[Operation] = []

        def without(granted: Mapping[str, Json]) -> Mapping[str, Json]:
            taken[:] = [operation for operation in Operation if operation in gone and operation in granted]
            return {name: given for name, given in granted.items() if name not in gone}

        await self._change(project, without)
        return taken

    async def _read(self, project: str) -> Mapping[str, Json]:
        document = await self._storage.get(_COLLECTION, _id(project))
        return document.body if document else _empty(project)

    async def _change(
        self, project: str, change: Callable[[Mapping[str, Json]], Mapping[str, Json]]
    ) -> Mapping[str, Json]:
        while True:
            document = await self._storage.get(_COLLECTION, _id(project))
            before = document.body if document else _empty(project)
            body = {**before, "granted": change(_granted(before))}
            if body == before:
                return before
            try:
                version = document.version if document else 0
                return (await self._storage.put(_COLLECTION, _id(project), body, expected_version=version)).body
            except Conflict:
                continue  # somebody else's word came first: both hold


def _id(project: str) -> str:
    return "all" if project == ALL else opaque_id(project)


def _empty(project: str) -> Mapping[str, Json]:
    return {"project": project, "granted": {}}


def _granted(body: Mapping[str, Json]) -> Mapping[str, Json]:
    granted = body.get("granted")
    return granted if isinstance(granted, Mapping) else {}


def _grants(body: Mapping[str, Json]) -> Iterator[Grant]:
    """In the order of the operations; one of a later version's is passed over."""
    granted = _granted(body)
    for operation in Operation:
        given = granted.get(operation)
        if isinstance(given, Mapping):
            when = datetime.fromisoformat(str(given["when"]))
            yield Grant(operation, str(body["project"]), str(given["who"]), when)
