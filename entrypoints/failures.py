"""What a person is told when something fails, and where the rest of the story goes."""

from pathlib import Path

from session_mgmt_mcp import logs, paths
from session_mgmt_mcp.control import ControlError
from session_mgmt_mcp.domain.quoting import flat
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.wire import Unreachable


def one_sentence(error: Exception) -> str:
    """What happened and what to do."""
    if isinstance(error, (PortError, ControlError, Unreachable)):
        return flat(str(error))
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}: mend that and try again."
    said = flat(f"{type(error).__name__}: {error}")
    return f"Something unexpected went wrong ({said}): run this again with --debug and look into {log_file()}."


def log_file() -> Path:
    return paths.log_dir() / logs.FILE_NAME


def log_to_file() -> None:
    logs.configure(debug=True)
