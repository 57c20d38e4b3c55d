"""Worktrees of a git repository: one more, one less."""

from typing import Annotated, Self

from fastmcp import Context
from mcp_types import InputRequiredResult
from pydantic import BaseModel, Field
from session_mgmt_mcp import recall, worktrees
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.worktrees import Removal, joined
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.consent import consent
from session_mgmt_mcp.tools.registry import Calling, Inject, tool
from session_mgmt_mcp.worktrees import Added

Path = Annotated[str, Field(min_length=1, max_length=4_096, description="The worktree's folder; absolute.")]
WorkingDirectory = Annotated[
    str | None,
    Field(max_length=4_096, description="In the repository; absolute; default: the client's project folder."),
]


class AddReply(BaseModel):
    summary: str
    path: str
    branch: str
    created: bool
    project: str

    @classmethod
    def of(cls, added: Added) -> Self:
        branch = f"the {'new ' if added.created else ''}branch {added.branch}"
        return cls(
            summary=f"{added.path} is a worktree with {branch}; it shares the memories of {added.project}.",
            path=str(added.path),
            branch=added.branch,
            created=added.created,
            project=added.project,
        )


class RemoveReply(BaseModel):
    """`lost` is what went with the worktree for good, or would go."""

    summary: str
    removed: bool
    path: str
    branch: str | None
    lost: list[str]

    @classmethod
    def of(cls, removal: Removal, removed: bool, why_not: str = "") -> Self:
        branch = f"the branch {removal.branch} stays" if removal.branch else "it had no branch"
        gone = f"{removal.path} is removed{f' with {joined(removal.lost)}' if removal.lost else ''}; {branch}."
        return cls(
            summary=gone if removed else f"{why_not}: nothing was changed.",
            removed=removed,
            path=str(removal.path),
            branch=removal.branch,
            lost=list(removal.lost),
        )


@tool(hint="git worktree add create branch checkout parallel work folder")
async def git_worktree_add(
    branch: Annotated[str, Field(min_length=1, max_length=250, description="The branch to check out there.")],
    path: Path,
    working_directory: WorkingDirectory = None,
    create_branch: Annotated[bool, Field(description="true: make the branch, from HEAD.")] = False,
    app: Application = Inject,
) -> AddReply:
    """Check out a branch in a folder of its own, beside the one that is worked in; both share their memories.

    Use it for work that must not touch the files here. The folder must not exist, nor lie inside a worktree.
    """
    added = await worktrees.add(app, branch, path, working_directory, create_branch)
    return within(AddReply.of(added), recall.budget(app))


@tool(destructive=True, hint="git worktree remove delete folder prune")
async def git_worktree_remove(
    path: Path,
    working_directory: WorkingDirectory = None,
    force: Annotated[bool, Field(description="true: also with work that was never committed.")] = False,
    confirm: Annotated[bool, Field(description="true: the user wants that work lost.")] = False,
    app: Application = Inject,
    context: Context = Calling,
) -> RemoveReply | InputRequiredResult:
    """Remove a worktree's folder; its branch stays. Refused while it holds uncommitted or untracked work, unless force=true.

    With force the user is asked where the client can, else confirm=true is needed: only when they have asked for it.
    Files that git ignores go with the folder. It never removes the main worktree.
    """
    removal = await worktrees.removal(app, path, working_directory)
    loses = bool(removal.lost and force)
    agreed = await consent(context, f"Remove {removal.path} with {joined(removal.lost)}, for good?") if loses else True
    if isinstance(agreed, InputRequiredResult):
        return agreed
    if not (confirm if agreed is None else agreed):
        why = (
            "The user did not agree" if agreed is False else f"It holds {joined(removal.lost)}, confirm=true is needed"
        )
        return within(RemoveReply.of(removal, False, why), recall.budget(app))
    await worktrees.remove(app, removal, force)
    return within(RemoveReply.of(removal, True), recall.budget(app))
