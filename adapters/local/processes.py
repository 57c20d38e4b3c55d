"""Whether a process of this machine still runs, and is the one it was."""

import os
from pathlib import Path

UNTOLD = "untold"  # there is no /proc on this system


def birth(pid: int) -> str:
    """Tells it from whatever had, or will have, the same id; empty when none runs, a zombie included.

    >>> birth(os.getpid()) == birth(os.getpid()) != ""
    True
    """
    if pid <= 0:
        return ""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return ""
    except OSError:
        pass  # somebody else's
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return UNTOLD
    return "" if state == "Z" else f"{boot}/{fields[18]}"  # ticks from that boot to its start
