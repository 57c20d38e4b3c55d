"""What a vendor's server may do, as scenes that every format can play."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from session_mgmt_mcp.ports.llm_provider import Prompt, Stop


class Failure(StrEnum):
    WRONG_KEY = "wrong key"
    NOT_ALLOWED = "not allowed"
    NO_CREDIT = "no credit"
    RATE_LIMITED = "rate limited"
    OVERLOADED = "overloaded"
    BROKEN = "broken"  # an error of the server's own
    TOO_LONG = "too long"
    REFUSED = "refused"
    NO_MODEL = "no model"
    WRONG_REQUEST = "wrong request"


@dataclass(frozen=True, slots=True)
class Says:
    """An answer. `counted` False: the server does not say how many tokens it was."""

    pieces: tuple[str, ...] = ("Hel", "lo ", "Jürgen, 日本 \U0001f600\n")
    input_tokens: int = 11
    output_tokens: int = 7
    stop: Stop = Stop.END
    model: str = "scripted-1"
    counted: bool = True

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Fails:
    """`retry_after` in seconds, where the server says it; `words` are its own."""

    failure: Failure
    retry_after: float | None = None
    words: str = "something of the server's own"


@dataclass(frozen=True, slots=True)
class FailsMidway:
    """Some pieces of a stream, then the error in it."""

    failure: Failure
    pieces: tuple[str, ...] = ("Hel",)


@dataclass(frozen=True, slots=True)
class Stalls:
    """Some pieces, then silence on an open connection; without pieces not even a status."""

    pieces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cuts:
    """Some pieces, then the connection ends; without pieces before a status. `tidy`: as if it were a whole answer."""

    pieces: tuple[str, ...] = ()
    tidy: bool = False


@dataclass(frozen=True, slots=True)
class Garbles:
    """Status 200, and what no client can read."""

    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Redirects:
    to: str
    status: int = 302


@dataclass(frozen=True, slots=True)
class TakesNoTemperature:
    """Refuses any temperature, and answers without one."""

    says: Says = Says()


Scene: TypeAlias = Says | Fails | FailsMidway | Stalls | Cuts | Garbles | Redirects | TakesNoTemperature


class Vendor(Protocol):
    """A server that plays scenes. `prompts` and `keys` are what reached it, one for each request to generate."""

    prompts: Sequence[Prompt]
    keys: Sequence[str]

    def will(self, *scenes: Scene) -> None:
        """Plays them for the next requests to generate, one each; the last for all that follow. Before: Says()."""

    def lists(self, *models: str) -> None:
        """What its list of models holds."""

    async def abandoned(self) -> None:
        """Returns when a client has left a request that was not answered to its end."""
