"""Lance's errors as the ports' errors. Lance has no classes for them: they are told apart by what they say."""

from pathlib import Path

from session_mgmt_mcp.ports.errors import Corrupt, Invalid, PortError, Unavailable

CONFLICT = ("commit conflict", "concurrent", "conflicting", "preempted", "too much write contention", "retryable")
FULL = ("no space left", "disk quota", "enospc", "file too large")
REFUSED_BY_S3 = (
    "403 forbidden",
    "accessdenied",
    "access denied",
    "signaturedoesnotmatch",
    "invalidaccesskeyid",
    "401 ",
)
NO_BUCKET = ("nosuchbucket", "bucket does not exist")
NETWORK = (
    "error sending request",
    "connection refused",
    "connection reset",
    "connection closed",
    "connect error",
    "dns error",
    "timed out",
    "timeout",
    "error after",
    "request error",
    "service unavailable",
    "slowdown",
    "slow down",
    "internal server error",
    "bad gateway",
    "500 ",
    "502 ",
    "503 ",
    "504 ",
    "broken pipe",
    "incompletemessage",
)
REFUSED = ("permission denied", "read-only file system")
DAMAGE = (
    "corrupt",
    "checksum",
    "magic",
    "footer",
    "not found",
    "notfound",
    "no such file",
    "decode",
    "decompress",
    "invalid flatbuffer",
    "protobuf",
    "out of bounds",
    "panicked",
    "utf-8",
    "utf8",
    "invalid argument",
    "file size",
    "too small",
    "does not start",
    "lanceerror(io)",
    "snappy",
    "zstd",
    "lz4",
    "offset",
    "unexpected",
    "range",
    "overflow",
    "at line 1 column",
)


class Crowded(Unavailable):
    """Others wrote at the same time, again and again."""


def translated(error: Exception, place: str, opening: bool = False) -> Exception:
    """One sentence that says what to do; `place` is the folder or the address, which has no secrets in it.

    While opening, what nobody can name is damage.
    """
    if isinstance(error, TimeoutError) and not str(error):
        return silent(place)
    if type(error).__name__ == "RustPanic":  # the class cannot be imported
        return corrupt(place)
    if isinstance(error, PortError) or not isinstance(error, (RuntimeError, ValueError, OSError)):
        return error
    text = " ".join(str(error).split())
    remote = "://" in place
    known = named(text.lower(), place, remote)
    if known is not None:
        return known
    if opening and not remote:
        return corrupt(place)
    if isinstance(error, ValueError):
        return Invalid(f"LanceDB did not take this value: {text[:200]}")
    return Unavailable(f"LanceDB could not do this at {place}: {text[:200]}")


def named(text: str, place: str, remote: bool) -> PortError | None:
    def says(words: tuple[str, ...]) -> bool:
        return any(word in text for word in words)

    if says(FULL):
        return Unavailable(f"The disk that holds {place} is full: free some space and try again.", retry_after=60)
    if says(CONFLICT):
        return Crowded(f"Too many write to {place} at once: try again.")
    if remote and says(REFUSED_BY_S3):
        return Unavailable(
            f"{place} refused the credentials: set SESSION_MGMT_S3_ACCESS_KEY_ID and SESSION_MGMT_S3_SECRET_ACCESS_KEY "
            "of somebody who may read and write there.",
            retry_after=60,
        )
    if remote and says(NO_BUCKET):
        return Unavailable(f"There is no bucket for {place}: make it, or name another one.", retry_after=60)
    if remote and says(NETWORK):
        return silent(place)
    if says(REFUSED):
        return Unavailable(f"{place} cannot be used: make the folder and its files yours to write.", retry_after=60)
    if "table" in text and "was not found" in text:
        return Unavailable(f"The memories at {place} were taken away: restore a backup or start again.", retry_after=60)
    return corrupt(place) if says(DAMAGE) else None


def silent(place: str) -> Unavailable:
    return Unavailable(f"{place} does not answer: see that its server runs and can be reached, then try again.", 5.0)


def corrupt(place: str, what: str = "its files") -> Corrupt:
    return Corrupt(
        f"{place} is damaged ({what} are not as they were written): restore a backup into a new place and set lancedb_uri "
        "to it; it was left untouched.",
        Path(place),
    )
