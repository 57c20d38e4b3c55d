"""OpenAI's Chat Completions API, as its servers, and those of others, speak it."""

import json
from collections.abc import Sequence
from typing import Any

from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure, Says
from session_mgmt_mcp.contracts.llm_wire import Answer, Request, Stream
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role, Stop

LIMITS = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-limit-tokens": "150000",
    "x-ratelimit-remaining-requests": "59",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-requests": "1s",
    "x-ratelimit-reset-tokens": "6m0s",
}
STOPS = {Stop.END: "stop", Stop.LENGTH: "length"}
ERRORS: dict[Failure, tuple[int, str, str | None, str | None, str]] = {
    Failure.WRONG_KEY: (
        401,
        "invalid_request_error",
        "invalid_api_key",
        None,
        "Incorrect API key provided: sk-contr*******************************cdef. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
    ),
    Failure.NOT_ALLOWED: (
        403,
        "request_forbidden",
        "unsupported_country_region_territory",
        None,
        "Country, region, or territory not supported",
    ),
    Failure.NO_CREDIT: (
        429,
        "insufficient_quota",
        "insufficient_quota",
        None,
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    Failure.RATE_LIMITED: (
        429,
        "tokens",
        "rate_limit_exceeded",
        None,
        "Rate limit reached for scripted-1 in organization org-x on tokens per min (TPM): Limit 10000, Used 9500, "
        "Requested 900. Please try again in 2.4s.",
    ),
    Failure.OVERLOADED: (503, "server_error", None, None, "The engine is currently overloaded, please try again later"),
    Failure.BROKEN: (
        500,
        "server_error",
        None,
        None,
        "The server had an error while processing your request. Sorry about that!",
    ),
    Failure.TOO_LONG: (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 10010 tokens.",
    ),
    Failure.REFUSED: (
        400,
        "invalid_request_error",
        "invalid_prompt",
        None,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
    ),
    Failure.NO_MODEL: (
        404,
        "invalid_request_error",
        "model_not_found",
        None,
        "The model `scripted-1` does not exist or you do not have access to it.",
    ),
    Failure.WRONG_REQUEST: (
        400,
        "invalid_request_error",
        "invalid_type",
        "messages[0].content",
        "Invalid type for 'messages[0].content': expected a string, but got an integer instead.",
    ),
}


class OpenAIFormat:
    stream_type = "text/event-stream; charset=utf-8"

    def prompt(self, request: Request) -> Prompt | None:
        if request.method != "POST" or not request.path.endswith("/chat/completions"):
            return None
        asked = request.json
        said = tuple(Message(Role(message["role"]), message["content"]) for message in asked["messages"])
        limit = asked["max_completion_tokens"] if "max_completion_tokens" in asked else asked["max_tokens"]
        return Prompt(said, asked["model"], limit, asked.get("temperature"))

    def key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def streams(self, request: Request) -> bool:
        return bool(request.json.get("stream"))

    def whole(self, says: Says) -> Answer:
        message = {
            "role": "assistant",
            "content": says.text if says.pieces else None,
            "refusal": None,
            "annotations": [],
        }
        return Answer.of(completion(says, message, STOPS[says.stop]), **limits())

    def stream(self, says: Says) -> Stream:
        head = b": PROCESSING\n\n" + chunk(says, {"role": "assistant", "content": "", "refusal": None})
        pieces = tuple(chunk(says, {"content": piece}) for piece in says.pieces)
        counted = data({**begun(says), "choices": [], "usage": usage(says)}) if says.counted else b""
        return Stream(head, pieces, chunk(says, {}, STOPS[says.stop]) + counted + b"data: [DONE]\n\n")

    def failure(self, fails: Fails) -> Answer:
        status, kind, code, param, words = ERRORS[fails.failure]
        after = {} if fails.retry_after is None else {"retry_after_ms": str(int(fails.retry_after * 1_000))}
        return error(status, f"{words} {fails.words}", kind, code, param, **after)

    def failure_midway(self, failure: Failure) -> bytes:
        _, kind, code, param, words = ERRORS[failure]
        return data({"error": {"message": words, "type": kind, "param": param, "code": code}})

    def no_temperature(self) -> Answer:
        return error(
            400,
            "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is supported.",
            "invalid_request_error",
            "unsupported_value",
            "temperature",
        )

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        if request.method != "GET" or not request.path.endswith("/models"):
            return None
        known = [{"id": name, "object": "model", "created": 1_686_935_002, "owned_by": "openai"} for name in models]
        return Answer.of({"object": "list", "data": known})


def limits() -> dict[str, str]:
    return {name.replace("-", "_"): said for name, said in LIMITS.items()}


def data(value: Any) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def error(
    status: int, words: str, kind: str, code: str | int | None = None, param: str | None = None, **headers: str
) -> Answer:
    return Answer.of({"error": {"message": words, "type": kind, "param": param, "code": code}}, status, **headers)


def usage(says: Says) -> dict[str, Any]:
    return {
        "prompt_tokens": says.input_tokens,
        "completion_tokens": says.output_tokens,
        "total_tokens": says.input_tokens + says.output_tokens,
        "prompt_tokens_details": {"cached_tokens": says.input_tokens // 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": says.output_tokens // 2, "audio_tokens": 0},
    }


def begun(says: Says) -> dict[str, Any]:
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion.chunk",
        "created": 1_741_569_952,
        "model": says.model,
        "service_tier": "default",
    }


def chunk(says: Says, delta: dict[str, Any], stopped: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": stopped}
    return data({**begun(says), "choices": [choice], **({"usage": None} if says.counted else {})})


def completion(says: Says, message: dict[str, Any], stopped: str) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": stopped}
    counted = {"usage": usage(says)} if says.counted else {}
    return {**begun(says), "object": "chat.completion", "choices": [choice], **counted}
