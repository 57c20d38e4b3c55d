"""How much of what should be found is found: `python -m benchmarks.recall --help`."""

import argparse
import asyncio
import json
import statistics
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from session_mgmt_mcp.domain.scope import Scope

from benchmarks import product
from benchmarks.baselines import Baselines
from benchmarks.formats import Conversation, Question, read_questions, read_set, selected
from benchmarks.metrics import SESSION_METRICS, TURN_METRICS, first_of_each, means
from benchmarks.progress import progress

EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Ranked:
    """One question's answer: turns and sessions, best first."""

    question: Question
    turns: Sequence[Any]
    sessions: Sequence[Any]
    conversation: str = ""


@dataclass(slots=True)
class Outcome:
    """Of one set."""

    ranked: list[Ranked] = field(default_factory=list)
    simple: dict[str, list[Ranked]] = field(default_factory=lambda: defaultdict(list))
    milliseconds: list[float] = field(default_factory=list)
    without_gold: int = 0

    def among(self, conversations: Collection[str]) -> "Outcome":
        """The same run's answers to the questions of some conversations."""
        some = Outcome([one for one in self.ranked if one.conversation in conversations])
        for name, ranked in self.simple.items():
            some.simple[name] = [one for one in ranked if one.conversation in conversations]
        some.milliseconds = self.milliseconds
        return some

    def figures(self) -> dict[str, Any]:
        by_category = defaultdict(list)
        for one in self.ranked:
            by_category[one.question.category].append(one)
        return {
            **levels(self.ranked),
            "by_category": {name: levels(some) for name, some in sorted(by_category.items())},
            "baselines": {name: levels(some) for name, some in self.simple.items()},
            "ms_per_query": round(statistics.median(self.milliseconds), 1) if self.milliseconds else None,
            "questions": len(self.ranked),
            "without_gold": self.without_gold,
        }


def levels(answers: Sequence[Ranked]) -> dict[str, Mapping[str, float]]:
    return {
        "turn": means(TURN_METRICS, [(one.turns, one.question.gold) for one in answers if one.question.gold]),
        "session": means(
            SESSION_METRICS,
            [(one.sessions, one.question.gold_sessions) for one in answers if one.question.gold_sessions],
        ),
    }


async def over_conversations(name: str, conversations: Sequence[Conversation], compare: bool, bar: Progress) -> Outcome:
    """Each conversation is a project of its own: its turns are stored, then its questions asked."""
    outcome = Outcome()
    async with product.opened() as application:
        storing = bar.add_task("store", total=sum(len(one.turns) for one in conversations))
        names: dict[str, str] = {}
        for one in conversations:
            names |= await product.keep(application, one, f"{name}-{one.id}")
            bar.advance(storing, len(one.turns))
        await embedded(application, bar)
        asking = bar.add_task("ask", total=sum(len(one.questions) for one in conversations))
        for one in conversations:
            turns = [turn for turn in one.turns if turn.text.strip()]
            plain = (
                await Baselines.over([(turn.speaker, turn.text) for turn in turns], application.embedder)
                if compare
                else None
            )
            for question in one.questions:
                bar.advance(asking)
                if not question.gold_sessions:
                    outcome.without_gold += 1
                    continue
                answer = await product.ask(application, question.text, Scope((f"{name}-{one.id}",)))
                outcome.milliseconds.append(answer.milliseconds)
                sessions = first_of_each(hit.session.removeprefix(f"{one.id}/") for hit in answer.hits)
                outcome.ranked.append(Ranked(question, [names[hit.id] for hit in answer.hits], sessions, one.id))
                for baseline, places in (await plain.orders(question.text) if plain else {}).items():
                    found = [turns[at] for at in places]
                    order = [turn.id for turn in found]
                    by_session = first_of_each(turn.session for turn in found)
                    outcome.simple[baseline].append(Ranked(question, order, by_session, one.id))
    return outcome


