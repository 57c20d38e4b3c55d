"""Opens the product for a hub or an in-process server."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.grants import ALL, Operation
from session_mgmt_mcp.following import Follower, catch_up
from session_mgmt_mcp.lifecycle import Lifecycle
from session_mgmt_mcp.mcp_server import build_member_server, build_server, repeatable_tools
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.reminding import Reminding
from session_mgmt_mcp.service import Answer, Network, Service
from session_mgmt_mcp.settings import load
from session_mgmt_mcp.verbs import VERBS
from session_mgmt_mcp.watching import watch


@asynccontextmanager
async def open_service() -> AsyncIterator[Service]:
    """The whole product, following live conversations. Raises what `open_application` raises."""
    async with open_application(load()) as app:
        follower, lifecycle, reminding = Follower(app), Lifecycle(app), Reminding(app)
        catching_up = asyncio.create_task(catch_up(app))
        tasks = (follower.run(), lifecycle.run(), reminding.run(), watch(app), _sweep(app))
        background = [catching_up, *(asyncio.create_task(work) for work in tasks)]

        def on_event(event: Mapping[str, Any]) -> Awaitable[Answer | None] | None:
            follower.on_event(event)
            app.monitor.on_event(event)
            return lifecycle.on_event(event)

        def busy() -> bool:
            work = (app.embedding, app.runs, app.monitor, app.activity, app.polishing, follower, lifecycle, reminding)
            return any(one.busy for one in work) or not catching_up.done()

        try:
            yield Service(
                build_server(app),
                {name: partial(verb, app) for name, verb in VERBS.items()},
                repeatable_tools(),
                on_event,
                busy,
                lifecycle.on_arrival,
                lifecycle.on_departure,
                Network(app.tokens, partial(build_member_server, app), partial(_exposure, app)),
                partial(app.store.count, ()),
            )
        finally:
            await lifecycle.close()
            await app.polishing.close()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)


async def _exposure(app: Application) -> None:
    try:
        await app.grants.require(Operation.HTTP_EXPOSURE, ALL)
    except Invalid:
        raise Invalid(
            "A network address needs your word: pass --expose, or trust the operation http_exposure for project * with"
            " the tool permissions."
        ) from None


async def _sweep(app: Application) -> None:
    """What a hub before this one was running when it was killed."""
    if ended := await app.processes.end_left_behind():
        logging.getLogger(__name__).warning("ended what a killed hub had left running: %d processes", ended)
