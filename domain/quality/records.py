"""Scores as documents, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from session_mgmt_mcp.domain.quality.evidence import Measured
from session_mgmt_mcp.domain.quality.scoring import Band, Component, Part, Score
from session_mgmt_mcp.domain.quality.trend import Recorded
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.ports.session_storage import Document
from session_mgmt_mcp.ports.vector_store import Json

_NAMES = [field.name for field in fields(Component)]


def body_of(project: str, score: Score, trigger: str, session: str) -> dict[str, Json]:
    """What is stored of a score; names of files go through redaction."""
    return {
        "project": project,
        "session": session,
        "trigger": trigger,
        "total": score.total,
        "band": score.band,
        "note": score.note,
        "time": score.at.isoformat(),
        "components": [_component(one) for one in score.components],
    }


def recorded(document: Document) -> Recorded:
    body: Mapping[str, Any] = document.body
    score = Score(
        total=body["total"],
        band=Band(body["band"]) if body["band"] else None,
        components=[_read(one) for one in body["components"]],
        at=datetime.fromisoformat(body["time"]),
        note=body["note"],
    )
    return Recorded(document.id, body["project"], body["session"], body["trigger"], score)


def _component(one: Component) -> dict[str, Json]:
    said: dict[str, Any] = {name: getattr(one, name) for name in _NAMES}
    clean = {name: redact(said[name]).text for name in ("figure", "source", "unknown")}
    return {**said, **clean, "part": str(one.part), "time": one.time.isoformat() if one.time else None}


def _read(body: Mapping[str, Any]) -> Component:
    one = Component(**{name: body[name] for name in _NAMES})
    return replace(one, part=Part(one.part), time=datetime.fromisoformat(body["time"]) if body["time"] else None)


def measured_body(measured: Measured) -> dict[str, Json]:
    clean = {"source": redact(measured.source).text, "figure": redact(measured.figure).text}
    return {"percent": measured.percent, "time": measured.time.isoformat(), **clean}


def measured_of(body: Mapping[str, Any]) -> Measured:
    return Measured(body["percent"], body["source"], datetime.fromisoformat(body["time"]), body.get("figure", ""))


def by_time(scores: Sequence[Recorded]) -> list[Recorded]:
    """Oldest first."""
    return sorted(scores, key=lambda one: (one.score.at, one.id))
