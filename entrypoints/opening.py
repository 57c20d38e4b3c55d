"""Opens the product for a hub or an in-process server."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.following import Follower, catch_up
from session_mgmt_mcp.mcp_server import build_server, repeatable_tools
from session_mgmt_mcp.reminding import Reminding
from session_mgmt_mcp.service import Service
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.verbs import VERBS
from session_mgmt_mcp.watching import watch


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    """The whole product, following live conversations. Raises what `open_application` raises."""
    async with open_application(load()) as app:
        follower = Follower(app)
        reminding = Reminding(app)
        tasks = (follower.run(), catch_up(app), reminding.run(), watch(app))
        background = [asyncio.create_task(work) for work in tasks]

        def busy() -> bool:
            catching_up = not background[1].done()
            watching = app.monitor.busy or app.activity.busy
            return catching_up or watching or app.embedding.busy or follower.busy or reminding.busy

        try:
            yield Service(
                build_server(app),
                {name: partial(verb, app) for name, verb in VERBS.items()},
                repeatable_tools(),
                partial(_told, follower, app),
                busy,
            )
        finally:
            for task in background:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


def _told(follower: Follower, app: Application, event: Mapping[str, Any]) -> None:
    follower.on_event(event)
    app.monitor.on_event(event)
