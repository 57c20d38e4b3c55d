"""MCP resources: pages about the caller's project that a person can attach to a prompt."""

from collections.abc import Awaitable, Callable

from fastmcp import FastMCP
from session_mgmt_mcp import recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain import digest, handoff_page
from session_mgmt_mcp.domain.quality import history_page
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.tools.registry import Inject

SCORES = 100


async def latest_handoff(app: Application = Inject) -> str:
    """What the last session of this project handed over: work done, decisions, errors, open todos."""
    handoff = await app.handoffs.latest(await recall.caller_project(app))
    if handoff is None:
        return "No session of this project has left a handoff yet.\n"
    before = await app.handoffs.summary_lines(handoff)
    return handoff_page.page(handoff, recall.budget(app), unasked=True, before=before)


async def memory_digest(app: Application = Inject) -> str:
    """What is remembered of this project: insights kept on purpose, the latest sessions, the files most often met."""
    scope: Scope = await recall.scope_within(app, None)
    found = await digest.digest(app.listing, app.timeline, await recall.caller_project(app), scope)
    return digest.page(found, recall.budget(app))


async def quality_history(app: Application = Inject) -> str:
    """The quality scores kept of this project, newest first, what moved between them and what got worse."""
    project = await recall.caller_project(app)
    return history_page.page(project, await app.quality.latest(project, SCORES), recall.budget(app))


RESOURCES: dict[str, Callable[..., Awaitable[str]]] = {
    "session-mgmt://handoff/latest": latest_handoff,
    "session-mgmt://memory/digest": memory_digest,
    "session-mgmt://quality/history": quality_history,
}


def register(server: FastMCP) -> None:
    for uri, read in RESOURCES.items():
        server.resource(uri, mime_type="text/markdown")(read)
