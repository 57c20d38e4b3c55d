"""Groups and dependencies as documents, which several machines may write: nobody's word is lost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from session_mgmt_mcp.domain.project_graph.graph import Dependency, Graph, Group, Relation
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound, Unavailable
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

COLLECTION, GROUPS, DEPENDENCIES = "project-graph", "groups", "dependencies"
MOST_GROUPS, MOST_IN_GROUP, MOST_DEPENDENCIES = 200, 50, 1_200
LONGEST_NAME, LONGEST_DESCRIPTION = 60, 300
_TRIES = 200  # of one change: as many others may write meanwhile
Entries: TypeAlias = Mapping[str, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A group as it is now, and the projects that this call brought in."""

    group: Group
    added: Sequence[str]
    new: bool


@dataclass(frozen=True, slots=True)
class DependencyChange:
    dependency: Dependency
    new: bool


class ProjectGraphService:
    """Says which projects belong together. Two documents, each changed by compare-and-swap."""

    def __init__(self, storage: SessionStorage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def graph(self) -> Graph:
        groups, dependencies = await self._read(GROUPS), await self._read(DEPENDENCIES)
        return Graph(list(_groups(groups)), list(_dependencies(dependencies)))

    async def create_group(self, name: str, projects: Sequence[str], description: str, by: str) -> GroupChange:
        """A new group, or more projects in the one of that name; whatever is stored is redacted. Raises Invalid."""
        name, description = _name(name), _description(description)
        projects = [redact(project).text for project in projects]
        if not projects:
            raise Invalid("projects: name at least one.")
        before: list[str] = []
        now = self._clock.now().isoformat()

        def change(groups: Entries) -> Entries:
            old = groups.get(_key(name))
            before[:] = _texts(old, "projects") if old else []
            together = list(dict.fromkeys((*before, *projects)))
            if len(together) > MOST_IN_GROUP:
                raise Invalid(f"projects: a group holds at most {MOST_IN_GROUP}, this would be {len(together)}.")
            if old is None and len(groups) >= MOST_GROUPS:
                raise Invalid(f"There are {MOST_GROUPS} groups already: remove one with remove_project_group.")
            kept = old or {"name": name, "description": description, "by": redact(by).text, "created": now}
            group = {**kept, "projects": together, "description": description or str(kept["description"])}
            return {**groups, _key(name): group}

        [group] = _groups({_key(name): (await self._change(GROUPS, change))[_key(name)]})
        return GroupChange(group, [one for one in group.projects if one not in before], not before)

    async def add_dependency(
        self, source: str, target: str, relation: Relation, description: str, by: str
    ) -> DependencyChange:
        """`source` depends on `target`; said twice it is one, with the newer description. Raises Invalid."""
        source, target, description = redact(source).text, redact(target).text, _description(description)
        if source == target:
            raise Invalid("target_project: a project cannot depend on itself; name another one.")
        key = opaque_id(source, target, relation)
        known = False
        now = self._clock.now().isoformat()

        def change(dependencies: Entries) -> Entries:
            nonlocal known
            old = dependencies.get(key)
            known = old is not None
            if old is None and len(dependencies) >= MOST_DEPENDENCIES:
                raise Invalid(f"There are {MOST_DEPENDENCIES} dependencies already: remove some first.")
            kept = old or {"by": redact(by).text, "created": now, "description": ""}
            said = {"source": source, "target": target, "relation": str(relation)}
            return {**dependencies, key: {**kept, **said, "description": description or str(kept["description"])}}

        [dependency] = _dependencies({key: (await self._change(DEPENDENCIES, change))[key]})
        return DependencyChange(dependency, not known)

    async def remove_group(self, name: str, projects: Sequence[str] | None = None) -> Group:
        """The group as it was; with `projects` only they leave it, and with its last one it is gone. Raises NotFound."""
        gone: list[Group] = []

        def change(groups: Entries) -> Entries:
            old = groups.get(_key(name))
            gone[:] = _groups({_key(name): old}) if old else []
            if old is None or not gone:
                raise NotFound(f"There is no group {name[:LONGEST_NAME]!r}: list_project_groups shows which there are.")
            if projects is not None and not set(projects) & set(gone[0].projects):
                raise NotFound(f"None of these projects is in the group {gone[0].name}: nothing was removed.")
            left = [one for one in gone[0].projects if projects is not None and one not in projects]
            others = {key: group for key, group in groups.items() if key != _key(name)}
            return {**others, _key(name): {**old, "projects": left}} if left else others

        await self._change(GROUPS, change)
        return gone[0]

    async def remove_dependency(self, source: str, target: str, relation: Relation | None = None) -> list[Dependency]:
        """What is gone: of that relation, or of all. Raises NotFound."""
        gone: list[Dependency] = []

        def change(dependencies: Entries) -> Entries:
            fitting = {opaque_id(source, target, one) for one in ([relation] if relation else Relation)}
            gone[:] = _dependencies({key: one for key, one in dependencies.items() if key in fitting})
            if not gone:
                raise NotFound(
                    f"{source} has no such dependency on {target}: list_project_groups shows which there are."
                )
            return {key: one for key, one in dependencies.items() if key not in fitting}

        await self._change(DEPENDENCIES, change)
        return gone

    async def _read(self, what: str) -> Entries:
        document = await self._storage.get(COLLECTION, what)
        return _entries(document.body if document else {}, what)

    async def _change(self, what: str, change: Callable[[Entries], Entries]) -> Entries:
        for _ in range(_TRIES):
            document = await self._storage.get(COLLECTION, what)
            before = _entries(document.body if document else {}, what)
            after = change(before)
            if after == before:
                return before
            try:
                version = document.version if document else 0
                await self._storage.put(COLLECTION, what, {what: after}, expected_version=version)
                return after
            except Conflict:
                continue  # somebody else's word came first: both hold
        raise Unavailable("Others are changing the groups of projects all the time: try again in a moment.")


def _entries(body: Mapping[str, Json], what: str) -> Entries:
    found = body.get(what)
    return {key: one for key, one in found.items() if isinstance(one, Mapping)} if isinstance(found, Mapping) else {}


def _groups(entries: Entries) -> Iterator[Group]:
    """By name."""
    for one in sorted(entries.values(), key=lambda one: str(one["name"]).casefold()):
        yield Group(
            str(one["name"]), _texts(one, "projects"), str(one["description"]), str(one["by"]), _time(one["created"])
        )


def _dependencies(entries: Entries) -> Iterator[Dependency]:
    """By source, target and relation; one of a later version's is passed over."""
    known = [one for one in entries.values() if one.get("relation") in set(Relation)]
    for one in sorted(known, key=lambda one: (str(one["source"]), str(one["target"]), str(one["relation"]))):
        yield Dependency(
            str(one["source"]),
            str(one["target"]),
            Relation(str(one["relation"])),
            str(one["description"]),
            str(one["by"]),
            _time(one["created"]),
        )


def _texts(entry: Mapping[str, Json], field: str) -> list[str]:
    found = entry.get(field)
    return [str(one) for one in found] if isinstance(found, Sequence) and not isinstance(found, str) else []


def _time(text: Json) -> datetime:
    return datetime.fromisoformat(str(text))


def _key(name: str) -> str:
    return opaque_id(" ".join(name.casefold().split()))


def _name(name: str) -> str:
    clean = " ".join(redact(name).text.split())
    if not clean or not clean.isprintable():
        raise Invalid("name: give the group a name of printable characters.")
    if len(clean) > LONGEST_NAME:
        raise Invalid(f"name: it has {len(clean)} characters, at most {LONGEST_NAME} are taken.")
    return clean


def _description(description: str) -> str:
    clean = " ".join(redact(description).text.split())
    if len(clean) > LONGEST_DESCRIPTION:
        raise Invalid(f"description: it has {len(clean)} characters, at most {LONGEST_DESCRIPTION} are taken.")
    return clean
