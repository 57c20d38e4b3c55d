"""Every command and claim of the README and the quick start, run as it stands there."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fastmcp import Client
from session_mgmt_mcp import connection
from session_mgmt_mcp.application import open_application
from session_mgmt_mcp.mcp_server import build_server
from session_mgmt_mcp.settings import load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
COMMAND = Path(sys.prefix) / "bin" / "session-mgmt-mcp"


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # The README calls the checkout's own command; under test that is this interpreter's.
    command = re.sub(r"^(\.venv/bin/)?session-mgmt-mcp ", f"'{COMMAND}' ", command)
    return subprocess.run(["bash", "-c", command], cwd=cwd, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture
def home() -> Path:
    """A home whose client has transcripts: our samples."""
    home = Path(os.environ["HOME"])
    shutil.copytree(ROOT / "entrypoints" / "samples", home / ".claude" / "projects")
    return home


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_make_demo_finds_three_answers_and_leaves_nothing_outside_the_checkout():
    done = run("make demo", ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("╭") == 3 and "Nothing found" not in done.stdout
    assert not everything_below(Path(os.environ["HOME"])) and not everything_below(Path(os.environ["TMPDIR"]))
    assert not list(Path(os.environ["XDG_RUNTIME_DIR"]).iterdir())


def test_make_demo_reads_the_users_own_transcripts_where_there_are_any(home):
    before = everything_below(home)
    done = run("make demo", ROOT)
    assert done.returncode == 0 and "your newest 4 transcripts" in done.stdout, done.stdout
    assert everything_below(home) == before


def test_connect_import_search_and_remove_it_all(home, tmp_path):
    here = tmp_path / "project"
    here.mkdir()
    before = everything_below(home)
    connect, remove = (block for block in blocks("sh") if "setup" in block or "purge" in block)
    dry, setup, take_in, search = connect.splitlines()
    assert run(dry, here).returncode == 0
    assert everything_below(home) == before, "a dry run wrote something"
    done = run(setup, here)
    assert done.returncode == 0, done.stderr
    assert "session-mgmt" in json.loads((home / ".claude.json").read_text())["mcpServers"]
    assert "hook SessionEnd" in (home / ".claude" / "settings.json").read_text()
    done = run(take_in, here)
    assert done.returncode == 0, done.stderr
    done = run(search, here)
    assert done.returncode == 0 and "checkout" in done.stdout.lower(), done.stdout + done.stderr
    data, logs = home / ".claude" / "data", home / ".claude" / "logs"
    assert any(logs.iterdir())
    for folder in (data, logs):
        for path in [folder, *folder.rglob("*")]:
            assert path.stat().st_mode & 0o077 == 0, f"others can read {path}"
    done = run(remove, here)
    assert done.returncode == 0, done.stderr
    left = everything_below(home) - before
    assert left <= {".claude.json", ".claude/settings.json"}, left
    for name in left:
        assert json.loads((home / name).read_text()) == {}


def test_the_quick_start_commands_work(home, tmp_path):
    page = (ROOT / "docs" / "quickstart.md").read_text()
    assert run("session-mgmt-mcp import --wait --json", home).returncode == 0
    found = run('session-mgmt-mcp search "flaky test" --project "*" --limit 3 --json', home)
    hits = json.loads(found.stdout)["hits"]
    assert 1 <= len(hits) <= 3
    assert set(hits[0]) >= {"id", "score", "kind", "project", "session_id", "time", "role", "snippet"}
    shown = [line.replace("ID", hits[0]["id"]) for line in "".join(blocks("sh", page)).splitlines()]
    table = re.findall(r"^\| [^|]+ \| `(session-mgmt-mcp [^`]+)`", page, re.MULTILINE)
    order = sorted(table, key=lambda command: ("uninstall" in command, "purge" in command))
    assert len(shown) == 3 and len(table) >= 7
    for command in [*shown, *order]:
        done = run(re.sub("uninstall|restore", r"\g<0> --yes", command), tmp_path)
        assert done.returncode == 0 or "doctor" in command, f"{command}: {done.stdout}{done.stderr}"


def test_the_library_block_prints_the_right_memory(tmp_path):
    (block,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.stdout.strip() == "The cache must be reset after a schema change.", done.stderr
    assert len([line for line in block.splitlines() if line.strip()]) <= 5


def examples() -> list[tuple[str, dict[str, str], str]]:
    """The tool, its arguments, and what the answer must hold, of each row of "What you can ask"."""
    rows = re.findall(r"^\|[^`|]+\| `(\w+)(\(.*?\))` \| `(.+)` \|$", README, re.MULTILINE)
    calls = [(name, ast.parse(name + arguments, mode="eval").body, holds) for name, arguments, holds in rows]
    return [
        (name, {word.arg: ast.literal_eval(word.value) for word in call.keywords}, holds) for name, call, holds in calls
    ]


def words(answer: object) -> str:
    """All texts of an answer, one a line."""
    if isinstance(answer, dict | list):
        return "\n".join(words(value) for value in (answer.values() if isinstance(answer, dict) else answer))
    return str(answer)


async def test_each_question_of_the_readme_is_answered_from_the_samples_as_it_says(tmp_path):
    asked = examples()
    assert len(asked) == README.count("| `search_") + README.count("| `reflect_") + README.count("| `advanced_") >= 9
    here = connection.Connection(cwd="/home/you/shop", project_dir="/home/you/shop", session_id="now")
    async with open_application(load(data_dir=tmp_path)) as app, Client(build_server(app)) as client:
        await app.capture.import_paths([ROOT / "entrypoints" / "samples"])
        await app.embedding.wait_idle()
        with connection.entered(here):
            for tool, arguments, holds in asked:
                answer = (await client.call_tool(tool, arguments)).structured_content
                assert holds in words(answer), f"{tool}({arguments}): {words(answer)}"


def test_the_pages_it_links_to_exist():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_picture_is_of_this_demo_and_fetches_nothing():
    picture = (ROOT / "docs" / "demo.svg").read_text()
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", picture))
    assert addresses <= {"http://www.w3.org/2000/svg", "https://www.textualize.io"}
    assert "temporary data directory" in picture.replace("&#160;", " ")
