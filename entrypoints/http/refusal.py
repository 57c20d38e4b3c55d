"""What a request that is not served is told: a status, and one sentence as a JSON-RPC error."""

import json
from collections.abc import Sequence

from mcp_types import INTERNAL_ERROR, INVALID_REQUEST

Header = tuple[bytes, bytes]
CHALLENGE: Header = (b"www-authenticate", b'Bearer realm="session-mgmt-mcp"')


class Refusal(Exception):
    """`str(error)` says what to do, and nothing of the inside."""

    def __init__(self, status: int, sentence: str, *headers: Header) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers: Sequence[Header] = headers

    @property
    def body(self) -> bytes:
        code = INTERNAL_ERROR if self.status >= 500 else INVALID_REQUEST
        error = {"code": code, "message": str(self)}
        return json.dumps({"jsonrpc": "2.0", "id": None, "error": error}, separators=(",", ":")).encode()


def unauthorized() -> Refusal:
    """The same for no token, a wrong one, a revoked one and an expired one."""
    sentence = "A valid token is needed: send it as `Authorization: Bearer TOKEN`; `token create` makes one."
    return Refusal(401, sentence, CHALLENGE)


def too_many(seconds: float, of_what: str) -> Refusal:
    return Refusal(429, f"Too many {of_what}: wait, then go on more slowly.", retry_after(seconds))


def retry_after(seconds: float) -> Header:
    return b"retry-after", str(max(1, round(seconds + 0.5))).encode()
