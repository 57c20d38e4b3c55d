"""Reminders from the outside: asked for by tools, and shown on the desktop by the hub."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from session_mgmt_mcp import current, recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.reminder import EVERYWHERE, Method, Reminder, Told
from session_mgmt_mcp.domain.reminders import Wish
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.ports.errors import PortError, Unavailable

HORIZON = timedelta(hours=12)  # a hub without a client stays for what the desktop is to show within so long
OVERDUE = timedelta(hours=1)  # what cannot be shown for so long does not keep it
LONGEST_SLEEP = 30.0  # the clock may jump, the machine may sleep, another process may write
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Made:
    """A new reminder; `note` says what its user should know about how it reaches them."""

    reminder: Reminder
    note: str


async def create(
    app: Application, title: str, expression: str, description: str, user: str, project: str | None, method: str
) -> Made:
    target = EVERYWHERE if project == EVERYWHERE else await recall.project_named(app, project)
    session = current.session_name(app)
    made = await app.reminders.create(Wish(title, expression, target, description, user, Method(method), session))
    note = ""
    if made.method is not Method.SESSION:
        note = _unseen(await _desktop(app), await app.reminders.is_on() is True)
    return Made(made, note)


async def listed(app: Application, user: str, project: str | None, closed: bool) -> Sequence[Reminder]:
    return await app.reminders.list(user, (await recall.scope_within(app, project)).projects, closed)


async def switch(app: Application, on: bool) -> dict[str, Any]:
    changed = await app.reminders.switch(on)
    name, why = await _desktop(app)
    at = await app.reminders.next_on_desktop()
    state = f"{'now' if changed else 'already'} {'on' if on else 'off'}"
    waits = f", the next one at {at.astimezone(app.reminders.zone):%Y-%m-%d %H:%M}" if at else ""
    shown = (f"shown by {name}{waits}" if name else "not shown") if on else "told in sessions only"
    return {
        "summary": f"The reminder service is {state}: due reminders are {shown}.",
        "running": on,
        "changed": changed,
        "desktop": name,
        "next": at.astimezone(app.reminders.zone) if at else None,
        "note": why,
    }


async def _desktop(app: Application) -> tuple[str, str]:
    """Its name, or why there is none."""
    try:
        return await app.notifier.desktop(), ""
    except Unavailable as error:
        return "", str(error)


def _unseen(desktop: tuple[str, str], on: bool) -> str:
    if not on:
        return " The reminder service is off, so it will be told in a session: start_reminder_service turns it on."
    return f" {desktop[1]}" if desktop[1] else ""


class Reminding:
    """Shows what is due on the desktop, when it is due."""

    def __init__(self, app: Application, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._app = app
        self._now = now
        self._next: datetime | None = None

    @property
    def busy(self) -> bool:
        """Something will be due on the desktop soon enough to stay for it."""
        return self._next is not None and -OVERDUE < self._next - self._now() < HORIZON

    async def run(self) -> None:
        """Forever; cancel it to stop. What goes wrong is logged, and tried again half a minute later."""
        while True:
            self._app.reminders.changed.clear()
            try:
                await self.show_due()
            except Exception as error:
                known = isinstance(error, PortError)
                _log.warning("reminders could not be shown: %s", error, exc_info=None if known else error)
                await asyncio.sleep(LONGEST_SLEEP)
            wait = (self._next - self._now()).total_seconds() if self._next else LONGEST_SLEEP
            changed = asyncio.ensure_future(self._app.reminders.changed.wait())
            try:
                await asyncio.wait([changed], timeout=min(max(wait, 1.0), LONGEST_SLEEP))
            finally:
                changed.cancel()

    async def show_due(self) -> int:
        """How many the desktop has been handed. Without one they wait for a session."""
        shown = 0
        while handover := await self._app.reminders.hand_to_desktop():
            try:
                for reminder, line in zip(handover.reminders, handover.lines, strict=True):
                    await self._app.notifier.notify(reminder.title, line)
            except Unavailable as error:
                _log.info("%s of reminders: %s", counted(len(handover.lines), "notification"), error)
                await handover.failed(no_desktop=True)
            except BaseException:
                await handover.failed()
                raise
            else:
                await handover.done(Told.DESKTOP)
                shown += len(handover.lines)
        self._next = await self._app.reminders.next_on_desktop()
        return shown
