"""What each part of the ranking is worth, and what was tried beside it: `python -m benchmarks.trials FILE.json`.

Questions are asked once, through the product's store; what it found is then ranked again for each trial. A trial changes
weights, or adds a column of its own to the features of the candidates.
"""

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.candidates import at, share, spread
from session_mgmt_mcp.domain.cues import cues_of
from session_mgmt_mcp.domain.ranking import (
    ASSISTED,
    CODING,
    PEERS,
    POOL,
    Ranking,
    Weights,
    rank,
    reread,
)
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.ports.embedder import Matrix, Vector
from session_mgmt_mcp.ports.vector_store import Matches, Meaning, Record

from benchmarks import product
from benchmarks.formats import Question, read_questions, read_set, selected
from benchmarks.metrics import first_of_each, measure
from benchmarks.progress import progress

Column: TypeAlias = NDArray[np.float64]
TURN, SESSION = ("R@5", "R@10", "nDCG@10"), ("hit@1", "hit@5", "MRR")
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
WORDS_READ = 800  # characters of a text that experiments read


@dataclass(frozen=True, slots=True)
class Corpus:
    """One set's memories, whole, by id."""

    records: Mapping[str, Record]
    names: Mapping[str, str]  # the set's name of a turn, by memory id
    terms: Mapping[str, frozenset[str]]
    idf: Mapping[str, float]
    vectors: Mapping[str, Vector]
    exchanges: Mapping[str, Vector]  # of each turn and the one before it, embedded together; empty unless a trial asks


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what the store found for it."""

    question: Question
    found: Matches
    corpus: Corpus
    vector: Vector
    parts: Sequence[Vector]  # of its clauses
    statement: Vector  # of what is left without its question words

    @property
    def words(self) -> list[str]:
        return list(dict.fromkeys(terms_of(self.question.text)))


Extra: TypeAlias = Callable[[Asked, Ranking], Column]


@dataclass(frozen=True, slots=True)
class Trial:
    """A name, what it does to the weights, and a column that it adds with its weight."""

    name: str
    change: Callable[[Weights], Weights] = lambda weights: weights
    extra: Extra | None = None
    weight: float = 0.0
    read: bool = True

    def order(self, asked: Asked) -> Ranking:
        cues = cues_of(asked.question.text)
        first = rank(asked.found, cues, LONG_AGO)
        weights = self.change(first.weights)
        if weights is not first.weights:
            first = rank(asked.found, cues, LONG_AGO, weights=weights)
        if self.extra is not None:
            first = with_column(first, self.weight * self.extra(asked, first))
        if not self.read:
            return first
        wanted = {name for both in first.read for name in both if name}
        texts = {name: asked.corpus.records[name].text for name in wanted}
        return reread(first, texts, cues)


def with_column(order: Ranking, column: Column) -> Ranking:
    """The same candidates, ordered with one feature more."""
    features = {**order.features, "trial": column}
    totals = np.sum(list(features.values()), axis=0)
    best = np.lexsort((-order.found.times, -totals))[: len(order.order)]
    return replace(order, order=best, features=features)


def rm3(asked: Asked, order: Ranking) -> Column:
    """Words of the first ten hits that the question lacks, weighted by how sure the hit is (Lavrenko and Croft, 2001)."""
    top = [order.found.ids[row] for row in order.order[:10].tolist()]
    likely: Counter[str] = Counter()
    for place, name in enumerate(top):
        terms = asked.corpus.terms[name]
        likely.update({term: 1 / (1 + place) / max(1, len(terms)) for term in terms})
    idf, known = asked.corpus.idf, set(asked.words)
    best = sorted(((part * idf[term], term) for term, part in likely.items() if term not in known), reverse=True)[:15]
    return share(np.array([sum(part for part, term in best if term in terms) for terms in terms_along(asked, order)]))


def rocchio(asked: Asked, order: Ranking) -> Column:
    """Nearness to the middle of the first five hits."""
    top = [order.found.ids[row] for row in order.order[:5].tolist()]
    middle = np.mean([vector_of(asked, name) for name in top], axis=0)
    return spread(vectors_along(asked, order) @ middle)


def rare_words(asked: Asked, order: Ranking) -> Column:
    """Coverage of the question's words, each as much as it is rare."""
    worth = {term: asked.corpus.idf.get(term, 0.0) for term in asked.words}
    whole = sum(worth.values()) or 1.0
    return np.array(
        [sum(worth[term] for term in worth if term in terms) / whole for terms in terms_along(asked, order)]
    )


