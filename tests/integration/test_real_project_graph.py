"""Real sessions spread over five projects that use one another: what the tools tell is counted here a second time."""

import asyncio
import json
import os
import re
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp import connection
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.domain.projects import bare_name
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.ports.vector_store import Condition
from session_mgmt_mcp.settings import load

from benchmarks.nearness import NAMES, spread

pytestmark = pytest.mark.shared
DAYS = 400
RARE = 20


@pytest.fixture(scope="module")
def taken_in(shared, tmp_path_factory):
    """A data directory with the sessions in it, the folder of their transcripts, and the project by session."""
    home = tmp_path_factory.mktemp("project-graph")
    homes = spread(shared / "claude-code" / "real-projects", home / "projects")

    async def take_in():
        async with open_application(load(embedder="memory")) as app:
            await app.capture.import_paths([home / "projects"])
            await app.embedding.wait_idle()

    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "SESSION_MGMT_DATA_DIR", "SESSION_MGMT_LOG_DIR"):
            patch.setenv(name, str(home / name.lower()))
        asyncio.run(take_in())
        return Path(os.environ["SESSION_MGMT_DATA_DIR"]), home / "projects", homes


@pytest.fixture
async def opened(taken_in, tmp_path):
    """Asked from the first project, each of which uses the next."""
    data, _, homes = taken_in
    here = Path(f"/home/dev/{NAMES[0]}")
    caller = connection.Connection(cwd=str(here), project_dir=str(here), session_id="now")
    async with open_application(load(embedder="memory", data_dir=data, max_tokens=50_000)) as app:
        with connection.entered(caller):
            async with Client(build_server(app)) as client:
                for source, target in pairwise(NAMES):
                    names = {"source_project": source, "target_project": target, "dependency_type": "uses"}
                    await client.call_tool("add_project_dependency", names)
                yield app, client, homes


async def ask(client: Client, tool: str, **arguments: object) -> dict:
    return (await client.call_tool(tool, arguments)).structured_content


async def texts(app) -> dict[str, str]:
    return {one.id: one.text for one in (await app.store.scan([], limit=5_000)).records if not one.parent}


