"""Remember and recall."""

from typing import Annotated, Literal, TypeVar

from fastmcp import Context
from mcp_types import InputRequiredResult
from pydantic import Field
from session_mgmt_mcp import recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.text import counted
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.consent import consent
from session_mgmt_mcp.tools.models import MemoryStats, MoreReply, QuickReply, ResetReply, SearchReply, StoreReply
from session_mgmt_mcp.tools.registry import Calling, Inject, tool

Query = Annotated[str, Field(min_length=1, max_length=2_000, description="What to look for, in plain words.")]
Limit = Annotated[int, Field(ge=1, le=50, description="At most so many hits; 5 unless set otherwise.")]
MinScore = Annotated[float | None, Field(ge=0, le=1, description="Leave out hits below this score.")]
Project = Annotated[
    str | None, Field(max_length=200, description="A project's name or id; * for all; default: the current one.")
]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]] | None, Field(max_length=50)]

Reply = TypeVar("Reply", bound=SearchReply)


def shown(app: Application, reply: Reply) -> Reply:
    """`reply`, and a next page begins where it was cut."""
    app.memory.stopped_at(reply.cursor)
    return reply


@tool(read_only=True, always_load=True, hint="remember recall past conversation previous session history decision fix")
async def reflect_on_past(
    query: Query,
    limit: Limit | None = None,
    min_score: MinScore = None,
    project: Project = None,
    optimize_tokens: Annotated[bool, Field(description="Keep the answer within max_tokens.")] = True,
    max_tokens: Annotated[int | None, Field(ge=100, le=100_000)] = None,
    time_decay: Annotated[bool, Field(description="Prefer the recent among equals.")] = True,
    explain: Annotated[bool, Field(description="Show what each hit's score is made of.")] = False,
    app: Application = Inject,
) -> SearchReply:
    """Search everything remembered for this project - conversations, tool calls, reflections - by meaning and by word.

    Use it before answering "what did we decide", and before repeating an investigation. Not for facts about the code
    as it is now: read the files for those.
    """
    asked = recall.Question(query, project, limit, min_score, time_decay)
    budget = recall.budget(app, max_tokens) if optimize_tokens else None
    return shown(app, SearchReply.of(await recall.search(app, asked), budget, explain))


@tool(read_only=True, hint="search stored insights lessons notes reflections tags")
async def search_reflections(
    query: Query,
    limit: Limit | None = None,
    min_score: MinScore = None,
    project: Project = None,
    tags: Tags = None,
    app: Application = Inject,
) -> SearchReply:
    """Search only the insights that were stored on purpose; `tags` must all be on a hit. For everything: reflect_on_past."""
    asked = recall.Question(query, project, limit, min_score, kinds=(Kind.REFLECTION,), tags=tuple(tags or ()))
    return shown(app, SearchReply.of(await recall.search(app, asked), recall.budget(app)))


@tool(read_only=True, always_load=True, hint="quick check whether anything is remembered count overview")
async def quick_search(
    query: Query, project: Project = None, min_score: MinScore = None, app: Application = Inject
) -> QuickReply:
    """How much is remembered about something, the best hit, and where the rest lies by project, kind and month.

    Use it to find out cheaply whether a real search is worth it.
    """
    asked = recall.Question(query, project, min_score=min_score)
    return QuickReply.of(await recall.overview(app, asked), recall.budget(app))


@tool(read_only=True, hint="next page more results continue search")
async def get_more_results(
    query: Query,
    offset: Annotated[
        int | None, Field(ge=0, le=1_000, description="Default: where the last page of this question ended, else 3.")
    ] = None,
    limit: Limit = 3,
    project: Project = None,
    cursor: Annotated[str | None, Field(max_length=100, description="From the reply before; wins over offset.")] = None,
    app: Application = Inject,
) -> MoreReply:
    """Go on where a search stopped: no hit twice, none skipped, even while new memories arrive."""
    asked = recall.Question(query, project, limit)
    return shown(app, MoreReply.of(await recall.more(app, asked, offset, cursor), recall.budget(app)))


@tool(idempotent=True, always_load=True, hint="remember save store insight lesson decision learned note")
async def store_reflection(
    content: Annotated[str, Field(description="The insight, in words that will be looked for later; at most 64 KiB.")],
    tags: Tags = None,
    project: Project = None,
    kind: Annotated[
        Literal["reflection", "checkpoint", "handoff", "quality"], Field(description="What it is.")
    ] = "reflection",
    app: Application = Inject,
) -> StoreReply:
    """Store an insight for later sessions: a decision and its reason, a fix and its cause, a trap.

    Secrets are replaced before it is stored. Storing the same twice keeps one. Conversations are captured by
    themselves: do not store what was merely said.
    """
    return StoreReply.of(await recall.store(app, content, tuple(tags or ()), project, Kind(kind)))


@tool(read_only=True, hint="memory statistics size counts coverage")
async def reflection_stats(app: Application = Inject) -> MemoryStats:
    """How much is remembered, by kind, project and month; how far the vectors are; sizes, model, last import."""
    stats = MemoryStats.model_validate(await recall.statistics(app))
    return within(stats, recall.budget(app), "by_project", "by_month")


@tool(destructive=True, hint="delete erase forget everything reset database")
async def reset_reflection_database(
    confirm: Annotated[bool, Field(description="false: only say what would go.")] = False,
    app: Application = Inject,
    context: Context = Calling,
) -> ResetReply | InputRequiredResult:
    """Forget everything, of all projects, after writing a backup. Without confirm=true it only says what would go.

    Call it with confirm=true only when the user has asked for exactly that; where the client can, it asks them again.
    """
    would_go = ResetReply.model_validate(await recall.what_would_go(app))
    question = f"Forget everything, of all projects ({counted(would_go.memories, 'memory', 'memories')})? A backup comes first."
    agreed = await consent(context, question) if confirm else False
    if isinstance(agreed, InputRequiredResult):
        return agreed
    if confirm and agreed is False:
        return would_go.model_copy(update={"summary": "The user did not agree: nothing was touched."})
    return ResetReply.model_validate(await recall.reset(app)) if confirm else would_go
