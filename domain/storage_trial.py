"""Whether a storage does what sessions rely on: tried with a document of its own, which is gone afterwards."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from session_mgmt_mcp.ports.clock import Clock
from session_mgmt_mcp.ports.errors import Conflict, PortError
from session_mgmt_mcp.ports.session_storage import SessionStorage
from session_mgmt_mcp.ports.vector_store import Json

TRIALS = "probes"
LEFT_FOR = timedelta(minutes=10)  # should whoever tries it be killed in the middle


@dataclass(frozen=True, slots=True)
class Trial:
    """Milliseconds of each step that went well, in their order. `problem`: one sentence, empty when all did."""

    steps: Mapping[str, float] = field(default_factory=dict)
    problem: str = ""

    @property
    def passed(self) -> bool:
        return not self.problem


async def tried(storage: SessionStorage, clock: Clock, id: str) -> Trial:
    """Writes, reads, lists, swaps, refuses a stale swap, lets expire and deletes the document `id`. Raises nothing of a port."""
    steps: dict[str, float] = {}
    body: dict[str, Json] = {"text": "größe 日本", "count": 1}
    until = clock.now() + LEFT_FOR

    async def write() -> bool:
        return (await storage.put(TRIALS, id, body, expected_version=0, expires=until)).version == 1

    async def read() -> bool:
        found = await storage.get(TRIALS, id)
        return found is not None and found.version == 1 and dict(found.body) == body

    async def listed() -> bool:
        return [one.id for one in (await storage.list(TRIALS, id)).documents] == [id]

    async def swap() -> bool:
        return (await storage.put(TRIALS, id, {"count": 2}, expected_version=1, expires=until)).version == 2

    async def refuse() -> bool:
        try:
            await storage.put(TRIALS, id, {"count": 3}, expected_version=1, expires=until)
        except Conflict as conflict:
            return conflict.version == 2
        return False

    async def expire() -> bool:
        await storage.put(TRIALS, id, {"count": 4}, expected_version=2, expires=clock.now() - timedelta(seconds=1))
        return await storage.get(TRIALS, id) is None

    async def delete() -> bool:
        await storage.put(TRIALS, id, body, expires=until)
        return await storage.delete(TRIALS, id) and await storage.get(TRIALS, id) is None

    trials: Mapping[str, Callable[[], Awaitable[bool]]] = {
        "write": write,
        "read": read,
        "list": listed,
        "swap": swap,
        "refuse a stale swap": refuse,
        "expire": expire,
        "delete": delete,
    }
    try:
        for name, trial in trials.items():
            began = clock.now()
            if not await trial():
                return Trial(
                    steps, f"It does not {name} as it should: use another storage, or another version of this one."
                )
            steps[name] = (clock.now() - began) / timedelta(milliseconds=1)
    except PortError as error:
        return Trial(steps, str(error))
    finally:
        if "delete" not in steps and steps:
            with suppress(PortError):
                await storage.delete(TRIALS, id)
    return Trial(steps)
