"""Words and phrases that set some texts apart from all others. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

READ = 800  # characters of a text, as many as a store's word index reads
MOST_WORDS = 400  # that are worth looking up
LONGEST = 40  # characters of a word
CERTAIN = 6.63  # G2 that chance reaches once in a hundred times
_RAW = re.compile(r"\w+(?:[./\\:\-@]+\w+)*")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[_\W]+")
_ENDING = re.compile(r"(?<=\w{3})(?:ings?|ed|es|s)$")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        about actually after again all already also and another any anything are back because been before being best
        better both but came can cannot check could did does doing done don't down each else even every everything few
        find first for from full get getting give gives goes going good got great had has have having here how i'll
        i'm i've into it's its itself just keep know last later left let let's like look looking looks lot made make
        makes making many may maybe might more most much must need needs new next nice not nothing now off okay once
        one only other our out over own please put really right run running said same say says see seems set should
        show since some something still such sure take tell than that that's the their them then there there's these
        they thing things think this those through too try two under until upon use used using very want was way well
        went were what when where which while who whole why will with within without won't would yes yet you your
        """,
    )
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase, in how many of the texts it stands, and how sure it is that it stands there more than elsewhere."""

    text: str
    texts: int
    weight: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The telling words of some texts and the phrases they form; a word stands for all its endings."""

    texts: int
    words: Mapping[str, int]  # as it stands most often, in how many texts, most first
    phrases: Mapping[tuple[str, ...], int]


@lru_cache(maxsize=20_000)
def fold(word: str) -> str:
    """What a word is with any ending.

    >>> fold("Limits"), fold("limiting")
    ('limit', 'limit')
    """
    return _ENDING.sub("", word.lower())


def pieces(name: str) -> list[str]:
    """The words of a name, lower case.

    >>> pieces("RateLimiter"), pieces("rate limiting"), pieces("HTTP_rate-limit")
    (['rate', 'limiter'], ['rate', 'limiting'], ['http', 'rate', 'limit'])
    """
    return [piece.lower() for piece in _CAMEL.split(name) if piece]


def words_of(text: str) -> list[list[str]]:
    """The telling words of `text` in runs that only spaces part. Paths, addresses, numbers and common words part runs too."""
    runs: list[list[str]] = [[]]
    end = 0
    for found in _RAW.finditer(text[:READ]):
        word = found[0]
        if text[end : found.start()].strip(" ") and runs[-1]:
            runs.append([])
        end = found.end()
        if _tells(word):
            runs[-1].append(word)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def vocabulary(texts: Iterable[str]) -> Vocabulary:
    """Of texts that are all different."""
    spelled: dict[str, Counter[str]] = defaultdict(Counter)
    words: Counter[str] = Counter()
    phrases: Counter[tuple[str, ...]] = Counter()
    count = 0
    for text in texts:
        count += 1
        runs = words_of(text)
        for run in runs:
            for word in run:
                spelled[fold(word)][word.lower() if word.istitle() else word] += 1
        folded = [[fold(word) for word in run] for run in runs]
        words.update({word for run in folded for word in run})
        phrases.update({pair for run in folded for pair in pairwise(run) if pair[0] != pair[1]})
    as_said = {word: spelling.most_common(1)[0][0] for word, spelling in spelled.items()}
    ordered = sorted(words.items(), key=lambda one: (-one[1], one[0]))[:MOST_WORDS]
    return Vocabulary(
        count,
        {as_said[word]: number for word, number in ordered},
        {tuple(as_said[word] for word in pair): number for pair, number in phrases.items() if number > 1},
    )


def over_represented(found: Vocabulary, everywhere: Mapping[str, int], total: int) -> dict[str, float]:
    """Words that stand in more of the texts than chance would have it, by G2, surest first.

    `everywhere` says in how many of all `total` texts each word stands. G2 is the log-likelihood ratio of Dunning,
    "Accurate Methods for the Statistics of Surprise and Coincidence" (1993), over texts with and without the word.
    Where there are no other texts to compare with, the weight is the number of texts.
    """
    words = [word for word, number in found.words.items() if number > 1 and everywhere.get(word)]
    here = np.array([found.words[word] for word in words], np.float64)
    if total <= found.texts:
        weights = here
    else:
        elsewhere = np.maximum(np.array([everywhere[word] for word in words], np.float64) - here, 0)
        others = total - found.texts
        elsewhere = np.minimum(elsewhere, others)
        weights = _g2(here, elsewhere, found.texts, others)
        weights[(here / found.texts <= elsewhere / others) | (weights < CERTAIN)] = 0
    order = sorted(range(len(words)), key=lambda at: (-weights[at], words[at]))
    return {words[at]: float(weights[at]) for at in order if weights[at] > 0}


def themes(found: Vocabulary, weights: Mapping[str, float], most: int, known: Iterable[str] = ()) -> list[Term]:
    """The surest terms; a phrase takes the place of its words where at least half of the texts with the rarer have it.

    Words that the question named (`known`) tell nothing alone, but may be part of a phrase.
    """
    named = {fold(word) for word in known}
    best: list[Term] = []
    spent: set[str] = set()
    for phrase, number in sorted(
        found.phrases.items(), key=lambda one: (-_of_phrase(one[0], weights), -one[1], one[0])
    ):
        fewest = min(found.words.get(word, 0) for word in phrase)
        new = [word for word in phrase if fold(word) not in named]
        if fewest and 2 * number >= fewest and new and all(weights.get(word) for word in phrase):
            if not spent.isdisjoint(new):
                continue
            best.append(Term(" ".join(phrase), number, _of_phrase(phrase, weights)))
            spent.update(word for word in phrase if 2 * number >= found.words[word])
    for word, weight in weights.items():
        if word not in spent and fold(word) not in named:
            best.append(Term(word, found.words[word], weight))
    best.sort(key=lambda term: (-term.weight, term.text))
    return best[:most]


def _of_phrase(phrase: Sequence[str], weights: Mapping[str, float]) -> float:
    return max(weights.get(word, 0.0) for word in phrase)


def _tells(word: str) -> bool:
    if not 2 < len(word) <= LONGEST or any(mark in word for mark in "./\\@:"):
        return False
    letters = sum(character.isalpha() for character in word)
    return 2 * letters > len(word) and word.lower() not in _EMPTY


def _g2(here: NDArray[np.float64], elsewhere: NDArray[np.float64], texts: int, others: int) -> NDArray[np.float64]:
    share = (here + elsewhere) / (texts + others)
    table = (
        (here, texts * share), (elsewhere, others * share),
        (texts - here, texts * (1 - share)), (others - elsewhere, others * (1 - share)),
    )  # fmt: skip
    total = np.zeros_like(here)
    for observed, expected in table:
        there = observed > 0
        total[there] += observed[there] * np.log(observed[there] / expected[there])
    doubled: NDArray[np.float64] = 2 * total
    return doubled
