"""Whether, and of what, a checkpoint makes a commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from session_mgmt_mcp.domain.grants import Grants, Operation
from session_mgmt_mcp.domain.projects import project_id
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import Invalid, PortError
from session_mgmt_mcp.ports.git_repository import MOST_CHANGED, Changed, GitRepository, WorkingState
from session_mgmt_mcp.ports.git_workspace import GitWorkspace

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Committed:
    """A commit of `files`. `left_out` are changed files that it does not hold: new, renamed, or staged in part."""

    sha: str
    message: str
    files: Sequence[str]
    left_out: Sequence[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """No commit was made, and nothing was changed. `reason` is one sentence."""

    reason: str


class CheckpointCommit:
    """Commits the tracked files that changed, where somebody has allowed it: by `enabled`, a setting, or a grant."""

    def __init__(self, git: GitRepository, workspace: GitWorkspace, grants: Grants, enabled: bool = False) -> None:
        self._git = git
        self._workspace = workspace
        self._grants = grants
        self._enabled = enabled

    async def commit(self, folder: Path, name: str, score: int | None) -> Committed | Refused:
        """Whatever stands against it is a reason, never an error."""
        repository = await self._git.find(folder)
        state = await self._git.state(folder)
        if repository is None or state is None:
            return Refused(f"No commit: {_clean(str(folder))} lies in no git worktree.")
        try:
            if not self._enabled:
                await self._grants.require(Operation.GIT_COMMIT, project_id(repository.common_dir))
            files = committable(state)
            message = message_of(name, score)
            sha = await self._workspace.commit(folder, files, message, lambda added: objection(added, files))
        except PortError as error:
            return Refused(f"No commit: {_clean(str(error)).rstrip('.')}.")
        taken = set(files)
        left_out = [one.path for one in state.changed if one.state != "untracked" and one.path not in taken]
        return Committed(sha, message, files, left_out)


def committable(state: WorkingState) -> list[str]:
    """The files that HEAD knows and that were changed or deleted. Raises Invalid when none may be committed now."""
    if state.head is None:
        raise Invalid("the repository has no commit yet: make the first one yourself")
    if state.branch is None:
        raise Invalid("HEAD is detached: check out a branch first")
    if state.operation is not None:
        raise Invalid(f"a {state.operation} is going on: finish or abort it first")
    tracked = [one for one in state.changed if one.state != "untracked"]
    if torn := [one.path for one in tracked if one.state == "conflicted"]:
        raise Invalid(f"in conflict: {_shown(torn)}; resolve that first")
    if moved := [one.path for one in tracked if one.submodule]:
        raise Invalid(f"a submodule changed: {_shown(moved)}; commit that yourself")
    if len(tracked) >= MOST_CHANGED:
        raise Invalid(f"{MOST_CHANGED} files or more changed: commit so many yourself")
    if files := [one.path for one in tracked if _known_to_head(one)]:
        return files
    raise Invalid("no file that was committed before has changed")


def _known_to_head(one: Changed) -> bool:
    # What is staged in part is the beginning of somebody's own commit. A name that is no text cannot be said to git.
    return one.state in {"modified", "deleted"} and not one.partly and "\ufffd" not in one.path


def objection(added: Mapping[str, str], files: Sequence[str]) -> str:
    """What speaks against a commit that adds these lines; nothing when none does. Never says a secret."""
    if others := sorted(added.keys() - set(files)):
        return f"a hook would put other files into it: {_shown(others)}"
    if secret := [path for path, lines in added.items() if redact(lines).counts]:
        return f"new lines hold a secret: {_shown(secret)}; take it out, or commit the file yourself"
    return ""


def _shown(paths: Sequence[str], most: int = 3) -> str:
    rest = f" and {counted(len(paths) - most, 'other')}" if len(paths) > most else ""
    return ", ".join(map(_printable, paths[:most])) + rest


def _printable(name: str) -> str:
    """A name is any text; a sentence is one line."""
    return "".join(letter if letter.isprintable() else " " for letter in name)


def message_of(name: str, score: int | None) -> str:
    """
    >>> message_of("before the\\nrefactoring", 84), message_of("", None)
    ('checkpoint: before the refactoring (quality 84/100)', 'checkpoint: work in progress')
    """
    title = _clean(name)[:LONGEST_NAME].rstrip() or "work in progress"
    return f"checkpoint: {title}" + (f" (quality {score}/100)" if score is not None else "")


def _clean(text: str) -> str:
    """One line of valid Unicode without secrets."""
    return " ".join(redact(text.encode("utf-8", "replace").decode()).text.split())
