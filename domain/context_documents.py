"""Contexts as documents: what is written, and how it is read back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from session_mgmt_mcp.domain.working import OpenFile, Work
from session_mgmt_mcp.ports.git_repository import Changed
from session_mgmt_mcp.ports.transcript_source import Todo
from session_mgmt_mcp.ports.vector_store import Json


def work_body(work: Work) -> dict[str, Json]:
    """All of it but the diff, which has a document of its own."""
    facts = asdict(work)
    del facts["diff"]
    return {name: _json(value) for name, value in facts.items()}


def work_of(body: Mapping[str, Any], diff: str = "") -> Work:
    """What `work_body` made, with the diff again."""
    return Work(
        root=body["root"],
        there=body["there"],
        repository=body["repository"],
        branch=body["branch"],
        head=body["head"],
        operation=body["operation"],
        changed=[Changed(**one) for one in body["changed"]],
        untracked=body["untracked"],
        diff=diff,
        files=[OpenFile(one["path"], one["use"], datetime.fromisoformat(one["time"])) for one in body["files"]],
        prompts=list(body["prompts"]),
        todos=[Todo(**one) for one in body["todos"]],
        running=list(body["running"]),
        digests=dict(body["digests"]),
        last=moment(body["last"]),
    )


def moment(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None


def _json(value: Any) -> Json:
    match value:
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(name): _json(inner) for name, inner in value.items()}
        case str() | int() | float() | None:
            return value
        case Sequence():
            return [_json(inner) for inner in value]
        case _:
            raise TypeError(type(value).__name__)
