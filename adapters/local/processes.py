"""Whether a process of this machine still runs."""

import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """False as well for a zombie, which only waits for its parent to hear of its end.

    >>> is_alive(os.getpid())
    True
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True  # no such folder on this system
