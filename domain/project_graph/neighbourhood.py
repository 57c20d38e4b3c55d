"""The projects around one, as far as something is remembered of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from session_mgmt_mcp.domain.project_graph.distance import Reach, in_words, reached
from session_mgmt_mcp.domain.project_graph.graph import Graph, localised
from session_mgmt_mcp.domain.project_graph.names import names_of
from session_mgmt_mcp.domain.projects import bare_name
from session_mgmt_mcp.domain.scope import Scope

MOST = 50  # projects of one search, the nearest


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A project, how far it is, and the way there in words; none for the project itself."""

    project: str
    distance: float
    path: str


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """`own` and those around it of which something is remembered, nearest first; `empty`: of these nothing is."""

    own: str
    neighbours: Sequence[Neighbour]
    empty: Sequence[str] = ()
    left_out: int = 0  # that are farther than the MOST nearest

    @property
    def reaches(self) -> dict[str, Reach]:
        """By project, under the bare names of the original product as well; of two projects of one name the nearer."""
        found = {one.project: Reach(one.distance) for one in self.neighbours}
        for one in self.neighbours:
            found.setdefault(bare_name(one.project), Reach(one.distance))
        return found

    @property
    def scope(self) -> Scope:
        """Exactly these projects."""
        return Scope(projects=tuple(self.reaches))

    def of(self, project: str) -> Neighbour:
        """The neighbour that a memory's project means; see `reaches`."""
        exact = (one for one in self.neighbours if one.project == project)
        return next(exact, None) or next(one for one in self.neighbours if bare_name(one.project) == project)


def neighbourhood(graph: Graph, own: str, remembered: Collection[str], most: int = MOST) -> Neighbourhood:
    """Around `own`, of the projects that are `remembered`; `own` always counts."""
    here = localised(graph, {*remembered, own})
    reaches = reached(here, own)
    # what the original product stored counts for the project of that name
    known = {*remembered, own}
    full = [project for project in reaches if project in known or bare_name(project) in known]
    shown = full[:most]
    names = names_of([*reaches])
    neighbours = [_neighbour(own, project, reaches[project], names) for project in shown]
    return Neighbourhood(own, neighbours, [one for one in reaches if one not in full], len(full) - len(shown))


def _neighbour(own: str, project: str, reach: Reach, names: Mapping[str, str]) -> Neighbour:
    return Neighbour(project, round(reach.distance, 3), in_words(own, reach, names) if reach.steps else "")
