"""Where everything lives, as plain strings: all that the shim and the hooks can afford. `paths` gives the same as Path."""

import os
import stat

SOCKET_PATH_LIMIT = 100  # sun_path holds 104 bytes on macOS, 108 on Linux


def data_dir() -> str:
    """`SESSION_MGMT_DATA_DIR`, else `~/.claude/data`: all state lives below it."""
    return os.path.abspath(os.path.expanduser(os.environ.get("SESSION_MGMT_DATA_DIR") or "~/.claude/data"))


def log_dir() -> str:
    """`SESSION_MGMT_LOG_DIR`, else `~/.claude/logs`."""
    return os.path.abspath(os.path.expanduser(os.environ.get("SESSION_MGMT_LOG_DIR") or "~/.claude/logs"))


def hub_lock(data: str) -> str:
    """Held (flock) by the one hub of this data directory for as long as it lives."""
    return os.path.join(data, "hub.lock")


def hub_socket(data: str) -> str:
    """The hub's socket in the user's runtime directory, named by a hash of the data directory's real path.

    Path length, spaces, unicode and file systems without sockets stop mattering.
    """
    name = f"{_fnv1a(os.fsencode(os.path.realpath(data))):016x}.sock"
    folder = f"session-mgmt-{os.getuid()}"
    for runtime in (os.environ.get("XDG_RUNTIME_DIR"), os.environ.get("TMPDIR")):
        if runtime and os.path.isdir(runtime):
            path = os.path.join(runtime, folder, name)
            if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
                return path
    return os.path.join("/tmp", folder, name)


def spool(data: str) -> str:
    """Folder of hook events that no hub could take yet, one file an event."""
    return os.path.join(data, "spool")


def distrust(directory: str) -> str:
    """Why a socket in `directory` must not be used, as one sentence; empty when it may."""
    found = os.lstat(directory)
    if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
        return ""
    return (
        f"{directory} is not a directory that only you can enter: remove it, or run `chmod 700` on it if it is yours."
    )


def _fnv1a(data: bytes) -> int:
    # hashlib loads OpenSSL, which costs a hook a quarter of its time; here a name is needed, not secrecy.
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value