def names(asked: Asked, order: Ranking) -> Column:
    """Names, files and code words of the question that the text has as they stand."""
    special = [
        w
        for w in asked.question.text.split()[1:]
        if w[:1].isupper() or any(c in w for c in "_./") or w[1:] != w[1:].lower()
    ]
    special = [word.strip("?.,'\"").lower() for word in special]
    texts = [asked.corpus.records[name].text[:WORDS_READ].lower() for name in order.found.ids]
    return np.array([sum(word in text for word in special) / max(1, len(special)) for text in texts])


def session_meaning(asked: Asked, order: Ranking) -> Column:
    """The best cosine in its session."""
    return best_in_session(order, spread(order.cosine))


def session_words(asked: Asked, order: Ranking) -> Column:
    """The best BM25 in its session."""
    return best_in_session(order, share(order.found.record()))


def two_before(asked: Asked, order: Ranking) -> Column:
    """BM25 of what was said two turns before."""
    left, _ = order.found.neighbours()
    return at(share(order.found.record()), at_row(left, left))


def window_meaning(asked: Asked, order: Ranking) -> Column:
    """Cosine of the memory's vector with half of each neighbour's added."""
    left, right = order.found.neighbours()
    own = vectors_along(asked, order)
    around = own + 0.5 * own[left] * (left >= 0)[:, None] + 0.5 * own[right] * (right >= 0)[:, None]
    around /= np.linalg.norm(around, axis=1, keepdims=True) + 1e-9
    return spread(around @ asked.vector)


def session_middle(asked: Asked, order: Ranking) -> Column:
    """Nearness of the question to the middle of the session's candidates: one vector a session."""
    codes = np.unique(order.found.sessions.codes, return_inverse=True)[1]
    middles = np.zeros((codes.max(initial=0) + 1, len(asked.vector)))
    np.add.at(middles, codes, vectors_along(asked, order))
    middles /= np.linalg.norm(middles, axis=1, keepdims=True) + 1e-9
    return spread((middles @ asked.vector)[codes])


def clauses(asked: Asked, order: Ranking) -> Column:
    """The best of the question and its clauses, each by its own vector."""
    own = vectors_along(asked, order)
    return np.max([spread(own @ vector) for vector in (asked.vector, *asked.parts)], axis=0)


def statement(asked: Asked, order: Ranking) -> Column:
    """Nearness to the question without its question words."""
    return spread(vectors_along(asked, order) @ asked.statement)


def exchange(asked: Asked, order: Ranking) -> Column:
    """Nearness of the turn and the one before, embedded together."""
    nobody = np.zeros_like(asked.vector)
    exchanges = np.stack([asked.corpus.exchanges.get(name, nobody) for name in order.found.ids])
    return spread(exchanges @ asked.vector)


def opening(asked: Asked, order: Ranking) -> Column:
    """How near the first thing said in its session is to the question."""
    first = order.found.found.positions[np.unique(order.found.rows, return_index=True)[1]] <= 1
    return best_in_session(order, np.where(first, spread(order.cosine), 0.0))


def best_in_session(order: Ranking, column: Column) -> Column:
    codes = np.unique(order.found.sessions.codes, return_inverse=True)[1]
    best = np.zeros(codes.max(initial=0) + 1)
    np.maximum.at(best, codes, column)
    each: Column = best[codes]
    return each


