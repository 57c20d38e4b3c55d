"""How the language models that are set up stand, in a sentence. No server is asked."""

from collections.abc import Sequence
from typing import Literal

from session_mgmt_mcp.llm.keys import Source
from session_mgmt_mcp.llm.trying import Standing
from session_mgmt_mcp.llm.vendors import TERMS, origin

NONE = "None is set up, so none is ever asked; docs/llm.md says how."
NO_SUMMARY = "llm_polish is on and llm_providers is empty, so no summary is written: set llm_providers."


def state(found: Sequence[Standing], polish: bool, keys: bool = True) -> tuple[Literal["ok", "warn"], str]:
    """Of those in the order what they lack, one after another. `polish`: llm_polish is on; `keys` False: nobody looked for
    them."""
    ordered = [one for one in found if one.place]
    if faults := [fault for one in ordered if (fault := _lacking(one, keys))]:
        return "warn", " ".join(faults)
    if ordered:
        names = ", ".join(f"{one.vendor} ({one.model})" for one in ordered)
        when = "on request and at each session's end (llm_polish)" if polish else "on request alone"
        return "ok", f"Asked in this order, {when}: {names}."
    if polish:
        return "warn", NO_SUMMARY
    others = [str(one.vendor) for one in found if one.set_up]
    return "ok", f"Asked only where a call names one: {', '.join(others)}." if others else NONE


def _lacking(one: Standing, keys: bool) -> str:
    if not one.installed:
        return f"{one.vendor} lacks its SDK: pip install 'session-mgmt-mcp[{one.vendor.extra}]'."
    if one.problem:
        return one.problem
    if not one.model:
        return f"{one.vendor} has no default model: set {one.vendor}_model."
    if keys and one.key.source is Source.NONE and origin(one.base_url) == origin(TERMS[one.vendor].own):
        return (
            f"{one.vendor} has no key, neither in the keyring nor in this environment: run `session-mgmt-mcp api-key "
            f"{one.vendor}`."
        )
    return ""
