"""ActivitySource on the system's list of processes."""

import asyncio
import os
from collections.abc import Collection

from session_mgmt_mcp.ports.errors import Unavailable


class PsutilActivitySource:
    """ActivitySource. Of each process its name and owner are asked for, nothing else."""

    async def programs(self) -> Collection[str]:
        return await asyncio.to_thread(_programs)


def _programs() -> set[str]:
    import psutil

    try:
        mine = psutil.Process().username()
        asked = psutil.process_iter(["pid", "name", "username"])
        return {one.info["name"] for one in asked if _counts(one.info, mine)}
    except (psutil.Error, OSError, KeyError) as error:
        raise Unavailable(f"The system does not tell which programs run ({error}): go on without them.") from None


def _counts(info: dict[str, object], mine: str) -> bool:
    return bool(info["name"]) and info["username"] == mine and info["pid"] != os.getpid()
