"""What may run that nobody asked for by name: shown, allowed, revoked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from fastmcp import Context
from mcp_types import InputRequiredResult
from pydantic import BaseModel, Field
from session_mgmt_mcp import permissions as granting
from session_mgmt_mcp import recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.grants import ALL, MEANING, Grant, Operation
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.consent import consent
from session_mgmt_mcp.tools.models import whole_second
from session_mgmt_mcp.tools.parameters import Project
from session_mgmt_mcp.tools.registry import TOOLS, Calling, Inject, tool

Action = Literal["status", "trust", "revoke", "revoke_all"]


class GrantLine(BaseModel):
    operation: Operation
    scope: Literal["project", "all"]
    who: str
    since: datetime


class PermissionsReply(BaseModel):
    """`not_allowed` says of each other operation what it would let happen; `rules` are for Claude Code's settings.json."""

    summary: str
    project: str
    allowed: list[GrantLine]
    not_allowed: dict[Operation, str]
    rules: dict[str, dict[str, list[str]]] | None

    @classmethod
    def of(cls, done: str, project: str, grants: Sequence[Grant], rules: bool) -> Self:
        held = {grant.operation for grant in grants}
        names = ", ".join(operation for operation in Operation if operation in held) or "nothing"
        return cls(
            summary=f"{done} Allowed in {granting.place_name(project)}: {names}.".strip(),
            project=project,
            allowed=[_line(grant) for grant in grants],
            not_allowed={operation: meaning for operation, meaning in MEANING.items() if operation not in held},
            rules=granting.rules(grants, _destructive()) if rules else None,
        )


def _line(grant: Grant) -> GrantLine:
    scope: Literal["project", "all"] = "all" if grant.project == ALL else "project"
    return GrantLine(operation=grant.operation, scope=scope, who=grant.who, since=whole_second(grant.when))


def _destructive() -> dict[str, bool]:
    return {spec.name: bool(spec.annotations.destructive_hint) for spec in TOOLS}


@tool(idempotent=True, hint="permissions trust revoke allow grant commit dependency sync write rules settings")
async def permissions(
    action: Annotated[Action, Field(description="revoke_all: every operation of the project.")] = "status",
    operation: Annotated[Operation | None, Field(description="Which one to trust or revoke.")] = None,
    project: Project = None,
    rules: Annotated[bool, Field(description="true: also the matching rules for Claude Code's settings.json.")] = False,
    app: Application = Inject,
    context: Context = Calling,
) -> PermissionsReply | InputRequiredResult:
    """What this project may do without asking, and who allowed it; allow one more operation, or revoke it.

    Trust only what the user has named; where the client can, it asks them. project="*" is for all projects.
    It is not about Claude Code's own tools, but rules=true gives the rules by which Claude Code stops asking for ours.
    """
    place = await granting.place(app, project)
    done = await _done(app, context, action, operation, place)
    if isinstance(done, InputRequiredResult):
        return done
    reply = PermissionsReply.of(done, place, await app.grants.of(place), rules)
    return within(reply, recall.budget(app), "not_allowed", "rules")


async def _done(
    app: Application, context: Context, action: Action, operation: Operation | None, place: str
) -> str | InputRequiredResult:
    """What came of the action, in a sentence."""
    match action:
        case "status":
            return ""
        case "trust":
            return await _trusted(app, context, granting.named(action, operation), place)
        case "revoke":
            return await granting.revoke(app, granting.named(action, operation), place)
        case "revoke_all":
            return await granting.revoke_all(app, place)


async def _trusted(app: Application, context: Context, operation: Operation, place: str) -> str | InputRequiredResult:
    where = granting.place_name(place)
    agreed = await consent(context, f"Allow {operation} in {where}, until you revoke it? ({MEANING[operation]})")
    if isinstance(agreed, InputRequiredResult):
        return agreed
    if agreed is False:
        return "The user did not agree: nothing was granted."
    params = context.session.client_params
    await granting.trust(app, operation, place, params.client_info.name if params else "")
    return f"{operation} is allowed in {where} until it is revoked."
