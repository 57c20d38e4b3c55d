"""A long memory is one record and its parts, so that what stands deep inside is found as well."""

from collections.abc import Iterator
from dataclasses import replace

from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.vector_store import Record

WHOLE = 800  # characters of a record that the store's word index reads
LENGTH = 800  # of a part
OVERLAP = 100
FIRST = WHOLE - OVERLAP
MOST = 64  # parts of one record; what stands behind them is kept and shown, but not indexed
_SLACK = 60  # how far a cut may move to fall between words
_EMBEDDED = 2_000  # more than any model of 256 tokens reads


def split(record: Record) -> list[Record]:
    """The record itself, then its parts: same session, place, role and provenance, `parent` set, no vector yet."""
    parts = [
        replace(
            record,
            id=f"{record.id}.{number}",
            parent=record.id,
            text=record.text[start:end],
            content_hash=content_hash(record.text[start:end]),
            vector=None,
            model_id="",
        )
        for number, (start, end) in enumerate(_spans(record.text), 1)
    ]
    return [record, *parts]


def embedding_text(record: Record) -> str:
    """What the model reads of a record: "role: text"."""
    text = record.text[:_EMBEDDED]
    return f"{record.role}: {text}" if record.role else text


def _spans(text: str) -> Iterator[tuple[int, int]]:
    if len(text) <= WHOLE:
        return
    start = _after_space(text, FIRST)
    for _ in range(MOST):
        end = min(len(text), start + LENGTH)
        if end < len(text):
            end = _after_space(text, end - _SLACK)
        yield start, end
        if end == len(text):
            return
        start = _after_space(text, end - OVERLAP)


def _after_space(text: str, at: int) -> int:
    """Just behind the first white space at or after `at`, if there is one near; else `at`."""
    for index in range(at, min(len(text), at + _SLACK)):
        if text[index].isspace():
            return index + 1
    return at
