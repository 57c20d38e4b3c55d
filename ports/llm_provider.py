"""Text by a language model: a vendor's, or one that a server on this machine runs.

What goes wrong, in the tree of ports/errors.py:

PortError
├── Invalid
│   ├── Denied         the key: missing, wrong, not allowed, out of credit
│   ├── TooLong        more than the model reads
│   ├── Refused        it will not answer this
│   └── Misdirected    the server sends elsewhere, where no key may follow
├── NotFound
│   └── NoSuchModel
├── Unavailable
│   ├── RateLimited    carries retry_after, as the server said
│   ├── Overloaded
│   ├── Unreachable    nothing was sent
│   └── Interrupted    it was sent, and no whole answer came: perhaps it is charged for
└── Unsupported        the vendor's SDK is not installed: names the extra
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from session_mgmt_mcp.ports.errors import Invalid, NotFound, Unavailable

HOTTEST = 2.0
"""The highest temperature that any vendor takes."""


class Denied(Invalid):
    """The server does not take the key: nothing was generated, and trying again changes nothing."""


class TooLong(Invalid):
    """The messages are more than the model reads."""


class Refused(Invalid):
    """The vendor, or the model, will not answer this."""


class Misdirected(Invalid):
    """The server sent a redirect; it was not followed: the message names the host."""


class NoSuchModel(NotFound):
    """The server knows no model of that name."""


class RateLimited(Unavailable):
    """Too much was asked in too short a time; nothing was generated."""


class Overloaded(Unavailable):
    """The server has no room; nothing was generated."""


class Unreachable(Unavailable):
    """No connection came about; nothing was sent."""


class Interrupted(Unavailable):
    """It was sent, and no whole answer came: it broke off, stalled, or was no answer. It may have been charged for."""


FREE_TO_REPEAT = (RateLimited, Overloaded, Unreachable)
"""Nothing was generated, so nothing is charged twice."""


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Stop(StrEnum):
    """Why the model wrote no further."""

    END = "end"
    LENGTH = "length"  # the limit that was asked for, or the model's own


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked. `max_tokens` of answer at most; `temperature` None: the model's own.

    >>> Prompt((Message(Role.USER, "Why is the sky blue?"),), model="some-model", max_tokens=200).temperature
    """

    messages: tuple[Message, ...]
    model: str
    max_tokens: int
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """As the server counted it: all that it read, cached or not, and all that it wrote, shown or not."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """The whole answer. `model` as the server names it; `usage` None where it does not count."""

    text: str
    model: str
    stop: Stop
    usage: Usage | None


@dataclass(frozen=True, slots=True)
class Access:
    """Which server, and the key for it. Its repr names no key; `advice` is told where the server does not take it."""

    base_url: str
    api_key: str = field(default="", repr=False)
    advice: str = ""  # a whole sentence, where the key is from, or where one is to be put


class LLMProvider(Protocol):
    """Asks one server. Nothing is sent before a method is called, and the key goes to no host but that of the base URL.

    Messages of errors never hold the key, and at most 200 characters of the server's own words.

    >>> (await provider.complete(Prompt((Message(Role.USER, "Hello"),), "some-model", 50))).text
    'Hello! How can I help?'
    """

    name: str

    async def complete(self, prompt: Prompt) -> Completion:
        """The whole answer at once. Raises what the tree above names; Invalid for what `check_prompt` refuses."""

    def stream(self, prompt: Prompt) -> AsyncIterator[str | Completion]:
        """Pieces of the answer as they come, none empty, then the whole Completion, last and once.

        Raises as `complete`. Leaving the iterator early (`aclose`, cancelling) ends the request at the server.
        """

    async def models(self) -> Sequence[str]:
        """Names that can be asked for, in order of the alphabet. Nothing is generated. Unsupported: it has no list."""

    async def health(self) -> None:
        """Returns when the server answers and takes the key; nothing is generated. Raises as `complete`."""

    async def close(self) -> None: ...


def check_prompt(prompt: Prompt) -> None:
    """Raises Invalid for what no model is asked.

    After one system message, or none, user and assistant take turns, and the user has the last word.
    """
    if not prompt.model.strip():
        raise Invalid("model: name one.")
    if prompt.max_tokens < 1:
        raise Invalid("max_tokens: give 1 or more.")
    if prompt.temperature is not None and not 0 <= prompt.temperature <= HOTTEST:
        raise Invalid(f"temperature: give 0 to {HOTTEST:g}.")
    if any(not message.text.strip() for message in prompt.messages):
        raise Invalid("messages: one is empty; give each some text.")
    if not all(_is_text(text) for text in (prompt.model, *(message.text for message in prompt.messages))):
        raise Invalid("messages, model: there is half a character in one (a lone surrogate); take it out.")
    turns = prompt.messages[1:] if prompt.messages and prompt.messages[0].role is Role.SYSTEM else prompt.messages
    expected = [(Role.USER, Role.ASSISTANT)[place % 2] for place in range(len(turns))]
    if not turns or [message.role for message in turns] != expected or turns[-1].role is not Role.USER:
        raise Invalid(
            "messages: begin with one of the user (before it at most one of the system), let assistant and user take "
            "turns, and end with one of the user."
        )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
