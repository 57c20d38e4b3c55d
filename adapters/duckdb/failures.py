"""DuckDB's errors as the ports' errors."""

import re
from pathlib import Path

import duckdb
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, PortError, Unavailable, Unsupported

DAMAGE = ("corrupt", "checksum", "not a valid duckdb", "could not read", "failed to deserialize", "serializ", "magic")
FULL = ("no space left", "file too large", "disk quota", "enospc", "could not write")
REFUSED = ("permission denied", "read-only file system", "not writable")


def translated(error: Exception, path: Path, opening: bool = False) -> Exception:
    """One sentence that says what to do. While opening, what nobody can name is damage."""
    text = " ".join(str(error).split())
    low = text.lower()
    if isinstance(error, PortError) or not isinstance(error, (duckdb.Error, OSError)):
        return error
    if "could not set lock" in low:
        return in_use(path, holder(text))
    if is_full(error):
        return Unavailable(f"The disk that holds {path} is full: free some space and try again.", retry_after=60)
    if any(word in low for word in REFUSED):
        return Unavailable(f"{path} cannot be written: make the file and its directory writable.", retry_after=60)
    if "newer version" in low or "storage version" in low or "version number" in low:
        return Unsupported(f"{path} was written by a newer DuckDB than {duckdb.__version__}: update session-mgmt-mcp.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return Unavailable(f"The database ran out of memory: write fewer records at once ({text[:120]}).")
    if opening or any(word in low for word in DAMAGE) or isinstance(error, duckdb.InternalException):
        return corrupt(path)
    if isinstance(error, OSError):
        return Unavailable(f"{path} could not be used: {error.strerror or text}.")
    if isinstance(error, (duckdb.ConversionException, duckdb.InvalidInputException)):
        return Invalid(f"The database did not take this value: {text[:200]}")
    return Unavailable(f"The database could not do this: {text[:200]}")


def is_full(error: Exception) -> bool:
    return any(word in str(error).lower() for word in FULL)


def corrupt(path: Path) -> Corrupt:
    return Corrupt(
        f"{path} is damaged or not a database of session-mgmt-mcp: restore a backup "
        "(session-mgmt-mcp restore FILE) or move it away; it was left untouched.",
        path,
    )


def in_use(path: Path, process: str) -> Unavailable:
    return Unavailable(
        f"{path} is open in {process}: connect to the hub that owns it (run session-mgmt-mcp without --in-process) "
        "or give this one a path of its own."
    )


def holder(text: str) -> str:
    found = re.search(r"PID (\d+)", text)
    return f"process {found[1]}" if found else "another process"
