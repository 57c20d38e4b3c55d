"""Hits of any search, fitted into a budget."""

from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, Field
from session_mgmt_mcp import recall
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.packing import likeness_of, pack, values_of
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.tools.budget import size, within
from session_mgmt_mcp.tools.parameters import MaxTokens
from session_mgmt_mcp.tools.registry import Inject, tool


class LeftOut(BaseModel):
    id: str
    why: Literal["repeats a better one", "no room"]


class AnyHit(BaseModel, extra="allow"):
    """Whatever a search returned."""


class PackedReply(BaseModel):
    summary: str
    results: list[dict[str, Any]]
    left_out: list[LeftOut] = []

    @classmethod
    def of(cls, hits: list[dict[str, Any]], query: str, max_tokens: int) -> Self:
        costs = np.array([tokens(AnyHit.model_validate(hit).model_dump_json()) for hit in hits], np.float64)
        room = max_tokens - size(cls(summary=_summary(len(hits), len(hits), max_tokens), results=[]))
        packed = pack(values_of(hits, query), costs, likeness_of(hits), room)
        why: dict[int, Literal["repeats a better one", "no room"]] = dict.fromkeys(packed.too_much, "no room")
        why |= dict.fromkeys(packed.repeated, "repeats a better one")
        whole = cls(
            summary=_summary(len(packed.shown), len(hits), max_tokens),
            results=[hits[at] for at in packed.shown],
            left_out=[LeftOut(id=str(hits[at].get("id", at))[:40], why=reason) for at, reason in sorted(why.items())],
        )
        return within(whole, max_tokens, "left_out", "results")


@tool(read_only=True, hint="fit search results into a token budget drop repetitions shorten")
async def _optimize_search_results(
    results: Annotated[list[dict[str, Any]], Field(max_length=500, description="Hits as searches return them.")],
    optimize_tokens: Annotated[bool, Field(description="false: everything comes back as it is.")] = True,
    max_tokens: MaxTokens = None,
    query: Annotated[str, Field(max_length=2_000, description="What was looked for; hits with its words win.")] = "",
    app: Application = Inject,
) -> PackedReply:
    """Keep of some hits those that are worth most for their tokens, best first; a hit that repeats a better one is worth little.

    Use it on hits of several searches together. One search alone holds its budget by itself.
    """
    if not optimize_tokens or not results:
        return PackedReply(summary=f"All {len(results)} hits, as they came.", results=results)
    return PackedReply.of(results, query, recall.budget(app, max_tokens))


def _summary(shown: int, count: int, max_tokens: int) -> str:
    return f"{shown} of {count} hits, worth most within {max_tokens} tokens."
