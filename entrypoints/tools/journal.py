"""Searches that clients make are noted, after they were answered."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import mcp_types
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from session_mgmt_mcp import neighbours
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.query_log import LoggedSearch

QUESTIONS: Mapping[str, str] = {
    "reflect_on_past": "query",
    "search_reflections": "query",
    "quick_search": "query",
    "search_summary": "query",
    "search_by_file": "file_path",
    "search_by_concept": "concept",
    "search_code": "query",
    "search_errors": "query",
    "search_temporal": "query",
    "advanced_search": "query",
    "search_across_projects": "query",
}
"""By tool, the argument that holds what was asked. A further page is no search of its own."""


class Noted(Middleware):
    """Only what was answered counts: a refused call is no search."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        began = time.perf_counter()
        result = await call_next(context)
        milliseconds = (time.perf_counter() - began) * 1_000
        arguments = context.message.arguments or {}
        question = arguments.get(QUESTIONS.get(context.message.name, ""))
        if isinstance(question, str) and not arguments.get("cursor") and context.fastmcp_context is not None:
            app: Application = context.fastmcp_context.lifespan_context["application"]
            hits, best = figures(result.structured_content)
            project = str(
                arguments.get("project") or await neighbours.project_meant(app, arguments.get("current_project"))
            )
            noted = LoggedSearch(datetime.now(UTC), context.message.name, project, question, hits, best, milliseconds)
            app.journal.note(noted)
        return result


def figures(reply: Any) -> tuple[int, float | None]:
    """How many hits a reply tells of, and the score of the best.

    >>> figures({"total": 7, "hits": [{"score": 0.8}]})
    (7, 0.8)
    """
    if not isinstance(reply, dict):
        return 0, None
    hits = reply.get("hits") or []
    best = reply.get("best") or (hits[0] if hits else None)
    score = best.get("score") if isinstance(best, dict) else None
    count = next((reply[name] for name in ("total", "count") if isinstance(reply.get(name), int)), len(hits))
    return count, score if isinstance(score, float | int) else None
