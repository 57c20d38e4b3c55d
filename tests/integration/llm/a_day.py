"""A day with the product as it is by default, in a process of its own: `python a_day.py FOLDER`.

Prints what it imported of the vendors' SDKs, and whom it wanted to reach over a network.
"""

import asyncio
import json
import sys

SDKS = ("anthropic", "openai", "google.genai", "ollama", "genai_prices")
REACHED = []
DAY = [
    ("start", {}),
    ("store_reflection", {"content": "The cache must be reset after a schema change."}),
    ("reflect_on_past", {"query": "when do I reset the cache?"}),
    ("search_summary", {"query": "cache"}),
    ("session_welcome", {}),
    ("list_llm_providers", {}),
    ("checkpoint", {"name": "noon"}),
    ("health_check", {}),
    ("status", {}),
    ("quality_monitor", {}),
    ("end", {}),
]


def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        REACHED.append(repr(arguments[1]))
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        REACHED.append(repr(arguments[0]))


async def drive(folder):
    from fastmcp import Client
    from session_mgmt_mcp import connection, doctor
    from session_mgmt_mcp.application import open_application
    from session_mgmt_mcp.mcp_server import build_server
    from session_mgmt_mcp.settings import load

    called = []
    async with open_application(load(embedder="memory")) as app:
        with connection.entered(connection.Connection(cwd=folder, project_dir=folder, session_id="s1")):
            async with Client(build_server(app)) as client:
                await client.list_tools()
                for name, given in DAY:
                    await client.call_tool(name, given)
                    called.append(name)
        await asyncio.sleep(0.2)  # what was begun in the background
    await asyncio.to_thread(doctor.examine)
    return called


if __name__ == "__main__":
    sys.addaudithook(watch)
    done = asyncio.run(drive(sys.argv[1]))
    imported = [name for name in sys.modules if name.startswith(SDKS)]
    print(json.dumps({"called": done, "imported": imported, "reached": REACHED}))
