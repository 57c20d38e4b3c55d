"""Which projects belong together: groups and dependencies, said and taken back."""

from datetime import date
from typing import Annotated, Self

from fastmcp import Context
from mcp_types import InputRequiredResult
from pydantic import BaseModel, Field
from session_mgmt_mcp import neighbours, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.project_graph.graph import Dependency, Graph, Group, Relation
from session_mgmt_mcp.domain.project_graph.service import DependencyChange, GroupChange
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.consent import consent
from session_mgmt_mcp.tools.parameters import Project
from session_mgmt_mcp.tools.registry import Calling, Inject, tool

Named = Annotated[
    str,
    Field(min_length=1, max_length=1_000, description="A project's name or id as searches show it, or its folder."),
]
GroupName = Annotated[str, Field(min_length=1, max_length=200, description="What the group is called.")]
Description = Annotated[str, Field(max_length=2_000, description="Why they belong together; one sentence.")]


class GroupLine(BaseModel):
    name: str
    projects: list[str]
    description: str
    by: str
    since: date

    @classmethod
    def of(cls, group: Group) -> Self:
        return cls(
            name=group.name,
            projects=list(group.projects),
            description=group.description,
            by=group.by,
            since=group.created.date(),
        )


class DependencyLine(BaseModel):
    source: str
    target: str
    type: Relation
    description: str
    by: str
    since: date

    @classmethod
    def of(cls, one: Dependency) -> Self:
        return cls(
            source=one.source,
            target=one.target,
            type=one.relation,
            description=one.description,
            by=one.by,
            since=one.created.date(),
        )


class GroupReply(BaseModel):
    summary: str
    group: GroupLine
    added: list[str]

    @classmethod
    def of(cls, change: GroupChange) -> Self:
        group, size = change.group, counted(len(change.group.projects), "project")
        if change.new:
            summary = f"Group {group.name} of {size} is made; search_across_projects sees it from now on."
        elif change.added:
            summary = (
                f"Group {group.name} was there: {counted(len(change.added), 'project')} came in, it has {size} now."
            )
        else:
            summary = f"Group {group.name} was there, with all of these projects."
        return cls(summary=summary, group=GroupLine.of(group), added=list(change.added))


class DependencyReply(BaseModel):
    summary: str
    dependency: DependencyLine

    @classmethod
    def of(cls, change: DependencyChange) -> Self:
        line = DependencyLine.of(change.dependency)
        known = "Noted" if change.new else "Known already"
        return cls(summary=f"{known}: {line.source} {line.type.replace('_', ' ')} {line.target}.", dependency=line)


class GraphReply(BaseModel):
    summary: str
    groups: list[GroupLine]
    dependencies: list[DependencyLine]

    @classmethod
    def of(cls, graph: Graph, max_tokens: int) -> Self:
        many = (
            counted(len(graph.groups), "group"),
            counted(len(graph.dependencies), "dependency", "dependencies"),
            counted(len(graph.projects), "project"),
        )
        whole = cls(
            summary=f"{many[0]} and {many[1]} over {many[2]}.",
            groups=[GroupLine.of(group) for group in graph.groups],
            dependencies=[DependencyLine.of(one) for one in graph.dependencies],
        )
        return within(whole, max_tokens, "dependencies", "groups")


class RemovedReply(BaseModel):
    """What was there before."""

    summary: str
    groups: list[GroupLine] = []
    dependencies: list[DependencyLine] = []


@tool(idempotent=True, hint="group projects together monorepo microservices related repositories")
async def create_project_group(
    name: GroupName,
    projects: Annotated[list[Named], Field(min_length=1, max_length=50)],
    description: Description = "",
    app: Application = Inject,
) -> GroupReply:
    """Say that projects belong together, so that search_across_projects and get_project_insights take them together.

    With the name of a group that exists, more projects come into it. Where one project is built on another, say so with
    add_project_dependency: it tells more.
    """
    reply = GroupReply.of(await neighbours.create_group(app, name, projects, description))
    return within(reply, recall.budget(app), "added")


@tool(idempotent=True, hint="project dependency uses extends references shares code library service")
async def add_project_dependency(
    source_project: Named,
    target_project: Named,
    dependency_type: Annotated[Relation, Field(description="What the source does with the target.")],
    description: Description = "",
    app: Application = Inject,
) -> DependencyReply:
    """Say that one project uses, extends, references or shares code with another; search_across_projects follows it.

    It is about repositories, not about packages from a registry.
    """
    change = await neighbours.add_dependency(app, source_project, target_project, dependency_type, description)
    return within(DependencyReply.of(change), recall.budget(app))


@tool(read_only=True, hint="list project groups dependencies graph")
async def list_project_groups(project: Project = None, app: Application = Inject) -> GraphReply:
    """All groups of projects and all dependencies between them, or those that name `project`."""
    return GraphReply.of(await neighbours.graph_of(app, project), recall.budget(app))


@tool(destructive=True, hint="remove delete project group take project out of group")
async def remove_project_group(
    name: GroupName,
    projects: Annotated[
        list[Named] | None, Field(max_length=50, description="Only these leave the group; default: all of it goes.")
    ] = None,
    confirm: Annotated[bool, Field(description="The user wants it; needed where they cannot be asked here.")] = False,
    app: Application = Inject,
    context: Context = Calling,
) -> RemovedReply | InputRequiredResult:
    """Dissolve a group of projects, or take some out of it. Memories stay; whoever shares the group sees it gone."""
    what = f"group {name}" if projects is None else f"{', '.join(projects)} from group {name}"
    asked = await _agreed(context, f"Remove the {what}?", confirm)
    if asked is not None:
        return asked
    before, left = await neighbours.remove_group(app, name, projects)
    gone = f"group {before.name}" if projects is None else f"{', '.join(left)} from group {before.name}"
    reply = RemovedReply(summary=f"Removed: {gone}; `groups` shows it as it was.", groups=[GroupLine.of(before)])
    return within(reply, recall.budget(app), "groups")


@tool(destructive=True, hint="remove delete project dependency")
async def remove_project_dependency(
    source_project: Named,
    target_project: Named,
    dependency_type: Annotated[Relation | None, Field(description="Default: whatever there is.")] = None,
    confirm: Annotated[bool, Field(description="The user wants it; needed where they cannot be asked here.")] = False,
    app: Application = Inject,
    context: Context = Calling,
) -> RemovedReply | InputRequiredResult:
    """Take back that one project depends on another."""
    asked = await _agreed(context, f"Remove the dependency of {source_project} on {target_project}?", confirm)
    if asked is not None:
        return asked
    gone = await neighbours.remove_dependency(app, source_project, target_project, dependency_type)
    lines = [DependencyLine.of(one) for one in gone]
    reply = RemovedReply(summary=f"Removed: {counted(len(gone), 'dependency', 'dependencies')}.", dependencies=lines)
    return within(reply, recall.budget(app), "dependencies")


async def _agreed(context: Context, question: str, confirm: bool) -> InputRequiredResult | None:
    """None: it may be done. Raises Invalid when it may not."""
    agreed = True if confirm else await consent(context, question)
    if isinstance(agreed, InputRequiredResult):
        return agreed
    if not agreed:
        raise Invalid(
            "The user did not agree: nothing was removed."
            if agreed is False
            else "This removes what others may share: ask the user, then call again with confirm=true."
        )
    return None
