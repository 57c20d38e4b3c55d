"""quality_monitor and checkpoint, through a real MCP client."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.quality.evidence import Measured, Metric
from session_mgmt_mcp.domain.tokens import tokens

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def git(folder: Path, *args: str, **dates: str) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, env={**os.environ, **dates})


@pytest.fixture
def shop(shop: Path) -> Path:
    git(shop, "init", "-q", "-b", "main")
    (shop / "pyproject.toml").write_text("[tool.pytest]\n")
    (shop / "cart.py").write_text("x = 1\n")
    (shop / "README.md").write_text("# Shop\n")
    git(shop, "add", ".")
    earlier = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    git(shop, "commit", "-q", "-m", "feat: cart (#1)", GIT_AUTHOR_DATE=earlier, GIT_COMMITTER_DATE=earlier)
    return shop


@pytest.fixture
async def opened(product_in, shop):
    async with product_in(shop) as (app, client):
        yield app, client


async def call(client: Client, name: str, /, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client: Client, name: str, /, **arguments) -> str:
    result = await client.call_tool(name, arguments, raise_on_error=False)
    assert result.is_error
    return result.content[0].text


async def test_a_score_is_told_with_its_evidence_and_what_is_unknown(opened):
    _, client = opened
    reply = await call(client, "quality_monitor")
    known = {one["name"]: one for one in reply["components"]}
    assert known["packaging"]["points"] == 3 and known["packaging"]["figure"] == "pyproject.toml"
    assert known["docs"]["source"] == "README.md" and known["docs"]["age_days"] == 0
    unknown = {one["name"]: one["needs"] for one in reply["unknown"]}
    assert {"coverage", "lint", "types", "complexity", "security findings", "lock freshness"} == set(unknown)
    assert reply["known"] == sum(one["of"] for one in reply["components"]) == 50
    assert reply["total"] == round(2 * sum(one["points"] for one in reply["components"]))
    assert "counted over the 50 points that are known" in reply["summary"]
    assert reply["series"] == [] and reply["change"] is None and len(reply["next"]) == 5


async def test_looking_stores_nothing(opened, shop):
    app, client = opened
    await call(client, "quality_monitor")
    assert (await call(client, "quality_monitor"))["series"] == []
    assert (await app.storage.list("scores")).documents == []


async def test_a_checkpoint_is_kept_and_found_and_the_next_one_says_what_moved(opened, shop):
    app, client = opened
    first = await call(client, "checkpoint", name="before the cart")
    assert (first["direction"], first["change"], first["moved"]) == ("first", None, [])
    (shop / "uv.lock").write_text("version = 1\n")
    for number in range(5):
        (shop / f"test_{number}.py").write_text("")
    git(shop, "add", ".")
    git(shop, "commit", "-q", "-m", "test: cart (#2)")
    second = await call(client, "checkpoint", name="after the cart")
    assert second["direction"] == "improving" and second["change"] == second["total"] - first["total"] > 0
    assert any(
        line.startswith("packaging 3 -> 5 of 5 (pyproject.toml -> pyproject.toml and uv.lock)")
        for line in second["moved"]
    )
    assert any(line.startswith("lock freshness unknown -> 5") for line in second["moved"])
    found = await call(client, "reflect_on_past", query="checkpoint after the cart")
    assert second["memory"] in [hit["id"] for hit in found["hits"]]
    assert {hit["kind"] for hit in found["hits"]} == {"checkpoint", "reflection"}
    [kept, other] = (await app.storage.list("checkpoints")).documents
    assert (kept.body["name"], other.body["name"]) == ("before the cart", "after the cart")
    assert (other.body["memory"], other.body["total"]) == (second["memory"], second["total"])
    series = (await call(client, "quality_monitor"))["series"]
    assert [point["total"] for point in series] == [second["total"], first["total"]]
    assert series[0]["parts"]["project health"] == "18 of 30" and "code" not in series[0]["parts"]


async def test_trends_survive_a_restart(product_in, shop):
    async with product_in(shop) as (_, client):
        first = await call(client, "checkpoint")
    (shop / ".github/workflows").mkdir(parents=True)
    (shop / ".github/workflows/ci.yml").write_text("on: push\n")
    git(shop, "add", ".")
    async with product_in(shop) as (_, client):
        later = await call(client, "quality_monitor")
        assert later["series"][0]["total"] == first["total"] and later["change"] > 0
        assert later["moved"] == ["CI 0 -> 3 of 5 (no workflow -> 1 workflow (github))"]


async def test_each_checkpoint_is_a_memory_of_its_own_though_nothing_changed(opened):
    _, client = opened
    made = [await call(client, "checkpoint", name="noon") for _ in range(3)]
    assert len({one["memory"] for one in made}) == len({one["reflection"] for one in made}) == 3


async def test_a_manual_checkpoint_stores_a_reflection_with_the_reason(opened):
    _, client = opened
    made = await call(client, "checkpoint", name="noon")
    assert made["reflection"] and made["because"] == "somebody asked for it"
    found = await call(client, "search_reflections", query="checkpoint noon")
    assert [hit["id"] for hit in found["hits"]] == [made["reflection"]]
    assert found["hits"][0]["trust"] == "tool"  # names of files are in it: it is never shown unasked


async def test_one_that_nobody_asked_for_stores_one_only_when_it_is_remarkable(opened, shop):
    app, _ = opened
    project = await app.projects.project_of(str(shop))
    quiet = await app.checkpoints.make(shop, project, manual=False)
    assert (quiet.reflection, quiet.because) == ("", "") and quiet.memory
    for metric in Metric:
        await app.quality.measure(project, metric, Measured(100, "run 1", quiet.score.at))
    jump = await app.checkpoints.make(shop, project, manual=False)
    assert jump.trend.change >= 10 and jump.because.startswith("the score changed by +") and jump.reflection
    assert (await app.checkpoints.make(shop, project, manual=False)).because == ""


async def test_a_regression_alerts(opened, shop):
    app, client = opened
    project = await app.projects.project_of(str(shop))
    now = (await app.quality.score(shop)).at
    await app.quality.measure(project, Metric.COVERAGE, Measured(90, "run 1", now, "90 % of lines"))
    await call(client, "checkpoint")
    await app.quality.measure(project, Metric.COVERAGE, Measured(40, "run 2", now, "40 % of lines"))
    reply = await call(client, "quality_monitor")
    assert reply["direction"] == "declining" and "1 score in the last 7 days, declining; 2 alerts" in reply["summary"]
    assert any(
        "coverage fell from 13.5 to 6 of 15" in alert and "90 % of lines -> 40 % of lines" in alert
        for alert in reply["alerts"]
    )
    assert (await call(client, "checkpoint"))["alerts"] == reply["alerts"]


async def test_what_was_done_since_the_last_checkpoint_is_counted(opened, shop):
    _, client = opened
    await call(client, "checkpoint")
    for number in range(12):
        (shop / f"{number}.py").write_text("x = 1\n")
    git(shop, "add", ".")
    git(shop, "commit", "-q", "-m", "feat: files")
    for number in range(12):
        (shop / f"{number}.py").write_text("x = 2\n")
    (shop / "new.py").write_text("")
    made = await call(client, "checkpoint")
    assert made["work"] == ["1 commit; 12 tracked files changed, 1 untracked"]
    assert "Commit: 12 tracked files are changed and not committed." in made["next"]


async def test_an_empty_folder_has_no_score_and_the_checkpoint_says_so(product_in, tmp_path):
    (tmp_path / "empty").mkdir()
    async with product_in(tmp_path / "empty") as (_, client):
        for name in ("quality_monitor", "checkpoint"):
            reply = await call(client, name)
            assert (reply["total"], reply["band"], reply["known"]) == (None, None, 0)
            assert "The folder is empty" in reply["summary"] and reply["components"] == []


async def test_a_commit_is_made_only_where_somebody_allowed_it_and_asked(opened, shop):
    app, client = opened
    (shop / "cart.py").write_text("x = 2\n")
    (shop / "new.py").write_text("")
    untouched = await call(client, "checkpoint")
    assert (untouched["commit"], untouched["commit_note"]) == ("", "")
    refusal = await call(client, "checkpoint", commit=True)
    assert refusal["commit"] == "" and "git_commit" in refusal["commit_note"] and refusal["memory"]
    assert refusal["commit_note"] in refusal["summary"]
    await app.grants.trust(Operation.GIT_COMMIT, await app.projects.project_of(str(shop)), "you")
    git(shop, "config", "user.name", "n")
    git(shop, "config", "user.email", "e@example.org")
    made = await call(client, "checkpoint", name="noon", commit=True)
    assert made["commit_note"] == "Committed 1 tracked file."
    said = subprocess.run(["git", "log", "-1", "--format=%H %s"], cwd=shop, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == f"{made['commit']} checkpoint: noon (quality {made['total']}/100)"
    assert (await call(client, "checkpoint"))["commit"] == ""


async def test_a_wrong_folder_is_refused_in_one_sentence(opened, shop):
    _, client = opened
    for name in ("quality_monitor", "checkpoint"):
        assert "absolute" in await refused(client, name, working_directory="shop")
        assert "exists" in await refused(client, name, working_directory=str(shop / "gone"))
        assert "folder" in await refused(client, name, working_directory=str(shop / "cart.py"))
    assert "days" in await refused(client, "quality_monitor", days=0)


async def test_another_folder_can_be_named(opened, tmp_path):
    _, client = opened
    (tmp_path / "blog").mkdir()
    (tmp_path / "blog" / "go.mod").write_text("module blog\n")
    reply = await call(client, "quality_monitor", working_directory=str(tmp_path / "blog"))
    assert next(one for one in reply["components"] if one["name"] == "packaging")["figure"] == "go.mod"


async def test_no_secret_of_a_name_or_a_path_is_stored_or_shown(opened, shop):
    app, client = opened
    await call(client, "checkpoint", name="before")
    (shop / TOKEN).mkdir()
    (shop / TOKEN / "package.json").write_text("{}")
    (shop / TOKEN / "settings.py").write_text(f'KEY = "{TOKEN}"\n')
    git(shop, "add", ".")
    shown = [await call(client, "quality_monitor"), await call(client, "checkpoint", name=f"with {TOKEN}")]
    assert TOKEN not in json.dumps(shown) and "[redacted" in shown[1]["name"]
    kept = [(await app.storage.list(name)).documents for name in ("scores", "checkpoints")]
    assert TOKEN not in repr(kept)
    assert TOKEN not in json.dumps(await call(client, "reflect_on_past", query="checkpoint with"))


async def test_replies_hold_their_budget(product_in, shop):
    async with product_in(shop, max_tokens=600) as (_, client):
        for number in range(9):
            made = await call(client, "checkpoint", name=f"step {number}")
        reply = await call(client, "quality_monitor")
        for one in (made, reply):
            assert tokens(json.dumps(one, separators=(",", ":"))) <= 600 and "Cut to 600 tokens." in one["summary"]
        assert reply["total"] and reply["next"]
