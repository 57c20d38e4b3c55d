"""One line of a transcript: is it worth parsing, and what is in it."""

import json
import re
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

Object: TypeAlias = dict[str, Any]

TAKEN = frozenset({"user", "assistant", "system"})
_QUEUED = b'"queued_command"'
_CHEAP_TO_PARSE = 2_000  # bytes; below, parsing costs no more than looking

# `"type"` among the plain values that a line begins with, or among those that it ends with: then it is the line's own.
_PLAIN = rb'(?:"[^"\\]*"|-?[0-9.]+|true|false|null)'
_AT_THE_FRONT = re.compile(rb'\{(?:"[^"\\]*": ?' + _PLAIN + rb', ?)*?"type": ?"([^"\\]*)"[,}]')
_AT_THE_END = re.compile(rb'"type": ?"([^"\\]*)"(?:, ?"[^"\\]*": ?' + _PLAIN + rb")*\}\s*\Z")


def line_type(line: bytes) -> str | None:
    """The type of a line, without parsing it; None when that cannot be told for certain."""
    found = _AT_THE_FRONT.match(line)
    if found is None:
        last = line.rfind(b'"type"')
        if last > 0 and line[last - 1 : last] in b" ,{":
            found = _AT_THE_END.match(line, last)
    return found[1].decode("ascii", "replace") if found else None


def parse(line: bytes) -> Object | str | None:
    """The line's object; its type alone when that says it holds nothing for us; None for what is no JSON object."""
    if len(line) > _CHEAP_TO_PARSE:
        kind = line_type(line)
        if kind is not None and kind not in TAKEN and not (kind == "attachment" and _QUEUED in line):
            return kind
    found = parse_fully(line)
    return found if found is None else _typed_meanwhile(found) or found


def _typed_meanwhile(line: Object) -> Object | None:
    """A prompt that was typed while the assistant worked is no line of its own: as if it were; None for another line."""
    queued = line.get("attachment") if line.get("type") == "attachment" else None
    if not isinstance(queued, dict) or queued.get("type") != "queued_command" or queued.get("commandMode") != "prompt":
        return None
    return {**line, "type": "user", "message": {"role": "user", "content": queued.get("prompt")}}


def parse_fully(line: bytes) -> Object | None:
    """The line's object; None for what is none, and for the beginning of one that is still being written."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        found = _parse_leniently(line)
    return found if isinstance(found, dict) else None


def name_in(value: object) -> str:
    """A text, or a number as one; nothing of what has parts, which may lie within each other deeper than any stack."""
    return str(value) if isinstance(value, str | int | float) else ""


def time_of(line: Object) -> datetime | None:
    """Aware; None where no time stands that UTC has, too."""
    said = line.get("timestamp")
    try:
        found = datetime.fromisoformat(said) if isinstance(said, str) else None
        return found if found is None or (found.tzinfo and found.astimezone(UTC)) else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _parse_leniently(line: bytes) -> Any:
    """Half a surrogate pair or a broken byte sequence costs the character, not the line."""
    try:
        return _whole_characters(json.loads(line.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {_whole_characters(key): _whole_characters(item) for key, item in value.items()}
    return value
