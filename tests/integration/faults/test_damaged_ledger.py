"""The import ledger, which says how far each transcript was read, damaged while nobody had it open."""

import json
import shutil

import duckdb
import pytest
from session_mgmt_mcp.adapters.claude_code.transcripts import ClaudeCodeTranscripts
from session_mgmt_mcp.adapters.duckdb.ledger import DuckDBImportLedger
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.domain.capture import CaptureService
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.samples import folder as samples


def states(change):
    def damage(database):
        for path, state in database.execute("select path, state from cursors").fetchall():
            database.execute("update cursors set state = ? where path = ?", [change(state), path])

    return damage


def fields(**changed):
    """Whole to whoever looks at its form only: what recognises the file is as it was."""
    return states(lambda state: json.dumps(json.loads(state) | changed))


def kept(*names, **changed):
    return states(lambda state: json.dumps({name: json.loads(state)[name] for name in names} | changed))


def run(*statements):
    def damage(database):
        for statement in statements:
            database.execute(statement)

    return damage


DAMAGE = {
    "its state is cut in half": states(lambda state: state[: len(state) // 2]),
    "its state is garbage": states(lambda state: "garbage!" * 64),
    "its state is another kind of value": states(lambda state: "[1]"),
    "its state is empty": states(lambda state: ""),
    "its state has lost what was said": kept("format", "tail"),
    "its state has lost its sum, and has other types": kept("format", "tail", session=7, home=[7], cwd=None, time=0),
    "its state is of another version": fields(format=2),
    "its state counts otherwise": fields(said={"": 999}),
    "its state names another session": fields(session="another"),
    "its state has calls elsewhere": fields(calls={"t1": [-5, "x", None]}),
    "it leads beyond the end": run('update cursors set "offset" = 1000000000'),
    "it leads before the beginning": run('update cursors set "offset" = -1'),
    "it leads into a line": run('update cursors set "offset" = "offset" // 2'),
    "it is of another file": run("update cursors set inode = inode + 1"),
    "its rows are gone": run("delete from cursors"),
    "its tables are gone": run("drop table cursors", "drop table projects"),
}


async def taken_in(database, root):
    """What one import in its own opening did, and all that is stored afterwards."""
    store = await DuckDBVectorStore.open(database)
    try:
        ledger = DuckDBImportLedger(store)
        projects = ProjectService(SubprocessGitRepository(), ledger)
        report = await CaptureService(ClaudeCodeTranscripts(), store, ledger, projects).import_paths([root])
        page = await store.scan([], limit=100_000)
        assert page.cursor is None
        return report, list(page.records)
    finally:
        await store.close()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_transcripts_are_read_again_and_nothing_is_stored_twice(tmp_path, damage):
    root, path, whole = tmp_path / "projects", tmp_path / "data" / "memory.duckdb", tmp_path / "whole.duckdb"
    shutil.copytree(samples(), root)
    _, before = await taken_in(path, root)
    with duckdb.connect(str(path)) as database:
        damage(database)
    report, after = await taken_in(path, root)
    assert (report.new, report.problems) == (0, ())
    assert report.entries == (await taken_in(whole, root))[0].entries, "they were not read from their beginning"
    assert after == before
    for file in root.rglob("*.jsonl"):
        said = {"type": "user", "uuid": f"later-{file.stem}", "message": {"role": "user", "content": "said later"}}
        with file.open("a") as lines:
            lines.write(json.dumps(said) + "\n")
    report, after = await taken_in(path, root)
    _, undisturbed = await taken_in(whole, root)
    assert (report.entries, report.new, report.problems) == (5, 5, ())
    assert after == undisturbed
