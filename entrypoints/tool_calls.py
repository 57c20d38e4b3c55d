"""A tool called from the command line: its arguments as words, its answer as the client would get it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from session_mgmt_mcp.application import Application
from session_mgmt_mcp.ports.errors import Invalid


async def call(app: Application, args: Mapping[str, Any], progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """tool, given: {parameter: text} -> the tool's structured answer"""
    from fastmcp import Client
    from session_mgmt_mcp.mcp_server import build_server

    async with Client(build_server(app)) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        name = str(args["tool"])
        if name not in tools:
            raise Invalid(f"There is no tool {name[:60]!r}: docs/tools.md lists them.")
        given = arguments(name, tools[name].input_schema, args.get("given") or {})
        answer = await client.call_tool(name, given, raise_on_error=False)
        if answer.is_error:
            raise Invalid(" ".join(getattr(part, "text", "") for part in answer.content))
        return dict(answer.structured_content or {})


def arguments(tool: str, schema: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Words as the parameters want them. Raises Invalid for an unknown parameter or what cannot be read.

    >>> arguments("search", {"properties": {"limit": {"type": "integer"}}}, {"limit": "5"})
    {'limit': 5}
    """
    known = schema.get("properties", {})
    if unknown := given.keys() - known.keys():
        raise Invalid(f"{tool} has no parameter {min(unknown)[:60]!r}: it takes {', '.join(known) or 'none'}.")
    return {name: _value(name, known[name], text) for name, text in given.items()}


def _value(name: str, schema: Mapping[str, Any], text: str) -> Any:
    kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
    if "array" in kinds and not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if kinds & {"array", "object", "integer", "number", "boolean"}:
        try:
            return json.loads(text)
        except ValueError:
            if "string" not in kinds:
                wanted = " or ".join(sorted(kind for kind in kinds if kind and kind != "null"))
                shown = "" if "object" in kinds else f", not {text[:60]!r}"  # an object may hold a secret
                raise Invalid(f"{name}: give {wanted} as JSON{shown}.") from None
    return text
