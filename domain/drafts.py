"""What somebody asks to be remembered, on its way to a record."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from session_mgmt_mcp.domain.memories import Kind, Trust
from session_mgmt_mcp.domain.mentions import mentioned
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.domain.text import content_hash, opaque_id
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.vector_store import Record

MAX_CONTENT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody asks to be remembered."""

    content: str
    project: str
    kind: Kind = Kind.REFLECTION
    tags: tuple[str, ...] = ()
    session: str = ""
    role: str = ""
    position: int = 0
    time: datetime | None = None  # None: now
    source: str = "tool"
    trust: Trust = Trust.USER
    key: str = ""  # what makes it unique; empty: its content within the project
    facts: tuple[str, ...] = ()  # as records have them


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a draft."""

    id: str
    duplicate: bool  # it was known already: nothing was added
    redacted: Mapping[str, int]  # secrets replaced, by kind


def record_of(draft: Draft, now: datetime) -> tuple[Record, Mapping[str, int]]:
    """The record without its secrets, and how many were replaced, by kind. Raises Invalid; see `check_text`."""
    check_text(draft.content)
    clean = redact(draft.content.strip())
    if clean.text.strip() in ("", "[private]"):
        raise Invalid("Nothing is left to store once the private part is taken out.")
    digest = content_hash(clean.text)
    record = Record(
        id=opaque_id(draft.project, draft.kind, draft.key or digest),
        kind=draft.kind,
        text=clean.text,
        project=draft.project,
        time=draft.time or now,
        session=draft.session,
        role=draft.role,
        position=draft.position,
        tags=tuple(sorted({redact(tag.strip()).text for tag in draft.tags if tag.strip()})),
        files=mentioned(clean.text),
        facts=tuple(redact(fact).text for fact in draft.facts),
        metadata={"source": draft.source, "trust": draft.trust},
        content_hash=digest,
    )
    return record, clean.counts


def check_text(content: str) -> None:
    """Raises Invalid for what is not text worth storing."""
    if not content.strip():
        raise Invalid("The content is empty: say what to remember.")
    if "\0" in content:
        raise Invalid("The content is binary (it holds a NUL character): store text.")
    try:
        size = len(content.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Invalid("The content is not valid Unicode (a lone surrogate): store text.") from error
    if size > MAX_CONTENT_BYTES:
        raise Invalid(
            f"The content has {size:,} bytes, at most {MAX_CONTENT_BYTES:,} are taken: store a summary, or several parts."
        )
