"""Activity by the hour: which files changed in which minute, and which programs ran."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.errors import Conflict
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

ACTIVITY = "activity"
KEPT = timedelta(days=7)
FILES_KEPT = 500  # of one folder in one hour; further ones are counted
LONGEST = 300  # characters of a path
_PROGRAMS = "programs"


@dataclass(slots=True)
class Hour:
    """One folder's hour, or the machine's: then `folder` is empty and `programs` says in how many minutes each ran."""

    start: datetime  # aware, UTC, a full hour
    project: str = ""
    folder: str = ""
    files: dict[str, Counter[int]] = field(default_factory=dict)  # changes by minute
    more: Counter[int] = field(default_factory=Counter)  # of files that are not among them
    programs: dict[str, set[int]] = field(default_factory=dict)  # minutes in which each ran

    @property
    def id(self) -> str:
        return f"{prefix(self.start)}{opaque_id(self.folder) if self.folder else _PROGRAMS}"

    def note(self, path: str, minute: int, times: int = 1) -> None:
        """A file changed."""
        if path in self.files or (len(self.files) < FILES_KEPT and len(path) <= LONGEST):
            self.files.setdefault(path, Counter())[minute] += times
        else:
            self.more[minute] += times

    def add(self, other: "Hour") -> None:
        """What is known of the same hour beside this."""
        for path, minutes in other.files.items():
            for minute, times in minutes.items():
                self.note(path, minute, times)
        self.more.update(other.more)
        for name, seen in other.programs.items():
            self.programs.setdefault(name, set()).update(seen)

    def at(self, minute: int) -> datetime:
        return self.start + timedelta(minutes=minute)


def prefix(hour: datetime) -> str:
    return f"{hour:%Y-%m-%dT%H}."


def full_hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


async def write(storage: SessionStorage, hour: Hour) -> None:
    """Adds to what is stored of the hour, whoever else does."""
    while True:
        document = await storage.get(ACTIVITY, hour.id)
        whole = _hour(document) if document else Hour(hour.start, hour.project, hour.folder)
        whole.add(hour)
        try:
            await storage.put(
                ACTIVITY,
                hour.id,
                _body(whole),
                expected_version=document.version if document else 0,
                expires=hour.start + KEPT,
            )
        except Conflict:
            continue
        return


async def read(storage: SessionStorage, since: datetime, until: datetime) -> list[Hour]:
    """All hours that lie in [since, until] in part, by time."""
    found: list[Hour] = []
    hour = full_hour(since)
    while hour <= until:
        cursor = None
        while True:
            page = await storage.list(ACTIVITY, prefix(hour), None, cursor)
            found += [_hour(document) for document in page.documents]
            if (cursor := page.cursor) is None:
                break
        hour += timedelta(hours=1)
    return found


def _body(hour: Hour) -> dict[str, Json]:
    return {
        "start": hour.start.isoformat(),
        "project": hour.project,
        "folder": hour.folder,
        "files": {path: _numbers(minutes) for path, minutes in hour.files.items()},
        "more": _numbers(hour.more),
        "programs": {name: sorted(minutes) for name, minutes in hour.programs.items()},
    }


def _hour(document: Document) -> Hour:
    body: Mapping[str, Any] = document.body
    return Hour(
        datetime.fromisoformat(body["start"]),
        body["project"],
        body["folder"],
        {path: _counter(minutes.items()) for path, minutes in body["files"].items()},
        _counter(body["more"].items()),
        {name: set(minutes) for name, minutes in body["programs"].items()},
    )


def _numbers(minutes: Counter[int]) -> dict[str, Json]:
    return {str(minute): times for minute, times in sorted(minutes.items())}


def _counter(minutes: Iterable[tuple[str, int]]) -> Counter[int]:
    return Counter({int(minute): times for minute, times in minutes})
