"""One reminder, as it is kept: when it is due, who has been told, and what follows once they have."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

from session_mgmt_mcp.domain.occurrences import next_occurrence
from session_mgmt_mcp.domain.quoting import flat, named, quoted
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.domain.wall_clock import settled
from session_mgmt_mcp.ports.recurrence import Recurrence
from session_mgmt_mcp.ports.session_storage import Document
from session_mgmt_mcp.ports.vector_store import Json

EVERYWHERE = "*"
LEASE = timedelta(minutes=1)  # so long whoever hands it over has it for themselves, if they die meanwhile
LINE_TOKENS = 170  # at most, of what a session is told of one
LATE = timedelta(minutes=15)
MOST_MISSED = 100
REMEMBERED_SESSIONS = 20
_TIMES = ("created", "due", "start", "occurrence", "claimed", "told_at", "delivered")


class Method(StrEnum):
    """Where a reminder goes: into the project's sessions, onto the desktop, or both."""

    SESSION = "session"
    DESKTOP = "desktop"
    BOTH = "both"


class Told(StrEnum):
    """How a reminder reached the person."""

    ANSWER = "answer"
    HOOK = "hook"
    START = "start"
    DESKTOP = "desktop"


class Status(StrEnum):
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Reminder:
    """`due` (UTC) is None for one that waits for an opening. A rule has its next `occurrence`, on the wall clock.

    `told_at`: when the desktop had the pending occurrence, where a session is to have it too. `delivered`: when the last
    occurrence was, `delivered_for` which one, and `told_by` how.
    """

    id: str
    title: str
    description: str
    user: str
    project: str
    method: Method
    created: datetime
    how: str
    status: Status = Status.OPEN
    due: datetime | None = None
    rule: str = ""
    start: datetime | None = None
    occurrence: datetime | None = None
    opening: str | None = None
    again: bool = False
    sessions: tuple[str, ...] = ()
    claimed: datetime | None = None
    told_at: datetime | None = None
    no_desktop: bool = False
    delivered: datetime | None = None
    delivered_for: datetime | None = None
    told_by: Told | None = None
    deliveries: int = 0
    version: int = 0

    def body(self) -> Mapping[str, Json]:
        """As JSON can hold it; empty fields are left out."""
        kept = {
            name: value
            for name, value in asdict(self).items()
            if name not in ("id", "version") and (value or (name == "opening" and value is not None))
        }
        return {
            name: value.isoformat()
            if isinstance(value, datetime)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in kept.items()
        }

    def is_claimed(self, now: datetime) -> bool:
        """Somebody is handing it over right now; also when the clock was put back meanwhile."""
        return self.claimed is not None and abs(now - self.claimed) < LEASE


def reminder_of(document: Document, zone: tzinfo) -> Reminder:
    """From its document; the due time of a rule follows the wall clock of `zone`."""
    body: dict[str, Any] = {"title": "", "description": "", **document.body}
    for name in (*_TIMES, "delivered_for"):
        if name in body:
            body[name] = datetime.fromisoformat(body[name])
    body["sessions"] = tuple(body.get("sessions", ()))
    body["method"], body["status"] = Method(body["method"]), Status(body["status"])
    body["told_by"] = Told(body["told_by"]) if "told_by" in body else None
    found = Reminder(id=document.id, version=document.version, **body)
    if not found.rule or found.status is not Status.OPEN:
        return found
    assert found.occurrence is not None
    return replace(found, due=settled(found.occurrence, zone_of(found.rule, zone)).at)


def put_right(reminder: Reminder, now: datetime, zone: tzinfo, recurrence: Recurrence) -> Reminder | None:
    """When the clock was ahead as it was delivered, and is no more: what comes next is nearer than it seemed. Else None."""
    if not reminder.rule or not reminder.delivered or not reminder.delivered_for or now >= reminder.delivered:
        return None
    nearer = _next(reminder, max(reminder.delivered_for, now), zone, recurrence)
    if nearer is None:
        return None
    return replace(reminder, delivered=now, occurrence=nearer, due=settled(nearer, zone_of(reminder.rule, zone)).at)


def zone_of(rule: str, zone: tzinfo) -> tzinfo:
    """Hours and minutes pass on the time line, days on the wall."""
    return UTC if "FREQ=HOURLY" in rule or "FREQ=MINUTELY" in rule else zone


def _next(reminder: Reminder, after: datetime, zone: tzinfo, recurrence: Recurrence) -> datetime | None:
    assert reminder.start is not None
    return next_occurrence(recurrence, reminder.rule, reminder.start, zone_of(reminder.rule, zone), after)


def missed(reminder: Reminder, now: datetime, zone: tzinfo, recurrence: Recurrence) -> int:
    """How many later occurrences have passed too, up to MOST_MISSED."""
    count, at = 0, reminder.due
    while reminder.rule and at is not None and count < MOST_MISSED:
        wall = _next(reminder, at, zone, recurrence)
        at = settled(wall, zone_of(reminder.rule, zone)).at if wall else None
        if at is None or at > now:
            break
        count += 1
    return count


def is_pending(reminder: Reminder, channel: Method, now: datetime, desktop_is_served: bool) -> bool:
    """Whether it is due and `channel` (SESSION or DESKTOP) is to have it."""
    if reminder.status is not Status.OPEN or reminder.due is None or reminder.due > now or reminder.is_claimed(now):
        return False
    if reminder.no_desktop or not desktop_is_served:
        return channel is Method.SESSION
    if channel is Method.DESKTOP:
        return reminder.method is not Method.SESSION and reminder.told_at is None
    return reminder.method is not Method.DESKTOP


