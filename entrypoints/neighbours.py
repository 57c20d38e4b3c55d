"""What tools ask of several projects, in the context of the connection that asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from session_mgmt_mcp import connection, recall, users
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.answers import SearchResult
from session_mgmt_mcp.domain.project_graph.candidates import Candidate, candidates
from session_mgmt_mcp.domain.project_graph.graph import Dependency, Graph, Group, Relation
from session_mgmt_mcp.domain.project_graph.insights import Insights
from session_mgmt_mcp.domain.project_graph.names import named
from session_mgmt_mcp.domain.project_graph.nearness import near
from session_mgmt_mcp.domain.project_graph.neighbourhood import Neighbourhood, neighbourhood
from session_mgmt_mcp.domain.project_graph.service import DependencyChange, GroupChange
from session_mgmt_mcp.domain.roles import Role
from session_mgmt_mcp.ports.errors import Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Around:
    """What a search found around a project; `suggested` are others that may belong there, while none does.

    `alone` says why groups and dependencies could not be read: then only the project itself was searched.
    """

    around: Neighbourhood
    result: SearchResult
    suggested: Sequence[Candidate]
    alone: str


async def create_group(app: Application, name: str, projects: Sequence[str], description: str) -> GroupChange:
    meant = await _meant(app, projects)
    return await app.project_graph.create_group(name, meant, description, users.acting(app, None))


async def add_dependency(
    app: Application, source: str, target: str, relation: Relation, description: str
) -> DependencyChange:
    [source, target] = await _meant(app, [source, target])
    return await app.project_graph.add_dependency(source, target, relation, description, users.acting(app, None))


async def remove_group(app: Application, name: str, projects: Sequence[str] | None) -> tuple[Group, list[str]]:
    """The group as it was, and those of its projects that left it."""
    meant = None if projects is None else await _meant(app, projects)
    group = await app.project_graph.remove_group(name, meant)
    return group, [one for one in group.projects if meant is None or one in meant]


async def remove_dependency(app: Application, source: str, target: str, relation: Relation | None) -> list[Dependency]:
    [source, target] = await _meant(app, [source, target])
    return await app.project_graph.remove_dependency(source, target, relation)


async def graph_of(app: Application, project: str | None) -> Graph:
    """All groups and dependencies, or those that name a project."""
    whole = await app.project_graph.graph()
    if not project or project == "*":
        return whole
    [one] = await _meant(app, [project], whole)
    return Graph(
        [group for group in whole.groups if one in group.projects],
        [dependency for dependency in whole.dependencies if one in (dependency.source, dependency.target)],
    )


async def search(app: Application, query: str, project: str | None, limit: int) -> Around:
    """One search over a project and those around it, the nearer ones favoured. Raises Invalid."""
    graph, unread = await _graph(app)
    around = await _around(app, project, graph)
    rules = recall.floor_and_decay(app, recall.Question(query))
    result = await app.memory.search(query, around.scope, limit=limit, near=near(around.reaches), **rules)
    nobody = len(around.neighbours) == 1 and not around.empty and not unread
    return Around(around, result, await candidates(app.store, around.own) if nobody else (), unread)


async def insights(app: Application, projects: Sequence[str] | None, days: int) -> tuple[Insights, str]:
    """Of the projects named, else of the caller's and those around it; and why those around it are left out."""
    if projects:
        return await app.project_insights.read(await _meant(app, projects), days), ""
    graph, unread = await _graph(app)
    around = await _around(app, None, graph)
    return await app.project_insights.read([one.project for one in around.neighbours], days), unread


async def project_meant(app: Application, name: str | None) -> str:
    """The project of the caller, or the one that a name, id or folder means. Raises Invalid."""
    return (await _meant(app, [name]))[0] if name else await recall.caller_project(app)


async def _graph(app: Application) -> tuple[Graph, str]:
    """An empty one, and why, while the storage that is shared cannot be reached: what is remembered here is here."""
    try:
        return await app.project_graph.graph(), ""
    except Unavailable as error:
        return Graph(), f"Groups and dependencies could not be read: {error}"


async def _around(app: Application, project: str | None, graph: Graph) -> Neighbourhood:
    remembered = await app.store.facets("project", [])
    own = (await _meant(app, [project], graph))[0] if project else await recall.caller_project(app)
    return neighbourhood(graph, own, remembered)


async def _meant(app: Application, names: Sequence[str], graph: Graph | None = None) -> list[str]:
    """The projects that names mean, each once or in the order given; a folder's path means the project it lies in.

    Who comes with a token is told nothing of what is remembered at this machine: shared names and exact ids alone.
    """
    caller = connection.current()
    here = not caller.remote or caller.role is Role.OWNER
    own = await recall.caller_project_or_none(app)
    graph = graph or ((await _graph(app))[0] if here else await app.project_graph.graph())
    known = {*graph.projects}
    if here:
        known |= (await app.store.facets("project", [])).keys()
    found = []
    for name in map(str.strip, names):
        if name == "*" or not name:
            raise Invalid("projects: name each of them; neither * nor an empty name is one.")
        path = here and PurePath(name).is_absolute()
        found.append(await app.projects.project_of(name) if path else named(name, known, own or ""))
    return found
