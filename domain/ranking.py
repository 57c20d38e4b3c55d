"""Which memories answer a question: a weighted sum of what the indexes and the question say about each. Pure.

Two steps. `rank` orders all candidates by what the indexes know of them; `reread` then looks at the texts of the best.
Why these features and weights: docs/architecture/0007-ranking.md.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import overload

import numpy as np
from session_mgmt_mcp.domain.candidates import Bools, Candidates, Floats, Ints, at, share, spread
from session_mgmt_mcp.domain.cues import Cues, asks, cues_of, is_counted, is_dated, is_standing
from session_mgmt_mcp.domain.memories import EMBEDDED_KINDS, Kind
from session_mgmt_mcp.ports.vector_store import Hit, Matches, Names

__all__ = [
    "ASSISTED",
    "CODING",
    "KEPT",
    "PEERS",
    "POOL",
    "REREAD",
    "Cues",
    "Ranking",
    "Scored",
    "Weights",
    "cues_of",
    "rank",
    "reread",
    "weights_for",
]

REREAD = 48  # candidates whose texts are worth fetching
BY_WORDS = 4  # of them, for their words alone
KEPT = 200  # candidates that anybody may page through
POOL = 400  # candidates asked of each index; fewer lose what only the named time brings up
OF_TEXT = ("dated", "counted", "answers", "asks", "length", "standing", "coverage", "phrase")


@dataclass(frozen=True, slots=True)
class Weights:
    """What each feature, scaled to 0..1 over the candidates, adds to the sum."""

    dense: float  # cosine: half the best part's, half that of its beginning
    words: float  # BM25, likewise
    window: float  # BM25 over the memory and one neighbour each side
    session: float  # BM25 over its whole session; the fewer sessions, the less it tells
    after: float  # cosine of the neighbour after
    speaker: float  # its speaker is named in the question
    user: float  # said by the user rather than by the assistant
    user_if_assistant_asked: float  # in place of `user` when the question is about the assistant's words
    user_if_overview: float  # in place of `user` when a summary is asked for
    named_time: float  # its time is the one that the question names
    recent: float  # halves with each half-life
    reflection: float  # somebody stored it on purpose
    dated: float  # has a date or a span where the question asks "when"
    counted: float  # has a number where the question asks "how many"
    answers: float  # what was said just before is a question: how close that is to this one, or how far
    asks: float  # is a question itself
    length: float  # logarithm of its length, full at 800 characters
    standing: float  # says what is preferred or always to be done
    coverage: float  # share of the question's words that it has
    phrase: float  # share of the question's pairs of words that stand together in it


PEERS = Weights(
    dense=0.32, words=0.0, window=0.29, session=0.54, after=0.06, speaker=0.16,
    user=0.0, user_if_assistant_asked=0.0, user_if_overview=0.0, named_time=0.80, recent=0.04, reflection=0.05,
    dated=0.25, counted=0.18, answers=0.34, asks=-0.08, length=0.33, standing=0.0, coverage=0.32, phrase=0.14,
)  # fmt: skip
"""People talking in short turns: the answer leans on the turns around it."""
ASSISTED = Weights(
    dense=0.45, words=0.22, window=0.12, session=0.15, after=0.18, speaker=0.0,
    user=0.30, user_if_assistant_asked=0.0, user_if_overview=0.06, named_time=0.20, recent=0.04, reflection=0.10,
    dated=0.08, counted=0.10, answers=0.0, asks=0.0, length=-0.15, standing=0.06, coverage=0.08, phrase=0.20,
)  # fmt: skip
"""A user and an assistant: the user's turns hold the facts, the assistant's are long and share many words with anything."""
CODING = Weights(
    dense=0.35, words=0.25, window=0.28, session=0.34, after=0.10, speaker=0.0,
    user=0.12, user_if_assistant_asked=0.0, user_if_overview=0.0, named_time=0.20, recent=0.04, reflection=0.10,
    dated=0.08, counted=0.10, answers=0.0, asks=0.0, length=0.20, standing=0.03, coverage=0.20, phrase=0.20,
)  # fmt: skip
"""A user, an assistant and its tools: plans, summaries and the task as it was set tell most of what a session was about."""

FULL_LENGTH = 800
SHORTEST = 20
DAYS_BEFORE, DAYS_AFTER = 3, 25  # around a day that the question names: an event is talked about when it is over
ROLES_OF_A_CLIENT = frozenset({"", "user", "assistant", "tool", "system", "boundary"})
_ON_PURPOSE = frozenset({Kind.REFLECTION, Kind.SHARED})
_BORDER = 0.33  # the score of a best hit of which it is open whether it answers
_STEEPNESS = 1.2  # how fast a score grows from there with what speaks for the hit
_WORDS_TELL = 0.15  # what all of the question's words in a text add to its cosine
_WORDS_ALONE = 0.80  # the score of a text for having them all, whatever its cosine
_HALF_IS_LITTLE = 3  # a text with half of the words has this power of a half of that, unless words are all there is
_BY_CHANCE, _EACH_FOLD = -0.02, 0.08  # the best cosine among unrelated texts grows with the logarithm of their number
_FEWEST, _MOST = 10, 600  # within which that was measured


@dataclass(frozen=True, slots=True)
class Scored:
    """One candidate. The features are what each added to its rank."""

    id: str  # of the whole memory
    score: float  # 0..1, comparable between questions; never grows along the ranking
    hit: Hit  # its part that matches best
    features: Mapping[str, float]
    cosine: float


@dataclass(frozen=True, slots=True)
class Ranking(Sequence[Scored]):
    """Best first. A place in it is made into a `Scored` when somebody looks."""

    found: Candidates
    order: Ints  # rows of the candidates
    scores: Floats  # along the order
    totals: Floats  # along the order
    features: Mapping[str, Floats]  # by row
    cosine: Floats  # by row
    answered: Floats  # by row: how close what was said before it is to the question, -1..1
    weights: Weights
    read: Sequence[tuple[str, str]]  # of the first REREAD: the ids of the hit, and of what was said before it or ""

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, place: int) -> Scored: ...
    @overload
    def __getitem__(self, place: slice) -> list[Scored]: ...
    def __getitem__(self, place: int | slice) -> Scored | list[Scored]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        row = int(self.order[place])
        return Scored(
            self.found.ids[row],
            float(self.scores[place]),
            self.found.hit(row),
            {name: float(column[row]) for name, column in self.features.items()},
            float(self.cosine[row]),
        )

    def down_to(self, min_score: float) -> "Ranking":
        """Without those that score less."""
        kept = int(np.count_nonzero(self.scores >= min_score))
        return replace(self, order=self.order[:kept], scores=self.scores[:kept])


def rank(
    found: Matches,
    cues: Cues,
    now: datetime,
    *,
    pool: int = POOL,
    half_life_days: float = 0.0,
    weights: Weights | None = None,
    near: Mapping[str, float] | None = None,
) -> Ranking:
    """Best first, parts folded into their wholes; without vectors, or without words, the rest of the features decides.

    Same input, same order; ties by time, newest first, then id. `half_life_days` 0: age does not count. `near` says by
    project what its memories get for being near to whoever asks; None: all are alike.
    """
    known = Candidates(found, pool)
    weights = weights or weights_for(known.kinds, known.roles)
    cosine, words, window = known.cosine(), share(known.record()), share(known.window())
    unread = known.unread() & known.kinds.among(EMBEDDED_KINDS)
    meaning = np.where(unread, words, spread(cosine))  # what was stored just now must not lose for want of a vector
    cosine = np.where(unread, 0.0, cosine)
    left, right = known.neighbours()
    features: dict[str, Floats] = {
        "dense": weights.dense * meaning,
        "words": weights.words * words,
        "window": weights.window * window,
        "session": weights.session * known.session(),
        "after": weights.after * at(meaning, right),
        "speaker": weights.speaker * _named(known.roles, cues),
        "user": _user_weight(weights, cues) * known.roles.among({"user"}).astype(np.float64),
        "named_time": weights.named_time * _named_time(known.times, cues),
        "recent": weights.recent * _recency(known.times, now, half_life_days),
        "reflection": weights.reflection * known.kinds.among(_ON_PURPOSE).astype(np.float64),
    }
    if near is not None:
        features["near"] = np.array([near.get(name, 0.0) for name in known.projects.known])[known.projects.codes]
    totals = _totals(features)
    order = _with_best_words(_best(totals, known), totals, known.best(known.words, 0.0))
    scores = _scores(totals[order], _sure(cosine[order[:5]], 0.0, found.searched).max(initial=0.0))
    answered = at(meaning + window, left) - 1.0
    first = order[:REREAD]
    before = left[first] if weights.answers else np.full_like(first, -1)
    read = [
        (known.shown(row), known.ids[said] if said >= 0 else "")
        for row, said in zip(first.tolist(), before.tolist(), strict=True)
    ]
    return Ranking(known, order, scores, totals[order], features, cosine, answered, weights, read)


def reread(order: Ranking, texts: Mapping[str, str], cues: Cues) -> Ranking:
    """`order` again, its first REREAD judged by their texts as well.

    `texts` by id: of their hits, and of their `before`; what is missing is judged without.
    """
    read, rest = order.order[:REREAD], order.order[REREAD:]
    judged = np.array(
        [_of_text(order, row, both, texts, cues) for row, both in zip(read.tolist(), order.read, strict=True)]
    )
    judged = judged.reshape(len(read), len(OF_TEXT) + 3)
    coverage, named, known = judged[:, len(OF_TEXT) :].T
    totals = np.round(order.totals[: len(read)] + judged[:, : len(OF_TEXT)].sum(axis=1), 9)
    cosine = order.cosine[read]
    by_words = _WORDS_ALONE * np.where(cosine > 0, coverage**_HALF_IS_LITTLE, coverage)
    by_both = _sure(cosine, coverage, order.found.found.searched)
    sure = np.where((cosine > 0) | (known == 0), np.maximum(by_words, by_both), by_words)
    again = _ordered(totals, order.found.times[read], lambda at: order.found.ids[int(read[at])])
    leading = float(sure[again[:5]].max(initial=0.0))
    first = _told_by_words(coverage[again] == 1.0, named[again] > 0, leading)
    made_sure = np.full(len(order), leading)
    made_sure[: np.count_nonzero(first)] = max(sure[again[first]].max(initial=0.0), leading)
    again = again[np.argsort(~first, kind="stable")]
    totals = np.concatenate((totals[again], order.totals[len(read) :]))
    columns = np.zeros((len(OF_TEXT), len(order.found)))
    columns[:, read] = judged[:, : len(OF_TEXT)].T
    return replace(
        order,
        order=np.concatenate((read[again], rest)),
        scores=_scores(totals, made_sure),
        totals=totals,
        features={**order.features, **dict(zip(OF_TEXT, columns, strict=True))},
        read=[order.read[at] for at in again.tolist()],
    )


def weights_for(kinds: Names, roles: Names) -> Weights:
    """By who speaks in the candidates and whether tools were used: never by a name."""
    if Kind.ACTION in kinds.counts():
        return CODING
    said = roles.at(kinds.among({Kind.TURN})).counts()
    peers = sum(count for role, count in said.items() if role not in ROLES_OF_A_CLIENT)
    return PEERS if 2 * peers > sum(said.values()) else ASSISTED


def _of_text(
    order: Ranking, row: int, both: tuple[str, str], texts: Mapping[str, str], cues: Cues
) -> tuple[float, ...]:
    """In the order of OF_TEXT; then coverage, whether it has the names, and whether the text is known at all."""
    shown, before = both
    if shown not in texts:
        return (0.0,) * (len(OF_TEXT) + 3)
    weights, text = order.weights, texts[shown][:FULL_LENGTH]
    coverage = cues.coverage(text)
    return (
        weights.dated if cues.wants_time and is_dated(text) else 0.0,
        weights.counted if cues.wants_amount and is_counted(text) else 0.0,
        weights.answers * float(order.answered[row]) if "?" in texts.get(before, "")[:FULL_LENGTH] else 0.0,
        weights.asks if asks(text) else 0.0,
        weights.length * math.log(max(len(text), SHORTEST) / SHORTEST) / math.log(FULL_LENGTH / SHORTEST),
        weights.standing if weights.standing and is_standing(text) else 0.0,
        weights.coverage * coverage,
        weights.phrase * cues.phrase(text) if coverage else 0.0,
        coverage,
        cues.named_in(text),
        1.0,
    )


def _told_by_words(worded: Bools, named: Bools, leading: float) -> Bools:
    """Which of the read come first, whatever their sum: those with the names that none of the best five has.

    Where the best five make nothing sure, being alike by chance, those that have all of the words.
    """
    if named.any() and not named[:5].any():
        return named
    return worded if leading < _BORDER else np.zeros_like(worded)


def _totals(features: Mapping[str, Floats]) -> Floats:
    totals: Floats = np.round(np.sum(list(features.values()), axis=0), 9)
    return totals


def _ordered(totals: Floats, times: Floats, name: Callable[[int], str]) -> Ints:
    """Highest total first, then newest, then by id."""
    order = np.lexsort((-times, -totals))
    tied = (np.diff(totals[order]) == 0) & (np.diff(times[order]) == 0)
    return np.lexsort((np.array([*map(name, range(len(order)))]), -times, -totals)) if tied.any() else order


def _best(totals: Floats, known: Candidates) -> Ints:
    """The rows of the KEPT highest totals, best first."""
    among = np.arange(len(totals))
    if len(totals) > KEPT:
        among = np.flatnonzero(totals >= np.partition(totals, len(totals) - KEPT)[len(totals) - KEPT])
    return among[_ordered(totals[among], known.times[among], lambda at: known.ids[int(among[at])])][:KEPT]


def _with_best_words(order: Ints, totals: Floats, words: Floats) -> Ints:
    """`order`, and among the first REREAD the BY_WORDS that have the best words: a word may stand in one text only."""
    if len(order) <= REREAD:
        return order
    best = np.argpartition(-words, BY_WORDS)[:BY_WORDS]
    read = set(order[:REREAD].tolist())
    few = sorted((row for row in best.tolist() if words[row] > 0 and row not in read), key=lambda row: -totals[row])
    if not few:
        return order
    kept = np.array([row for row in order.tolist() if row not in few])
    return np.concatenate((kept[: REREAD - len(few)], few, kept[REREAD - len(few) :]))[:KEPT]


def _user_weight(weights: Weights, cues: Cues) -> float:
    if cues.asks_assistant:
        return weights.user_if_assistant_asked
    return weights.user_if_overview if cues.asks_overview else weights.user


def _named(roles: Names, cues: Cues) -> Floats:
    speakers = roles.counts().keys() - ROLES_OF_A_CLIENT
    named = {role for role in speakers if not cues.words.isdisjoint(role.lower().split())}
    return roles.among(named).astype(np.float64)


def _recency(times: Floats, now: datetime, half_life_days: float) -> Floats:
    if half_life_days <= 0:
        return np.zeros_like(times)
    age = np.maximum(now.timestamp() - times, 0.0) / 86_400
    halved: Floats = np.exp2(-age / half_life_days)
    return halved


def _named_time(times: Floats, cues: Cues) -> Floats:
    """1 where the time is the one that the question names, less around a named day."""
    if not cues.months and cues.year is None:
        return np.zeros_like(times)
    days = times.astype("datetime64[s]").astype("datetime64[D]")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    months = days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    if cues.months and cues.day:
        year = np.full(len(days), cues.year) if cues.year else years
        start = ((year - 1970) * 12 + cues.months[0] - 1).astype("datetime64[M]").astype("datetime64[D]")
        after = (days - start).astype(np.int64) - (cues.day - 1)
        near = (after >= -DAYS_BEFORE) & (after <= DAYS_AFTER)
        return np.where(near, 1 - np.abs(after) / (DAYS_AFTER + 1), 0.0)
    fits = np.isin(months, cues.months) if cues.months else np.ones(len(days), np.bool_)
    return (fits & (years == cues.year) if cues.year else fits).astype(np.float64)


def _sure(cosine: Floats, coverage: Floats | float, searched: int) -> Floats:
    """How sure a hit makes us that there is an answer, 0..1: more than the best of so many unrelated texts would."""
    by_chance = _BY_CHANCE + _EACH_FOLD * math.log(min(max(searched, _FEWEST), _MOST))
    return np.clip(_BORDER + _STEEPNESS * (cosine + _WORDS_TELL * coverage - by_chance), 0.0, 1.0)


def _scores(totals: Floats, sure: float | Floats) -> Floats:
    """How sure the best make us that there is an answer, never more along the order, times each one's share of the best sum."""
    top = max(float(totals.max(initial=0.0)), 1e-9)
    scores: Floats = np.round(sure * np.minimum.accumulate(np.clip(totals / top, 0.0, 1.0) ** 0.5), 4)
    return scores
