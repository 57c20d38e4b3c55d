"""Requests over HTTP beside a bare FastMCP server in the same run: `python -m benchmarks.http [--shared] [--json]`.

`--shared`: documents on Redis and memories on LanceDB over S3 (redis-server and SeaweedFS on this machine).
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Budget, Figure, median, p99
from benchmarks.process_rows import home, product
from benchmarks.texts import messages

CLIENTS = 16
ROUNDS = 3
BARE = """
import socket, fastmcp, uvicorn
server = fastmcp.FastMCP("bare")
@server.tool
async def echo(text: str) -> dict:
    return {"echo": text}
listening = socket.create_server(("127.0.0.1", 0))
listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(listening.getsockname()[1], flush=True)
config = uvicorn.Config(server.http_app("/mcp"), log_config=None, access_log=False, http="h11", ws="none")
uvicorn.Server(config).run(sockets=[listening])
"""
TOKENS = """
import sys
from session_mgmt_mcp import asking
for number in range(int(sys.argv[1])):
    asked = {"user": f"client{number}", "role": "owner", "expires": "1h", "name": ""}
    print(asking.ask("token.create", asked)["token"])
"""
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmarks.http", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
SLOWER_PING = Budget(">=", 0.4, "ratio")
SLOWER_SEARCH = Budget(">=", 0.03, "ratio")


@dataclass(frozen=True, slots=True)
class Target:
    """A tool of a server, and how it is called; `tokens` is empty where none is needed."""

    name: str
    url: str
    tool: str
    arguments: Sequence[dict[str, Any]]  # one after the other, all over again
    tokens: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """Of all clients together: seconds of each request, and of the whole."""

    seconds: Sequence[float]
    whole: float

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.whole


async def load(target: Target, clients: int, requests: int) -> Load:
    """Each client on a connection of its own, one request after the other. Raises RuntimeError for an answer that is none."""
    start = time.perf_counter()
    all_of = await asyncio.gather(*(_client(target, number, requests) for number in range(clients)))
    return Load([seconds for one in all_of for seconds in one], time.perf_counter() - start)


async def _client(target: Target, number: int, requests: int) -> list[float]:
    place = urlsplit(target.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    taken = []
    for count in range(requests):
        message = _request(target, number, count)
        start = time.perf_counter()
        writer.write(message)
        await _answer(reader)
        taken.append(time.perf_counter() - start)
    writer.close()
    return taken


def _request(target: Target, number: int, count: int) -> bytes:
    arguments = target.arguments[(number * 7 + count) % len(target.arguments)]
    params = {"name": target.tool, "arguments": arguments, "_meta": META}
    body = json.dumps({"jsonrpc": "2.0", "id": count, "method": "tools/call", "params": params}).encode()
    lines = [
        f"POST {urlsplit(target.url).path} HTTP/1.1",
        f"Host: {urlsplit(target.url).netloc}",
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        "Mcp-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
        f"Mcp-Name: {target.tool}",
        f"Content-Length: {len(body)}",
    ]
    if target.tokens:
        lines.append(f"Authorization: Bearer {target.tokens[number % len(target.tokens)]}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _answer(reader: asyncio.StreamReader) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
    body = json.loads(await reader.readexactly(int(length.partition(":")[2])))
    if "result" not in body or body["result"].get("isError"):
        raise RuntimeError(f"the server refused: {json.dumps(body)[:300]}")


@contextmanager
def bare() -> Iterator[str]:
    running = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        yield f"http://127.0.0.1:{int(running.stdout.readline())}/mcp"
    finally:
        running.kill()  # it would wait for its clients
        _ended(running)


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """Redis and S3 of this run's own, as variables of a hub's environment."""
    from tests.services import redis_server, s3_server

    with ExitStack() as running:
        redis, _ = running.enter_context(redis_server())
        s3, _ = running.enter_context(s3_server())
        yield {
            "SESSION_MGMT_SESSION_STORAGE": "redis",
            "SESSION_MGMT_SHARED_STORAGE": "redis",
            "SESSION_MGMT_REDIS_URL": redis.url,
            "SESSION_MGMT_REDIS_PASSWORD": redis.password,
            "SESSION_MGMT_VECTOR_STORE": "lancedb",
            "SESSION_MGMT_LANCEDB_URI": f"s3://{s3.bucket}/memories",
            "SESSION_MGMT_S3_ENDPOINT": s3.endpoint,
            "SESSION_MGMT_S3_REGION": s3.region,
            "SESSION_MGMT_S3_ACCESS_KEY_ID": s3.access_key_id,
            "SESSION_MGMT_S3_SECRET_ACCESS_KEY": s3.secret_access_key,
        }


@contextmanager
def ours(clients: int, memories: int, more: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Our server over so many memories, and a token for each client; `more` is for its environment."""
    with home() as own:
        environment = {**own, **more}
        transcripts = Path(environment["HOME"]) / "transcripts"
        _write(transcripts, memories)
        subprocess.run(product("import", str(transcripts), "--wait"), env=environment, check=True, capture_output=True)
        made = subprocess.check_output([sys.executable, "-c", TOKENS, str(clients)], env=environment, text=True)
        tokens = made.split()
        command = product("serve", "--http", "--port", "0", "--json")
        running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            assert running.stdout is not None
            yield json.loads(running.stdout.readline())["url"], tokens
        finally:
            _ended(running)