def at_row(rows: NDArray[np.int64], of: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(of >= 0, rows[of], -1)


def terms_along(asked: Asked, order: Ranking) -> list[frozenset[str]]:
    return [asked.corpus.terms[name] for name in order.found.ids]


def vector_of(asked: Asked, name: str) -> Vector:
    return asked.corpus.vectors.get(name, np.zeros_like(asked.vector))


def vectors_along(asked: Asked, order: Ranking) -> Matrix:
    return np.stack([vector_of(asked, name) for name in order.found.ids])


def without(name: str) -> Trial:
    return Trial(f"without {name}", lambda weights: replace(weights, **{name: 0.0}))


EXTRAS: Sequence[tuple[Extra, float]] = (
    (rm3, 0.1), (rocchio, 0.1), (rare_words, 0.2), (names, 0.1), (session_meaning, 0.15), (session_words, 0.15),
    (two_before, 0.1), (window_meaning, 0.2), (opening, 0.15), (session_middle, 0.15), (clauses, 0.15), (statement, 0.15),
)  # fmt: skip
TRIALS: Sequence[Trial] = (
    Trial("as it is"),
    Trial("weights for people", lambda _: PEERS),
    Trial("weights for an assistant", lambda _: ASSISTED),
    Trial("weights for coding", lambda _: CODING),
    Trial("texts not read", read=False),
    *(
        without(field.name)
        for field in fields(Weights)
        if not field.name.startswith("user_") and field.name != "recent"
    ),
    *(Trial(f"with {extra.__name__}", extra=extra, weight=weight) for extra, weight in EXTRAS),
)
ORDINARY = frozenset(trial.name for trial in TRIALS)
EXCHANGE = Trial("with exchange", extra=exchange, weight=0.15)
"""Only when it is named: every turn is embedded a second time."""
QUESTION_WORDS = re.compile(
    r"^(?:(?:in|on|at|for|from|to|with|by|about) )?(?:when|what|where|who|whom|whose|which|why|how(?: (?:many|much|long|often|old))?)\b"
    r"\s*(?:(?:kind|type|sort)s? of |(?:did|does|do|is|are|was|were|has|have|had|would|will|can|could|should)\b)?\s*",
    re.IGNORECASE,
)
CLAUSES = re.compile(r"\band\b|,|\bafter\b|\bbefore\b|\bwhile\b")


def terms_of(text: str) -> list[str]:
    """Stems, as the store's index makes them."""
    from session_mgmt_mcp.adapters.duckdb.tokens import Words

    return Words().terms(text[:WORDS_READ])


async def corpus_of(application: Application, names: Mapping[str, str], exchanges: bool) -> Corpus:
    from session_mgmt_mcp.adapters.duckdb.tokens import Words

    words, records, cursor = Words(), {}, None
    while True:
        page = await application.store.scan([], cursor, 2_000)
        records |= {record.id: record for record in page.records}
        if (cursor := page.cursor) is None:
            break
    terms = {name: frozenset(words.terms(record.text[:WORDS_READ])) for name, record in records.items()}
    having = Counter(term for some in terms.values() for term in some)
    idf = {term: float(np.log1p((len(terms) - n + 0.5) / (n + 0.5))) for term, n in having.items()}
    together = await exchanges_of(application, list(records.values())) if exchanges else {}
    return Corpus(records, names, terms, idf, await application.store.vectors(list(records)), together)


async def exchanges_of(application: Application, records: Sequence[Record]) -> dict[str, Vector]:
    said = [record for record in records if not record.parent and record.kind == "turn"]
    at_place = {(record.session, record.position): record for record in said}
    texts = []
    for record in said:
        before = at_place.get((record.session, record.position - 1))
        texts.append("\n".join(f"{one.role}: {one.text}" for one in (before, record) if one is not None))
    starts = range(0, len(texts), 256)
    vectors = np.concatenate([await application.embedder.embed_documents(texts[at : at + 256]) for at in starts])
    return {record.id: vector for record, vector in zip(said, vectors, strict=True)}


async def asked_of_set(application: Application, file: Path, positions: str | None, exchanges: bool) -> list[Asked]:
    document = read_set(file)
    chosen = selected(document.conversations, positions)
    named: dict[str, str] = {}
    for one in chosen:
        named |= await product.keep(application, one, f"{document.name}-{one.id}")
    await product.embed_all(application, lambda now: None)
    corpus = await corpus_of(application, named, exchanges)
    pairs = [(Scope((f"{document.name}-{one.id}",)), question) for one in chosen for question in one.questions]
    return [await asked_of(application, question, scope, corpus) for scope, question in pairs if question.gold_sessions]


async def asked_of_transcripts(application: Application, folder: Path, questions: Path, exchanges: bool) -> list[Asked]:
    await application.capture.import_paths([folder])
    await product.embed_all(application, lambda now: None)
    corpus = await corpus_of(application, {}, exchanges)
    asked = read_questions(questions)[1]
    return [await asked_of(application, question, Scope(), corpus) for question in asked if question.gold_sessions]


async def asked_of(application: Application, question: Question, scope: Scope, corpus: Corpus) -> Asked:
    vector = await application.embedder.embed_query(question.text)

    async def meaning() -> Meaning:
        return Meaning(vector, application.embedder.model_id)

    found = await application.store.search(question.text, meaning(), scope.conditions(), POOL, lambda found, _: found)
    clauses = [part for part in CLAUSES.split(question.text.rstrip("?")) if len(part.split()) > 2]
    parts = await application.embedder.embed_documents(clauses) if len(clauses) > 1 else []
    bare = QUESTION_WORDS.sub("", question.text).rstrip("?").strip() or question.text
    return Asked(question, found, corpus, vector, list(parts), await application.embedder.embed_query(bare))


def figures(trial: Trial, asked: Iterable[Asked]) -> dict[str, float]:
    results: dict[str, list[float]] = {}
    for one in asked:
        order = trial.order(one)
        records = [one.corpus.records[name] for name in distinct(one, order)]
        turns = [one.corpus.names.get(record.id, record.id) for record in records]
        sessions = first_of_each(record.session.rpartition("/")[2] for record in records)
        if one.question.gold:
            for metric in TURN:
                results.setdefault(metric, []).append(measure(metric, turns, one.question.gold))
        for metric in SESSION:
            found = measure(metric, sessions, one.question.gold_sessions)
            results.setdefault(f"session {metric}", []).append(found)
    return {metric: round(100 * float(np.mean(values)), 1) for metric, values in results.items()}


def distinct(asked: Asked, order: Ranking) -> list[str]:
    """What the ranking would show: the same content once."""
    names = [order.found.ids[row] for row in order.order.tolist()]
    by_content = {asked.corpus.records[name].content_hash: name for name in reversed(names)}
    shown = set(by_content.values())
    return [name for name in names if name in shown]


async def run(given: argparse.Namespace, bar: Progress) -> dict[str, dict[str, float]]:
    chosen = [trial for trial in (*TRIALS, EXCHANGE) if trial.name in (given.trial or ORDINARY)]
    exchanges = EXCHANGE in chosen
    async with product.opened() as application:
        task = bar.add_task("store, embed, ask", total=None)
        if given.file:
            asked = await asked_of_set(application, given.file, given.conversations, exchanges)
        else:
            asked = await asked_of_transcripts(application, given.projects, given.questions, exchanges)
        bar.update(task, total=1, completed=1)
    task = bar.add_task("rank", total=len(chosen))
    results = {}
    for trial in chosen:
        results[trial.name] = figures(trial, asked)
        bar.advance(task)
    return results


def table(results: Mapping[str, Mapping[str, float]]) -> Table:
    shown = Table(box=SIMPLE)
    shown.add_column("trial")
    columns = list(next(iter(results.values())))
    for column in columns:
        shown.add_column(column, justify="right")
    for name, row in results.items():
        shown.add_row(name, *(str(row[column]) for column in columns))
    return shown


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trials", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.json", help="a retrieval set in the neutral format")
    parser.add_argument("--conversations", metavar="A-B", help="only those at these positions, counted from 1")
    parser.add_argument("--projects", type=Path, metavar="DIR", help="a folder of transcripts, with --questions")
    parser.add_argument("--questions", type=Path, metavar="FILE.json", help="questions with gold_sessions")
    parser.add_argument("--trial", action="append", metavar="NAME", help="only this one; may be given again")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    if bool(given.file) == bool(given.projects) or bool(given.projects) != bool(given.questions):
        parser.error("give either FILE.json, or --projects DIR with --questions FILE.json")
    try:
        with progress() as bar:
            results = asyncio.run(run(given, bar))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(results, indent=2))
    else:
        Console(width=110).print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
