"""What this machine is called among those of one person: random, kept in the data directory, and nobody's name."""

import contextlib
import os
import re
import secrets
from pathlib import Path

from session_mgmt_mcp import paths
from session_mgmt_mcp.ports.errors import Unavailable

_ID = re.compile(r"[0-9a-f]{16}")


def identity(data: Path) -> str:
    """16 hex digits, the same for as long as the data directory stays. Raises Unavailable when it cannot be kept there."""
    file = paths.machine(data)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _write(file)
        if not _ID.fullmatch(known := file.read_text(errors="replace").strip()):
            file.unlink()  # cut short by a crash: nothing was written under such a name
            return identity(data)
    except OSError as error:
        raise Unavailable(f"{file} cannot be written ({error.strerror}): mend that and try again.") from error
    return known


def _write(file: Path) -> None:
    """Whole, or not at all: it appears under its name when it is on the disk. Raises FileExistsError."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(f"{secrets.token_hex(8)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(unfinished, file)
    finally:
        unfinished.unlink(missing_ok=True)