def _ended(running: subprocess.Popen[str]) -> None:
    running.terminate()
    running.wait(30)
    if running.stdout is not None:
        running.stdout.close()


def _write(folder: Path, memories: int) -> None:
    from benchmarks.transcripts import MEMORIES, write_transcripts

    write_transcripts(folder, memories / MEMORIES)


async def figures(clients: int, requests: int, memories: int, shared: bool = False) -> list[Figure]:
    """The servers take turns, so that what disturbs the machine disturbs all."""
    queries = [text[:80] for text in messages(200)]
    with (
        servers() if shared else nullcontext({}) as more,
        bare() as floor,
        ours(clients, memories, more) as (url, tokens),
    ):
        targets = [
            Target("bare echo", floor, "echo", [{"text": query} for query in queries]),
            Target("ping", url, "ping", [{}], tokens),
            Target(
                "document", url, "create_serverless_session", [{"session_data": {"n": 1}, "project_id": "p"}], tokens
            ),
            Target("search", url, "reflect_on_past", [{"query": query, "project": "*"} for query in queries], tokens),
        ]
        loads: dict[str, list[Load]] = {target.name: [] for target in targets}
        for target in targets:
            await load(target, clients, 2)  # imports, indexes, connections
        for _ in range(ROUNDS):
            for target in targets:
                count = requests if target.name != "search" else max(1, requests // 4)
                loads[target.name].append(await load(target, clients, count))
    budgets = {"ping": SLOWER_PING, "document": None, "search": None if shared else SLOWER_SEARCH}
    return [figure for name, budget in budgets.items() for figure in _of(name, loads, clients, budget)]


def _of(name: str, loads: dict[str, list[Load]], clients: int, budget: Budget | None) -> list[Figure]:
    def rate(of: str) -> float:
        return median(one.rate for one in loads[of])

    def milliseconds(of: str, share: float) -> float:
        seconds = [taken for one in loads[of] for taken in one.seconds]
        return 1_000 * (median(seconds) if share == 0.5 else p99(seconds))

    what = f"{name}, {clients} clients"
    return [
        Figure(f"{what}: calls a second", rate(name), "1/s", budget, rate("bare echo"), "bare FastMCP, echo"),
        Figure(f"{what}: p50", milliseconds(name, 0.5), "ms", None, milliseconds("bare echo", 0.5), "the same"),
        Figure(f"{what}: p99", milliseconds(name, 0.99), "ms", None, milliseconds("bare echo", 0.99), "the same"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--clients", type=int, default=CLIENTS)
    parser.add_argument("--requests", type=int, default=20, help="of each client in each round; searches: a quarter")
    parser.add_argument("--memories", type=int, default=1_000, help="roughly, to search in")
    parser.add_argument("--shared", action="store_true", help="documents on Redis, memories on LanceDB over S3")
    asked = parser.parse_args(argv)
    found = asyncio.run(figures(asked.clients, asked.requests, asked.memories, asked.shared))
    if asked.json:
        print(json.dumps([one.as_json() for one in found], indent=2))
    else:
        _print(found)
    return 0 if all(one.ok is not False for one in found) else 1


def _print(found: Sequence[Figure]) -> None:
    table = Table("what", "measured", "floor", "ratio", "budget", "")
    for one in found:
        floor = f"{one.floor:.1f} ({one.floor_is})" if one.floor else ""
        state = {None: "", True: "ok", False: "over"}[one.ok]
        table.add_row(
            one.what, f"{one.measured:.1f} {one.unit}", floor, f"{one.ratio:.2f}x", str(one.budget or ""), state
        )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
