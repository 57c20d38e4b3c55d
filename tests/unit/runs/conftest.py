"""A project in git, and the product with a runner that reports what it is told to."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.local.file_digests import LocalFileDigests
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.quality_runner import MemoryQualityRunner
from session_mgmt_mcp.adapters.project.files import FolderProjectFiles
from session_mgmt_mcp.domain.runs.feedback import FeedbackService
from session_mgmt_mcp.domain.runs.service import RunService
from session_mgmt_mcp.domain.runs.trees import Trees
from session_mgmt_mcp.ports.quality_runner import Command, Option

OFFERED = frozenset(Command) - {Command.SECURITY}
TAKEN = frozenset({Option.PATHS, Option.FAIL_FAST})


@dataclass
class Bench:
    """What the tests of runs work with."""

    app: Any
    client: Any
    runs: RunService
    runner: MemoryQualityRunner
    clock: FixedClock
    folder: Path

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True)


def repository(folder: Path) -> None:
    """One commit of a small Python project."""
    (folder / "shop").mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    (folder / "shop" / "cart.py").write_text("TOTAL = 1\n")
    (folder / "shop" / "tax.py").write_text("RATE = 2\n")
    for words in (["init", "-q"], ["config", "user.email", "a@b.c"], ["config", "user.name", "a"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "first"], cwd=folder, check=True)


@pytest.fixture
async def bench(shop: Path, product_in: Any) -> AsyncIterator[Bench]:
    from fastmcp import Client
    from session_mgmt_mcp.mcp_server import build_server

    repository(shop)
    clock, runner = (
        FixedClock(datetime.now(UTC)),
        MemoryQualityRunner(commands=OFFERED, options=TAKEN, lacking=["bandit is not there."]),
    )  # the store's own clock goes on
    async with product_in(shop, session_storage="local") as (app, _):
        git = SubprocessGitRepository()
        history = type(app.runs.history)(app.storage, clock)
        feedback = FeedbackService(app.quality, app.memory, app.storage)
        trees = Trees(git, LocalFileDigests(), FolderProjectFiles())
        runs = RunService([runner], history, feedback, trees, app.quality, app.projects, app.grants, clock)
        with_it = replace(app, runs=runs)
        async with Client(build_server(with_it)) as client:
            yield Bench(with_it, client, runs, runner, clock, shop)
