"""Replies that hold a token budget: what is least worth showing goes first."""

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel
from session_mgmt_mcp.domain.tokens import tokens

R = TypeVar("R", bound=BaseModel)
ENOUGH = 20  # characters of a shortened text that still say something


def size(reply: BaseModel) -> int:
    """Tokens of the JSON that a client shows a model."""
    return tokens(reply.model_dump_json())


def within(reply: R, max_tokens: int | None, *fields: str) -> R:
    """`reply` with its fields cut, the one named first before the others, until it has at most `max_tokens`; None: whole.

    Where those named are not enough, every other list and dict follows, then the texts of models, `note` and `summary`.
    A field holds a list of models, a dict, a text, a model or nothing: lists, dicts and texts lose their end, a model
    goes as a whole. Of a list that could not show even its first item, that item stays with its longest text
    shortened. `summary`, where there is one, says that something was left out.

    >>> SearchReply.of(result, None), within(reply, 400, "hits")
    """
    others = [name for name, value in reply if isinstance(value, list | dict) and name not in fields]
    told = [f"{name}.{_longest(value)}" for name, value in reply if isinstance(value, BaseModel) and _longest(value)]
    texts = [name for name in ("note", "summary") if hasattr(reply, name)]
    for field in (*fields, *others, *told, *texts):
        if max_tokens is None or size(reply) <= max_tokens:
            return reply
        reply = _cut(reply, field, max_tokens)
    return reply


def fitting(build: Callable[[int], R], most: int, max_tokens: int | None) -> R:
    """What `build` makes of the largest number up to `most` with which it has at most `max_tokens`; of 0 when none has."""
    whole = build(most)
    if max_tokens is None or size(whole) <= max_tokens:
        return whole
    return build(_most(most, max_tokens, build))


def _cut(reply: R, field: str, max_tokens: int) -> R:
    field, _, inner = field.partition(".")
    value = getattr(reply, field)
    if inner and value:
        whole = getattr(value, inner)

        def beginning(count: int) -> R:
            return _with(reply, field, value.model_copy(update={inner: whole[:count]}), max_tokens)

        return beginning(_most(len(whole), max_tokens, beginning))
    if not value:
        return reply
    length = len(value) if isinstance(value, list | dict | str) else 1

    def first(count: int) -> R:
        return _with(reply, field, _first(value, count), max_tokens)

    kept = _most(length, max_tokens, first)
    if kept == 0 and isinstance(value, list) and isinstance(value[0], BaseModel):
        return _shortened(reply, field, value, max_tokens) or first(0)
    return first(kept)


def _shortened(reply: R, field: str, items: list[Any], max_tokens: int) -> R | None:
    """With the first item alone, its longest text cut; None when hardly a word would be left."""
    item = items[0]
    longest = _longest(item)
    text = getattr(item, longest) if longest else ""

    def first(count: int) -> R:
        return _with(reply, field, [item.model_copy(update={longest: text[:count].rstrip() + " …"})], max_tokens)

    kept = _most(len(text), max_tokens, first)
    return first(kept) if kept >= ENOUGH else None


def _longest(item: BaseModel) -> str:
    """The name of its longest text; empty when it has none."""
    texts = {name: value for name, value in item if isinstance(value, str) and value}
    return max(texts, key=lambda name: len(texts[name]), default="")


def _most(length: int, max_tokens: int, first: Any) -> int:
    """How many can be kept of `length`; 0 also when nothing is enough."""
    return max(0, bisect_right(range(length), max_tokens, key=lambda count: size(first(count))) - 1)


def _first(value: Any, count: int) -> Any:
    match value:
        case dict():
            return dict(list(value.items())[:count])
        case list() | str():
            return value[:count]
        case _:
            return value if count else None


def _with(reply: R, field: str, value: Any, max_tokens: int) -> R:
    changes = {field: value}
    said = f" Cut to {max_tokens} tokens."
    if field != "summary" and value != getattr(reply, field) and not getattr(reply, "summary", said).endswith(said):
        changes["summary"] = f"{vars(reply)['summary']}{said}"
    return reply.model_copy(update=changes)
