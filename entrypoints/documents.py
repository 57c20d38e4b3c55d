"""Whether what is kept beside the memories can be read: sessions, handoffs, reminders, scores."""

from pathlib import Path
from typing import Literal

from session_mgmt_mcp.domain.text import counted


def state(folder: Path) -> tuple[Literal["ok", "warn", "fail"], str]:
    """Of the documents below `folder`, as one sentence that says what to do."""
    from session_mgmt_mcp.adapters.local.session_storage import examined

    try:
        found = examined(folder)
    except OSError as error:
        return "fail", f"{error.filename}: {error.strerror}: sessions cannot be read until that is mended."
    if found.damaged:
        return (
            "warn",
            f"{counted(len(found.damaged), 'document')} cannot be read, as {found.damaged[0]}: look and remove.",
        )
    return "ok", f"{counted(found.whole, 'document')}, all whole."
