"""A small server in the hub's place: `python tiny.py` is a hub, `python tiny.py in-process` a server without one.

Its store is a file that is appended to with one write a line: what was written before a kill -9 is there after it.
"""

import gc

if __name__ == "__main__":
    gc.disable()  # as the hub does

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from mcp_types import ToolAnnotations
from session_mgmt_mcp import connection, places
from session_mgmt_mcp.fastmcp_internals import Stateless
from session_mgmt_mcp.ports.errors import Corrupt, Invalid
from session_mgmt_mcp.service import Answer, Service

REPEATABLE = ("store", "search", "ping", "whoami")


@asynccontextmanager
async def open_service():
    data = Path(places.data_dir())
    if (data / "broken").exists():
        raise Corrupt("The database is damaged: restore a backup.", data / "broken")
    file = data / "stored"
    lines = file.read_text().splitlines() if file.exists() else []
    server = Stateless("tiny", version="1")
    events: list[dict] = []

    @server.tool(annotations=ToolAnnotations(idempotent_hint=True))
    async def store(content: str) -> dict:
        await asyncio.sleep(0.001)
        if content not in lines:
            with file.open("a") as stream:
                stream.write(f"{content}\n")
            lines.append(content)
        return {"stored": content}

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def search(query: str) -> dict:
        return {"hits": [line for line in lines if query in line]}

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def ping() -> dict:
        return {"pid": os.getpid()}

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def whoami() -> dict:
        here = connection.current()
        return {"cwd": here.cwd, "project": here.project_dir, "session": here.session_id, "pid": here.client_pid}

    @server.tool
    async def slow(seconds: float, note: str = "") -> dict:
        with (data / "slow").open("a") as stream:
            stream.write(f"{note}\n")
        await asyncio.sleep(seconds)
        return {"note": note}

    @server.tool
    async def environment() -> dict:
        return {"names": sorted(os.environ), "cwd": str(Path.cwd())}

    async def count(args, progress):
        for n in range(int(args["to"])):
            progress({"n": n})
        return {"counted": int(args["to"])}

    async def fail(args, progress):
        raise Invalid("That cannot be: give another.")

    async def wait(args, progress):
        progress({"waiting": True})
        try:
            await asyncio.sleep(60)
        finally:
            (data / "interrupted").touch()

    async def seen(args, progress):
        return {"events": events}

    def on_event(event):
        events.append(event)
        return answer(event) if (data / "context").exists() else None

    async def answer(event):
        async def handed():
            (data / "handed").touch()

        await asyncio.sleep(float((data / "delay").read_text()) if (data / "delay").exists() else 0)
        return Answer((data / "context").read_text(), handed)

    verbs = {"count": count, "fail": fail, "wait": wait, "events": seen}
    try:
        yield Service(server, verbs, REPEATABLE, on_event, (data / "busy").exists)
    finally:
        (data / "closed").touch()


if __name__ == "__main__":
    if sys.argv[1:2] == ["in-process"]:
        from session_mgmt_mcp import in_process

        sys.exit(in_process.run(open_service))
    from session_mgmt_mcp import hub

    sys.exit(hub.main(open_service))
