"""Weights learned on all sets but one, tried on that one: `python -m benchmarks.fit FILE.json[:A-B] FILE.json ...`.

A listwise fit: softmax over the candidates that the product reads, by gradient steps from equal weights. It says whether one set
of weights could do for all kinds of conversation.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from session_mgmt_mcp.domain.cues import cues_of
from session_mgmt_mcp.domain.ranking import REREAD, Weights, rank, reread

from benchmarks import product
from benchmarks.metrics import measure
from benchmarks.trials import LONG_AGO, TURN, Asked, asked_of_set

Floats: TypeAlias = NDArray[np.float64]
EQUAL = Weights(**{field.name: 1.0 for field in fields(Weights)})
STEPS, RATE, SHARPNESS, START = 300, 0.02, 8.0, 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """One question: its candidates' features, float[n, k], what they are called, and the gold among them."""

    features: Floats
    names: Sequence[str]
    gold: frozenset[str]

    @property
    def target(self) -> Floats:
        hit = np.array([name in self.gold for name in self.names], np.float64)
        return hit / max(1.0, hit.sum())


def case_of(asked: Asked) -> Case:
    """Features as they are before any weight, of the candidates that the product would read."""
    cues = cues_of(asked.question.text)
    order = rank(asked.found, cues, LONG_AGO)
    raw = replace(rank(asked.found, cues, LONG_AGO, weights=EQUAL), order=order.order[:REREAD])
    texts = {name: asked.corpus.records[name].text for both in raw.read for name in both if name}
    read = reread(raw, texts, cues)
    columns = np.stack([read.features[name] for name in sorted(read.features)], axis=1)[read.order]
    ids = [read.found.ids[row] for row in read.order.tolist()]
    return Case(columns, [asked.corpus.names.get(name, name) for name in ids], asked.question.gold)


def fitted(sets: Sequence[Sequence[Case]]) -> Floats:
    """Weights, float[k]; each set counts the same, however many questions it has. Steps after Kingma and Ba (2015)."""
    weights = np.full(sets[0][0].features.shape[1], START)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    useful = [[case for case in some if case.target.any()] for some in sets]
    for step in range(1, STEPS + 1):
        slope = np.mean([np.mean([gradient(case, weights) for case in some], axis=0) for some in useful], axis=0)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-6)
    return weights


def gradient(case: Case, weights: Floats) -> Floats:
    scores = SHARPNESS * (case.features @ weights)
    likely = np.exp(scores - scores.max())
    slope: Floats = SHARPNESS * (likely / likely.sum() - case.target) @ case.features
    return slope


def judged(cases: Sequence[Case], weights: Floats) -> list[float]:
    results = []
    for case in cases:
        order = np.argsort(-(case.features @ weights), kind="stable")
        names = [case.names[row] for row in order.tolist()]
        results.append([measure(metric, names, case.gold) for metric in TURN])
    return [round(100 * float(mean), 1) for mean in np.mean(results, axis=0)]


async def cases_of(given: str) -> list[Case]:
    file, _, positions = given.partition(":")
    async with product.opened() as application:
        asked = await asked_of_set(application, Path(file), positions or None, exchanges=False)
    return [case_of(one) for one in asked if one.question.gold]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__)
    parser.add_argument("sets", nargs="+", metavar="FILE.json[:A-B]", help="at least two, with gold turns")
    given = parser.parse_args(arguments)
    if len(given.sets) < 2:
        parser.error("give at least two sets: one is held out")
    try:
        cases = {name: asyncio.run(cases_of(name)) for name in given.sets}
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    shown = Table("tried on", "fitted on", *TURN, box=SIMPLE)
    for name, held_out in cases.items():
        others = [some for other, some in cases.items() if other != name]
        for label, sets in (("the others", others), ("all", list(cases.values())), ("itself", [held_out])):
            shown.add_row(Path(name).name, label, *map(str, judged(held_out, fitted(sets))))
    Console(width=110).print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
