"""Ollama's API as it goes over the wire, by its reference and its server's errors."""

import json
from collections.abc import Sequence
from typing import Any

from session_mgmt_mcp.contracts.llm_vendor import Fails, Failure, Says
from session_mgmt_mcp.contracts.llm_wire import Answer, Request, Stream
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role, Stop

TIME = "2026-11-20T17:15:24.097767123Z"
REASONS = {Stop.END: "stop", Stop.LENGTH: "length"}
ERRORS: dict[Failure, tuple[int, str]] = {
    Failure.WRONG_KEY: (401, "unauthorized"),
    Failure.NOT_ALLOWED: (403, "this model requires a subscription, upgrade for access: https://ollama.com/upgrade"),
    Failure.NO_CREDIT: (402, "you have no usage credits left, add more at https://ollama.com/settings"),
    Failure.RATE_LIMITED: (429, "you have reached your hourly usage limit, please upgrade to continue"),
    Failure.OVERLOADED: (503, "server busy, please try again.  maximum pending requests exceeded"),
    Failure.BROKEN: (500, "an error was encountered while running the model: unexpected EOF"),
    Failure.TOO_LONG: (400, "the input length exceeds the context length"),
    Failure.NO_MODEL: (404, "model 'scripted-1' not found"),
    Failure.WRONG_REQUEST: (400, '"scripted-1" does not support chat'),
}


def overflow(read: int, context: int) -> dict[str, str]:
    """As newer servers tell it: what their engine said, as a string."""
    said = f"request ({read} tokens) exceeds the available context size ({context} tokens), try increasing it"
    told = {
        "code": 400,
        "message": said,
        "type": "exceed_context_size_error",
        "n_prompt_tokens": read,
        "n_ctx": context,
    }
    return {"error": json.dumps({"error": told}, separators=(",", ":"))}


def part(text: str, model: str = "scripted-1", **more: Any) -> dict[str, Any]:
    return {"model": model, "created_at": TIME, "message": {"role": "assistant", "content": text}, "done": False} | more


def end(says: Says, text: str = "") -> dict[str, Any]:
    counted = {"prompt_eval_count": says.input_tokens, "eval_count": says.output_tokens} if says.counted else {}
    times = dict.fromkeys(("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"), 1_334_875)
    return part(text, says.model, done=True, done_reason=REASONS[says.stop], **counted, **times)


def line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


class OllamaFormat:
    stream_type = "application/x-ndjson"

    def prompt(self, request: Request) -> Prompt | None:
        if request.path != "/api/chat":
            return None
        asked = request.json
        assert (asked["truncate"], asked["shift"]) == (False, False), asked
        assert set(asked) <= {"model", "messages", "stream", "options", "truncate", "shift", "tools"}, asked
        assert not asked.get("tools")
        options = asked["options"]
        messages = tuple(Message(Role(message["role"]), message["content"]) for message in asked["messages"])
        return Prompt(messages, asked["model"], options["num_predict"], options.get("temperature"))

    def key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def streams(self, request: Request) -> bool:
        return bool(request.json["stream"])

    def whole(self, says: Says) -> Answer:
        return Answer.of(end(says, says.text))

    def stream(self, says: Says) -> Stream:
        return Stream(b"", tuple(line(part(piece, says.model)) for piece in says.pieces), line(end(says)))

    def failure(self, fails: Fails) -> Answer:
        code, said = ERRORS[fails.failure]
        headers = {} if fails.retry_after is None else {"retry_after": f"{fails.retry_after:g}"}
        signin = {"signin_url": "https://ollama.com/connect"} if code == 401 else {}
        return Answer.of({"error": f"{said} {fails.words}"} | signin, code, **headers)

    def failure_midway(self, failure: Failure) -> bytes:
        return line({"error": ERRORS[failure][1]})

    def no_temperature(self) -> Answer:
        return Answer.of({"error": "option temperature is not supported by this model"}, 400)

    def listing(self, request: Request, models: Sequence[str]) -> Answer | None:
        if (request.method, request.path) != ("GET", "/api/tags"):
            return None
        details = {"format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"}
        about = {"modified_at": TIME, "size": 2_019_393_189, "digest": "a80c4f17acd5", "details": details}
        return Answer.of({"models": [{"name": name, "model": name} | about for name in models]})
