"""Dependencies are synced by a project's own package manager, here a small program of that name."""

import sys
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.local.package_manager import COMMANDS, INHERIT, LocalPackageManager
from session_mgmt_mcp.adapters.local.processes import birth
from session_mgmt_mcp.adapters.psutil.process_runner import PsutilProcessRunner
from session_mgmt_mcp.ports.errors import Unavailable, Unsupported

TOLD = """
import os, sys
print("uv", *sys.argv[1:], os.getcwd())
print(*(name for name in sorted(os.environ) if os.environ[name] == "set"))
"""


@pytest.fixture
def manager() -> LocalPackageManager:
    return LocalPackageManager(PsutilProcessRunner(birth, INHERIT))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a program called uv on the PATH, alone."""

    def put(code: str) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "uv").write_text(f"#!{sys.executable}\n{code}")
        (tmp_path / "bin" / "uv").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    return put


async def test_it_runs_what_follows_the_lock_in_the_projects_folder(manager, install, tmp_path):
    install(TOLD)
    synced = await manager.sync("uv", tmp_path)
    assert (synced.ok, synced.command) == (True, "uv sync --frozen") and 0 < synced.seconds < 60
    assert synced.output.splitlines()[0] == f"uv sync --frozen {tmp_path}"


async def test_it_gets_what_managers_are_set_up_by_and_no_other_key(manager, install, tmp_path, monkeypatch):
    given = (
        "HTTPS_PROXY",
        "no_proxy",
        "UV_INDEX_PRIVATE_PASSWORD",
        "PIP_INDEX_URL",
        "npm_config_registry",
        "GOPATH",
        "CARGO_HOME",
    )
    for name in (
        *given,
        "ANTHROPIC_API_KEY",
        "GITHUB_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "GOOGLE_API_KEY",
        "VIRTUAL_ENV",
        "PYTHONPATH",
    ):
        monkeypatch.setenv(name, "set")
    install(TOLD)
    synced = await manager.sync("uv", tmp_path)
    assert synced.output.splitlines()[1].split() == sorted(given)


async def test_a_failure_is_told_with_the_end_of_what_was_printed(manager, install, tmp_path):
    install("print('early ' * 2_000); print('the lock is old'); raise SystemExit(2)")
    synced = await manager.sync("uv", tmp_path)
    assert not synced.ok and synced.output.endswith("the lock is old\n") and len(synced.output) == 4_000


async def test_one_that_is_killed_has_not_synced(manager, install, tmp_path):
    install("import os; os.kill(os.getpid(), 9)")
    assert not (await manager.sync("uv", tmp_path)).ok


async def test_one_that_hangs_is_ended(manager, install, tmp_path):
    install("import time; time.sleep(600)")
    with pytest.raises(Unavailable, match=r"uv sync --frozen was not done after 0.5 seconds"):
        await manager.sync("uv", tmp_path, timeout=0.5)


async def test_one_that_is_not_there_is_to_be_installed(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, (program, *_) in COMMANDS.items():
        with pytest.raises(Unavailable, match=f"{program} is not installed"):
            await manager.sync(name, tmp_path)


async def test_an_unknown_one_is_refused_with_those_that_are_known(manager, tmp_path):
    with pytest.raises(Unsupported, match="uv, poetry, npm"):
        await manager.sync("conda", tmp_path)
