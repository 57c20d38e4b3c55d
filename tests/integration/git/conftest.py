"""Real repositories, made anew for each test."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

IDENTITY = {"user.name": "Ada", "user.email": "ada@example.org", "protocol.file.allow": "always"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if shutil.which("git") is None:
        here = Path(__file__).parent
        missing = pytest.mark.skip(reason="git is not installed")
        for item in items:
            if here in item.path.parents:
                item.add_marker(missing)


def run_git(folder: Path, *args: str, **env: str) -> str:
    """What git prints, with an identity and none of the settings of this machine's user."""
    identity = [part for name, value in IDENTITY.items() for part in ("-c", f"{name}={value}")]
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "GIT_CONFIG_GLOBAL": "/dev/null", **env}
    done = subprocess.run(["git", *identity, *args], cwd=folder, check=False, capture_output=True, env=clean)
    assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode(errors="surrogateescape").strip()


@pytest.fixture
def git() -> Callable[..., str]:
    return run_git


@pytest.fixture
def new_repository() -> Callable[..., Path]:
    """`new_repository(folder)`: with one commit `first` of one file, `file`, which holds `x`."""

    def make(folder: Path, commit: bool = True) -> Path:
        folder.mkdir(parents=True)
        run_git(folder, "init", "-q", "-b", "main")
        if commit:
            (folder / "file").write_text("x\n")
            run_git(folder, "add", ".")
            run_git(folder, "commit", "-q", "-m", "first")
        return folder

    return make


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
