"""A few lines of Python and Go read by regular expressions: the shortest CodeParser that keeps the contract."""

import re
from collections.abc import Sequence

from session_mgmt_mcp.ports.code_parser import Construct, ConstructKind, Parsed, Source

_PATTERNS = {
    ConstructKind.FUNCTION: re.compile(r"^\s*(?:async def|def|func)\s+(?:\([^)]*\)\s*)?(\w+)"),
    ConstructKind.CLASS: re.compile(r"^\s*(?:class|type)\s+(\w+)"),
    ConstructKind.IMPORT: re.compile(r"^\s*((?:import|from)\s.*)"),
    ConstructKind.LOOP: re.compile(r"^\s*(?:for|while)\b()"),
    ConstructKind.CONDITIONAL: re.compile(r"^\s*(?:if|switch)\b()"),
    ConstructKind.RETURN: re.compile(r"^\s*return\b()"),
    ConstructKind.COMMENT: re.compile(r"^\s*(?:#|//)()"),
    ConstructKind.ASSIGNMENT: re.compile(r"^\s*(\w+)\s*:?=[^=]"),
    ConstructKind.CALL: re.compile(r"^\s*([\w.]+)\(.*\)$"),
}


class MemoryCodeParser:
    """CodeParser for tests.

    >>> parser = MemoryCodeParser()
    """

    languages = frozenset({"python", "go"})

    async def parse(self, sources: Sequence[Source]) -> list[Parsed]:
        return [_parsed(source) for source in sources]


def _parsed(source: Source) -> Parsed:
    language = source.language or ("go" if re.search(r"^func ", source.text, re.MULTILINE) else "python")
    if language not in MemoryCodeParser.languages:
        return Parsed(language)
    lines = source.text.split("\n")
    found = [
        Construct(kind, match[1].strip(), number, _end(lines, number) if kind in _BLOCKS else number)
        for number, line in enumerate(lines, 1)
        for kind, pattern in _PATTERNS.items()
        if (match := pattern.match(line))
    ]
    return Parsed(language if found or source.language else "", found)


_BLOCKS = (ConstructKind.FUNCTION, ConstructKind.CLASS, ConstructKind.LOOP, ConstructKind.CONDITIONAL)


def _end(lines: Sequence[str], first: int) -> int:
    """The last line that is indented deeper than the first, or closes it."""
    depth = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    last = first
    for number, line in enumerate(lines[first:], first + 1):
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            return number if line.strip() == "}" else last
        last = number if line.strip() else last
    return last
