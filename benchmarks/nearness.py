"""What favouring near projects costs and gains: `python -m benchmarks.nearness FOLDER`, figures as JSON.

FOLDER holds the real sessions that benchmarks/coding_questions.json asks about. They are spread over five projects, each of
which uses the next one, and every question is asked from every project: so each answer lies 0 to 4 away. For each weight:
how often the session that answers comes first, or among the first five hits, by its distance.
"""

import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.project_graph.distance import reached
from session_mgmt_mcp.domain.project_graph.graph import Dependency, Graph, Relation
from session_mgmt_mcp.domain.projects import project_id
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.settings import load

QUESTIONS = Path(__file__).parent / "coding_questions.json"
NAMES = ("alpha", "beta", "gamma", "delta", "epsilon")
WEIGHTS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.30, 0.50)
HALVINGS = (0.5, 1.0, 2.0)


def spread(folder: Path, to: Path) -> dict[str, str]:
    """The sessions of `folder`, written again as if they were of five projects; the project by session."""
    homes = {}
    for number, path in enumerate(sorted(folder.rglob("*.jsonl"))):
        home = f"/home/dev/{NAMES[number % len(NAMES)]}"
        homes[path.stem] = project_id(home)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        moved = [{**line, "cwd": home} if "cwd" in line else line for line in lines]
        target = to / home.replace("/", "-") / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(f"{json.dumps(line)}\n" for line in moved))
    return homes


def chain(projects: list[str]) -> Graph:
    now = datetime.now(UTC)
    return Graph((), [Dependency(a, b, Relation.USES, "", "", now) for a, b in pairwise(projects)])


async def measured(app: Application, homes: Mapping[str, str], weight: float, halved_by: float) -> dict[str, object]:
    projects = list(dict.fromkeys(homes.values()))
    graph, scope = chain(projects), Scope(projects=tuple(projects))
    first: defaultdict[float, list[bool]] = defaultdict(list)
    five: defaultdict[float, list[bool]] = defaultdict(list)
    for start in projects:
        distance = {project: reach.distance for project, reach in reached(graph, start, farthest=99).items()}
        near = {project: weight * 2 ** (-far / halved_by) for project, far in distance.items()}
        for question in json.loads(QUESTIONS.read_text())["questions"]:
            gold = set(question["gold_sessions"])
            found = await app.memory.search(question["text"], scope, limit=5, near=near)
            sessions = [hit.record.session for hit in found.hits]
            far = min(distance[homes[session]] for session in gold)
            for counts, shown in ((first, sessions[:1]), (five, sessions)):
                counts[far].append(bool(gold.intersection(shown)))
    return {"weight": weight, "halved_by": halved_by, "hit@1": _percent(first), "hit@5": _percent(five)}


def _percent(counts: Mapping[float, list[bool]]) -> dict[str, float]:
    every = [one for some in counts.values() for one in some]
    by_distance = {f"{far:g}": round(100 * sum(some) / len(some), 1) for far, some in sorted(counts.items())}
    return {"all": round(100 * sum(every) / len(every), 1), **by_distance}


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        homes = spread(folder, Path(temporary) / "projects")
        async with open_application(load(data_dir=Path(temporary) / "data")) as app:
            await app.capture.import_paths([Path(temporary) / "projects"])
            await app.embedding.wait_idle()
            for halved_by in HALVINGS:
                for weight in WEIGHTS if halved_by == 1.0 else (0.15, 0.30):
                    print(json.dumps(await measured(app, homes, weight, halved_by)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
