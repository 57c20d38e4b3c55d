"""What this machine is called among those of one person: random, kept in the data directory, and nobody's name."""

import contextlib
import logging
import os
import re
import secrets
import time
from pathlib import Path

from session_mgmt_mcp import paths

_log = logging.getLogger(__name__)
_ID = re.compile(r"[0-9a-f]{16}")


def identity(data: Path) -> str:
    """16 hex digits, the same for as long as the data directory stays; empty when none can be kept there."""
    file = paths.machine(data)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _write(file)
        if not _ID.fullmatch(known := file.read_text(errors="replace").strip()):
            aside = file.with_name(f"{file.name}.damaged-{time.time_ns()}")
            file.rename(aside)
            _log.warning("%s was damaged and is now %s: this machine has a new name among yours", file, aside)
            return identity(data)
    except OSError as error:
        _log.warning("%s cannot be written (%s): sessions do not know their machine", file, error.strerror)
        return ""
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
