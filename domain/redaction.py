"""Takes secrets out of text before anything else sees it: `[redacted:github-token]` is left, and the names around it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from session_mgmt_mcp.domain.secret_names import CORES, named_secrets
from session_mgmt_mcp.domain.secret_places import addresses, commands, cookies, credential_files, data_sources, headers
from session_mgmt_mcp.domain.secret_tokens import SHAPES, Span, private_keys, signatures
from session_mgmt_mcp.ports.vector_store import Json


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its secrets, and how many of each kind went."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)


def redact(text: str) -> Redacted:
    """The same text without secrets. Redacting twice changes nothing more.

    >>> redact("export DB_PASSWORD=h7-Kestrel").text
    'export DB_PASSWORD=[redacted:password]'
    """
    counts: dict[str, int] = {}
    clean = _without_private(text, counts)
    # What stood behind a secret can look different once it is gone. Each round takes at least one character out.
    while spans := _outside_placeholders(clean, _spans(clean)):
        clean = _replaced(clean, spans, counts)
    return Redacted(clean, counts)


def redact_values(value: Json) -> Json:
    """A JSON value with every string in it redacted, `{"password": "..."}` too; names and structure stay."""
    if isinstance(value, str):
        return redact(value).text
    if isinstance(value, Mapping):
        return {name: _named(name, inner) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [redact_values(inner) for inner in value]
    return value


def _named(name: str, value: Json) -> Json:
    if not isinstance(value, str):
        return redact_values(value)
    lead = f'"{name}": "'
    joined = redact(f'{lead}{value}"').text
    named = joined[len(lead) : -1] if joined.startswith(lead) and joined.endswith('"') else value
    return redact(named).text  # some are known by the beginning of their line, which the name had hidden


_PRIVATE_TAG = re.compile(r"<(/?)private(?=[\s/>]|\Z)[^<>]*>?", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[(?:redacted:[a-z0-9-]+|private)\]")


def _without_private(text: str, counts: dict[str, int]) -> str:
    """`<private>` blocks become `[private]`: nested ones with the outermost, an unclosed one to the end."""
    if "<" not in text:
        return text
    kept: list[str] = []
    depth = at = 0
    for tag in _PRIVATE_TAG.finditer(text):
        opening = not tag[1]
        if opening and tag[0].endswith("/>"):
            continue
        if opening and depth == 0:
            kept += (text[at : tag.start()], "[private]")
            counts["private"] = counts.get("private", 0) + 1
        depth = depth + 1 if opening else max(0, depth - 1)
        if not opening and depth == 0 and len(kept) > 0 and tag.end() > at:
            at = tag.end()
    if not kept:
        return text
    return "".join(kept) if depth else "".join([*kept, text[at:]])


_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_WORD = frozenset(_CAPITALS + b"abcdefghijklmnopqrstuvwxyz_-")
_SHAPE = bytes(0x61 if byte in _WORD else 0x20 for byte in range(256))
_LONG_RUN = b"a" * 16


def _machine_made(text: str) -> bool:
    """Whether there is a run of at least 16 word characters with a digit or a capital in it."""
    encoded = text.encode("utf-8", "surrogatepass")
    shape = encoded.translate(_SHAPE)
    at = shape.find(_LONG_RUN)
    while at >= 0:
        end = shape.find(b" ", at)
        run = encoded[at:end] if end >= 0 else encoded[at:]
        if len(run.translate(None, _CAPITALS)) < len(run):
            return True
        at = shape.find(_LONG_RUN, end) if end >= 0 else -1
    return False


def _spans(text: str) -> list[Span]:
    """Cheap questions first: ordinary text answers all of them with no, in a few microseconds."""
    spans: list[Span] = []
    if _machine_made(text):
        for shape in SHAPES:
            spans += shape(text)
    if "://" in text:
        spans += addresses(text)
    if "@" in text:
        spans += data_sources(text)
    if "-" in text and ("-----" in text or "Private-Lines" in text):
        spans += private_keys(text)
    if "=" in text and "sig=" in text:
        spans += signatures(text)
    lowered = text.lower()
    if len(lowered) != len(text):  # the one letter that grows
        lowered = text.replace("\u0130", "I").lower()
    if "-" in text and (" -" in text or "-stdin" in text):
        spans += commands(text, lowered)
    if "machine " in text or ":543" in text or ":6543:" in text:
        spans += credential_files(text, lowered)
    if "earer " in text or "asic " in text or "auth" in lowered:
        spans += headers(text, lowered)
    if _names_a_secret(lowered):
        spans += cookies(text, lowered)
        spans += named_secrets(text, lowered)
    return spans


def _names_a_secret(lowered: str) -> bool:
    for core in CORES:  # noqa: SIM110 - half the time of any()
        if core in lowered:
            return True
    return False


def _outside_placeholders(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """Merged where they overlap (the first found names the kind), without those that touch a placeholder."""
    if not spans:
        return spans
    taken: list[Span] = []
    for start, end, kind in sorted(spans, key=lambda span: span.start):
        if taken and start < taken[-1].end:
            last = taken[-1]
            taken[-1] = Span(last.start, max(last.end, end), last.kind)
        elif end > start:
            taken.append(Span(start, end, kind))
    placeholders = [(m.start(), m.end()) for m in _PLACEHOLDER.finditer(text)]
    if not placeholders:
        return taken
    return list(_apart(taken, placeholders))


def _apart(spans: Sequence[Span], placeholders: Sequence[tuple[int, int]]) -> Iterator[Span]:
    at = 0
    for span in spans:
        while at < len(placeholders) and placeholders[at][1] <= span.start:
            at += 1
        if at == len(placeholders) or placeholders[at][0] >= span.end:
            yield span


def _replaced(text: str, spans: Sequence[Span], counts: dict[str, int]) -> str:
    kept: list[str] = []
    at = 0
    for span in spans:
        kept += (text[at : span.start], f"[redacted:{span.kind}]")
        counts[span.kind] = counts.get(span.kind, 0) + 1
        at = span.end
    return "".join([*kept, text[at:]])