async def test_a_word_that_one_memory_has_is_found_however_far_it_is(opened):
    app, client, _ = opened
    said = await texts(app)
    words = sorted({word for text in said.values() for word in re.findall(r"\b[a-z]{8,12}\b", text)})
    standing = await app.store.frequencies(words, [Condition("parent", "=", ""), Condition("kind", "!=", "code")])
    rare = [word for word in words if standing[word] == 1]
    lost, distances = [], Counter()
    for word in rare[:: len(rare) // RARE]:
        reply = await ask(client, "search_across_projects", query=word, limit=5)
        having = [hit for hit in reply["hits"] if word in said[hit["id"]]]
        lost += [] if having else [word]
        distances.update(hit["distance"] for hit in having[:1])
    assert len(lost) <= 1 and len(distances) == len(NAMES)


async def test_every_hit_tells_its_way_and_nothing_else_is_searched(opened):
    _, client, homes = opened
    ways = {f"{NAMES[0]}": ""} | {NAMES[n]: " uses ".join(NAMES[: n + 1]) for n in range(1, len(NAMES))}
    seen = set()
    for query in ("test failure", "session state", "commit hook", "telemetry"):
        reply = await ask(client, "search_across_projects", query=query, limit=50)
        assert [bare_name(one["project"]) for one in reply["searched"]] == list(NAMES)
        for hit in reply["hits"]:
            name = bare_name(hit["project"])
            assert (hit["path"], hit["distance"]) == (ways[name], float(NAMES.index(name)))
            assert hit["session"] not in homes or homes[hit["session"]] == hit["project"]
            seen.add(name)
    assert seen == set(NAMES)


async def test_activity_is_what_the_transcripts_hold(opened, taken_in):
    _, client, homes = opened
    reply = await ask(client, "get_project_insights", time_range_days=DAYS)
    told = {one["project"]: one for one in reply["activity"]}
    sessions = Counter(homes.values())
    assert {project: one["sessions"] for project, one in told.items()} == sessions
    edits, days = Counter(), {}
    for path in taken_in[1].rglob("*.jsonl"):
        for line in map(json.loads, path.read_text().splitlines()):
            content = line.get("message", {}).get("content")
            blocks = content if isinstance(content, list) else []
            edits[homes[path.stem]] += sum(
                block["type"] == "tool_use" and block["name"] in ("Edit", "MultiEdit", "Write", "NotebookEdit")
                for block in blocks
            )
            if line["type"] in ("user", "assistant"):
                day = datetime.fromisoformat(line["timestamp"]).astimezone(UTC).date().isoformat()
                days.setdefault(day, set()).add(homes[path.stem])
    assert {project: one["edits"] for project, one in told.items()} == edits
    assert all(set(day["projects"]) <= days[day["day"]] for day in reply["days"]) and len(reply["days"]) == 5


async def test_a_shared_problem_stands_in_each_of_its_projects(opened):
    app, client, _ = opened
    reply = await ask(client, "get_project_insights", time_range_days=DAYS)
    assert reply["problems"]
    for problem in reply["problems"]:
        assert len(problem["projects"]) > 1 and problem["trust"] in ("tool", "user")
        words = re.findall(r"[A-Za-z]{4,}", re.sub(r"<\w+>", " ", problem["problem"]))
        for project in problem["projects"]:
            found = (await app.store.scan([], limit=5_000)).records
            assert any(one.project == project and all(word in one.text for word in words) for one in found)
        if problem["fixed"]:
            [fix] = await app.store.get([problem["fixed"]["id"]])
            assert fix.project == problem["fixed"]["project"] and fix.session == problem["fixed"]["session"]
            assert problem["first"] <= problem["fixed"]["time"] and problem["fixed"]["project"] in problem["projects"]


async def test_files_that_change_together_did_so_in_the_transcripts(opened, taken_in):
    _, client, homes = opened
    reply = await ask(client, "get_project_insights", time_range_days=DAYS)
    edited: dict[str, set[str]] = {}
    for path in taken_in[1].rglob("*.jsonl"):
        calls, failed = {}, set()
        for line in map(json.loads, path.read_text().splitlines()):
            content = line.get("message", {}).get("content")
            for block in content if isinstance(content, list) else []:
                if block["type"] == "tool_use" and block["name"] in ("Edit", "Write"):
                    calls[block["id"]] = block["input"]["file_path"]
                if block["type"] == "tool_result" and block.get("is_error"):
                    failed.add(block["tool_use_id"])
        edited[path.stem] = {file for call, file in calls.items() if call not in failed}
    pairs = [
        pair for pair in reply["together"] if pair["within"] == "session" and pair["first"]["path"].startswith("/")
    ]
    assert pairs
    for pair in pairs:
        both = [pair["first"]["path"], pair["second"]["path"], *(one["path"] for one in pair["also"])]
        project = pair["first"]["project"]
        having = [session for session, files in edited.items() if homes[session] == project and files >= set(both)]
        assert len(having) == pair["both"] >= 2


async def test_without_a_graph_the_projects_that_name_the_same_files_are_suggested(taken_in, tmp_path):
    here = f"/home/dev/{NAMES[0]}"
    caller = connection.Connection(cwd=here, project_dir=here, session_id="now")
    settings = load(embedder="memory", data_dir=taken_in[0], session_storage="memory", shared_storage="memory")
    async with open_application(settings) as app:
        with connection.entered(caller):
            async with Client(build_server(app)) as client:
                reply = await ask(client, "search_across_projects", query="telemetry")
    assert "no group or dependency leads to another project" in reply["summary"]
    assert {bare_name(hit["project"]) for hit in reply["hits"]} == {NAMES[0]}
    assert any("files have the same names" in why for one in reply["suggestions"] for why in one["why"])
