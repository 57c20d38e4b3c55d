"""What no longer matches between a kept working state and the present one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from session_mgmt_mcp.domain.working import Work

What: TypeAlias = Literal[
    "folder",  # is gone
    "repository",  # is none any more, or has become one
    "branch",
    "head",
    "operation",  # a merge or rebase that was going on is over, or one began
    "changed_since",  # the file holds something else
    "gone",
    "clean",  # it differed from HEAD, and does no more
    "dirty",  # it differs from HEAD, and did not
]


@dataclass(frozen=True, slots=True)
class Difference:
    """`was` and `now` are what there is to say of it in words; `path` is from the top of the worktree."""

    what: What
    was: str = ""
    now: str = ""
    path: str = ""


def differences(then: Work, now: Work, digests: Mapping[str, str]) -> list[Difference]:
    """The place first, then files by path. `digests` are those of now, of what was kept and what is changed."""
    if not now.there:
        return [Difference("folder", then.root, "gone")] if then.there else []
    pairs: Sequence[tuple[What, str | None, str | None]] = (
        ("repository", _said(then.repository), _said(now.repository)),
        ("branch", then.branch, now.branch),
        ("head", then.head, now.head),
        ("operation", then.operation, now.operation),
    )
    found = [Difference(what, was or "none", is_now or "none") for what, was, is_now in pairs if was != is_now]
    return found + sorted(_files(then, now, digests), key=lambda difference: difference.path)


def _said(repository: bool) -> str:
    return "a repository" if repository else "none"


def _files(then: Work, now: Work, digests: Mapping[str, str]) -> list[Difference]:
    before = {one.path: str(one.state) for one in then.changed}
    after = {one.path: str(one.state) for one in now.changed}
    found: list[Difference] = []
    for path in dict.fromkeys((*before, *then.digests, *after)):
        was, is_now = then.digests.get(path), digests.get(path)
        if was and not is_now:
            found.append(Difference("gone", before.get(path, ""), after.get(path, ""), path))
        elif was and was != is_now:
            found.append(Difference("changed_since", before.get(path, ""), after.get(path, ""), path))
        elif path in before and path not in after:
            found.append(Difference("clean", before[path], "", path))
        elif path in after and path not in before:
            found.append(Difference("dirty", "", after[path], path))
        elif path in before and before[path] != after[path]:
            found.append(Difference("changed_since", before[path], after[path], path))
    return found
