"""Notifier by org.freedesktop.Notifications, the specification that the desktops of Linux and BSD share."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path
from typing import Any

from session_mgmt_mcp.ports.errors import Unavailable

SECONDS = 10.0  # a bus that hangs must not hold up the reminders of the session
NAME = "session-mgmt-mcp"
NORMAL, NEVER = ("y", 1), 0
WAITS = "due reminders wait for a session"


class FreedesktopNotifier:
    """Notifier. Connects for each call: there are few, and a desktop may start, end or change at any time.

    `bus`: the session bus; None: that of DBUS_SESSION_BUS_ADDRESS, else of XDG_RUNTIME_DIR.
    """

    def __init__(self, bus: str | None = None, app_name: str = NAME) -> None:
        self._bus = bus
        self._app_name = app_name

    async def desktop(self) -> str:
        name, vendor, *_ = await self._call("GetServerInformation")
        return f"{name} ({vendor})" if vendor else str(name)

    async def notify(self, title: str, text: str) -> None:
        hints: dict[str, tuple[str, Any]] = {"urgency": NORMAL, "category": ("s", "reminder")}
        body = escape(text, quote=False)  # the body may hold markup, the title is plain
        arguments: tuple[Any, ...] = (self._app_name, 0, "", title, body, [], hints, NEVER)
        await self._call("Notify", "susssasa{sv}i", arguments)

    async def _call(self, method: str, signature: str = "", arguments: tuple[Any, ...] = ()) -> Any:
        try:
            from jeepney import DBusAddress, DBusErrorResponse, new_method_call
            from jeepney.wrappers import unwrap_msg
        except ImportError:
            raise Unavailable(f"On this system no desktop is known to show notifications: {WAITS}.", 3_600.0) from None

        there = DBusAddress(
            "/org/freedesktop/Notifications", "org.freedesktop.Notifications", "org.freedesktop.Notifications"
        )
        try:
            async with asyncio.timeout(SECONDS), _router(self._address()) as router:
                asked = new_method_call(there, method, signature or None, arguments)
                return unwrap_msg(await router.send_and_get_reply(asked))
        except DBusErrorResponse as error:
            raise Unavailable(f"This desktop shows no notifications ({error.name}): {WAITS}.", 60.0) from error
        except TimeoutError as error:
            raise Unavailable(f"The desktop does not answer: {WAITS}.", 60.0) from error
        except (OSError, EOFError, RuntimeError, ValueError) as error:
            raise Unavailable(f"There is no desktop here ({error or type(error).__name__}): {WAITS}.", 60.0) from error

    def _address(self) -> str:
        address = self._bus or os.environ.get("DBUS_SESSION_BUS_ADDRESS")
        if address:
            return address
        runtime = os.environ.get("XDG_RUNTIME_DIR")
        if runtime and (Path(runtime) / "bus").exists():
            return f"unix:path={Path(runtime) / 'bus'}"
        raise Unavailable(f"There is no desktop here: {WAITS}.", 60.0)


@asynccontextmanager
async def _router(address: str) -> AsyncIterator[Any]:
    from jeepney.io.asyncio import DBusRouter, open_dbus_connection

    async with await open_dbus_connection(address) as connection, DBusRouter(connection) as router:
        yield router