def after_delivery(reminder: Reminder, how: Told, now: datetime, zone: tzinfo, recurrence: Recurrence) -> Reminder:
    """Told on the desktop, one for both still waits for a session; else it is done, or waits for its next time."""
    reminder = replace(reminder, claimed=None)
    if how is Told.DESKTOP and reminder.method is Method.BOTH:
        return replace(reminder, told_at=now)
    told = replace(
        reminder,
        told_at=None,
        no_desktop=False,
        delivered=now,
        delivered_for=reminder.due,
        told_by=how,
        deliveries=reminder.deliveries + 1,
    )
    if reminder.opening is not None:
        return replace(told, due=None) if reminder.again else replace(told, status=Status.DONE)
    assert reminder.due is not None
    if not reminder.rule or (following := _next(reminder, max(now, reminder.due), zone, recurrence)) is None:
        return replace(told, status=Status.DONE)
    counted = "COUNT=" in reminder.rule  # its start must stay; others need not count from long ago
    return replace(told, occurrence=following, start=reminder.start if counted else reminder.occurrence)


def overtaken(reminder: Reminder, now: datetime, zone: tzinfo, recurrence: Recurrence) -> Reminder:
    """The desktop had one occurrence, no session came, and the next is due: that one is pending now."""
    if not reminder.rule or reminder.told_at is None or reminder.told_at > now:
        return reminder
    following = _next(reminder, reminder.told_at, zone, recurrence)
    if following is None or (due := settled(following, zone_of(reminder.rule, zone)).at) > now:
        return reminder
    return replace(reminder, occurrence=following, due=due, told_at=None)


def next_on_desktop(reminder: Reminder, zone: tzinfo, recurrence: Recurrence) -> datetime | None:
    """When the desktop is to show it, again if it has before; None: never."""
    if reminder.method is Method.SESSION or reminder.no_desktop:
        return None
    if reminder.told_at is None:
        return reminder.due
    following = _next(reminder, reminder.told_at, zone, recurrence) if reminder.rule else None
    return settled(following, zone_of(reminder.rule, zone)).at if following else None


def opened(reminder: Reminder, project: str, session: str, now: datetime) -> Reminder | None:
    """It is due now, if it waits for this project to be opened and this session is a new one; else None."""
    if reminder.opening is None or reminder.status is not Status.OPEN or reminder.due is not None:
        return None
    if session in reminder.sessions or not _waits_for(reminder, project):
        return None
    sessions = (*reminder.sessions, session)[-REMEMBERED_SESSIONS:]
    return replace(reminder, due=now, project=project, sessions=sessions)


def _waits_for(reminder: Reminder, project: str) -> bool:
    """By the project's id or bare name; one that names none waits for its own, or for any."""
    if not reminder.opening:
        return reminder.project in (project, EVERYWHERE)
    return reminder.opening.casefold() in (project.casefold(), project.rpartition("-")[0].casefold())


def upcoming(reminder: Reminder, zone: tzinfo) -> str:
    """One that is not due yet, in one line.

    >>> upcoming(reminder, zone)
    '"Call Bob" (Monday 2026-11-23 09:00)'
    """
    when = f"{reminder.due.astimezone(zone):%A %Y-%m-%d %H:%M}" if reminder.due else _short(reminder.how, 30)
    return f'"{_short(reminder.title, 40)}" ({when})'


def line(reminder: Reminder, now: datetime, zone: tzinfo, missed_since: int) -> str:
    """What a session is told, in one line.

    >>> line(reminder, now, zone, 0)
    'Reminder for the user: "Call Bob" (due Monday 2026-11-23 09:00)'
    """
    whom = "the user" if reminder.user == "default" else named(_short(reminder.user, 10))
    more = f": {quoted(_short(reminder.description, 50))}" if reminder.description else ""
    return f'Reminder for {whom}: "{_short(reminder.title, 40)}" ({_when(reminder, now, zone, missed_since)}){more}'


def notice(reminder: Reminder, now: datetime, zone: tzinfo, missed_since: int) -> str:
    """What the desktop shows below the title."""
    when = _when(reminder, now, zone, missed_since)
    return f"{_short(reminder.description, 50)} ({when})" if reminder.description else when


def _when(reminder: Reminder, now: datetime, zone: tzinfo, missed_since: int) -> str:
    assert reminder.due is not None
    if reminder.opening is not None:
        return f"asked for on {reminder.created.astimezone(zone):%Y-%m-%d}, {_short(reminder.how, 30)}"
    due = f"due {reminder.due.astimezone(zone):%A %Y-%m-%d %H:%M}"
    if now - reminder.due < LATE:
        return due
    more = "or more " if missed_since >= MOST_MISSED else ""
    since = f", and {missed_since} {more}time{'s' if missed_since > 1 else ''} since" if missed_since else ""
    return f"was {due}, {_ago(now - reminder.due)} ago{since}"


def _short(text: str, most: int) -> str:
    """In one line of at most `most` tokens."""
    line = flat(text).replace('"', "'")  # what quotes it is double
    if tokens(line) <= most:
        return line
    kept = bisect_right(range(len(line)), most - 1, key=lambda count: tokens(line[:count])) - 1
    return f"{line[: max(kept, 0)].rstrip()} …"


def _ago(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    for size, name in ((1_440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"
