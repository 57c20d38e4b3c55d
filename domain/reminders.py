"""Reminders: kept until they are delivered, and delivered once."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from session_mgmt_mcp.domain.drafts import check_text
from session_mgmt_mcp.domain.moments_ahead import Once
from session_mgmt_mcp.domain.openings import Opening
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.reminder import (
    EVERYWHERE,
    Method,
    Reminder,
    Status,
    Told,
    after_delivery,
    is_pending,
    line,
    missed,
    next_on_desktop,
    notice,
    opened,
    overtaken,
    put_right,
    reminder_of,
    upcoming,
)
from session_mgmt_mcp.domain.reminder_times import Repeated, timing_of
from session_mgmt_mcp.domain.text import opaque_id
from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.date_parser import DateParser
from session_mgmt_mcp.ports.errors import Conflict, Invalid, NotFound
from session_mgmt_mcp.ports.recurrence import Recurrence
from session_mgmt_mcp.ports.session_storage import Document, SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

COLLECTION = "reminders"
SERVICES, SERVICE = "services", "reminders"
FRESH = timedelta(seconds=30)  # another process may have written since
KEPT_WHEN_DONE = timedelta(30)
MOST_OPEN = 1_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to be reminded of; `expression` says when, in words."""

    title: str
    expression: str
    project: str
    description: str = ""
    user: str = "default"
    method: Method = Method.SESSION
    session: str = ""


class Handover:
    """Reminders that are being handed over: nobody else has them meanwhile. End it with `done` or `failed`.

    If neither is called, as when the process is killed, they are due again a minute later.
    """

    def __init__(self, service: "ReminderService", taken: Sequence[Reminder], lines: Sequence[str]) -> None:
        self._service = service
        self.reminders = taken
        self.lines = lines

    async def done(self, how: Told) -> None:
        """They reached the person: each is done, or waits for its next time."""
        for reminder in self.reminders:
            await self._service.settle(reminder, how)

    async def failed(self, no_desktop: bool = False) -> None:
        """They did not: each is due again at once; without a desktop, in a session."""
        for reminder in self.reminders:
            await self._service.release(reminder, no_desktop)


