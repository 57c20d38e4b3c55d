"""How a function becomes a tool: its hints for the client, its errors in one sentence, the application it works on."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from inspect import getdoc
from typing import Any, TypeVar

import mcp_types
from fastmcp import Context, FastMCP
from fastmcp.dependencies import CurrentContext, Depends
from fastmcp.exceptions import ResourceError, ToolError, ValidationError
from fastmcp.resources import ResourceResult
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools import Tool, ToolResult
from pydantic import ValidationError as PydanticValidationError
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.quoting import visible
from session_mgmt_mcp.failures import of_the_system
from session_mgmt_mcp.fastmcp_internals import tell_schemas
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.tools.visible import Visible

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])


@dataclass(frozen=True, slots=True, eq=False)
class ToolSpec:
    """A tool as it will be published."""

    function: Callable[..., Awaitable[Any]]
    description: str
    annotations: mcp_types.ToolAnnotations
    meta: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def repeatable(self) -> bool:
        """Doing it twice is doing it once, so a shim may send it again after a hub died."""
        return bool(self.annotations.read_only_hint or self.annotations.idempotent_hint)


TOOLS: list[ToolSpec] = []


def tool(
    *,
    hint: str,
    read_only: bool = False,
    destructive: bool = False,
    idempotent: bool = False,
    open_world: bool = False,
    always_load: bool = False,
) -> Callable[[F], F]:
    """Publishes the function under its own name; its docstring tells the model when to use it.

    `hint` are the words by which a client that defers tools finds this one; `open_world`: it asks servers elsewhere.
    """
    meta: dict[str, Any] = {"anthropic/searchHint": hint}
    if always_load:
        meta["anthropic/alwaysLoad"] = True
    annotations = mcp_types.ToolAnnotations(
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=read_only or idempotent,
        open_world_hint=open_world,
    )

    def publish(function: F) -> F:
        TOOLS.append(ToolSpec(function, getdoc(function) or "", annotations, meta))
        function.__doc__ = None  # FastMCP would import a parser of docstrings, to find parameters in it
        return function

    return publish


def register(server: FastMCP, only: Collection[str] | None = None) -> None:
    """All tools, or only those named."""
    published = [_made(spec) for spec in TOOLS if only is None or spec.name in only]
    for made in published:
        server.add_tool(made)
    tell_schemas(server, {made.name: made.parameters for made in published}.get)
    server.add_middleware(Visible())
    server.add_middleware(OneSentence())


@cache
def _made(spec: ToolSpec) -> Tool:
    """With schemas that need no `$defs`: else the server would resolve them again for every `tools/list`."""
    made = Tool.from_function(
        spec.function, description=spec.description, annotations=spec.annotations, meta=dict(spec.meta)
    )
    result = None if made.output_schema is None else whole(made.output_schema)
    return made.model_copy(update={"parameters": whole(made.parameters), "output_schema": result})


def whole(schema: Mapping[str, Any]) -> dict[str, Any]:
    """With what `$ref` names in its place, and what stands beside it. FastMCP's own imports a client for HTTP."""
    named = schema.get("$defs", {})

    def resolved(part: Any) -> Any:
        if isinstance(part, list):
            return [resolved(one) for one in part]
        if not isinstance(part, dict):
            return part
        beside = {name: resolved(one) for name, one in part.items() if name not in ("$ref", "$defs")}
        return {**resolved(named[part["$ref"].removeprefix("#/$defs/")]), **beside} if "$ref" in part else beside

    return dict(resolved(schema))


def _application(context: Context = CurrentContext()) -> Application:  # noqa: B008
    found: Application = context.lifespan_context["application"]
    return found


Inject: Any = Depends(_application)
"""Default of a tool's `app` parameter: the opened product, unseen by the model."""

Calling: Any = CurrentContext()
"""Default of a tool's `context` parameter: the call itself, unseen by the model."""


class OneSentence(Middleware):
    """Whatever a call fails of reaches the model as one sentence that says what to do."""

    async def on_call_tool(
        self,
        context: MiddlewareContext[mcp_types.CallToolRequestParams],
        call_next: CallNext[mcp_types.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        try:
            return await call_next(context)
        except ValidationError as error:
            if isinstance(error.__cause__, PydanticValidationError):
                raise ToolError(_wrong_arguments(context.message.name, error.__cause__)) from None
            raise
        except (PortError, OSError, ToolError) as error:
            if said := _sentence(error):
                raise ToolError(said) from error.__cause__
            raise

    async def on_read_resource(
        self,
        context: MiddlewareContext[mcp_types.ReadResourceRequestParams],
        call_next: CallNext[mcp_types.ReadResourceRequestParams, ResourceResult],
    ) -> ResourceResult:
        try:
            return await call_next(context)
        except Exception as error:
            if said := _sentence(error):
                raise ResourceError(said) from error.__cause__
            raise


def _sentence(error: Exception) -> str:
    """Of what a port raised, or the system and no adapter translated; empty: nobody knows what to do."""
    cause = error if isinstance(error, (PortError, OSError)) else error.__cause__
    if isinstance(cause, PortError):
        said = str(cause)
    elif isinstance(cause, OSError) and cause.strerror:
        said = of_the_system(cause)
    else:
        return ""
    # a file's name in it may be no text, which no client could be told
    return visible(said.encode("utf-8", "replace").decode())


def _wrong_arguments(name: str, error: PydanticValidationError) -> str:
    faults = [f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg'].lower()}" for e in error.errors()[:3]]
    return f"{name} was called with wrong arguments ({'; '.join(faults)}): correct them and call again."
