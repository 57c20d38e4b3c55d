"""Anthropic's Messages API, as its servers speak it: answers, streams, errors and lists of models."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure, Says
from session_mgmt_mcp.contracts.llm_wire import Answer, Request, Stream
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role, Stop

LIMITS = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-23T03:00:02Z",
    "anthropic-ratelimit-input-tokens-limit": "30000",
    "anthropic-ratelimit-input-tokens-remaining": "0",
    "anthropic-ratelimit-input-tokens-reset": "2026-11-23T03:01:00Z",
}
STOPS = {Stop.END: "end_turn", Stop.LENGTH: "max_tokens"}
ERRORS = {
    Failure.WRONG_KEY: (401, "authentication_error", "invalid x-api-key"),
    Failure.NOT_ALLOWED: (403, "permission_error", "Your API key does not have permission to use the resource"),
    Failure.NO_CREDIT: (
        400,
        "invalid_request_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade.",
    ),
    Failure.RATE_LIMITED: (
        429,
        "rate_limit_error",
        "This request would exceed your organization's rate limit of 30,000 input tokens per minute.",
    ),
    Failure.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    Failure.BROKEN: (500, "api_error", "Internal server error"),
    Failure.TOO_LONG: (400, "invalid_request_error", "prompt is too long: 210034 tokens > 200000 maximum"),
    Failure.REFUSED: (400, "invalid_request_error", "Output blocked by content filtering policy"),
    Failure.NO_MODEL: (404, "not_found_error", "model: scripted-1"),
    Failure.WRONG_REQUEST: (400, "invalid_request_error", "messages.0.content: Input should be a valid string"),
}


class AnthropicFormat:
    stream_type = "text/event-stream; charset=utf-8"

    def prompt(self, request: Request) -> Prompt | None:
        if (request.method, request.path) != ("POST", "/v1/messages"):
            return None
        asked = request.json
        system = [Message(Role.SYSTEM, asked["system"])] if "system" in asked else []
        said = [Message(Role(message["role"]), message["content"]) for message in asked["messages"]]
        return Prompt((*system, *said), asked["model"], asked["max_tokens"], asked.get("temperature"))

    def key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def streams(self, request: Request) -> bool:
        return bool(request.json.get("stream"))

    def whole(self, says: Says) -> Answer:
        content = [thinking(), {"type": "text", "text": says.text}] if says.pieces else []
        return Answer.of(
            message(says, content, STOPS[says.stop]), request_id="req_011CSHoEeqs5C35K2UUqR7Fy", **limits()
        )

    def stream(self, says: Says) -> Stream:
        opening = message(says, [], None)
        if says.counted:
            opening["usage"]["output_tokens"] = 1
        thoughts = [
            event("content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}),
            event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "They greet me."}),
            event(
                "content_block_delta", index=0, delta={"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9G"}
            ),
            event("content_block_stop", index=0),
            event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        ]
        pieces = [
            event("content_block_delta", index=1, delta={"type": "text_delta", "text": piece}) for piece in says.pieces
        ]
        pieces[:1] = [b"".join([*thoughts, piece]) for piece in pieces[:1]]
        counted = {"usage": {"output_tokens": says.output_tokens}} if says.counted else {}
        tail = [
            *([event("content_block_stop", index=1)] if pieces else []),
            event("message_delta", delta={"stop_reason": STOPS[says.stop], "stop_sequence": None}, **counted),
            event("message_stop"),
        ]
        return Stream(event("message_start", message=opening) + event("ping"), tuple(pieces), b"".join(tail))

    def failure(self, fails: Fails) -> Answer:
        status, kind, words = ERRORS[fails.failure]
        after = {} if fails.retry_after is None else {"retry_after": str(int(fails.retry_after))}
        return error(status, kind, f"{words} {fails.words}", **after)

    def failure_midway(self, failure: Failure) -> bytes:
        _, kind, words = ERRORS[failure]
        return event("error", error={"type": kind, "message": words, "details": None}, request_id="req_011CSHoEe")

    def no_temperature(self) -> Answer:
        return error(400, "invalid_request_error", "`temperature` is deprecated for this model.")

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        if (request.method, request.path) != ("GET", "/v1/models"):
            return None
        asked = parse_qs(request.query)
        [limit], [after] = asked.get("limit", ["20"]), asked.get("after_id", [""])
        left = list(models)[models.index(after) + 1 :] if after else list(models)
        shown = [model_info(name) for name in left[: int(limit)]]
        return Answer.of({
            "data": shown,
            "has_more": len(left) > len(shown),
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
        })  # fmt: skip


def limits() -> dict[str, str]:
    return {name.replace("-", "_"): said for name, said in LIMITS.items()}


def event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


def error(status: int, kind: str, words: str, details: Any = None, **headers: str) -> Answer:
    told = {"type": kind, "message": words} | ({"details": details} if details else {})
    return Answer.of({"type": "error", "error": told, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}, status, **headers)


def thinking() -> dict[str, str]:
    return {"type": "thinking", "thinking": "They greet me.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky"}


def message(says: Says, content: list[dict[str, str]], stopped: str | None) -> dict[str, Any]:
    cached = says.input_tokens // 4
    usage = {
        "input_tokens": says.input_tokens - 2 * cached,
        "cache_creation_input_tokens": cached,
        "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_5m_input_tokens": cached, "ephemeral_1h_input_tokens": 0},
        "output_tokens": says.output_tokens,
        "service_tier": "standard",
    }
    return {
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": says.model,
        "content": content,
        "stop_reason": stopped,
        "stop_sequence": None,
        **({"usage": usage} if says.counted else {}),
    }


def model_info(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name.title(),
        "created_at": "2025-02-19T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
