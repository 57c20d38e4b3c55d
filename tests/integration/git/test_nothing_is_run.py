"""A repository may name programs in many places: reading it runs none of them, reaches nothing and writes nothing."""

import os
import subprocess
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git import process
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace."""
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/sprung'\ncat\n")
    program.chmod(0o755)
    return program


async def everything(asks: SubprocessGitRepository, folder: Path) -> None:
    head = (await asks.log(folder))[0].sha
    await asks.find(folder), await asks.state(folder), await asks.diff(folder), await asks.tags(folder)
    await asks.diff_stat(folder), await asks.diff_stat(folder, head), await asks.commits_between(folder, head)
    await asks.branches(folder), await asks.tracked(folder), await asks.ignored(folder, ["a", "file"])
    await asks.renames(folder), await asks.worktrees(folder)


async def test_no_program_that_a_repository_names_is_run_and_nothing_is_written(shop, git, tmp_path, trap):
    (shop / ".gitattributes").write_text("* filter=a=b diff=c\nx filter=two\n")
    (shop / "x").write_text("x")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "attributes")
    program = str(trap)
    names = [
        "filter.a=b.clean", "filter.a=b.smudge", "filter.two.process", "diff.c.textconv", "diff.c.command",
        "diff.external", "core.fsmonitor", "gpg.program", "core.pager", "core.sshCommand", "core.editor",
    ]  # fmt: skip
    settings = shop / ".git" / "config"
    for name in names:
        git(shop, "config", name, program)
    git(shop, "config", "log.showSignature", "true")
    git(shop, "config", "filter.two.required", "true")
    hooks = shop / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / hook).write_text(trap.read_text())
        (hooks / hook).chmod(0o755)
    for name in ("file", "x"):
        os.utime(shop / name, (1_000_000_000, 1_000_000_000))
    (shop / "file").write_text("changed\n")
    before = {path: path.stat().st_mtime_ns for path in (shop / ".git").rglob("*")}
    assert settings in before
    await everything(SubprocessGitRepository(), shop)
    assert not (tmp_path / "sprung").exists()
    assert {path: path.stat().st_mtime_ns for path in (shop / ".git").rglob("*")} == before


async def test_the_trap_would_be_sprung(shop, git, tmp_path, trap):
    (shop / ".gitattributes").write_text("* filter=a=b\n")
    git(shop, "config", "filter.a=b.clean", str(trap))
    os.utime(shop / "file", (1_000_000_000, 1_000_000_000))
    git(shop, "status")
    assert (tmp_path / "sprung").exists()


async def test_a_partial_clone_fetches_nothing(shop, git, tmp_path):
    for n in range(3):
        (shop / "file").write_text(f"{n}\n" * 100)
        git(shop, "commit", "-qam", f"n {n}")
    git(shop, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{shop}", "partial")
    partial = tmp_path / "partial"
    packs = set((partial / ".git" / "objects").rglob("*"))
    asks = SubprocessGitRepository()
    await asks.log(partial)
    await asks.diff_stat(partial)
    await asks.state(partial)
    assert set((partial / ".git" / "objects").rglob("*")) == packs


async def test_git_sees_neither_the_users_variables_nor_their_settings(shop, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of mine")
    seen, really = [], subprocess.Popen

    def spy(argv, **how):
        seen.append((argv, how))
        return really(argv, **how)

    monkeypatch.setattr(process.subprocess, "Popen", spy)
    await everything(SubprocessGitRepository(), shop)
    assert len(seen) > 12
    for argv, how in seen:
        assert argv[0] == "git" and not how.get("shell")
        ours = {name for name in how["env"] if name.startswith("GIT_CONFIG_")} | {"GIT_INDEX_FILE"}
        ours |= {"GIT_DIR"} if how["env"].get("GIT_DIR") == os.devnull else set()
        assert how["env"].keys() <= {*process.FIXED, *process.KEPT, *ours}
        assert how["env"]["GIT_OPTIONAL_LOCKS"] == "0" and how["env"]["SESSION_MGMT_GUARD"] == "1"
