"""When two names are one file: by path from the top of the repository, whatever worktree it stands in and was called."""

import posixpath
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

How: TypeAlias = Literal["path", "end of path", "name", "renamed"]
Renames: TypeAlias = Sequence[tuple[str, str]]
_WORKTREE = re.compile(r"(?:^|/)(?:\.claude/worktrees|\.worktrees)/[^/]+/")
_DRIVE = re.compile(r"^[A-Za-z]:(?=/)")


@dataclass(frozen=True, slots=True)
class Matches:
    """`names` are those of the file, as they stand in memory; `others` are files that only share its last part."""

    names: Mapping[str, How]
    known_as: Sequence[str]  # paths that the file had, the one asked for first
    others: Sequence[str]


def matching(asked: str, names: Iterable[str], roots: Sequence[str] = (), renames: Renames = ()) -> Matches:
    """Which of `names` are the file `asked`. `roots` are tops of worktrees, `renames` pairs of paths from the top.

    A bare name stands for every file of that name; one that merely stands in memory counts only where no other file
    could be meant.

    >>> matching("src/cart.py", ["/a/shop/src/cart.py", "cart.py", "tests/cart.py"], ["/a/shop"]).names
    {'/a/shop/src/cart.py': 'path'}
    """
    tops = _tops(roots)
    wanted = relative(asked, tops)
    aliases = _aliases(wanted, renames)
    ends = {posixpath.basename(alias) for alias in aliases}
    found: dict[str, How] = {}
    bare: list[str] = []
    others: dict[str, None] = {}
    for name in names:
        if _end(name) not in ends:
            continue
        path = relative(name, tops)
        how = _how(path, aliases)
        if how is not None:
            found[name] = how
        elif "/" not in path:
            bare.append(name)
        else:
            others[path.lstrip("/")] = None
    apart = [other for other in others if not any(_within(other, alias) for alias in aliases)]
    for name in bare:
        if not any(_end(other) == _end(name) for other in apart):
            found[name] = "name"
    return Matches(found, list(aliases), apart)


def relative(name: str, tops: Sequence[str] = ()) -> str:
    """From the top of its worktree; with a leading slash where that is not known.

    >>> relative("/a/shop/.worktrees/2/src/../cart.py", ["/a/shop"]), relative("./x.py"), relative("/b/x.py", ["/a"])
    ('cart.py', 'x.py', '/b/x.py')
    """
    path = posixpath.normpath(_slashes(name))
    if worktree := list(_WORKTREE.finditer(path)):
        return path[worktree[-1].end() :]
    for top in tops:
        if path.startswith(top + "/"):
            return path[len(top) + 1 :]
    while path.startswith("../"):
        path = path[3:]
    return _DRIVE.sub("", path)


def _slashes(name: str) -> str:
    return re.sub(r"[/\\]+", "/", name)


def _end(name: str) -> str:
    return name[max(name.rfind("/"), name.rfind("\\")) + 1 :]


def _tops(roots: Sequence[str]) -> list[str]:
    """Longest first. A folder inside of another root is no top of its own: somebody worked in a sub-folder."""
    paths = sorted({_slashes(root).rstrip("/") for root in roots} - {""})
    tops = [path for path in paths if not any(path.startswith(other + "/") for other in paths)]
    return sorted(tops, key=len, reverse=True)


def _aliases(wanted: str, renames: Renames) -> dict[str, How]:
    """The paths that the file had, in both directions of time."""
    by_end: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for before, after in renames:
        by_end[posixpath.basename(before)].append((before, after))
        by_end[posixpath.basename(after)].append((after, before))
    aliases: dict[str, How] = {wanted: "path"}
    waiting = deque(aliases)
    while waiting:
        alias = waiting.popleft()
        for here, there in by_end.get(posixpath.basename(alias), ()):
            if there not in aliases and (here == alias or _within(alias, here) or _within(here, alias)):
                aliases[there] = "renamed"
                waiting.append(there)
    return aliases


def _how(path: str, aliases: Mapping[str, How]) -> How | None:
    best: How | None = None
    for alias, how in aliases.items():
        if path == alias:
            return how
        if _within(path, alias):
            best = best or ("renamed" if how == "renamed" else "end of path" if "/" in alias else "name")
        elif "/" in path and _within(alias, path):
            best = best or ("renamed" if how == "renamed" else "end of path")
    return best


def _within(long: str, short: str) -> bool:
    """Whether the longer path ends in the whole of the shorter one."""
    return long.endswith("/" + short.lstrip("/")) and not (short.startswith("/") and long != short)
