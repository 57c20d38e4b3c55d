"""Evidence by the piece."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from session_mgmt_mcp.domain.quality.evidence import Evidence, History, Secrets
from session_mgmt_mcp.domain.quality.scoring import Component, Score, score
from session_mgmt_mcp.ports.git_repository import Commit
from session_mgmt_mcp.ports.project_files import Found, Language, Manifest, Survey

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
MANIFEST = Manifest("pyproject.toml", Language.PYTHON, "uv")


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def commit(subject: str = "Totals", days: float = 1, files: Sequence[str] = (), body: str = "") -> Commit:
    return Commit(f"{abs(hash((subject, days))):040x}", ago(days), "n", subject, body, files, 1, 0)


def commits(count: int, subject: str = "Totals", days: float = 1) -> list[Commit]:
    return [commit(subject, days + n / 1_000) for n in range(count)]


def history(found: Sequence[Commit], branches: Sequence[str] = ("main",), **other: Any) -> History:
    return History(found, branches, **other)


def survey(**found: Any) -> Survey:
    return Survey(**{"files": 3, "sources": {Language.PYTHON: 3}, "version_control": "git"} | found)


def evidence(past: History | None = None, secrets: Secrets | None = None, **found: Any) -> Evidence:
    return Evidence(at=NOW, survey=survey(**found), history=past, secrets=secrets)


def lock(days: float) -> Found:
    return Found("uv.lock", ago(days))


def one(of: Evidence | Score, name: str) -> Component:
    whole = of if isinstance(of, Score) else score(of)
    return next(component for component in whole.components if component.name == name)
