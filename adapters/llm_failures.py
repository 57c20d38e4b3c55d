"""What the server of a language model tells by an error, in the terms of the port: for the adapters that ask one over HTTP."""

import email.utils
import math
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from session_mgmt_mcp.ports.errors import Invalid, PortError, Unavailable
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Denied,
    Interrupted,
    Misdirected,
    NoSuchModel,
    Overloaded,
    RateLimited,
    Refused,
    TooLong,
    Unreachable,
)

WORDS = 200
"""So many characters of a server's own words are told."""
LONGEST_WAIT = 86_400.0
_GUESS = 5.0
_SOON = 1.0  # who is not there is not relieved by a long wait, and the next one is asked only after it
_ECHO = 6  # servers repeat the ends of a key that they do not take

_TOO_LONG = re.compile(
    r"context.{0,3}(length|size|window|limit)|exceed\w{0,9} context|too many (input |prompt )?tokens"
    r"|(prompt|input|request|messages?) (is|are|was)? ?too (long|large)|tokens must be reduced",
    re.I,
)
_NO_CREDIT = re.compile(r"credit balance|billing|spend(ing)? limit|insufficient\W(quota|credit|funds|balance)", re.I)
_USED_UP = re.compile(r"(current quota|usage limits)", re.I)
_REFUSED = re.compile(
    r"content\W(filter|management|policy)|usage polic|safety (polic|system)|was flagged|blocked by", re.I
)
_NO_ROOM = re.compile(r"overloaded|at capacity|out of capacity|slow down", re.I)
_NOT_TAKEN = re.compile(
    r"not support|n't support|unsupported|deprecated|not (permitted|allowed)|un(known|recognized|expected)", re.I
)
_MODEL = re.compile(r"\bmodels?\b", re.I)
_HOST = re.compile(r"[\w.:\[\]-]+")
_DURATION = re.compile(r"(?<!\d)(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_RESETS = re.compile(r"(x|anthropic)-ratelimit-(reset-[\w-]+|[\w-]+-reset)")


@dataclass(frozen=True)
class Server:
    """Who is asked, as messages name it: without the key, and without what else stands in the address.

    >>> str(Server("openai", Access("http://127.0.0.1:8080/v1")))
    'openai at 127.0.0.1:8080'
    """

    name: str
    access: Access

    def __post_init__(self) -> None:
        """Raises Invalid for an address that cannot be asked."""
        try:
            named = self._address.hostname and self._address.port != 0
        except ValueError:
            named = False
        usable = named and self._address.scheme in {"http", "https"} and _HOST.fullmatch(self.host)
        if not usable:
            raise Invalid(f"base_url of {self.name}: give one that begins with https:// (or http:// on this machine).")
        if "@" in self._address.netloc or self._address.query or self._address.fragment:
            raise Invalid(f"base_url of {self.name}: leave out what stands before an @ and after a ? or #.")

    @cached_property
    def _address(self) -> SplitResult:
        return urlsplit(self.access.base_url)

    @cached_property
    def host(self) -> str:
        """With the port, where one is named."""
        return self._address.netloc.rpartition("@")[2].lower()

    @property
    def is_here(self) -> bool:
        """It is on this machine: no proxy is asked for it."""
        name = self._address.hostname or ""
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost" or name.endswith(".localhost")

    def __str__(self) -> str:
        return f"{self.name} at {self.host}"

    def check_key(self, needed: bool) -> None:
        """Raises Denied for a key that cannot be sent, and for none where one is `needed`."""
        key = self.access.api_key
        if needed and not key:
            raise Denied(f"{self} wants an API key: {self.access.advice or 'set one.'}")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise Denied(f"The API key for {self} has a character that no key has, perhaps a line's end: set it again.")

    def quoted(self, words: str) -> str:
        """`words` in one line of at most 200 characters, without anything that could be of the key."""
        key = self.access.api_key
        parts = {key[start : start + _ECHO] for start in range(len(key) - _ECHO + 1)} or {key} - {""}
        kept = (
            "[key]" if "**" in word or any(part in word for part in parts) else word for word in words[:5_000].split()
        )
        told = "".join(sign if sign.isprintable() else "?" for sign in " ".join(kept))
        return told if len(told) <= WORDS else told[: WORDS - 1] + "…"


@dataclass(frozen=True, slots=True)
class Told:
    """An error as a server tells it. `status` 0: in the middle of a stream. `codes`: its names for it, the closest first."""

    status: int
    codes: tuple[str, ...] = ()
    words: str = ""
    param: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    readable: bool = True  # it was JSON

    @classmethod
    def of(cls, body: object, status: int = 0, headers: Mapping[str, str] | None = None) -> "Told":
        """Out of the shapes that are about: {"error": {...}}, its inside alone, {"error": "..."}, {"detail": ...}, text."""
        inside = body.get("error", body) if isinstance(body, Mapping) else body
        if not isinstance(inside, Mapping):
            return cls(status, words=_text(inside), headers=headers or {}, readable=isinstance(body, Mapping))
        details = inside.get("details")
        found = [details.get("error_code")] if isinstance(details, Mapping) else []
        codes = tuple(_text(code) for code in (*found, inside.get("code"), inside.get("type")) if code)
        words = next((_text(inside[name]) for name in ("message", "detail", "error") if inside.get(name)), "")
        in_stream = next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), 0)
        return cls(status or in_stream, codes, words, _text(inside.get("param") or ""), headers or {})

    def takes_no(self, param: str) -> bool:
        """The model, or the server, does not know this parameter."""
        if self.status not in {400, 422} or not (self.param == param or re.search(rf"\b{param}\b", self.words)):
            return False
        said = " ".join((*self.codes, self.words))
        return bool(_NOT_TAKEN.search(said))


