"""How long something takes as its input doubles, and inputs that patterns are likely to take long for."""

import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from re import _constants, _parser  # type: ignore[attr-defined]  # the standard library's own; sre_parse before 3.11
from typing import Any

AT_MOST = 2.6  # times as long for twice the input
NOISE = 0.02  # seconds: what takes less proves nothing, and is doubled on
FIRST, LARGEST = 1_024, 1_048_576  # bytes or characters
PATIENCE = 1.5  # seconds of one call: what takes longer is not doubled any more


def cpu(work: Callable[[Any], object], value: Any, best_of: int = 1) -> float:
    taken = []
    for _ in range(best_of):
        began = time.process_time()
        work(value)
        taken.append(time.process_time() - began)
    return min(taken)


def grows(work: Callable[[Any], object], make: Callable[[int], Any], largest: int = LARGEST) -> str:
    """Why it grows faster than its input, in words; empty when it does not.

    Doubles until one call takes `PATIENCE` or the input is `largest`; then judges the last two doublings, above the noise,
    each measured again before it counts against anybody.
    """
    size, times = FIRST, {}
    while size <= largest:
        times[size] = cpu(work, make(size))
        if times[size] > PATIENCE:
            break
        size *= 4 if times[size] < NOISE / 16 else 2
    sizes = sorted(times)
    if len(sizes) < 2 or times[sizes[-1]] < NOISE:
        return "" if times[sizes[-1]] <= PATIENCE else f"{sizes[-1]} take {times[sizes[-1]]:.1f} s"
    last = sizes[-1]
    half = cpu(work, make(last // 2), 2)
    ratio = times[last] / max(half, 1e-6)
    if ratio <= AT_MOST:
        return ""
    again = cpu(work, make(last), 3) / max(cpu(work, make(last // 2), 3), 1e-6)
    return f"{last // 2} take {half:.3f} s, {last} {min(ratio, again):.1f} times as long" if again > AT_MOST else ""


def pumped(prefix: str, pump: str, suffix: str) -> Callable[[int], str]:
    return lambda size: prefix + pump * max(1, size // len(pump)) + suffix


def pumps_of(pattern: "re.Pattern[Any]") -> Iterator[tuple[str, str]]:
    """What leads to each repetition of a pattern, and what is repeated there: (prefix, pump), from its own alphabet."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    flags = pattern.flags & ~re.DEBUG
    yield from dict.fromkeys(
        _pumps(_parser.parse(text, flags if isinstance(pattern.pattern, str) else flags | re.UNICODE), "")
    )


_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)
_CLASSES = {
    _constants.CATEGORY_DIGIT: "1", _constants.CATEGORY_SPACE: " ", _constants.CATEGORY_WORD: "a",
    _constants.CATEGORY_NOT_DIGIT: "a", _constants.CATEGORY_NOT_SPACE: "a", _constants.CATEGORY_NOT_WORD: " ",
}  # fmt: skip


def _pumps(tree: Any, before: str) -> Iterator[tuple[str, str]]:
    for op, value in tree:
        if op in _REPEATS:
            low, high, body = value
            if high > 1:
                for sample in _samples(body):
                    if sample:
                        yield before, sample
            yield from _pumps(body, before)
            before += _sample(body) * max(low, 1 if low else 0)
        else:
            for inner in _inside(op, value):
                yield from _pumps(inner, before)
            before += _sample([(op, value)])
    if before:
        yield "", before  # the whole pattern, over and over


def _inside(op: Any, value: Any) -> Sequence[Any]:
    if op is _constants.SUBPATTERN:
        return [value[3]]
    if op is _constants.BRANCH:
        return list(value[1])
    if op is _constants.ATOMIC_GROUP:
        return [value]
    return [value[1]] if op in (_constants.ASSERT, _constants.ASSERT_NOT) else []


def _samples(tree: Any) -> list[str]:
    """A few texts that a tree matches: one of each class's kinds and of each alternative at its top."""
    found = [_sample(tree)]
    for op, value in tree:
        if op is _constants.IN:
            found += [_character([one]) for one in value[:6]]
        elif op in (_constants.BRANCH, _constants.SUBPATTERN, _constants.ATOMIC_GROUP):
            found += [sample for inner in _inside(op, value) for sample in _samples(inner)]
    return list(dict.fromkeys(found))[:6]


def _sample(tree: Any) -> str:
    """A text that a tree matches, as far as that can be told from it alone."""
    text = ""
    for op, value in tree:
        if op is _constants.LITERAL:
            text += chr(value)
        elif op is _constants.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif op is _constants.ANY:
            text += "a"
        elif op is _constants.IN:
            text += _character(value)
        elif op in _REPEATS:
            text += _sample(value[2]) * value[0]
        elif inner := _inside(op, value):
            text += "" if op in (_constants.ASSERT, _constants.ASSERT_NOT) else _sample(inner[0])
    return text


def _character(members: Any) -> str:
    if members[0][0] is _constants.NEGATE:
        return next(one for one in "a1 -.\né" if not any(_holds(member, one) for member in members[1:]))
    op, value = members[0]
    if op is _constants.CATEGORY:
        return _CLASSES.get(value, "a")
    return chr(value[0] if op is _constants.RANGE else value)


def _holds(member: Any, one: str) -> bool:
    op, value = member
    if op is _constants.CATEGORY:
        return {"1": one.isdigit(), " ": one.isspace(), "a": one.isalnum()}.get(_CLASSES.get(value, "a"), False)
    return value[0] <= ord(one) <= value[1] if op is _constants.RANGE else value == ord(one)


def rows(ingredients: Sequence[str], longest: int) -> Iterator[str]:
    """Every row of up to `longest` ingredients."""
    for length in range(1, longest + 1):
        for row in itertools.product(ingredients, repeat=length):
            yield "".join(row)
