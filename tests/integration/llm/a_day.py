"""A day with the product as it is by default, in a process of its own: `python a_day.py FOLDER [bare]`.

Prints what it imported of the vendors' SDKs, and whom it wanted to reach over a network. `bare`: as if none of the SDKs
were installed; each vendor is then asked in the end, and what is answered is printed, too.
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


class Bare:
    """Finds no SDK."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.startswith(SDKS):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


async def ask_each(client):
    asked = {}
    for vendor in ("anthropic", "openai", "gemini", "ollama"):
        given = {"prompt": "Hello", "provider": vendor, "model": "some-model"}
        answer = await client.call_tool("generate_with_llm", given, raise_on_error=False)
        asked[vendor] = (answer.is_error, answer.content[0].text)
    return asked


async def drive(folder, bare):
    from fastmcp import Client
    from session_mgmt_mcp import connection, doctor
    from session_mgmt_mcp.application import open_application
    from session_mgmt_mcp.mcp_server import build_server
    from session_mgmt_mcp.settings import load

    called, asked = [], {}
    async with open_application(load(embedder="memory")) as app:
        with connection.entered(connection.Connection(cwd=folder, project_dir=folder, session_id="s1")):
            async with Client(build_server(app)) as client:
                await client.list_tools()
                for name, given in DAY:
                    await client.call_tool(name, given)
                    called.append(name)
                asked = await ask_each(client) if bare else {}
        await asyncio.sleep(0.2)  # what was begun in the background
    await asyncio.to_thread(doctor.examine)
    return called, asked


if __name__ == "__main__":
    sys.addaudithook(watch)
    bare = sys.argv[2:] == ["bare"]
    if bare:
        sys.meta_path.insert(0, Bare())
    called, asked = asyncio.run(drive(sys.argv[1], bare))
    imported = [name for name in sys.modules if name.startswith(SDKS)]
    print(json.dumps({"called": called, "asked": asked, "imported": imported, "reached": REACHED}))
