"""How far projects are from one another along groups and dependencies. Pure.

Why these costs: docs/architecture/0038-projects.md.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain.project_graph.graph import Graph, Group, Relation

COST: Mapping[Relation, float] = {
    Relation.SHARES_CODE: 0.75,  # what is true of the code is true in both
    Relation.EXTENDS: 0.75,  # behaves as what it extends, but for the difference
    Relation.USES: 1.0,  # meets the other at its interface
    Relation.REFERENCES: 2.0,  # only mentions it
}
GROUP = 1.5  # somebody says that they belong together, but not how
AGAINST = 1.5  # times as far: who is depended on knows less of the dependent than the other way round
FARTHEST = 6.0  # six projects along: what is farther says nothing about this one
_TOLD: Mapping[tuple[Relation, bool], str] = {
    (Relation.USES, False): "uses",
    (Relation.USES, True): "is used by",
    (Relation.EXTENDS, False): "extends",
    (Relation.EXTENDS, True): "is extended by",
    (Relation.REFERENCES, False): "references",
    (Relation.REFERENCES, True): "is referenced by",
    (Relation.SHARES_CODE, False): "shares code with",
    (Relation.SHARES_CODE, True): "shares code with",
}


@dataclass(frozen=True, slots=True)
class Step:
    """From the project before to `project`, and how the two are related, in words."""

    how: str
    project: str


@dataclass(frozen=True, slots=True)
class Reach:
    """The shortest way to a project; none is 0 long."""

    distance: float
    steps: Sequence[Step] = ()


def reached(graph: Graph, start: str, farthest: float = FARTHEST) -> dict[str, Reach]:
    """Every project at most `farthest` away, nearest first, of the same distance by name; `start` itself is 0 away.

    Dijkstra (1959): costs are positive, so cycles end by themselves. Of two ways of one length the one with fewer
    steps counts, then the one that reads first.
    """
    steps = _Steps(graph)
    found: dict[str, Reach] = {}
    waiting: list[tuple[float, int, tuple[tuple[str, str], ...], str]] = [(0.0, 0, (), start)]
    while waiting:
        distance, length, way, project = heapq.heappop(waiting)
        if project in found:
            continue
        found[project] = Reach(distance, tuple(Step(how, name) for how, name in way))
        for other, cost, how in steps.of(project):
            farther = round(distance + cost, 6)
            if other not in found and farther <= farthest:
                heapq.heappush(waiting, (farther, length + 1, (*way, (how, other)), other))
    return dict(sorted(found.items(), key=lambda one: (one[1].distance, one[0])))


def in_words(start: str, reach: Reach, names: Mapping[str, str]) -> str:
    """The way as a sentence's beginning; `names` says what projects are called.

    >>> in_words("s", Reach(1.75, [Step("uses", "p"), Step("extends", "c")]), {"s": "shop", "p": "payments", "c": "core"})
    'shop uses payments extends core'
    """
    steps = (f"{step.how} {names.get(step.project, step.project)}" for step in reach.steps)
    return " ".join((names.get(start, start), *steps))


class _Steps:
    """From a project one step on: looked up only of those that are reached."""

    def __init__(self, graph: Graph) -> None:
        self._dependencies: defaultdict[str, list[tuple[str, float, str]]] = defaultdict(list)
        self._groups: defaultdict[str, list[Group]] = defaultdict(list)
        for one in graph.dependencies:
            cost = COST[one.relation]
            self._dependencies[one.source].append((one.target, cost, _TOLD[one.relation, False]))
            self._dependencies[one.target].append((one.source, cost * AGAINST, _TOLD[one.relation, True]))
        for group in graph.groups:
            for project in dict.fromkeys(group.projects):
                self._groups[project].append(group)

    def of(self, project: str) -> Iterator[tuple[str, float, str]]:
        """The other project, what the step costs, and its words."""
        yield from self._dependencies[project]
        for group in self._groups[project]:
            for other in group.projects:
                yield other, GROUP, f"is in group {group.name} with"
