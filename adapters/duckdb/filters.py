"""Filters as masks over rows."""

import operator
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, get_args

import numpy as np
from session_mgmt_mcp.adapters.duckdb.growing import Bools
from session_mgmt_mcp.adapters.duckdb.records import microseconds
from session_mgmt_mcp.adapters.duckdb.rows import CODED, Rows
from session_mgmt_mcp.adapters.duckdb.tokens import hash64
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Condition, Field, Filter, Operator

ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NAMES = ("=", "!=", "in")


def mask(rows: Rows, where: Filter, sharing: Callable[[str], Bools] = lambda _: np.ones(1, np.bool_)) -> Bools:
    """Which rows live and hold all conditions; `sharing` says which share a word with a text. Raises Invalid."""
    wanted: Bools = rows["alive"].copy()
    for condition in where:
        wanted &= sharing(text_of(condition)) if condition.field == "text" else holds(rows, condition)
    return wanted


def text_of(condition: Condition) -> str:
    if condition.operator != "has" or not isinstance(condition.value, str):
        raise Invalid("filter on text: use `has` with words.")
    return condition.value


def check(where: Filter) -> None:
    """Raises Invalid for what no store knows, before anything waits."""
    mask(Rows(), where)


def holds(rows: Rows, condition: Condition) -> Bools:
    field, op = condition.field, condition.operator
    if field not in get_args(Field):
        raise Invalid(f"filter field {field!r}: use one of {', '.join(get_args(Field))}.")
    if op not in get_args(Operator):
        raise Invalid(f"filter operator {op!r}: use one of {' '.join(get_args(Operator))}.")
    match field:
        case "tags" | "files" | "facts":
            return labelled(rows, condition)
        case "position" | "time":
            return ordered(rows, condition)
        case _:
            return named(rows, condition)


def labelled(rows: Rows, condition: Condition) -> Bools:
    field, op, value = condition.field, condition.operator, condition.value
    if op == "has" and isinstance(value, str):
        value = (value,)
    elif op != "in" or isinstance(value, str):
        raise Invalid(f"filter on {field}: use `has` with one of them, or `in` with several.")
    wanted = np.zeros(len(rows), np.bool_)
    wanted[rows.labels[field].rows_of(names_in(field, value))] = True
    return wanted


def ordered(rows: Rows, condition: Condition) -> Bools:
    value = condition.value
    if condition.operator not in ORDERS:
        raise Invalid(f"filter on {condition.field}: use one of {' '.join(ORDERS)}.")
    if condition.field == "time":
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise Invalid("filter on time: give an aware datetime.")
        value = microseconds(value)
    elif not isinstance(value, int):
        raise Invalid("filter on position: give an int.")
    compared: Bools = ORDERS[condition.operator](rows[condition.field], value)
    return compared


def named(rows: Rows, condition: Condition) -> Bools:
    field, op, value = condition.field, condition.operator, condition.value
    if op not in NAMES:
        raise Invalid(f"filter on {field}: use one of {' '.join(NAMES)}.")
    names: Sequence[str]
    if op == "in":
        names = names_in(field, value)
    elif not isinstance(value, str):
        raise Invalid(f"filter on {field}: give a str.")
    else:
        names = [value]
    found = among(rows, field, names)
    return ~found if op == "!=" else found


def names_in(field: str, value: object) -> Sequence[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(name, str) for name in value):
        raise Invalid(f"filter {field} in: give a sequence of str.")
    return value


def among(rows: Rows, field: str, names: Sequence[str]) -> Bools:
    if field in CODED:
        if len(names) == 1:
            code = rows.codes[field].find(names[0])
            one: Bools = rows[field] == (-1 if code is None else code)
            return one
        table = rows.codes[field].among(names)
        found: Bools = table[rows[field]]
        return found
    if field == "content_hash":
        return np.isin(rows["content_hash"], np.array([hash64(name) if name else 0 for name in names], np.uint64))
    wanted = np.zeros(len(rows), np.bool_)
    wanted[[row for name in names if (row := rows.find(name)) >= 0]] = True
    return wanted
