"""Every tool through a real client, with arguments by its schema, a few of them wrong: an answer, or one sentence."""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from fastmcp import Client
from session_mgmt_mcp import connection
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

from tests.fuzz.reading import Reader
from tests.fuzz.values import DEEP, DEEPER, ODD, nested

ELSEWHERE = {
    "configure_llm_provider", "test_llm_providers", "generate_with_llm", "chat_with_llm",  # servers that are not ours
    "configure_serverless_storage", "test_serverless_storage",
    "crackerjack_run", "execute_crackerjack_command", "crackerjack_health_check", "crackerjack_help",  # programs
    "start_interruption_monitoring", "start_app_monitoring", "start_reminder_service",  # services that go on
    "checkpoint", "end", "start", "git_worktree_add", "git_worktree_remove", "git_worktree_switch", "quality_monitor",  # git, seconds
}  # fmt: skip
"""Not asked here."""
TEXTS = (
    "", " ", "*", "shop", "blog", "proxy", "last week", "yesterday", "2026-02-30", "every day at 9", "tomorrow", "(a+)+$", "[", "a/b.py",
    "user", "s1", "me", "t1", "it's", "%", "../..", "\x00", "\u202e", "x" * 3_000, "NaN", "null", "tag", "name", "null\nnull",
    "eyJhIjoxfQ", "00000000-0000-0000-0000-000000000000", "AAAA", "1", "\u2028", "export DB_PASSWORD=h7-Kestrel", "<private>x",
)  # fmt: skip
INGREDIENTS = tuple(bytes([number]) for number in range(0, 256, 5))
UNSENT = (DEEP, DEEPER, "/", "\ud800", nested(300))
"""No client can send it over a line, or it would be the whole disk."""
SECONDS = 20.0
FIRST = 10  # a call takes a hundred times as long as a line
LONGEST_SENTENCE = 3_000
_loop = asyncio.new_event_loop()
_caller: list[connection.Connection] = []
_open: list[tuple[Client[Any], list[Any], contextlib.AsyncExitStack]] = []


@contextlib.asynccontextmanager
async def _product() -> AsyncIterator[Client[Any]]:
    home = Path(tempfile.mkdtemp(prefix="fuzz-tools-"))
    (home / "shop").mkdir()
    _caller.append(_from(home / "shop"))
    for name in ("DATA_DIR", "LOG_DIR"):
        os.environ[f"SESSION_MGMT_{name}"] = str(home / name.lower())
    async with open_application(load(embedder="memory")) as app, Client(build_server(app)) as client:
        yield client


def _from(folder: Path) -> connection.Connection:
    return connection.Connection(cwd=str(folder), project_dir=str(folder), session_id="s1")


def _opened() -> tuple[Client[Any], list[Any]]:
    if not _open:
        stack = contextlib.AsyncExitStack()
        client = _loop.run_until_complete(stack.enter_async_context(_product()))
        tools = _loop.run_until_complete(client.list_tools())
        asked = sorted((tool for tool in tools if tool.name not in ELSEWHERE), key=lambda tool: tool.name)
        with connection.entered(_caller[-1]):
            for text in ("The proxy listens on port 8081", "def total(cart): return sum(cart)"):
                _loop.run_until_complete(client.call_tool("store_reflection", {"content": text, "tags": ["tag"]}))
        _open.append((client, asked, stack))
    return _open[0][0], _open[0][1]


def close() -> None:
    while _open:
        _loop.run_until_complete(_open.pop()[2].aclose())


def _argument(reader: Reader, name: str, schema: Mapping[str, Any]) -> Any:
    if reader.below(12) == 11:
        odd = reader.one_of(ODD)()
        return None if odd in UNSENT else odd
    if "anyOf" in schema:
        schema = reader.one_of(schema["anyOf"])
    if "enum" in schema:
        return reader.one_of(schema["enum"])
    match schema.get("type"):
        case "string" if any(part in name for part in ("directory", "folder", "path", "root")):
            return reader.one_of(("", ".", "shop", "\x00", "no/such/folder", "x" * 5_000))
        case "string":
            return reader.one_of(TEXTS) if reader.below(3) else reader.text(60).encode("utf-8", "replace").decode()
        case "integer" | "number":
            least, most = schema.get("minimum", 0), schema.get("maximum", 1_000)
            return reader.one_of(
                (least, most, least + 1, least - 1, most + 1, 0, 1, -1, 2**63, 10**30, 0.5, float("inf"))
            )
        case "boolean":
            return bool(reader.below(2))
        case "array":
            return [_argument(reader, name, schema.get("items", {})) for _ in range(reader.below(4))]
        case "object":
            inner = schema.get("properties", {})
            made = {key: _argument(reader, key, one) for key, one in inner.items() if reader.below(2)}
            return made | {reader.one_of(TEXTS): reader.one_of(TEXTS)} if reader.below(2) else made
        case _:
            return None


def check(data: bytes) -> None:
    client, tools = _opened()
    reader = Reader(data)
    for _ in range(1 + reader.below(2)):
        tool = reader.one_of(tools)
        properties, required = tool.input_schema.get("properties", {}), tool.input_schema.get("required", [])
        arguments = {
            name: _argument(reader, name, schema)
            for name, schema in properties.items()
            if (reader.below(16) if name in required else reader.below(2))
        }
        with connection.entered(_caller[-1]):
            _loop.run_until_complete(_called(client, tool.name, arguments))


async def _called(client: Client[Any], name: str, arguments: dict[str, Any]) -> None:
    async with asyncio.timeout(SECONDS):
        result = await client.call_tool(name, arguments, raise_on_error=False)
    said = result.content[0].text if result.content else ""
    if result.is_error:
        assert said and said.splitlines() == [said] and len(said) < LONGEST_SENTENCE, f"{name}: {said[:500]!r}"
        assert not said.startswith("Error calling tool") and "Traceback" not in said, (
            f"{name} {arguments}: {said[:500]}"
        )
    else:
        said.encode()
