"""Where everything lives. Standard library only: the shim and the hooks import this."""

import hashlib
import os
import tempfile
from pathlib import Path


def data_dir() -> Path:
    """`SESSION_MGMT_DATA_DIR`, else `~/.claude/data`: all state lives below it."""
    return Path(os.environ.get("SESSION_MGMT_DATA_DIR") or "~/.claude/data").expanduser()


def log_dir() -> Path:
    """`SESSION_MGMT_LOG_DIR`, else `~/.claude/logs`."""
    return Path(os.environ.get("SESSION_MGMT_LOG_DIR") or "~/.claude/logs").expanduser()


def database(data: Path) -> Path:
    return data / "reflection.duckdb"


def hub_lock(data: Path) -> Path:
    """Held (flock) by the one hub of this data directory for as long as it lives."""
    return data / "hub.lock"


def spool(data: Path) -> Path:
    """Folder of hook events that no hub could take yet, one file an event."""
    return data / "spool"


def hub_socket(data: Path) -> Path:
    """The hub's socket in the user's runtime directory, named by a hash of the data directory's real path.

    Path length, spaces, unicode and file systems without sockets stop mattering.
    """
    name = hashlib.sha256(os.fsencode(os.path.realpath(data))).hexdigest()[:16]
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if not runtime or not Path(runtime).is_dir():
        runtime = tempfile.gettempdir()
    return Path(runtime) / f"session-mgmt-{os.getuid()}" / f"{name}.sock"
