"""Calls of every tool there is, made from what its schema says."""

from collections.abc import Iterator
from typing import Any

from session_mgmt_mcp import mcp_server
from session_mgmt_mcp.tools.registry import TOOLS, ToolSpec, _made

assert mcp_server.TOOL_MODULES
SPECS = sorted(TOOLS, key=lambda spec: spec.name)
READING = [spec for spec in SPECS if spec.annotations.read_only_hint]
KNOWN: dict[str, Any] = {  # what a parameter takes that not any word would do for
    "time_expression": "in 2 hours", "timeframe": "last 7 days", "metric_type": "searches", "field": "words",
    "branch": "a-branch", "command": "lint", "session_data": {"a": 1}, "updates": {"a": 1}, "projects": ["shop"],
    "results": [{"id": "m1", "snippet": "x"}], "messages": [{"role": "user", "content": "x"}],
}  # fmt: skip


def schema(spec: ToolSpec) -> dict[str, dict[str, Any]]:
    """Its parameters by name."""
    return _made(spec).parameters.get("properties", {})


def kinds(parameter: dict[str, Any]) -> set[str]:
    """JSON's types that a parameter takes; `closed` for one with a list of values."""
    some = [parameter, *parameter.get("anyOf", [])]
    return {one["type"] for one in some if "type" in one} | {
        "closed" for one in some if "enum" in one or "const" in one
    }


def needed(spec: ToolSpec, word: str = "till", **more: Any) -> dict[str, Any]:
    """Arguments with which it can be called: `word` wherever a text is asked for."""
    made = _made(spec).parameters
    given = {name: _value(name, schema(spec)[name], word) for name in made.get("required", [])}
    return {**given, **{name: value for name, value in more.items() if name in schema(spec)}}


def _value(name: str, parameter: dict[str, Any], word: str) -> Any:
    if name in KNOWN and not (name == "time_expression" and "reminder" not in parameter.get("description", "")):
        return KNOWN[name]
    if "enum" in parameter:
        return parameter["enum"][0]
    return {"string": word, "integer": 1, "number": 1.0, "boolean": False, "array": [], "object": {}}[parameter["type"]]


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


async def said(client: Any, name: str, arguments: dict[str, Any]) -> tuple[bool, str, Any]:
    """Whether it failed, all that a model is shown of it as text, and the structured answer."""
    result = await client.call_tool(name, arguments, raise_on_error=False)
    text = "\n".join(block.text for block in result.content)
    return result.is_error, text, result.structured_content
