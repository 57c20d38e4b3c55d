"""A summary by a language model as a stored document, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from session_mgmt_mcp.domain.llm.polish import Evidence, Polished, Sentence
from session_mgmt_mcp.ports.vector_store import Json

COLLECTION = "handoff_summaries"
FORMAT = 1


class State(StrEnum):
    BEGUN = "begun"  # the model was asked, or is about to be; perhaps whoever asked it is gone
    DONE = "done"
    FAILED = "failed"
    DECLINED = "declined"  # somebody wanted none of this session


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a session's summary. `polished` may be of an earlier state of the session than `digest`."""

    digest: str
    state: State
    since: datetime
    why: str = ""  # there is none of this digest
    polished: Polished | None = None


def body_of(kept: Kept) -> dict[str, Json]:
    """What `kept_from` reads again."""
    polished: dict[str, Any] | None = None
    if (written := kept.polished) is not None:
        polished = {**asdict(written), "at": written.at.isoformat()}
        polished["cost"] = None if written.cost is None else str(written.cost)
    return {
        "format": FORMAT,
        "digest": kept.digest,
        "state": str(kept.state),
        "since": kept.since.isoformat(),
        "why": kept.why,
        "polished": polished,
    }


def kept_from(body: Mapping[str, Any]) -> Kept:
    """A field that this version does not know is passed over."""
    written = body["polished"]
    return Kept(
        digest=body["digest"],
        state=State(body["state"]),
        since=datetime.fromisoformat(body["since"]),
        why=body["why"],
        polished=_polished(written) if written else None,
    )


def _polished(written: Mapping[str, Any]) -> Polished:
    return Polished(
        sentences=tuple(Sentence(one["text"], tuple(one["marks"])) for one in written["sentences"]),
        evidence=tuple(Evidence(one["mark"], one["text"], one["ref"]) for one in written["evidence"]),
        provider=written["provider"],
        model=written["model"],
        at=datetime.fromisoformat(written["at"]),
        digest=written["digest"],
        invented=written["invented"],
        cut=written["cut"],
        cost=None if written["cost"] is None else Decimal(written["cost"]),
    )
