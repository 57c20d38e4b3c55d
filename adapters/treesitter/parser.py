"""CodeParser on tree-sitter: grammars are loaded when their language is first read."""

import asyncio
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from session_mgmt_mcp.adapters.treesitter.grammars import GRAMMARS
from session_mgmt_mcp.ports.code_parser import Construct, ConstructKind, Parsed, Source

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

READ = 20_000  # characters of one source
GUESSED_BY = 3_000  # characters that a language is guessed by
READABLE = 0.15  # share of a text that may be broken before a guess is no guess
NAMED_BY = (
    "name",
    "declarator",
    "left",
    "pattern",
    "function",
    "method",
    "constructor",
    "macro",
    "type",
    "trait",
    "path",
    "source",
)
_LAMBDAS = ("arrow_function", "function_expression", "lambda", "func_literal", "closure_expression")
_LONGEST_NAME = 80
_STRUCTURE = {ConstructKind.FUNCTION, ConstructKind.CLASS, ConstructKind.LOOP}
_STATEMENTS = {ConstructKind.IMPORT, ConstructKind.ASSIGNMENT, ConstructKind.CONDITIONAL}


class TreeSitterCodeParser:
    """CodeParser.

    >>> parser = TreeSitterCodeParser()
    """

    languages = frozenset(GRAMMARS)

    async def parse(self, sources: Sequence[Source]) -> list[Parsed]:
        return await asyncio.to_thread(lambda: [parsed(source) for source in sources])


def parsed(source: Source) -> Parsed:
    text = source.text[:READ]
    if source.language in GRAMMARS:
        return best(text, source.language)
    return Parsed(source.language) if source.language else guessed(text)


def guessed(text: str) -> Parsed:
    """By the language that reads most of the beginning; none when each stumbles or finds nothing telling in it."""
    readings = [best(text[:GUESSED_BY], language) for language in GRAMMARS]
    likely = [one for one in readings if one.broken <= READABLE and _telling(one)]
    return best(text, min(likely, key=lambda one: one.broken).language) if likely else Parsed("")


def _telling(found: Parsed) -> bool:
    """Ruby and shells read plain words as calls, and most of the rest finds calls in a sentence as well."""
    wanted = _STRUCTURE if found.language in ("ruby", "bash") else {*_STRUCTURE, *_STATEMENTS}
    return any(one.kind in wanted for one in found.constructs)


def best(text: str, language: str) -> Parsed:
    """As it stands, or as a fragment of something: whichever breaks least."""
    found = read(text, language)
    if found.broken:
        dedented = textwrap.dedent(text)
        for before, after in (("", ""), *GRAMMARS[language].wraps):
            if (before or dedented != text) and (
                other := read(dedented, language, before, after)
            ).broken < found.broken:
                found = other
    return found


def read(text: str, language: str, before: str = "", after: str = "") -> Parsed:
    encoded = (before + text + after).encode("utf-8", "replace")
    tree = parser_of(language).parse(encoded)
    start, end = len(before), len(encoded) - len(after)
    kinds, broken, constructs = GRAMMARS[language].kinds, 0, []
    for node in nodes(tree.root_node):
        if node.is_error or node.is_missing:
            broken += max(1, node.end_byte - node.start_byte)
        kind = kinds.get(node.type)
        if kind is None or not node.is_named or not start <= node.start_byte < end or node.is_missing:
            continue
        if kind is ConstructKind.ASSIGNMENT and (value := value_of(node)) and value.type in _LAMBDAS:
            kind = ConstructKind.FUNCTION
        last = node.end_point[0] + (1 if node.end_point[1] or node.end_point[0] == node.start_point[0] else 0)
        constructs.append(Construct(kind, name_of(node, kind), node.start_point[0] + 1, last))
    return Parsed(language, constructs, min(1.0, broken / max(1, len(encoded))))


def nodes(root: "Node") -> Iterator["Node"]:
    """In order of the text, the outer before the inner; what could not be read is not looked into twice."""
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is not None:
            yield node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def value_of(node: "Node") -> "Node | None":
    value = node.child_by_field_name("value") or node.child_by_field_name("right")
    if value is not None and value.type == "expression_list" and value.named_child_count == 1:
        return value.named_child(0)
    return value


def name_of(node: "Node", kind: ConstructKind) -> str:
    if kind in (ConstructKind.COMMENT, ConstructKind.RETURN):
        return ""
    if kind in (ConstructKind.IMPORT, ConstructKind.DECORATOR):
        return text_of(node)
    found = node
    for _ in range(4):  # a pointer to an array of functions
        inner = next((child for name in NAMED_BY if (child := found.child_by_field_name(name))), None)
        if inner is None or inner.type in _LAMBDAS:
            break
        found = inner
        if found.type.endswith("identifier"):
            break
    return text_of(found) if found is not node else ""


def text_of(node: "Node") -> str:
    return " ".join((node.text or b"").decode("utf-8", "replace").split())[:_LONGEST_NAME]


@cache
def parser_of(language: str) -> "Parser":
    from tree_sitter import Language, Parser

    grammar = GRAMMARS[language]
    return Parser(Language(getattr(import_module(grammar.module), grammar.function)()))
