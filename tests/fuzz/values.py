"""JSON values by choice: what a careless or hostile program might write in the place of anything."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.fuzz.reading import Reader

DEEP, DEEPER = "<deep>", "<deeper>"  # stand for brackets within brackets, just below and above what parsers take


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


ODD: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: True,
    lambda: False,
    lambda: 0,
    lambda: -1,
    lambda: 2**31,
    lambda: 2**53 + 1,
    lambda: -(2**63) - 1,
    lambda: 10**30,
    lambda: 10**400,
    lambda: 0.5,
    lambda: 1e308,
    lambda: float("nan"),
    lambda: float("-inf"),
    lambda: "",
    lambda: " ",
    lambda: "\x00",
    lambda: "\ud800",
    lambda: "\u2028\x85\u202e",
    lambda: "x" * 500,
    lambda: "..",
    lambda: "/",
    lambda: [],
    lambda: {},
    lambda: [[]],
    lambda: {"": {"": []}},
    lambda: nested(60),
    lambda: nested(300),
    lambda: DEEP,
    lambda: DEEPER,
)


def any_value(reader: Reader, texts: Sequence[str], names: Sequence[str] = (), depth: int = 3) -> Any:
    match reader.below(6) if depth else reader.below(4):
        case 0 | 1:
            return reader.one_of(texts)
        case 2:
            return reader.text(30)
        case 3:
            return reader.one_of(ODD)()
        case 4:
            return [any_value(reader, texts, names, depth - 1) for _ in range(reader.below(4))]
        case _:
            return {
                reader.one_of(names) if names else reader.text(8): any_value(reader, texts, names, depth - 1)
                for _ in range(reader.below(4))
            }


def dumped(value: Any) -> bytes:
    """As JSON where that can be written at all."""
    try:
        line = json.dumps(value).encode()
    except ValueError:  # a number of so many digits
        return b"null"
    for name, depth in ((DEEP, 985), (DEEPER, 1_015)):
        line = line.replace(f'"{name}"'.encode(), b"[" * depth + b"]" * depth)
    return line