async def over_transcripts(
    folder: Path, questions: Sequence[Question], compare: bool, bar: Progress, scope: Scope = EVERYTHING
) -> Outcome:
    """Everything below `folder` is imported as `session-mgmt-mcp import` does it, then the questions are asked."""
    outcome = Outcome()
    async with product.opened() as application:
        importing = bar.add_task("import", total=None)
        await application.capture.import_paths(
            [folder], lambda now: bar.update(importing, total=now.bytes_total, completed=now.bytes_done)
        )
        await embedded(application, bar)
        plain, sessions = None, [""]
        if compare:
            page = await application.store.scan([], limit=1_000_000)
            said = [record for record in page.records if not record.parent and record.kind == "turn"]
            plain = await Baselines.over([(record.role, record.text) for record in said], application.embedder)
            sessions = [record.session for record in said]
        asking = bar.add_task("ask", total=len(questions))
        for question in questions:
            bar.advance(asking)
            if not question.gold_sessions:
                outcome.without_gold += 1
                continue
            answer = await product.ask(application, question.text, scope)
            outcome.milliseconds.append(answer.milliseconds)
            outcome.ranked.append(Ranked(question, (), first_of_each(hit.session for hit in answer.hits)))
            for name, order in (await plain.orders(question.text) if plain else {}).items():
                outcome.simple[name].append(Ranked(question, (), first_of_each(sessions[at] for at in order)))
    return outcome


async def embedded(application: Any, bar: Progress) -> None:
    task = bar.add_task("embed", total=None)
    await product.embed_all(application, lambda now: bar.update(task, total=now.done + now.pending, completed=now.done))
    bar.update(task, total=1, completed=1)


def table(name: str, figures: Mapping[str, Any], bars: Mapping[tuple[str, str], float] | None = None) -> Table:
    """A set's figures; `bars` stand under those that they are for, by level and metric."""
    shown = Table(
        box=SIMPLE,
        padding=(0, 1, 0, 0),
        title=f"{name}: {figures['questions']} questions, {figures['ms_per_query']} ms each",
        title_justify="left",
    )
    columns = [("turn", metric) for metric in ("R@1", "R@5", "R@10", "hit@5", "all@5", "MRR", "nDCG@10")]
    columns += [("session", metric) for metric in SESSION_METRICS]
    shown.add_column("", no_wrap=True)
    for level, metric in columns:
        shown.add_column(metric if level == "turn" else f"ses {metric}", justify="right")
    rows = {**figures["baselines"], **{f"  {c}": f for c, f in figures["by_category"].items()}}
    shown.add_row("product", *(str(figures[level].get(metric, "")) for level, metric in columns), style="bold")
    if bars:
        shown.add_row("bar", *(f">= {bars[column]:g}" if column in bars else "" for column in columns))
    for label, row in rows.items():
        shown.add_row(label, *(str(row[level].get(metric, "")) for level, metric in columns))
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.json", help="a retrieval set in the neutral format")
    parser.add_argument("--projects", type=Path, metavar="DIR", help="a folder of transcripts, with --questions")
    parser.add_argument("--questions", type=Path, metavar="FILE.json", help="questions with gold_sessions")
    parser.add_argument("--conversations", metavar="A-B", help="only those at these positions, counted from 1")
    parser.add_argument("--baselines", action="store_true", help="MiniLM alone, BM25 alone and their plain fusion too")
    parser.add_argument("--json", action="store_true", help="figures as JSON, in percent")
    given = parser.parse_args(arguments)
    if bool(given.file) == bool(given.projects) or bool(given.projects) != bool(given.questions):
        parser.error("give either FILE.json, or --projects DIR with --questions FILE.json")
    bar = progress()
    try:
        if given.file:
            document = read_set(given.file)
            name, conversations = document.name, selected(document.conversations, given.conversations)
            run = over_conversations(name, conversations, given.baselines, bar)
        else:
            name, questions = read_questions(given.questions)
            run = over_transcripts(given.projects, questions, given.baselines, bar)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    with bar:
        outcome = asyncio.run(run)
    figures = outcome.figures()
    if given.json:
        print(json.dumps({name: figures}, indent=2))
    else:
        Console(width=110).print(table(name, figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
