"""Edits one member of a JSON text and leaves every other byte as it stands: these are the user's files."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = Sequence[str | int]

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Child:
    """One member of an object or item of an array: where it starts, where its value starts, where it ends."""

    key: str | int
    start: int
    value: int
    end: int


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _children(text: str, at: int) -> tuple[list[_Child], int]:
    """The children of the container that opens at `at`, and where it closes. The text is known to be JSON."""
    closing = "}" if text[at] == "{" else "]"
    children: list[_Child] = []
    at = _skip(text, at + 1)
    while text[at] != closing:
        start, key = at, len(children)
        if closing == "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        value = at
        _, at = _DECODER.raw_decode(text, at)
        children.append(_Child(key, start, value, at))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return children, at


def _find(text: str, path: Path) -> list[_Child] | None:
    """The chain of children that leads to `path`; None when there is nothing."""
    chain: list[_Child] = []
    at = _skip(text, 0)
    for step in path:
        if text[at] not in "{[":
            return None
        # of two equal keys the last one counts, as in every parser
        found = next((child for child in reversed(_children(text, at)[0]) if child.key == step), None)
        if found is None:
            return None
        chain.append(found)
        at = found.value
    return chain


def _line_indent(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    return found[1] if (found := _INDENT.search(text)) else "  "


def _rendered(text: str, value: Any, indent: str) -> str:
    lines = json.dumps(value, ensure_ascii=False, indent=_unit(text)).split("\n")
    return (_newline(text) + indent).join(lines)


def _insert(text: str, container: int, key: str | None, value: Any) -> str:
    """`value` as the last child of the container that opens at `container`, in the style of what is there."""
    children, closing = _children(text, container)
    newline = _newline(text)
    label = "" if key is None else json.dumps(key, ensure_ascii=False) + ": "
    if children and "\n" not in text[container : children[0].start]:
        member = label + json.dumps(value, ensure_ascii=False)
        return text[: children[-1].end] + ", " + member + text[children[-1].end :]
    outer = _line_indent(text, container)
    inner = _line_indent(text, children[0].start) if children else outer + _unit(text)
    member = inner + label + _rendered(text, value, inner)
    if children:
        return text[: children[-1].end] + "," + newline + member + text[children[-1].end :]
    return text[: container + 1] + newline + member + newline + outer + text[closing:]


def put(text: str, path: Path, value: Any) -> str:
    """Sets the member at `path`, adding it and the objects on the way as needed."""
    if chain := _find(text, path):
        at = chain[-1]
        return text[: at.value] + _rendered(text, value, _line_indent(text, at.start)) + text[at.end :]
    known = next(n for n in range(len(path) - 1, -1, -1) if _find(text, path[:n]) is not None)
    for step in reversed(path[known + 1 :]):
        value = {step: value}
    return _insert(text, _value_at(text, path[:known]), str(path[known]), value)


def append(text: str, path: Path, value: Any) -> str:
    """Adds an item to the array at `path`, which is made when there is none."""
    if _find(text, path) is None:
        return put(text, path, [value])
    return _insert(text, _value_at(text, path), None, value)


def remove(text: str, path: Path) -> str:
    """Takes the member or item at `path` away, with the comma that belonged to it."""
    chain = _find(text, path)
    if not chain:
        return text
    container = _value_at(text, path[:-1])
    children, closing = _children(text, container)
    n = children.index(chain[-1])
    if len(children) == 1:
        return text[: container + 1] + text[closing:]
    if n:
        return text[: children[n - 1].end] + text[children[n].end :]
    return text[: children[0].start] + text[children[1].start :]


def _value_at(text: str, path: Path) -> int:
    chain = _find(text, path)
    return chain[-1].value if chain else _skip(text, 0)
