"""Where everything lives. Standard library only; `places` has the same as strings for those who cannot afford pathlib."""

from pathlib import Path

from session_mgmt_mcp import places


def data_dir() -> Path:
    """`SESSION_MGMT_DATA_DIR`, else `~/.claude/data`: all state lives below it."""
    return Path(places.data_dir())


def log_dir() -> Path:
    """`SESSION_MGMT_LOG_DIR`, else `~/.claude/logs`."""
    return Path(places.log_dir())


def database(data: Path) -> Path:
    return data / "reflection.duckdb"


def memories(data: Path) -> Path:
    """Folder of the memories where LanceDB keeps them and nobody has named another place."""
    return data / "memories.lance"


def documents(data: Path) -> Path:
    """Folder of the documents: sessions, handoffs, reminders, scores and the like."""
    return data / "sessions"


def shared(data: Path) -> Path:
    """Folder of the shared documents, where nothing else keeps them."""
    return data / "shared"


def machine(data: Path) -> Path:
    """What this machine is called among those of one person."""
    return data / "machine"


def handoffs(data: Path) -> Path:
    """Folder of the handoffs as pages, one a session in a folder a project."""
    return data / "handoffs"


def hub_lock(data: Path) -> Path:
    """Held (flock) by the one hub of this data directory for as long as it lives."""
    return Path(places.hub_lock(str(data)))


def spool(data: Path) -> Path:
    """Folder of hook events that no hub could take yet, one file an event."""
    return Path(places.spool(str(data)))


def hub_socket(data: Path) -> Path:
    """The hub's socket in the user's runtime directory, named by a hash of the data directory's real path."""
    return Path(places.hub_socket(str(data)))
