"""Which other projects may belong with one: they share files, names and words. Said as a suggestion, never acted on."""

import asyncio
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.projects import bare_name
from session_mgmt_mcp.domain.scope import OWN
from session_mgmt_mcp.domain.terms import over_represented, vocabulary
from session_mgmt_mcp.ports.vector_store import Condition, Filter, VectorStore

PROJECTS = 30  # others that are looked at: those with most memories
FILES = 3_000  # of each project: those in most memories
TURNS = 200  # newest, whose words are compared
WORDS = 40
SHOWN = 5
FEWEST = 3  # shared files, or words, that count
SHORTEST_NAME = 4  # of a project: shorter ones stand in any text
"""Weights of the evidence: a file in the other's folder says most, a word least."""
INSIDE, NAMED, SAME, WORD = 3.0, 2.0, 1.0, 0.5
COMMON = frozenset(
    [
        "readme.md",
        "license",
        "license.md",
        "changelog.md",
        "contributing.md",
        "claude.md",
        "package.json",
        "package-lock.json",
        "tsconfig.json",
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "requirements.txt",
        "go.mod",
        "go.sum",
        "cargo.toml",
        "cargo.lock",
        "makefile",
        "dockerfile",
        "docker-compose.yml",
        ".gitignore",
        ".env",
        "__init__.py",
        "conftest.py",
        "main.py",
        "app.py",
        "config.py",
        "settings.py",
        "settings.json",
        "main.go",
        "main.rs",
        "lib.rs",
        "mod.rs",
        "index.ts",
        "index.tsx",
        "index.js",
        "index.html",
        "main.ts",
        "main.js",
        "ci.yml",
    ]
)
"""Names that many projects have whatever they are about."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """`why` says each reason in words, the strongest first."""

    project: str
    score: float
    why: Sequence[str]


@dataclass(slots=True)
class _Evidence:
    score: float = 0.0
    why: list[tuple[float, str]] = field(default_factory=list)

    def add(self, weight: float, why: str) -> None:
        self.score += weight
        self.why.append((weight, why))


async def candidates(store: VectorStore, own: str, limit: int = SHOWN) -> list[Candidate]:
    """Other projects with something in common with `own`, the likeliest first.

    Looks at the PROJECTS with most memories, the FILES that most of each one's memories name, and the newest TURNS.
    """
    known = await store.facets("project", _WHOLE)
    mine = {own, bare_name(own)}
    others = [project for project in known if project not in mine][:PROJECTS]
    if not others or not mine & known.keys():
        return []
    found: defaultdict[str, _Evidence] = defaultdict(_Evidence)
    files, homes = await asyncio.gather(
        asyncio.gather(*(_files(store, {one}) for one in others)),
        asyncio.gather(*(_homes(store, one) for one in others)),
    )
    here = await _files(store, mine)
    for project, folders in zip(others, homes, strict=True):
        inside = [file for file in here if any(file.startswith(f"{folder}/") for folder in folders)]
        if inside:
            weight = INSIDE * math.log1p(len(inside))
            found[project].add(weight, f"{len(inside)} of its files are named here, such as {inside[0]}")
    for project, names in same_names(here, dict(zip(others, files, strict=True))).items():
        if len(names) >= FEWEST:
            weight = SAME * math.log1p(len(names))
            found[project].add(weight, f"{len(names)} files have the same names, such as {', '.join(names[:3])}")
    await _by_name(store, mine, others, found)
    await _by_words(store, mine, others, found)
    best = sorted(found.items(), key=lambda one: (-one[1].score, one[0]))[:limit]
    return [
        Candidate(one, round(told.score, 2), [why for _, why in sorted(told.why, reverse=True)]) for one, told in best
    ]


def same_names(mine: Iterable[str], theirs: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Names of files that stand here and in at most half of the other projects: of each other project those it has.

    >>> same_names(["/a/cart.py", "/a/README.md"], {"blog": ["/b/cart.py", "/b/README.md"], "core": ["/c/x.py"]})
    {'blog': ['cart.py']}
    """
    here = {_end(file) for file in mine}
    there = {project: {_end(file) for file in files} & here for project, files in theirs.items()}
    having = Counter(name for names in there.values() for name in names)
    most = max(1, len(there) // 2)
    told = {
        project: sorted(name for name in names if having[name] <= most and name.lower() not in COMMON)
        for project, names in there.items()
    }
    return {project: names for project, names in told.items() if names}


async def _by_name(store: VectorStore, mine: set[str], others: Sequence[str], found: dict[str, _Evidence]) -> None:
    """How many memories here say the other's name."""
    names = {one: bare_name(one) for one in others if len(bare_name(one)) >= SHORTEST_NAME}
    said = await store.frequencies(list(names.values()), [*_WHOLE, _of(mine)])
    for project, name in names.items():
        if said[name] and name not in {bare_name(one) for one in mine}:
            found[project].add(NAMED * math.log1p(said[name]), f"{said[name]} memories here say {name}")


async def _by_words(store: VectorStore, mine: set[str], others: Sequence[str], found: dict[str, _Evidence]) -> None:
    """Which words of this project's newest turns, rare elsewhere, stand in the other project, too."""
    turns = [*_WHOLE, _of(mine), Condition("kind", "in", (Kind.TURN, Kind.REFLECTION))]
    page = await store.listed(turns, "newest", None, TURNS)
    said = vocabulary(record.text for record in page.records)
    everywhere, total = await asyncio.gather(store.frequencies(list(said.words), _WHOLE), store.count(_WHOLE))
    telling = [word for word in over_represented(said, everywhere, total) if len(word) >= SHORTEST_NAME][:WORDS]
    counts = await asyncio.gather(*(store.frequencies(telling, [*_WHOLE, _of({one})]) for one in others))
    names = {bare_name(one) for one in (*mine, *others)}
    for project, count in zip(others, counts, strict=True):
        shared = sorted((word for word in telling if count[word] > 1 and word not in names), key=lambda w: -count[w])
        if len(shared) >= FEWEST:
            why = f"{len(shared)} of this project's own words, such as {', '.join(shared[:4])}"
            found[project].add(WORD * math.log1p(len(shared)), why)


async def _files(store: VectorStore, projects: set[str]) -> list[str]:
    return list(await store.facets("files", [*_WHOLE, _of(projects)]))[:FILES]


async def _homes(store: VectorStore, project: str) -> list[str]:
    """The folders in which its conversations began."""
    facts = await store.facets("facts", [*_WHOLE, _of({project})])
    homes = [fact.removeprefix("home:").rstrip("/") for fact in facts if fact.startswith("home:")]
    return [home for home in homes if home.count("/") > 1]


def _of(projects: set[str]) -> Condition:
    return Condition("project", "in", tuple(sorted(projects)))


def _end(file: str) -> str:
    return file[max(file.rfind("/"), file.rfind("\\")) + 1 :]


_WHOLE: Filter = (*OWN, Condition("parent", "=", ""))
