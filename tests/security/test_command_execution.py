"""Command execution through arguments: every program that is started, watched where it is started."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from session_mgmt_mcp.domain.grants import Operation

from tests.security.calls import said
from tests.unit.handoffs.conftest import Git

KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SESSION_MGMT_REDIS_PASSWORD")
SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "cmd", "cmd.exe", "powershell", "pwsh"}
CHILDREN_OF_GIT = {"git"}
CANARY = "canary-was-here"
ATTACKS = (
    f"; touch {CANARY}", f"$(touch {CANARY})", f"`touch {CANARY}`", f"| touch {CANARY}", f"&& touch {CANARY}", f"\ntouch {CANARY}\n",
    "--config=/tmp/evil.toml", "-p evil_plugin", "--rootdir=/", "-c /dev/null", "--basetemp=..", "-o cache_dir=/tmp", "--import-mode=x",
    "@arguments.txt", "--", "-- -p evil", "--select=ALL --fix", "--exec=evil", "../outside", "/etc/passwd", "--pythonwarnings=x", "\0",
)  # fmt: skip
_watched: list[list[tuple]] = []  # by whoever looks


def _watch(event: str, arguments: tuple) -> None:
    if event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"):
        for seen in _watched:
            seen.append((event, *arguments))


@pytest.fixture(scope="module", autouse=True)
def watching():
    sys.addaudithook(_watch)


@pytest.fixture
def started(monkeypatch):
    """What was started since, as (event, program, arguments, folder, environment)."""
    for name in KEYS:
        monkeypatch.setenv(name, f"planted-{name}")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    seen: list[tuple] = []
    _watched.append(seen)
    yield seen
    _watched.remove(seen)


@pytest.fixture
def project(shop):
    git = Git(shop)
    (shop / "tests").mkdir()
    (shop / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    (shop / "tests" / "test_environment.py").write_text(
        "import os\n\n\ndef test_environment():\n    with open('seen', 'w') as file:\n        file.write(repr(dict(os.environ)))\n"
    )
    git("add", "-A")
    return shop


def wrong(started, project) -> list[str]:
    """Programs that are a shell, run elsewhere than in the project or where nothing is configured, or have a key."""
    found = []
    for event, program, arguments, folder, environment in [(*one, None, None, None, None)[:5] for one in started]:
        words = list(arguments or [])
        if event != "subprocess.Popen":
            found.append(f"{event} {program}")
            continue
        if Path(str(program)).name in SHELLS or not isinstance(arguments, list | tuple):
            found.append(f"a shell: {program} {arguments!r}")
        neutral = [
            Path("/"),
            Path(tempfile.gettempdir()),
            *([Path(words[0]).parent] if words[-1:] == ["--version"] else []),
        ]
        if folder is not None and Path(folder) not in neutral and not Path(folder).resolve().is_relative_to(project):
            found.append(f"in {folder}: {words[:3]}")
        given = os.environ if environment is None else environment
        named = [str(name) for name in given if any(key in str(name) for key in KEYS)]
        if named and Path(str(program)).name not in CHILDREN_OF_GIT:
            found.append(f"{words[:2]} inherits {named}")
    return found


async def test_arguments_become_no_command_and_what_runs_is_fixed(product_in, project, started):
    async with product_in(project, quality_runner="pytools") as (_, client):
        for text in ATTACKS:
            for given in ({"command": "lint", "args": text}, {"command": f"lint {text}"}):
                failed, said_, _ = await said(client, "crackerjack_run", {**given, "working_directory": str(project)})
                assert failed and "\n" not in said_ and len(said_) < 600, (given, said_)
    assert [one for one in started if Path(str(one[1])).name != "git"] == []
    assert not list(project.parent.rglob(CANARY))


@pytest.mark.slow
async def test_every_program_that_is_started_has_fixed_words_a_known_folder_and_no_keys(product_in, project, started):
    async with product_in(project, quality_runner="pytools") as (_, client):
        for operation in Operation:
            await said(client, "permissions", {"action": "trust", "operation": str(operation)})
        for tool, arguments in (
            ("start", {}), ("status", {}), ("checkpoint", {"commit": True}), ("quality_monitor", {}), ("crackerjack_health_check", {}),
            ("git_worktree_add", {"branch": "b", "path": str(project / "wt"), "create_branch": True}),
            ("preserve_current_context", {"session_id": "s1"}), ("end", {}),
            *(("crackerjack_run", {"command": command}) for command in ("test", "lint", "check", "format", "security", "complexity")),
        ):  # fmt: skip
            await said(client, tool, arguments)
    programs = {Path(str(one[1])).name for one in started}
    assert {"git"} < programs, programs
    assert wrong(started, project) == []
    inside = (project / "seen").read_text()
    assert "planted-" not in inside and "PATH" in inside, "a test sees what its process really has"
    assert not any(key in inside for key in KEYS)


async def test_a_folder_that_is_no_project_is_not_run_in(product_in, project, started, tmp_path):
    async with product_in(project, quality_runner="pytools") as (_, client):
        for folder in ("/etc", str(tmp_path / "none"), "relative"):
            failed, _, _ = await said(client, "crackerjack_run", {"command": "lint", "working_directory": folder})
            assert failed, folder
    assert [one for one in started if Path(str(one[1])).name != "git"] == []