def failure(
    server: Server, told: Told, known: Mapping[str, type[PortError]], model: str = "", begun: bool = False
) -> PortError:
    """The error of the port for what a server told. `known`: what the vendor's own codes mean; `model`: which was asked;
    `begun`: some of the answer had come, so whatever passes is Interrupted, and not free to repeat."""
    if 300 <= told.status < 400:
        return misdirected(server, told)
    kind = next((known[code] for code in told.codes if code in known), None) or _by_words(told, model)
    if kind is NoSuchModel and not model:
        kind = Invalid
    if kind is RateLimited and _TOO_LONG.search(told.words):
        kind = TooLong  # it alone is more than the limit
    if begun and issubclass(kind, Unavailable):
        kind = Interrupted
    if kind is RateLimited:
        return RateLimited(
            f"{server} has had too many requests for now: ask again later.{_said(server, told)}",
            retry_after(told.headers, datetime.now(UTC)) or _GUESS,
        )
    if issubclass(kind, Unavailable):
        wait = retry_after(told.headers, datetime.now(UTC)) or _GUESS
        return kind(f"{server} {_UNWELL[kind]}{_said(server, told)}", wait)
    said = "" if told.status == 401 else _said(server, told)  # 401 is where keys are repeated
    if kind is NoSuchModel:
        return kind(f"{server} has no model {model_name(model)}: name another.{said}")
    if kind is Denied:
        return Denied(_denied(server) + said)
    return kind(f"{server} {_WRONG[kind]}{said}")


def _denied(server: Server) -> str:
    advice = server.access.advice
    if not server.access.api_key:
        return f"{server} does not answer without an API key, and none was found: {advice or 'set one.'}"
    return " ".join(filter(None, [f"{server} {_WRONG[Denied]}", advice]))


def interrupted(server: Server, why: str) -> Interrupted:
    return Interrupted(f"{server} gave no whole answer, {why}: ask again; what came so far may be charged for.", _GUESS)


def misdirected(server: Server, told: Told) -> Misdirected:
    """Names the host where the server wanted to send the request, and nothing else of that address."""
    try:
        to = urlsplit(urljoin(server.access.base_url, told.headers.get("location", ""))).netloc
    except ValueError:
        to = ""
    there = server.quoted(to.rpartition("@")[2]) or "somewhere else"
    return Misdirected(f"{server} sends on to {there}: nothing was sent there; set base_url to the right address.")


def unreachable(server: Server, why: str) -> Unreachable:
    said = f" ({server.quoted(why)})" if why else ""
    return Unreachable(f"No connection to {server}{said}: see that it runs, and that base_url is right.", _SOON)


