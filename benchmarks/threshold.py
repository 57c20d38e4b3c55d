"""Where `min_score` should lie: how sure searches are of questions with an answer, and of questions without one.

`python -m benchmarks.threshold FILE.json ...`, each in the neutral format. A question of a set is asked among its own
conversation's memories, and among those of another conversation, which cannot answer it; a question without gold only among
its own. `--apart C` shows the questions of a category by themselves, as such that should have no answer (LoCoMo's 5).
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from session_mgmt_mcp.domain.scope import Scope

from benchmarks import product
from benchmarks.formats import Conversation, read_set
from benchmarks.progress import progress

THRESHOLDS = tuple(step / 20 for step in range(1, 15))
FIRST = 5  # hits that a search shows


@dataclass(slots=True)
class Scores:
    """Of one set: the best score of each question, by whether an answer was there to be found."""

    answerable: list[float] = field(default_factory=list)
    unanswerable: list[float] = field(default_factory=list)
    gold: list[list[float]] = field(default_factory=list)  # scores of the gold among the first hits, a list a question
    golden: list[int] = field(default_factory=list)  # how much gold each of these questions has

    def at(self, threshold: float) -> dict[str, float]:
        """In percent: questions that still get an answer, those rightly left without, and what is left of R@5."""
        found = [sum(score >= threshold for score in scores) for scores in self.gold]
        recall = [part / whole for part, whole in zip(found, self.golden, strict=True)]
        return {
            "answered": share([score >= threshold for score in self.answerable]),
            "nothing": share([score < threshold for score in self.unanswerable]),
            "R@5": share(recall),
        }


def share(values: Sequence[float]) -> float:
    return round(100 * sum(values) / len(values), 1) if values else 0.0


async def measured(files: Sequence[Path], every: int, apart: str, bar: Progress) -> dict[str, Scores]:
    sets = [read_set(file) for file in files]
    results: dict[str, Scores] = {}
    async with product.opened() as application:
        for document in sets:
            name, conversations = document.name, document.conversations
            scores = results[name] = Scores()
            names: dict[str, str] = {}
            task = bar.add_task(name, total=None)
            for one in conversations:
                names |= await product.keep(application, one, f"{name}-{one.id}")
            await product.embed_all(application, lambda now: None)
            asked = [(at, question) for at, one in enumerate(conversations) for question in one.questions][::every]
            bar.update(task, total=len(asked))
            for at, question in asked:
                own = Scope((f"{name}-{conversations[at].id}",))
                answer = await product.ask(application, question.text, own)
                if question.category == apart:
                    results.setdefault(f"{name}, {apart}", Scores()).unanswerable.append(best(answer))
                elif question.gold:
                    scores.answerable.append(best(answer))
                    hits = list(zip(answer.hits, answer.scores, strict=True))[:FIRST]
                    scores.gold.append([score for hit, score in hits if names[hit.id] in question.gold])
                    scores.golden.append(len(question.gold))
                else:
                    scores.unanswerable.append(best(answer))
                if (other := elsewhere(conversations, at)) is not None:
                    foreign = await product.ask(application, question.text, Scope((f"{name}-{other.id}",)))
                    scores.unanswerable.append(best(foreign))
                bar.advance(task)
    return results


def best(answer: product.Answer) -> float:
    return max(answer.scores, default=0.0)


def elsewhere(conversations: Sequence[Conversation], at: int) -> Conversation | None:
    """Another conversation than the one at `at`; None where there is just one."""
    return conversations[(at + 1) % len(conversations)] if len(conversations) > 1 else None


def curve(results: dict[str, Scores]) -> dict[str, Any]:
    return {name: {f"{at:.2f}": scores.at(at) for at in THRESHOLDS} for name, scores in results.items()}


def table(figures: dict[str, Any]) -> Table:
    shown = Table(box=SIMPLE, title="min_score: percent of questions", title_justify="left")
    shown.add_column("min_score")
    for name in figures:
        for column in ("answered", "nothing", "R@5"):
            shown.add_column(f"{name}\n{column}", justify="right")
    for at in THRESHOLDS:
        cells = [
            str(rows[f"{at:.2f}"][column]) for rows in figures.values() for column in ("answered", "nothing", "R@5")
        ]
        shown.add_row(f"{at:.2f}", *cells)
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threshold", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.json", help="retrieval sets in the neutral format")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="ask every Nth question only")
    parser.add_argument("--apart", default="", metavar="CATEGORY", help="questions that sound answerable and are not")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        with progress() as bar:
            figures = curve(asyncio.run(measured(given.files, given.every, given.apart, bar)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        Console(width=140).print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
