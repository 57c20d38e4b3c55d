"""An import that is killed with -9, again and again, ends with the rows of one that was not."""

import asyncio
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts
from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.domain.capture import CaptureService
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.samples import folder as samples

IMPORT = """
import asyncio, sys
from pathlib import Path
from session_mgmt_mcp.adapters.claude_code import transcripts
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts
from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.domain import capture
from session_mgmt_mcp.domain.projects import ProjectService

async def main(database, root, at_once):
    capture.ENTRIES_AT_ONCE = transcripts.MOST_ENTRIES = int(at_once)
    store = await DuckDBVectorStore.open(Path(database))
    ledger = DuckDBImportLedger(store)
    projects = ProjectService(SubprocessGitRepository(), ledger)
    service = capture.CaptureService(ClaudeCodeTranscripts(), store, ledger, projects)
    await service.import_paths([Path(root)], lambda now: print(now.entries, flush=True))
    await store.close()
    print("done", flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def many_sessions(root: Path, copies: int) -> None:
    """The samples again and again, each time as other sessions."""
    for number in range(copies):
        for path in samples().rglob("*.jsonl"):
            target = root / f"{number}" / path.relative_to(samples())
            target.parent.mkdir(parents=True, exist_ok=True)
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                if "uuid" in line:
                    line["uuid"] = f"{number}/{line['uuid']}"
            target.write_text("".join(json.dumps(line) + "\n" for line in lines))


async def rows(database: Path) -> dict:
    store = await DuckDBVectorStore.open(database)
    try:
        page = await store.scan([], limit=100_000)
        assert page.cursor is None
        return {record.id: record for record in page.records}
    finally:
        await store.close()


async def import_all(database: Path, root: Path) -> None:
    store = await DuckDBVectorStore.open(database)
    ledger = DuckDBImportLedger(store)
    projects = ProjectService(SubprocessGitRepository(), ledger)
    await CaptureService(ClaudeCodeTranscripts(), store, ledger, projects).import_paths([root])
    await store.close()


def import_and_kill(database: Path, root: Path, at_once: int, steps: int) -> bool:
    """Whether the import was still going on after `steps` signs of life, when it was killed."""
    argv = [sys.executable, "-c", IMPORT, str(database), str(root), str(at_once)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(steps):
            line = child.stdout.readline()
            assert line, "the import failed by itself"
            if line == "done\n":
                child.wait()
                return False
        child.kill()
        return True


async def compare(root: Path, tmp_path: Path, at_once: int, kills: int) -> None:
    undisturbed = tmp_path / "undisturbed" / "memories.duckdb"
    killed = tmp_path / "killed" / "memories.duckdb"
    await import_all(undisturbed, root)
    chance = random.Random(7)
    struck = 0
    for _ in range(kills):
        struck += await asyncio.to_thread(import_and_kill, killed, root, at_once, chance.randint(2, 12))
    partly = await rows(killed)
    await asyncio.to_thread(import_and_kill, killed, root, at_once, 1_000_000)
    whole = await rows(undisturbed)
    assert struck >= 2
    assert len(partly) > 0
    assert await rows(killed) == whole


@pytest.mark.slow  # the same over real transcripts takes half of the time
async def test_killed_and_resumed_is_the_same_as_undisturbed(tmp_path: Path):
    root = tmp_path / "projects"
    many_sessions(root, copies=6)
    await compare(root, tmp_path, at_once=7, kills=4)


@pytest.mark.shared
async def test_killed_and_resumed_over_real_transcripts(tmp_path: Path, shared: Path):
    root = tmp_path / "projects"
    shutil.copytree(shared / "claude-code" / "real-projects", root)
    shutil.copytree(shared / "claude-code" / "transcripts", root / "more")
    await compare(root, tmp_path, at_once=40, kills=4)
