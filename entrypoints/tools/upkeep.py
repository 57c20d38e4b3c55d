"""How much is remembered, and forgetting it all."""

from datetime import datetime
from typing import Annotated

from fastmcp import Context
from mcp_types import InputRequiredResult
from pydantic import BaseModel, Field
from session_mgmt_mcp import recall, upkeep
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.consent import consent
from session_mgmt_mcp.tools.registry import Calling, Inject, tool


class MemoryStats(BaseModel):
    summary: str
    memories: int
    by_kind: dict[str, int]
    by_project: dict[str, int]
    by_month: dict[str, int]
    records: int
    indexed: int
    vectors: int
    waiting_for_vector: int
    vector_problem: str
    model: str
    bytes_on_disk: int
    schema_version: int
    last_import: datetime | None


class ResetReply(BaseModel):
    summary: str
    reset: bool
    memories: int
    backup: str | None


@tool(read_only=True, hint="memory statistics size counts coverage")
async def reflection_stats(app: Application = Inject) -> MemoryStats:
    """How much is remembered, by kind, project and month; how far the vectors are; sizes, model, last import."""
    stats = MemoryStats.model_validate(await upkeep.statistics(app))
    return within(stats, recall.budget(app), "by_project", "by_month")


@tool(destructive=True, hint="delete erase forget everything reset database")
async def reset_reflection_database(
    confirm: Annotated[bool, Field(description="false: only say what would go.")] = False,
    app: Application = Inject,
    context: Context = Calling,
) -> ResetReply | InputRequiredResult:
    """Forget every memory, of all projects, after writing a backup. Without confirm=true it only says what would go.

    Sessions, handoffs, reminders and scores are no memories: they stay, and so does what was shared with a team.
    Call it with confirm=true only when the user has asked for exactly that; where the client can, it asks them again.
    """
    would_go = ResetReply.model_validate(await upkeep.what_would_go(app))
    question = f"Forget everything, of all projects ({counted(would_go.memories, 'memory', 'memories')})? A backup comes first."
    agreed = await consent(context, question) if confirm else False
    if isinstance(agreed, InputRequiredResult):
        return agreed
    if confirm and agreed is False:
        return would_go.model_copy(update={"summary": "The user did not agree: nothing was touched."})
    return ResetReply.model_validate(await upkeep.reset(app)) if confirm else would_go
