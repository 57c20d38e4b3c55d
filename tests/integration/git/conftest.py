"""Real repositories, made anew for each test."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from session_mgmt_mcp.contracts import git_samples


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("git") is None:
        here = Path(__file__).parent
        missing = pytest.mark.skip(reason="git is not installed")
        for item in items:
            if here in item.path.parents:
                item.add_marker(missing)


@pytest.fixture
def git() -> Callable[..., str]:
    return git_samples.run_git


@pytest.fixture
def new_repository() -> Callable[..., Path]:
    """`new_repository(folder)`: with one commit `first` of one file, `file`, which holds `x`."""
    return git_samples.new_repository


@pytest.fixture
def shop(tmp_path: Path, new_repository: Callable[..., Path]) -> Path:
    return new_repository(tmp_path / "my code" / "shop")


@pytest.fixture
def nowhere(tmp_path: Path, shop: Path, git: Callable[..., str]) -> dict[str, Path]:
    """Folders that are no worktree, each under what is the matter with it."""
    places = {"plain": tmp_path / "plain", "gone": tmp_path / "gone", "bare": tmp_path / "bare.git"}
    places["plain"].mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(shop), str(places["bare"]))
    return {**places, "file": shop / "file", "no name": Path("a\0b"), "inside .git": shop / ".git"}
