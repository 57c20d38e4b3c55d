"""Memories that the original product stored: taken over as if they were stored today, with their own time."""

from collections.abc import Sequence
from dataclasses import replace

from session_mgmt_mcp.domain.memories import Trust
from session_mgmt_mcp.domain.mentions import mentioned
from session_mgmt_mcp.domain.parts import split
from session_mgmt_mcp.domain.redaction import redact, redact_values
from session_mgmt_mcp.domain.text import content_hash
from session_mgmt_mcp.ports.vector_store import Record


def adopt(record: Record) -> Sequence[Record]:
    """The record without its secrets, and its parts; nothing for one without text.

    >>> [adopted.text for adopted in adopt(record_of("export TOKEN=..."))]
    ['export TOKEN=[redacted:token]']
    """
    text = redact(record.text.strip()).text
    if not text.strip():
        return ()
    metadata = redact_values({**record.metadata, "trust": Trust.USER})
    assert isinstance(metadata, dict)
    tags = tuple(sorted({redact(tag).text for tag in record.tags}))
    whole = replace(record, text=text, tags=tags, metadata=metadata, content_hash=content_hash(text))
    return split(replace(whole, files=mentioned(text)))
