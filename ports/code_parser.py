"""Code as the constructs that it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ConstructKind(StrEnum):
    """What a stretch of code is. A closed set over all languages."""

    FUNCTION = "function"  # a method or a named lambda as well
    CLASS = "class"  # struct, interface, trait, enum, type, module
    IMPORT = "import"
    ASSIGNMENT = "assignment"  # a declaration with a value as well
    LOOP = "loop"
    CONDITIONAL = "conditional"
    CALL = "call"
    ERROR_HANDLING = "error_handling"
    RETURN = "return"
    DECORATOR = "decorator"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Source:
    """Code as it was said, perhaps a fragment."""

    text: str
    language: str = ""  # empty: to be found out


@dataclass(frozen=True, slots=True)
class Construct:
    """`name` as it stands there, empty for one without; lines count from 1, both inclusive."""

    kind: ConstructKind
    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """`language` is empty for what no known language reads; `broken` the share of the text that it could not read."""

    language: str
    constructs: Sequence[Construct] = ()
    broken: float = 0.0


class CodeParser(Protocol):
    """Reads whole files and fragments alike: what cannot be read costs itself, not what stands beside it.

    >>> [parsed] = await parser.parse([Source("def total(cart): ...", "python")])
    >>> parsed.constructs
    [Construct(kind=<ConstructKind.FUNCTION: 'function'>, name='total', first=1, last=1)]
    """

    languages: frozenset[str]

    async def parse(self, sources: Sequence[Source]) -> list[Parsed]:
        """In order; constructs by where they begin, the outer before the inner. Any text will do."""
