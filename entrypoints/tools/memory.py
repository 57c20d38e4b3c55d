"""Remember and recall."""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field
from session_mgmt_mcp import recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.answers import Overview, SearchResult
from session_mgmt_mcp.domain.drafts import Stored
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.tools.budget import within
from session_mgmt_mcp.tools.models import Hit
from session_mgmt_mcp.tools.parameters import DefaultLimit, Limit, MaxTokens, MinScore, Project, Query, Tags
from session_mgmt_mcp.tools.registry import Inject, tool


class SearchReply(BaseModel):
    summary: str
    hits: list[Hit]
    total: int
    cursor: str | None = None
    note: str = ""

    @classmethod
    def of(cls, result: SearchResult, max_tokens: int | None, explain: bool = False) -> Self:
        """At most `max_tokens` in all; None: as many as there are. The cursor goes on behind what is shown."""
        shown = len(result.hits)
        nothing = "No more: all were shown." if result.total else "Nothing remembered answers this."
        summary = f"{shown} of {result.of}, best first." if shown else nothing
        if result.cursor and shown:
            summary += " More: get_more_results with the cursor."
        whole = cls(
            summary=summary,
            hits=[Hit.of(found, explain) for found in result.hits],
            total=result.total,
            cursor=result.cursor or (result.start if max_tokens else None),
            note=result.note,
        )
        fitted = within(whole, max_tokens, "hits")
        return fitted.model_copy(update={"cursor": result.first(len(fitted.hits)).cursor})


class MoreReply(SearchReply):
    """A further page."""


class QuickReply(BaseModel):
    summary: str
    count: int
    best: Hit | None
    by_project: dict[str, int]
    by_kind: dict[str, int]
    by_month: dict[str, int]
    note: str = ""

    @classmethod
    def of(cls, overview: Overview, max_tokens: int) -> Self:
        best = Hit.of(overview.best) if overview.best else None
        whole = cls(
            summary=_how_many(overview),
            count=overview.count,
            best=best,
            by_project=dict(overview.projects),
            by_kind=dict(overview.kinds),
            by_month=dict(overview.months),
            note=overview.note,
        )
        return within(whole, max_tokens, "by_project", "by_month", "best")


def _how_many(overview: Overview) -> str:
    if not overview.best:
        return "Nothing remembered answers this."
    number = f"{overview.count} or more" if overview.capped else f"{overview.count}"
    return f"Memories that answer this at least half as well as the best: {number}."


class StoreReply(BaseModel):
    summary: str
    id: str
    duplicate: bool
    redacted: dict[str, int]

    @classmethod
    def of(cls, stored: Stored) -> Self:
        parts = ["Already known: nothing was added." if stored.duplicate else "Stored."]
        if stored.redacted:
            parts.append("Replaced before storing: " + ", ".join(f"{n} {kind}" for kind, n in stored.redacted.items()))
        return cls(summary=" ".join(parts), id=stored.id, duplicate=stored.duplicate, redacted=dict(stored.redacted))


Reply = TypeVar("Reply", bound=SearchReply)


def shown(app: Application, reply: Reply) -> Reply:
    """`reply`, and a next page begins where it was cut."""
    app.memory.stopped_at(reply.cursor)
    return reply


@tool(read_only=True, always_load=True, hint="remember recall past conversation previous session history decision fix")
async def reflect_on_past(
    query: Query,
    limit: DefaultLimit = None,
    min_score: MinScore = None,
    project: Project = None,
    optimize_tokens: Annotated[bool, Field(description="Keep the answer within max_tokens.")] = True,
    max_tokens: MaxTokens = None,
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
    limit: DefaultLimit = None,
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
