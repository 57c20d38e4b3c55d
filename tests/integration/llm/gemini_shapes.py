"""Google's Gemini API as it goes over the wire, by its reference (version v1beta) and its errors (google.rpc.Status)."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote

from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure, Says
from session_mgmt_mcp.contracts.llm_wire import Answer, Request, Stream
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role, Stop

TYPE = "type.googleapis.com/google.rpc."
DOMAIN = "googleapis.com"
FINISHED = {Stop.END: "STOP", Stop.LENGTH: "MAX_TOKENS"}
SAFETY = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]


def info(reason: str, **metadata: str) -> dict[str, Any]:
    return {"@type": TYPE + "ErrorInfo", "reason": reason, "domain": DOMAIN, "metadata": metadata}


def retry(seconds: float) -> dict[str, Any]:
    return {"@type": TYPE + "RetryInfo", "retryDelay": f"{seconds:g}s"}


QUOTA = [
    {"@type": TYPE + "Help", "links": [{"description": "Learn more", "url": "https://ai.google.dev/gemini-api/docs"}]},
    {
        "@type": TYPE + "QuotaFailure",
        "violations": [
            {
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                "quotaDimensions": {"location": "global", "model": "scripted-1"},
                "quotaValue": "10",
            }
        ],
    },
]
ERRORS: dict[Failure, tuple[int, str, str, list[dict[str, Any]]]] = {
    Failure.WRONG_KEY: (
        400,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        [info("API_KEY_INVALID", service="generativelanguage.googleapis.com")],
    ),
    Failure.NOT_ALLOWED: (403, "PERMISSION_DENIED", "The caller does not have permission", []),
    Failure.NO_CREDIT: (
        429,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio to manage your project and billing.",
        [],
    ),
    Failure.RATE_LIMITED: (
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: "
        "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 10",
        QUOTA,
    ),
    Failure.OVERLOADED: (503, "UNAVAILABLE", "The model is overloaded. Please try again later.", []),
    Failure.BROKEN: (500, "INTERNAL", "An internal error has occurred. Please retry or report.", []),
    Failure.TOO_LONG: (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).",
        [],
    ),
    Failure.NO_MODEL: (
        404,
        "NOT_FOUND",
        "models/scripted-1 is not found for API version v1beta, or is not supported for generateContent. Call ListModels "
        "to see the list of available models and their supported methods.",
        [],
    ),
    Failure.WRONG_REQUEST: (
        400,
        "INVALID_ARGUMENT",
        "* GenerateContentRequest.contents: contents is not specified\n",
        [],
    ),
}


def status(code: int, name: str, message: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {"code": code, "message": message, "status": name}
    return {"error": told | ({"details": details} if details else {})}


def candidate(text: str, finished: str = "", thought: bool = False) -> dict[str, Any]:
    part = {"text": text} | ({"thought": True} if thought else {})
    return {"content": {"parts": [part], "role": "model"}, "index": 0} | (
        {"finishReason": finished} if finished else {}
    )


def counts(read: int, written: int, thought: int = 0) -> dict[str, Any]:
    counted = {"promptTokenCount": read, "candidatesTokenCount": written, "totalTokenCount": read + written + thought}
    return counted | ({"thoughtsTokenCount": thought} if thought else {})


def chunk(*candidates: dict[str, Any], usage: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"modelVersion": "scripted-1", "responseId": "Zx3aaJ2GFcjM_uMP"} | more
    return ({"candidates": list(candidates)} if candidates else {}) | ({"usageMetadata": usage} if usage else {}) | told


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\r\n\r\n"


class GeminiFormat:
    stream_type = "text/event-stream"

    def prompt(self, request: Request) -> Prompt | None:
        place, _, verb = unquote(request.path).rpartition(":")
        if verb not in {"generateContent", "streamGenerateContent"}:
            return None
        asked = request.json
        assert place.startswith("/v1beta/models/"), request.path
        assert request.method == "POST" and set(asked) <= {"contents", "systemInstruction", "generationConfig"}, asked
        system = "".join(part["text"] for part in asked.get("systemInstruction", {}).get("parts", ()))
        roles = {"user": Role.USER, "model": Role.ASSISTANT}
        turns = [
            Message(roles[turn["role"]], "".join(part["text"] for part in turn["parts"])) for turn in asked["contents"]
        ]
        config = asked["generationConfig"]
        return Prompt(
            (*((Message(Role.SYSTEM, system),) if system else ()), *turns),
            place.removeprefix("/v1beta/models/"),
            config["maxOutputTokens"],
            config.get("temperature"),
        )

    def key(self, request: Request) -> str:
        assert "authorization" not in request.headers
        return request.headers.get("x-goog-api-key", "")

    def streams(self, request: Request) -> bool:
        streams = request.path.endswith(":streamGenerateContent")
        assert not streams or parse_qs(request.query) == {"alt": ["sse"]}
        return streams

    def whole(self, says: Says) -> Answer:
        usage = counts(says.input_tokens, says.output_tokens) if says.counted else None
        said = candidate(says.text, FINISHED[says.stop])
        if not says.pieces:
            said["content"] = {"role": "model"}  # as it comes where nothing was written
        return Answer.of(chunk(said, usage=usage, modelVersion=says.model))

    def stream(self, says: Says) -> Stream:
        usage = counts(says.input_tokens, says.output_tokens) if says.counted else None
        soon = {"promptTokenCount": says.input_tokens, "totalTokenCount": says.input_tokens} if says.counted else None
        pieces = tuple(event(chunk(candidate(piece), usage=soon, modelVersion=says.model)) for piece in says.pieces)
        last = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": FINISHED[says.stop], "index": 0}
        return Stream(b"", pieces, event(chunk(last, usage=usage, modelVersion=says.model)))

    def failure(self, fails: Fails) -> Answer:
        if fails.failure is Failure.REFUSED:
            feedback = {"blockReason": "SAFETY", "blockReasonMessage": fails.words, "safetyRatings": SAFETY}
            return Answer.of(chunk(promptFeedback=feedback, usage={"promptTokenCount": 9, "totalTokenCount": 9}))
        code, name, message, details = ERRORS[fails.failure]
        more = [retry(fails.retry_after)] if fails.retry_after is not None else []
        told = status(code, name, f"{message} {fails.words}", [*details, *more])
        return Answer.of(told, code, server="scaffolding on HTTPServer2")

    def failure_midway(self, failure: Failure) -> bytes:
        return event(status(*ERRORS[failure]))

    def no_temperature(self) -> Answer:
        said = "Unable to submit request because temperature is not supported by this model. Remove it and try again."
        return Answer.of(status(400, "INVALID_ARGUMENT", said, []), 400)

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        if (request.method, request.path) != ("GET", "/v1beta/models"):
            return None
        listed = [described(name) for name in models]
        embeds = described("embeds-1") | {"supportedGenerationMethods": ["embedContent", "countTokens"]}
        asked = parse_qs(request.query)
        place, size = int(asked.get("pageToken", ["0"])[0]), min(int(asked["pageSize"][0]), 2)
        page: dict[str, Any] = {"models": [*listed, embeds][place : place + size]}
        return Answer.of(page | ({"nextPageToken": str(place + size)} if place + size <= len(listed) else {}))


def described(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.title(),
        "description": "A model.",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens", "createCachedContent"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
        "thinking": True,
    }
