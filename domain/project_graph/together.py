"""Which files change together: association rules over baskets of edits. Pure.

Support, confidence and lift after Agrawal et al., SIGMOD 1993, and Brin et al., SIGMOD 1997; on changes of code as
Zimmermann et al., ICSE 2004, who leave out changes of very many files as well.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from session_mgmt_mcp.domain.file_names import relative
from session_mgmt_mcp.domain.projects import bare_name

ItemKey: TypeAlias = tuple[str, str]
"""A file: its project, and its path from that project's top."""
Basket: TypeAlias = Literal["session", "day"]
FEWEST = 2  # baskets that two files must share
LARGEST = 50  # files of a basket: a change of more says nothing about any two of them
ITEMS = 500  # files that are compared: those in most baskets
LOOKED_AT = 2_000  # pairs, the surest, of which those of the same baskets are told once


@dataclass(frozen=True, slots=True)
class Pair:
    """Two files that change together more often than chance has it, the rarer first.

    `both`, `first_in`, `second_in` and `baskets` are counts; see support, confidence and lift. `also` are further files
    of the same baskets: what changes in one go is told once, not by each two of it.
    """

    first: ItemKey
    second: ItemKey
    both: int
    first_in: int
    second_in: int
    baskets: int
    also: Sequence[ItemKey] = ()

    @property
    def support(self) -> float:
        """Share of the baskets that hold both."""
        return self.both / self.baskets

    @property
    def confidence(self) -> float:
        """Of the baskets with the first, the share that holds the second as well."""
        return self.both / self.first_in

    @property
    def lift(self) -> float:
        """How many times as often as if one knew nothing of the other."""
        return self.both * self.baskets / (self.first_in * self.second_in)


@dataclass(frozen=True, slots=True)
class Edits:
    """The files that one step changed, and when: in which session, on which day."""

    session: str
    day: str
    files: Collection[ItemKey]


@dataclass(frozen=True, slots=True)
class Together:
    """A pair, and what its baskets are."""

    pair: Pair
    within: Basket


def together(edits: Sequence[Edits]) -> list[Together]:
    """First files of two projects that change in one session, or else on one day; then, of each project, in one session.

    A project is often worked on in sessions of its own: only days show what changes along with it elsewhere. The
    baskets of files of one project are that project's sessions.
    """
    sessions, days = _baskets(edits, "session"), _baskets(edits, "day")
    near, far = pairs([*sessions.values()], across=True), pairs([*days.values()], across=True)
    known = {(pair.first, pair.second) for pair in near}
    found = [*(Together(pair, "session") for pair in near)]
    found += [
        Together(pair, "day") for pair in far if not {(pair.first, pair.second), (pair.second, pair.first)} & known
    ]
    own = []
    for project in sorted({project for basket in sessions.values() for project, _ in basket}):
        own += pairs([{item for item in basket if item[0] == project} for basket in sessions.values()])
    return [*found, *(Together(pair, "session") for pair in sorted(own, key=_surest))]


def pairs(baskets: Sequence[Collection[ItemKey]], across: bool = False) -> list[Pair]:
    """The surest first: by both * ln(lift), then by path. `across`: only files of different projects.

    Baskets of more than LARGEST files are left out; of the others the ITEMS files in most of them are compared.
    """
    small = [set(basket) for basket in baskets if 0 < len(set(basket)) <= LARGEST]
    counted = Counter(item for basket in small for item in basket)
    often = sorted((item for item, number in counted.items() if number >= FEWEST), key=lambda i: (-counted[i], i))
    items = often[:ITEMS]
    place = {item: at for at, item in enumerate(items)}
    held = np.zeros((len(small), len(items)), np.float32)
    for row, basket in enumerate(small):
        held[row, [place[item] for item in basket if item in place]] = 1
    both = np.triu(held.T @ held, 1)
    found = [
        (_pair(items[a], items[b], int(both[a, b]), counted, len(small)), a, b) for a, b in np.argwhere(both >= FEWEST)
    ]
    kept = [one for one in found if one[0].lift > 1 and not (across and one[0].first[0] == one[0].second[0])]
    kept.sort(key=lambda one: _surest(one[0]))
    return _told_once([(pair, np.packbits(held[:, a] * held[:, b] > 0).tobytes()) for pair, a, b in kept[:LOOKED_AT]])


def _told_once(found: Sequence[tuple[Pair, bytes]]) -> list[Pair]:
    """Of the pairs that share the very same baskets the first, with the files of the others."""
    shown: dict[bytes, Pair] = {}
    for pair, baskets in found:
        first = shown.setdefault(baskets, pair)
        known = {first.first, first.second, *first.also}
        more = [item for item in (pair.first, pair.second) if item not in known]
        if more:
            shown[baskets] = replace(first, also=(*first.also, *more))
    return list(shown.values())


def placed(file: str, project: str, homes: Mapping[str, str]) -> ItemKey:
    """The project that a file lies in, and its path from there; `homes` says by folder whose it is.

    >>> placed("/home/you/payments/api.py", "shop-1a2b3c", {"/home/you/payments": "payments-2b3c4d"})
    ('payments-2b3c4d', 'api.py')
    """
    around = [home for home in homes if file.startswith(f"{home}/")]
    if not around:
        return project, relative(file)
    project = homes[max(around, key=len)]
    top = min((home for home in around if homes[home] == project), key=len)  # somebody worked in a sub-folder
    return project, relative(file, [top])


def _surest(pair: Pair) -> tuple[float, ItemKey, ItemKey]:
    return -pair.both * math.log(pair.lift), pair.first, pair.second


def _baskets(edits: Sequence[Edits], by: Basket) -> dict[str, set[ItemKey]]:
    found: defaultdict[str, set[ItemKey]] = defaultdict(set)
    for one in edits:
        found[one.session if by == "session" else one.day].update(one.files)
    return found


def _pair(one: ItemKey, other: ItemKey, both: int, counted: Mapping[ItemKey, int], baskets: int) -> Pair:
    first, second = sorted((one, other), key=lambda item: (counted[item], bare_name(item[0]), item))
    return Pair(first, second, both, counted[first], counted[second], baskets)
