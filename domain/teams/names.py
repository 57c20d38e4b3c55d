"""Ids and names as people give them for teams: closed where they name something, redacted where they are text."""

from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.session_storage import is_name

LONGEST_ID = 100
LONGEST_NAME = 100
LONGEST_DESCRIPTION = 1_000


def checked_id(what: str, name: str) -> str:
    """The name itself. Raises Invalid for what cannot be an id, and for what looks like a secret."""
    if not is_name(name) or len(name) > LONGEST_ID:
        shown = redact(name).text[:40]
        raise Invalid(f"{what} {shown!r}: give 1 to {LONGEST_ID} letters, digits or -_.:@, the first of them no dot.")
    if redact(name).text != name:
        raise Invalid(f"{what}: it looks like a secret; give a name.")
    return name


def line(text: str, longest: int) -> str:
    """One line without secrets and control characters, cut to `longest` characters."""
    plain = "".join(letter if letter.isprintable() else " " for letter in redact(text).text)
    return " ".join(plain.split())[:longest].rstrip()
