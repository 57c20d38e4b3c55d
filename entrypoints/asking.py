"""Verbs that the hub answers, asked from the command line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from session_mgmt_mcp.control import ControlError, call, wait_gone
from session_mgmt_mcp.domain.quoting import visible_values
from session_mgmt_mcp.ports.errors import Invalid, Unavailable


def ask(verb: str, args: Mapping[str, Any], moved: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
    """The hub's answer, fit for a terminal whatever was stored; a hub is started when there is none."""
    answer: dict[str, Any] = visible_values(call(verb, dict(args), moved))
    return answer


def call_tool(tool: str, given: Sequence[str]) -> dict[str, Any]:
    """`given` are words NAME=VALUE. Raises Invalid for a word that is not."""
    pairs = [word.partition("=") for word in given]
    if odd := [name for name, equals, _ in pairs if not equals]:
        raise Invalid(f"{odd[0]!r} names no parameter: write NAME=VALUE.")
    return ask("call", {"tool": tool, "given": {name: value for name, _, value in pairs}})


def hub_status() -> dict[str, Any]:
    """Starts nothing: no hub is an answer, too."""
    try:
        status = call("hub.status", spawn=False)
    except ControlError as error:
        if error.kind != "NoHub":
            raise
        return {"running": False}
    return {"running": True, **status, "pending_embeddings": _pending_embeddings()}


def _pending_embeddings() -> int | None:
    try:
        return int(call("stats", spawn=False)["waiting_for_vector"])
    except ControlError:
        return None  # the hub runs, its database does not answer: doctor says why


def hub_stop() -> dict[str, Any]:
    """Returns when the hub is gone and its database closed."""
    try:
        said = call("hub.stop", spawn=False)
    except ControlError as error:
        if error.kind != "NoHub":
            raise
        return {"running": False, "stopped": False}
    if not wait_gone():
        raise Unavailable("The hub was told to stop and is still there: try again, or end its process.")
    return {**said, "running": False, "stopped": True}


def hub_checks() -> list[dict[str, str]]:
    """What the running hub says about itself."""
    return list(call("checks", spawn=False)["checks"])