def refused(server: Server, words: str) -> Refused:
    said = server.quoted(words)
    return Refused(f"{server} {_WRONG[Refused]}" + (f' It said: "{said}"' if said else ""))


def model_name(name: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in name[:100])


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds until the server wants to be asked again, as its headers say; None: they do not.

    `retry-after-ms`, `retry-after` (seconds, or a date), else when the limits that are used up begin anew.

    >>> retry_after({"retry-after": "7"}, datetime.now(UTC))
    7.0
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        said = headers.get(name, "")
        seconds = _number(said) * scale
        if math.isfinite(seconds):
            return _bounded(seconds)
    with suppress(ValueError, OverflowError):
        when = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
        return _bounded((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp())
    return max((wait for wait in _resets(headers, now) if wait is not None), default=None)


def _resets(headers: Mapping[str, str], now: datetime) -> Iterable[float | None]:
    """For each limit that is used up, when it begins anew; for all, where none says that it is."""
    waits: dict[str, float | None] = {}
    for name, said in headers.items():
        if _RESETS.fullmatch(name.lower()):
            waits[name] = _wait(said, now)
    used_up = [
        name for name in waits if headers.get(re.sub(r"reset", "remaining", name.lower()), "").strip() in {"0", "0.0"}
    ]
    return [waits[name] for name in used_up or waits]


def _wait(said: str, now: datetime) -> float | None:
    """Of "1m30.5s", "20ms", "12", or a time of the clock."""
    if math.isfinite(seconds := _number(said)):
        return _bounded(seconds)
    if parts := _DURATION.findall(said):
        return _bounded(sum(float(number) * _UNITS[unit] for number, unit in parts))
    try:
        when = datetime.fromisoformat(said)
    except ValueError:
        return None
    return _bounded((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now.timestamp())


def _number(said: str) -> float:
    try:
        return float(said)
    except ValueError:
        return math.nan


def _bounded(seconds: float) -> float | None:
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None


def _by_words(told: Told, model: str) -> type[PortError]:
    """By the status, and, where that says little, by the words: many servers of a format have no codes of their own."""
    if told.status in {400, 402, 403, 429} and (
        _NO_CREDIT.search(told.words) or (told.status != 429 and _USED_UP.search(told.words))
    ):
        return Denied
    if told.status in {400, 413, 422, 429} and _TOO_LONG.search(told.words):
        return TooLong
    if told.status in {400, 403, 422} and _REFUSED.search(told.words):
        return Refused
    if told.status in {400, 404, 422} and model and _MODEL.search(told.words) and _names_missing(told.words):
        return NoSuchModel
    if told.status == 404 and model and model in told.words:
        return NoSuchModel
    if not told.status and _NO_ROOM.search(told.words):
        return Overloaded
    return _BY_STATUS.get(told.status) or (Invalid if 400 <= told.status < 500 else Interrupted)


def _names_missing(words: str) -> bool:
    return bool(
        re.search(
            r"not (found|exist|available|supported)|n't exist|no such|unknown|invalid model|not a valid", words, re.I
        )
    )


def _said(server: Server, told: Told) -> str:
    words = server.quoted(told.words)
    return f' It said: "{words}"' if words else f" (status {told.status})" if told.status else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


_BY_STATUS: dict[int, type[PortError]] = {
    401: Denied,
    402: Denied,
    403: Denied,
    407: Unreachable,
    408: Interrupted,
    409: Interrupted,
    413: TooLong,
    429: RateLimited,
    451: Refused,
    499: Interrupted,
    503: Overloaded,
    529: Overloaded,
}
_UNWELL: dict[type[PortError], str] = {
    Overloaded: "has no room now: ask again later.",
    Unreachable: "was not reached.",
    Interrupted: "failed: ask again; it may be charged for.",
}
_WRONG: dict[type[PortError], str] = {
    Denied: "does not take the API key: check the key, its rights and its credit.",
    TooLong: "finds that too long: send less, ask for fewer max_tokens, or name another model.",
    Refused: "will not answer this: ask for something else, or in other words.",
    Invalid: "does not take the request: check base_url, model and what is asked for.",
}
