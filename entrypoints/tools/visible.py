"""Answers without what carries words past a reader's eye: controls of a terminal, directions, letters without width."""

import json

import mcp_types
from fastmcp.resources import ResourceContent, ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import ToolResult
from mcp_types import TextContent
from session_mgmt_mcp.domain.quoting import may_hide, visible, visible_values


class Visible(Middleware):
    """Whatever was stored, by whomever: what a model or a person is shown is what it says."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        result = await call_next(context)
        if not isinstance(result, ToolResult):
            return result
        if not any(isinstance(block, TextContent) and may_hide(block.text) for block in result.content):
            return result
        content = [_shown(block) if isinstance(block, TextContent) else block for block in result.content]
        structured = visible_values(result.structured_content)
        return ToolResult(content, structured, result.meta, result.is_error)

    async def on_read_resource(
        self,
        context: MiddlewareContext[mcp_types.ReadResourceRequestParams],
        call_next: CallNext[mcp_types.ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        result = await call_next(context)
        contents = [
            ResourceContent(
                visible(one.content) if isinstance(one.content, str) else one.content, one.mime_type, one.meta
            )
            for one in result.contents
        ]
        return ResourceResult(contents, meta=result.meta)


def _shown(block: TextContent) -> TextContent:
    """An answer's text is its JSON, in which some controls stand as escapes."""
    try:
        text = json.dumps(visible_values(json.loads(block.text)), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        text = visible(block.text)
    return block.model_copy(update={"text": text})
