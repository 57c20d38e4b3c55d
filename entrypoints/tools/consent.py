"""Asks the person at the client before something is gone for good."""

from fastmcp import Context
from fastmcp.server.elicitation import AcceptedElicitation
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

_QUESTION = "consent"
_FORM = {
    "type": "object",
    "properties": {"value": {"type": "boolean", "title": "Yes, do it", "default": False}},
    "required": ["value"],
}


async def consent(context: Context, question: str) -> bool | InputRequiredResult | None:
    """Whether the person agrees; None: this client cannot ask them.

    An InputRequiredResult is to be returned by the tool: a client of MCP 2026-07-28 asks and then calls it again, an
    older one is asked while the call goes on.
    """
    capabilities = context.session.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        return None
    request = context.request_context
    if request is None or request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        answer = await context.elicit(question, bool, response_title="Yes, do it")
        return isinstance(answer, AcceptedElicitation) and answer.data is True
    said = (context.input_responses or {}).get(_QUESTION)
    if said is None:
        params = ElicitRequestFormParams(message=question, requested_schema=_FORM)
        return InputRequiredResult(input_requests={_QUESTION: ElicitRequest(params=params)})
    return isinstance(said, ElicitResult) and said.action == "accept" and (said.content or {}).get("value") is True
