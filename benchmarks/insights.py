"""What insights over ten projects take: `python -m benchmarks.insights [MEMORIES]`, seconds as JSON (default 100,000)."""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from session_mgmt_mcp.application import Application, open_application
from session_mgmt_mcp.domain.project_graph.candidates import candidates
from session_mgmt_mcp.domain.project_graph.nearness import near
from session_mgmt_mcp.domain.project_graph.neighbourhood import neighbourhood
from session_mgmt_mcp.ports.query_log import LoggedSearch
from session_mgmt_mcp.ports.vector_store import Record
from session_mgmt_mcp.settings import load

PROJECTS = [f"project{n}-{n:06x}" for n in range(10)]
WORDS = [
    "cache",
    "reset",
    "schema",
    "proxy",
    "port",
    "gateway",
    "retry",
    "jitter",
    "invoice",
    "cart",
    "checkout",
    "token",
    "login",
    "session",
    "query",
    "index",
]
ERRORS = {
    "KeyError": "KeyError: 'total'",
    "ConnectionResetError": "ConnectionResetError: [Errno 104] Connection reset by peer",
    "TS2322": "src/cart.ts(12,3): error TS2322: Type 'string' is not assignable",
    "command not found": "bash: tox: command not found",
}
AT_ONCE = 10_000
TIMES = 7


def memory(number: int, of: int, now: datetime, draw: random.Random) -> Record:
    """Half turns, a fifth edits, a twelfth errors; a session has 200, the last quarter year has all."""
    at, home = number % len(PROJECTS), f"/home/you/project{number % len(PROJECTS)}"
    text, file, part = " ".join(draw.choices(WORDS, k=25)), f"{home}/src/module{draw.randrange(300)}.py", draw.random()
    base = Record(
        id=f"m{number:07}", kind="turn", text=text, project=PROJECTS[at], time=now - timedelta(days=90 - 90 * number / of),
        session=f"s{at}-{number // 2_000}", role="user", position=number, facts=(f"home:{home}",), content_hash=f"{number:032x}",
    )  # fmt: skip
    if part < 0.5:
        return base
    call = {"tool": "Bash", "ok": True, "files": [], "command": f"pytest -q {file}", "error": ""}
    tool, facts, said = "Bash", [*base.facts, "tool:Bash"], f"Bash: pytest -q {file}"
    if part < 0.52:
        return _changed(base, "reflection", f"{text} KeyError", (), (file,), {"trust": "user"})
    if part < 0.60:
        name, error = draw.choice([*ERRORS.items()])
        facts += ["outcome:failed", f"error:{name}"]
        call |= {"ok": False, "error": f"Exit code 1\n{text}\n{error}"}
        said += f" -> failed: {call['error']}"
    elif part < 0.80:
        tool, facts, said = "Edit", [*base.facts, "tool:Edit"], f"Edit: {file}"
        call |= {"tool": tool, "files": [file], "command": ""}
    return _changed(base, "action", said, tuple(facts), (file,), {"trust": "tool", "call": call})


def _changed(base: Record, kind: str, text: str, facts: tuple[str, ...], files: tuple[str, ...], more: dict) -> Record:
    return Record(
        base.id, kind, text, base.project, base.time, base.session, "tool", base.position,
        files=files, facts=facts, metadata=more, content_hash=base.content_hash,
    )  # fmt: skip


async def seconds(what: Callable[[], Awaitable[object]]) -> dict[str, float]:
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await what()
        taken.append(time.perf_counter() - began)
    return {"p50": round(median(taken), 3), "most": round(max(taken), 3)}


async def measured(app: Application, count: int) -> dict[str, object]:
    now, draw = datetime.now(UTC), random.Random(7)
    for start in range(0, count, AT_ONCE):
        some = range(start, min(count, start + AT_ONCE))
        await app.store.upsert([memory(number, count, now, draw) for number in some])
    for project in PROJECTS:
        for word in WORDS[:5]:
            app.journal.note(LoggedSearch(now, "reflect_on_past", project, f"how does {word} work", 0, None, 1.0))
    await app.project_graph.create_group("all", PROJECTS, "", "benchmark")
    around = neighbourhood(await app.project_graph.graph(), PROJECTS[0], PROJECTS)
    asked = iter(range(10_000))
    return {
        "memories": count,
        "insights, 30 days": await seconds(lambda: app.project_insights.read(PROJECTS, 30)),
        "insights, 365 days": await seconds(lambda: app.project_insights.read(PROJECTS, 365)),
        "suggestions": await seconds(lambda: candidates(app.store, PROJECTS[0])),
        "search of ten projects": await seconds(
            lambda: app.memory.search(f"cache {next(asked)}", around.scope, limit=10)
        ),
        "the same with nearness": await seconds(
            lambda: app.memory.search(f"cache {next(asked)}", around.scope, limit=10, near=near(around.reaches))
        ),
    }


async def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with open_application(load(embedder="memory", data_dir=Path(folder))) as app:
            print(json.dumps(await measured(app, count), indent=1))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
