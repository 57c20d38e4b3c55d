"""Which projects belong together: named groups, and what depends on what. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from session_mgmt_mcp.domain.projects import bare_name


class Relation(StrEnum):
    """How one project depends on another."""

    USES = "uses"
    EXTENDS = "extends"
    REFERENCES = "references"
    SHARES_CODE = "shares_code"


@dataclass(frozen=True, slots=True)
class Group:
    """Projects under one name; `by` named them so first."""

    name: str
    projects: Sequence[str]
    description: str
    by: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Dependency:
    """`source` depends on `target`."""

    source: str
    target: str
    relation: Relation
    description: str
    by: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Graph:
    """Groups by name, dependencies by source, target and relation. Cycles are allowed."""

    groups: Sequence[Group] = ()
    dependencies: Sequence[Dependency] = ()

    @property
    def projects(self) -> frozenset[str]:
        ends = {end for one in self.dependencies for end in (one.source, one.target)}
        return frozenset(ends.union(*(group.projects for group in self.groups)))

    def names(self, project: str) -> bool:
        """Whether something is said about the project."""
        return project in self.projects


def localised(graph: Graph, known: Collection[str]) -> Graph:
    """The graph with the names that its projects have here: a project's id depends on the folder it lies in.

    One that is not `known` here is taken for the only known one of its bare name, where there is one.
    """
    here = _only_ones(known)
    other = {
        project: here[bare_name(project)]
        for project in graph.projects
        if project not in known and bare_name(project) in here
    }
    if not other:
        return graph
    groups = [replace(one, projects=_named(one.projects, other)) for one in graph.groups]
    dependencies = {
        (source, target, one.relation): replace(one, source=source, target=target)
        for one in graph.dependencies
        if (source := other.get(one.source, one.source)) != (target := other.get(one.target, one.target))
    }
    return Graph(groups, list(dependencies.values()))


def _named(projects: Sequence[str], other: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(other.get(project, project) for project in projects))


def _only_ones(known: Collection[str]) -> dict[str, str]:
    """Project by bare name, where only one has it."""
    found: dict[str, list[str]] = {}
    for project in known:
        found.setdefault(bare_name(project), []).append(project)
    return {name: projects[0] for name, projects in found.items() if len(projects) == 1}