class ReminderService:
    """Reminders of this data directory; documents say who has been told, so that any number of processes may serve them."""

    def __init__(
        self,
        storage: SessionStorage,
        clock: Clock,
        parser: DateParser,
        recurrence: Recurrence,
        zone: tzinfo,
        of_machine: SessionStorage | None = None,
    ) -> None:
        self._storage = storage
        self._of_machine = of_machine or storage  # whether its desktop shows them is each machine's own
        self._clock = clock
        self._parser = parser
        self._recurrence = recurrence
        self._zone = zone
        self._known: Sequence[Reminder] = ()
        self._served: bool | None = None
        self._read_at: datetime | None = None
        self._changes = 0
        self.changed = asyncio.Event()
        """Set with every change, for whoever waits for the next one that is due."""

    @property
    def zone(self) -> tzinfo:
        return self._zone

    async def create(self, wish: Wish) -> Reminder:
        """Raises Invalid for a time that cannot be read or is past, and when too many are open."""
        check_text(f"{wish.title}{wish.description}")
        title, description = redact(wish.title.strip()).text, redact(wish.description.strip()).text
        if title in ("", "[private]"):
            raise Invalid("title: nothing is left of it once the private part is taken out; say what to remind of.")
        now = self._clock.now()
        timing = await timing_of(wish.expression, now, self._zone, self._parser, self._recurrence)
        if len(await self.list()) >= MOST_OPEN:
            raise Invalid(f"{MOST_OPEN:,} reminders are open: cancel some with cancel_user_reminder first.")
        wanted = Reminder("", title, description, wish.user, wish.project, wish.method, now, redact(timing.how).text)
        match timing:
            case Once():
                wanted = replace(wanted, due=timing.at)
            case Repeated():
                wanted = replace(wanted, rule=timing.rule, start=timing.start, occurrence=timing.first)
            case Opening():
                name = redact(timing.project).text
                wanted = replace(wanted, opening=name, again=timing.again, sessions=(wish.session,))
        for number in itertools.count():
            id = opaque_id(title, wish.expression, wish.user, now.isoformat(), str(number))
            with suppress(Conflict):
                document = await self._storage.put(COLLECTION, id, wanted.body(), expected_version=0)
                break
        self._forget()
        if wish.method is not Method.SESSION and await self.is_on() is None:
            await self.switch(True)
        return self._read(document)

    async def list(
        self, user: str | None = None, projects: Sequence[str] | None = None, closed: bool = False
    ) -> Sequence[Reminder]:
        """The next one first; None: of all users, of all projects. `closed`: also what is done or cancelled."""
        found = await self._all(None if closed else {"status": Status.OPEN})
        wanted = [
            reminder
            for reminder in found
            if (user is None or reminder.user == user)
            and (projects is None or reminder.project in (*projects, EVERYWHERE))
        ]
        last = datetime.max.replace(tzinfo=UTC)
        return sorted(wanted, key=lambda one: (one.status is not Status.OPEN, one.due or last, one.created, one.id))

    async def cancel(self, id: str) -> Reminder:
        """The reminder, cancelled; one that is over stays as it is. Raises NotFound."""
        while True:
            document = await self._storage.get(COLLECTION, id) if re.fullmatch(r"[0-9a-f]{20}", id) else None
            if document is None:
                raise NotFound(f"No reminder has the id {id[:40]!r}: list_user_reminders names those there are.")
            reminder = self._read(document)
            if reminder.status is not Status.OPEN:
                return reminder
            if (written := await self._write(replace(reminder, status=Status.CANCELLED))) is not None:
                return written

    async def due(self, project: str, user: str | None = None) -> Sequence[Reminder]:
        """What a session of `project` should tell now, the longest due first; it stays due until it was delivered."""
        now, served = self._clock.now(), await self.is_on() is True
        found = [
            reminder
            for reminder in await self._open()
            if is_pending(reminder, Method.SESSION, now, served)
            and reminder.project in (project, EVERYWHERE)
            and user in (None, reminder.user)
        ]
        return sorted(found, key=lambda one: (one.due or now, one.id))

    async def lines(self, project: str) -> Sequence[str]:
        """The open ones of `project` in words, the next one first; what is due stays due."""
        now, open_ones = self._clock.now(), await self.list(projects=[project])
        return [
            line(one, now, self._zone, missed(one, now, self._zone, self._recurrence))
            if one.due and one.due <= now
            else upcoming(one, self._zone)
            for one in open_ones
        ]

    async def opened(self, project: str, session: str) -> int:
        """What waits for this project to be opened is due from now on, once a session; how many are."""
        now, count = self._clock.now(), 0
        for reminder in await self._open():
            if opened(reminder, project, session, now) is not None:
                fresh = await self._fresh(reminder.id)
                due = opened(fresh, project, session, now) if fresh else None
                count += due is not None and await self._write(due) is not None
        return count

    async def hand_over(self, project: str, most: int = 3, user: str | None = None) -> Handover:
        """Takes what is due in a session of `project`. Say `done` once it has arrived."""
        return await self._take([one.id for one in await self.due(project, user)], Method.SESSION, most)

    @asynccontextmanager
    async def deliver(
        self, project: str, how: Told, most: int = 3, user: str | None = None
    ) -> AsyncIterator[Sequence[str]]:
        """The lines to hand over. They are delivered when the block ends, and due again when it raises.

        >>> async with reminders.deliver(project, Told.HOOK) as lines:
        ...     await answer(lines)
        """
        handover = await self.hand_over(project, most, user)
        try:
            yield handover.lines
        except BaseException:
            await handover.failed()
            raise
        await handover.done(how)

    async def hand_to_desktop(self) -> Handover | None:
        """Takes one that the desktop is to show; None when there is none, or the service is off."""
        now = self._clock.now()
        if await self.is_on() is not True:
            return None
        for reminder in await self._open():
            one = overtaken(reminder, now, self._zone, self._recurrence)
            if is_pending(one, Method.DESKTOP, now, True):
                taken = await self._take([one.id], Method.DESKTOP, 1)
                if taken.reminders:
                    return taken
        return None

    async def next_on_desktop(self) -> datetime | None:
        """When the desktop is to show the next one; None while the service is off or nothing waits."""
        if await self.is_on() is not True:
            return None
        due = [next_on_desktop(one, self._zone, self._recurrence) for one in await self._open()]
        return min((at for at in due if at), default=None)

    # the service that shows them on the desktop

    async def is_on(self) -> bool | None:
        """None: nobody has ever switched it."""
        await self._refreshed()
        return self._served

    async def switch(self, on: bool) -> bool:
        """Whether it was the other way before. It stays so over restarts."""
        while True:
            known = await self._of_machine.get(SERVICES, SERVICE)
            was = bool(known and known.body.get("on"))
            body: dict[str, Json] = {"on": on, "since": self._clock.now().isoformat()}
            with suppress(Conflict):
                if known is None or was is not on:
                    version = known.version if known else 0
                    await self._of_machine.put(SERVICES, SERVICE, body, expected_version=version)
                self._forget()
                return was is not on

    # handing over

    async def _take(self, ids: Sequence[str], channel: Method, most: int) -> Handover:
        now, served = self._clock.now(), await self.is_on() is True
        taken: list[Reminder] = []
        for id in ids:
            if len(taken) == most:
                break
            fresh = await self._fresh(id)
            if fresh is None:
                continue
            fresh = put_right(fresh, now, self._zone, self._recurrence) or fresh
            fresh = overtaken(fresh, now, self._zone, self._recurrence)
            if is_pending(fresh, channel, now, served) and (claimed := await self._write(replace(fresh, claimed=now))):
                taken.append(claimed)
        since = [missed(one, now, self._zone, self._recurrence) for one in taken]
        said = notice if channel is Method.DESKTOP else line
        lines = [said(one, now, self._zone, count) for one, count in zip(taken, since, strict=True)]
        return Handover(self, taken, lines)

    async def settle(self, reminder: Reminder, how: Told) -> None:
        """Ends a hand-over that arrived; see `Handover.done`."""
        while True:
            told = after_delivery(reminder, how, self._clock.now(), self._zone, self._recurrence)
            if await self._write(told) is not None:
                return
            fresh = await self._fresh(reminder.id)
            if fresh is None or fresh.claimed != reminder.claimed or fresh.status is not Status.OPEN:
                return  # it was cancelled meanwhile, or somebody else took it after the lease
            reminder = fresh

    async def release(self, reminder: Reminder, no_desktop: bool) -> None:
        """Ends a hand-over that failed; see `Handover.failed`."""
        await self._write(replace(reminder, claimed=None, no_desktop=no_desktop or reminder.no_desktop))

    # storage

    async def _write(self, reminder: Reminder) -> Reminder | None:
        """None: somebody else wrote first."""
        over = reminder.status is not Status.OPEN
        expires = self._clock.now() + KEPT_WHEN_DONE if over else None
        try:
            written = await self._storage.put(
                COLLECTION, reminder.id, reminder.body(), expected_version=reminder.version, expires=expires
            )
        except Conflict:
            return None
        finally:
            self._forget()
        return self._read(written)

    async def _fresh(self, id: str) -> Reminder | None:
        document = await self._storage.get(COLLECTION, id)
        return self._read(document) if document else None

    async def _open(self) -> Sequence[Reminder]:
        """As they were read at most FRESH ago: enough to see that nothing is due."""
        await self._refreshed()
        return self._known

    async def _refreshed(self) -> None:
        now, changes = self._clock.now(), self._changes
        if self._read_at is None or abs(now - self._read_at) >= FRESH:
            known = await self._all({"status": Status.OPEN})
            righted = [put_right(one, now, self._zone, self._recurrence) for one in known]
            self._known = [
                await self._write(right) or one if right else one for one, right in zip(known, righted, strict=True)
            ]
            service = await self._of_machine.get(SERVICES, SERVICE)
            self._served = bool(service.body.get("on")) if service else None
            self._read_at = now if changes == self._changes else None

    async def _all(self, where: dict[str, str] | None = None) -> Sequence[Reminder]:
        found: list[Reminder] = []
        cursor: str | None = None
        while True:
            page = await self._storage.list(COLLECTION, where=where, cursor=cursor)
            found += [self._read(document) for document in page.documents]
            if (cursor := page.cursor) is None:
                return found

    def _read(self, document: Document) -> Reminder:
        return reminder_of(document, self._zone)

    def _forget(self) -> None:
        self._read_at = None
        self._changes += 1
        self.changed.set()
