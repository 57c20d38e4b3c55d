"""What a person is told when something fails, and where the rest of the story goes."""

import errno
import os
from pathlib import Path

from session_mgmt_mcp import logs, paths
from session_mgmt_mcp.control import ControlError
from session_mgmt_mcp.domain.quoting import flat
from session_mgmt_mcp.ports.errors import PortError
from session_mgmt_mcp.wire import Unreachable

_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "change its owner or permissions"),
    errno.EROFS: "make it writable, or name another place",
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "close what is open elsewhere or raise the limit of open files"),
    **dict.fromkeys((errno.ENOMEM, errno.EAGAIN), "end what you do not need"),
}


def one_sentence(error: Exception) -> str:
    """What happened and what to do."""
    if isinstance(error, (PortError, ControlError, Unreachable)):
        return flat(str(error))
    if isinstance(error, OSError) and error.strerror:
        return of_the_system(error)
    said = flat(f"{type(error).__name__}: {error}")
    return f"Something unexpected went wrong ({said}): run this again with --debug and look into {log_file()}."


def of_the_system(error: OSError) -> str:
    """
    >>> of_the_system(OSError(errno.ENOSPC, "No space left on device", "notes"))
    'notes: No space left on device: make room and try again.'
    """
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes, os.PathLike)) else ""
    advice = _ADVICE.get(error.errno or 0, "mend that")
    return flat(f"{where}{error.strerror}: {advice} and try again.")


def log_file() -> Path:
    return paths.log_dir() / logs.FILE_NAME


def log_to_file() -> None:
    logs.configure(debug=True)
