"""Filters as predicates in the SQL that Lance reads."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from session_mgmt_mcp.adapters.lancedb.words import asked
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Field, Filter, Operator

COMPARE = ("=", "!=", "<", "<=", ">", ">=")
WORDS_INDEX = "words_idx"
NOTHING = "false"
MOST = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check(where: Filter) -> None:
    """Raises Invalid for what no store knows, before anything waits."""
    for condition in where:
        if condition.field == "text":
            text_of(condition)
        else:
            sql(condition)


async def predicate(table: Any, where: Filter) -> str | None:
    """What holds for just the rows that `where` holds for; None for all. Looks up who shares a word. Raises Invalid.

    `table` is the async one of LanceDB.
    """
    check(where)
    parts = [await _sharing(table, text_of(one)) if one.field == "text" else sql(one) for one in where]
    return " and ".join(parts) or None


def sql(condition: Condition) -> str:
    """Of a condition on anything but `text`. Raises Invalid.

    >>> sql(Condition("project", "in", ["shop", "you're"]))
    "project in ('shop', 'you''re')"
    """
    field, op = condition.field, condition.operator
    if field not in get_args(Field):
        raise Invalid(f"filter field {field!r}: use one of {', '.join(get_args(Field))}.")
    if op not in get_args(Operator):
        raise Invalid(f"filter operator {op!r}: use one of {' '.join(get_args(Operator))}.")
    match field:
        case "tags" | "files" | "facts":
            return _labelled(condition)
        case "position" | "time":
            return _ordered(condition)
        case _:
            return _named(condition)


def text_of(condition: Condition) -> str:
    if condition.operator != "has" or not isinstance(condition.value, str):
        raise Invalid("filter on text: use `has` with words.")
    return condition.value


def literal(text: str) -> str:
    """A string in SQL; half a surrogate pair becomes what is stored of it."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "'" + whole.replace("'", "''") + "'"


def among(field: str, names: Iterable[str]) -> str:
    listed = ", ".join(literal(name) for name in dict.fromkeys(names))
    return f"{field} in ({listed})" if listed else NOTHING


async def served(table: Any) -> bool:
    """Whether Lance may ask its index of words in a filter: it fails on one that covers no row any more."""
    stats = await table.index_stats(WORDS_INDEX)
    return stats is not None and stats.num_indexed_rows > 0


def having(terms: Sequence[str], served: bool) -> str:
    """At least one of the terms stands in the record. Without `served` the index is kept out of it."""
    column = "words" if served else "concat(words, '')"
    each = [f"contains_tokens({column}, {literal(term)})" for term in terms]
    return f"({' or '.join(each)})" if each else NOTHING


async def _sharing(table: Any, text: str) -> str:
    """The record or one of its parts has a word of `text`."""
    terms = asked(text)
    if not terms:
        return NOTHING
    own = having(terms, await served(table))
    parts = await table.query().where(f"parent != '' and {own}").select(["parent"]).to_arrow()
    wholes = parts["parent"].unique().to_pylist()
    return f"({own} or {among('id', wholes)})" if wholes else own


def _labelled(condition: Condition) -> str:
    field, op, value = condition.field, condition.operator, condition.value
    if op == "has" and isinstance(value, str):
        return f"array_has({field}, {literal(value)})"
    if op != "in" or isinstance(value, str):
        raise Invalid(f"filter on {field}: use `has` with one of them, or `in` with several.")
    listed = ", ".join(literal(name) for name in _names(field, value))
    return f"array_has_any({field}, [{listed}])" if listed else NOTHING


def _ordered(condition: Condition) -> str:
    field, op, value = condition.field, condition.operator, condition.value
    if op not in COMPARE:
        raise Invalid(f"filter on {field}: use one of {' '.join(COMPARE)}.")
    if field == "time":
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise Invalid("filter on time: give an aware datetime.")
        value = (value - EPOCH) // timedelta(microseconds=1)
    elif not isinstance(value, int):
        raise Invalid("filter on position: give an int.")
    if abs(value) > MOST:
        return str(op == "!=" or op[0] == ("<" if value > 0 else ">")).lower()
    return f"{field} {op} {int(value)}"


def _named(condition: Condition) -> str:
    field, op, value = condition.field, condition.operator, condition.value
    if op == "in":
        return among(field, _names(field, value))
    if op not in ("=", "!="):
        raise Invalid(f"filter on {field}: use one of = != in.")
    if not isinstance(value, str):
        raise Invalid(f"filter on {field}: give a str.")
    return f"{field} {op} {literal(value)}"


def _names(field: str, value: object) -> Sequence[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise Invalid(f"filter {field} in: give a sequence of str.")
    return value
