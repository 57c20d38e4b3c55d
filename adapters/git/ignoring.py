"""Which paths git ignores, asked of the repository that each of them lies in."""

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from session_mgmt_mcp.adapters.git.process import ask

FEW = 50
MOST_QUESTIONS = 64
Place = tuple[str, str]  # a repository's top, and a path from there
_CHECK = ("check-ignore", "-z", "--stdin")


def ignored(folder: Path, paths: Sequence[str], timeout: float) -> frozenset[str]:
    """A path in a repository within the repository is ignored when either says so."""
    top = os.fsdecode(ask(("rev-parse", "--show-toplevel"), folder, timeout).out.removesuffix(b"\n"))
    if not top:
        return frozenset()

    @cache
    def root_around(place: str) -> str:
        found = place == top or os.path.lexists(Path(place, ".git"))
        return place if found else root_around(str(Path(place).parent))

    @cache
    def places(parent: str) -> list[Place]:
        """Of a folder: its own in the innermost repository, then each repository in the one around it."""
        place = os.path.realpath(parent)
        if place != top and not place.startswith(top.rstrip(os.sep) + os.sep):
            return []
        root = root_around(place)
        found = [(root, os.path.relpath(place, root))]
        while root != top:
            place, root = root, root_around(str(Path(root).parent))
            found.append((root, os.path.relpath(place, root)))
        return found

    chains: dict[str, list[Place]] = {}
    for path in paths:
        parent, name = os.path.split(os.path.normpath(path if path.startswith(os.sep) else f"{folder}{os.sep}{path}"))
        if "\0" not in path and name and (around := places(parent)):
            [(root, inner), *outer] = around
            chains[path] = [(root, name if inner == "." else f"{inner}{os.sep}{name}"), *outer]
    questions: dict[str, set[str]] = defaultdict(set)
    for root, inner in {place for chain in chains.values() for place in chain}:
        questions[root].add(inner)
    yes = {(root, inner) for root, asked in questions.items() for inner in _answer(root, sorted(asked), timeout)}
    return frozenset(path for path, chain in chains.items() if not yes.isdisjoint(chain))


def _answer(root: str, asked: Sequence[str], timeout: float) -> set[str]:
    # Git compares each path with each tracked file.
    if len(asked) <= FEW:
        return _checked(root, asked, timeout)
    found = _checked(root, asked, timeout, "--no-index")
    return found - _tracked(root, timeout) if found else found


def _checked(root: str, asked: Sequence[str], timeout: float, *options: str) -> set[str]:
    """One path that git refuses to judge must not cost the answer for the others: halves are asked again."""
    yes: set[str] = set()
    waiting, questions = [asked], 0
    while waiting and questions < MOST_QUESTIONS:
        part = waiting.pop()
        questions += 1
        # A name that begins with a colon would be taken for more than a name.
        given = b"".join(b"./%b\0" % os.fsencode(path) for path in part)
        answer = ask((*_CHECK, *options), Path(root), timeout, given=given)
        if answer.code in {0, 1}:
            yes.update(os.fsdecode(field[2:]) for field in answer.fields)
        elif answer.code is not None and len(part) > 1:
            middle = len(part) // 2
            waiting += [part[:middle], part[middle:]]
    return yes


def _tracked(root: str, timeout: float) -> set[str]:
    """Tracked files and the folders they lie in."""
    files = {os.fsdecode(path) for path in ask(("ls-files", "-z"), Path(root), timeout).fields}
    folders = {path.rpartition("/")[0] for path in files}
    return files.union(folders, *(map(str, Path(folder).parents) for folder in folders))
