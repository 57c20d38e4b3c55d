"""The score of real repositories, each made by its test."""

import asyncio
import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.import_ledger import MemoryImportLedger
from session_mgmt_mcp.adapters.memory.session_storage import MemorySessionStorage
from session_mgmt_mcp.adapters.project.files import FolderProjectFiles
from session_mgmt_mcp.domain.projects import ProjectService
from session_mgmt_mcp.domain.quality.evidence import Measured, Metric
from session_mgmt_mcp.domain.quality.scoring import Score
from session_mgmt_mcp.domain.quality.service import QualityService
from session_mgmt_mcp.ports.errors import NotFound

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def git(folder: Path, *args: str, at: datetime = NOW) -> None:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "protocol.file.allow=always"]
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), at.isoformat())
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, env={**os.environ, **dates})


def commit(folder: Path, subject: str = "Totals", days: float = 1, **files: str) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
        git(folder, "add", "-f", path)
    git(folder, "commit", "-q", "--allow-empty", "-m", subject, at=NOW - timedelta(days=days))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "my code" / "shop"
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def quality(clock: FixedClock) -> QualityService:
    repository = SubprocessGitRepository()
    projects = ProjectService(repository, MemoryImportLedger())
    return QualityService(FolderProjectFiles(), repository, MemorySessionStorage(clock.now), projects, clock)


def points(score: Score) -> dict[str, float | None]:
    return {one.name: one.points for one in score.components}


async def test_a_repository_with_a_history_is_scored_in_every_component_that_git_tells(shop, quality):
    for number in range(12):
        commit(shop, f"feat: step {number} (#{number + 1})", days=20 - number)
    commit(
        shop,
        "Merge branch 'x'",
        days=0.5,
        **{"pyproject.toml": "[tool.pytest]\n", "a.py": "x = 1\n", ".gitignore": ".env\n"},
    )
    commit(shop, "fix: lock", days=40, **{"uv.lock": "version = 1\n"})
    for branch in ("cart", "fix/totals", "release/2"):
        git(shop, "branch", branch)
    found = points(await quality.score(shop))
    assert found == {
        "coverage": None, "lint": None, "types": None, "complexity": None, "security findings": None,
        "packaging": 5, "version control": 5, "lock freshness": 3, "tests": 0, "docs": 0, "CI": 0,
        "commits": 4, "conventional messages": 5, "issue references": 5, "branches": 3, "hygiene": 5,
    }  # fmt: skip


async def test_the_score_is_the_same_from_a_sub_folder_and_a_worktree(shop, tmp_path, quality):
    commit(shop, **{"pyproject.toml": "", "src/deep/a.py": "", "README.md": ""})
    git(shop, "worktree", "add", "-q", str(tmp_path / "other"), "-b", "other")
    top = await quality.score(shop)
    assert await quality.score(shop / "src" / "deep") == top
    assert points(await quality.score(tmp_path / "other")) == points(top)


async def test_a_lock_that_is_changed_and_not_committed_is_as_old_as_its_file(shop, quality):
    commit(shop, days=200, **{"a.py": "", "uv.lock": "version = 1\n"})
    assert points(await quality.score(shop))["lock freshness"] == 1
    (shop / "uv.lock").write_text("version = 2\n")
    os.utime(shop / "uv.lock", times=((NOW - timedelta(days=50)).timestamp(),) * 2)
    assert points(await quality.score(shop))["lock freshness"] == 3


async def test_an_env_file_that_git_does_not_ignore_costs_two_points_and_an_ignored_one_none(shop, quality):
    commit(shop, **{"a.py": "", ".gitignore": "*.pyc\n"})
    (shop / ".env").write_text("PORT=1\n")
    assert points(await quality.score(shop))["hygiene"] == 3
    (shop / ".gitignore").write_text(".env\n")
    assert points(await quality.score(shop))["hygiene"] == 5
    git(shop, "add", "-f", ".env")
    assert points(await quality.score(shop))["hygiene"] == 3  # git ignores no tracked file


async def test_a_hard_coded_secret_is_counted_where_it_is_tracked_and_runs_and_never_shown(shop, quality):
    secret = f'TOKEN = "{TOKEN}"\n'
    commit(shop, **{"a.py": secret, "b.py": "# <private>mine</private>\n", ".gitignore": ".env\nlocal.py\n"})
    commit(shop, **dict.fromkeys(("tests/test_a.py", "cart_test.go", "docs/a.md", "CHANGELOG.md"), secret))
    (shop / "local.py").write_text(secret)
    score = await quality.score(shop)
    assert points(score)["hygiene"] == 3
    figure = next(one.figure for one in score.components if one.name == "hygiene")
    assert "1 hard-coded secret" in figure and "a.py" in figure and TOKEN not in repr(score)


async def test_reports_that_git_ignores_are_evidence(shop, quality):
    commit(shop, **{"a.py": "", ".gitignore": "coverage.xml\n"})
    (shop / "coverage.xml").write_text('<coverage lines-valid="4" lines-covered="3"/>')
    score = await quality.score(shop)
    coverage = next(one for one in score.components if one.name == "coverage")
    assert coverage.points == pytest.approx(11.25) and coverage.source == "coverage.xml" and coverage.time


async def test_a_stored_run_is_evidence_until_a_newer_one_comes(shop, quality, clock):
    commit(shop, **{"a.py": ""})
    project = await ProjectService(SubprocessGitRepository(), MemoryImportLedger()).project_of(str(shop))
    await quality.measure(project, Metric.LINT, Measured(90, "run 2", NOW, "9 of 10 checks"))
    await quality.measure(project, Metric.LINT, Measured(10, "run 1", NOW - timedelta(days=1)))
    lint = next(one for one in (await quality.score(shop)).components if one.name == "lint")
    assert (lint.points, lint.source, lint.figure) == (9, "run 2", "9 of 10 checks")


async def test_nothing_to_score_is_said_in_one_sentence(tmp_path, shop, quality):
    (tmp_path / "empty").mkdir()
    empty = await quality.score(tmp_path / "empty")
    assert empty.total is None and "empty" in empty.note
    assert (await quality.score(shop)).total is None  # a repository without a commit and without a file
    git(tmp_path, "init", "-q", "--bare", str(tmp_path / "bare.git"))
    bare = await quality.score(tmp_path / "bare.git")
    assert bare.total is None and "bare" in bare.note
    with pytest.raises(NotFound):
        await quality.score(tmp_path / "gone")


async def test_a_repository_without_a_commit_is_scored_by_its_files(shop, quality):
    (shop / "pyproject.toml").write_text("")
    (shop / "a.py").write_text("")
    git(shop, "add", ".")
    found = points(await quality.score(shop))
    assert (found["packaging"], found["version control"], found["commits"]) == (3, 3, None)


async def test_without_git_what_it_would_tell_is_unknown(shop, quality, monkeypatch):
    commit(shop, **{"pyproject.toml": "", "a.py": ""})
    monkeypatch.setenv("PATH", "/nowhere")
    found = points(await quality.score(shop))
    assert (found["packaging"], found["version control"], found["commits"]) == (3, None, None)


async def test_a_git_that_does_not_answer_in_time_leaves_its_history_unknown(shop, quality, monkeypatch):
    commit(shop, **{"pyproject.toml": "", "a.py": ""})

    async def nothing(*_: object, **__: object) -> list[None]:
        return []

    monkeypatch.setattr(SubprocessGitRepository, "log", nothing)
    found = points(await quality.score(shop))
    assert (found["packaging"], found["version control"], found["commits"]) == (3, None, None)


async def test_a_history_that_takes_too_long_is_asked_for_its_newest_part(shop, quality, monkeypatch):
    for number in range(7):
        commit(shop, f"feat: step {number}", days=number)
    commit(shop, days=9, **{"a.py": ""})
    whole = SubprocessGitRepository.log

    async def slow(self, folder, since=None, limit=500):
        return await whole(self, folder, since, limit) if limit < 100 else []

    monkeypatch.setattr(SubprocessGitRepository, "log", slow)
    found = points(await quality.score(shop))
    assert (found["version control"], found["commits"], found["conventional messages"]) == (5, 2, 5)


async def test_a_folder_outside_of_git_is_scored_by_its_files(tmp_path, quality):
    (tmp_path / "a.py").write_text("")
    (tmp_path / ".env").write_text("")
    found = points(await quality.score(tmp_path))
    assert (found["version control"], found["commits"], found["hygiene"]) == (0, None, 2)


async def test_scores_are_kept_by_project_and_compared_with_earlier_ones(shop, quality, clock):
    commit(shop, **{"pyproject.toml": "", "a.py": ""})
    first = await quality.record("my shop-1a2b3c", await quality.score(shop), "start", "s1")
    assert (await quality.trend("my shop-1a2b3c")).direction == "first"
    clock.advance(days=40)
    commit(shop, days=-39, **{"README.md": "", "uv.lock": ""})
    second = await quality.record("my shop-1a2b3c", await quality.score(shop), "end", "s1")
    await quality.record("other-1a2b3c", second.score, "end", "s2")
    trend = await quality.trend("my shop-1a2b3c")
    assert trend.direction == "improving" and trend.scores == 2 and trend.since == first.score.at
    assert trend.change == second.score.total - first.score.total
    gained = {move.name: (move.before, move.after) for move in trend.moves}
    assert gained["packaging"] == (3, 5) and gained["docs"] == (0, 2) and gained["lock freshness"] == (None, 5)
    assert await quality.history("my shop-1a2b3c", NOW) == [first, second]
    assert await quality.history("my shop-1a2b3c", NOW + timedelta(days=1)) == [second]


async def test_two_scores_of_one_moment_are_two(shop, quality):
    commit(shop, **{"a.py": ""})
    score = await quality.score(shop)
    both = await asyncio.gather(*(quality.record("shop-1a2b3c", score, "checkpoint") for _ in range(9)))
    assert len({one.id for one in both}) == len(await quality.history("shop-1a2b3c", NOW)) == 9


async def test_a_name_of_a_file_that_is_a_secret_is_not_stored(quality, tmp_path):
    (tmp_path / f"README {TOKEN}.md").write_text("")
    folder = tmp_path / TOKEN
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    score = await quality.score(tmp_path)
    assert TOKEN in repr(score)
    assert TOKEN not in repr(await quality.record("shop-1a2b3c", score, "checkpoint"))


async def test_the_stack_is_told_of_any_project(shop, quality):
    commit(
        shop,
        **{
            "go.mod": "module shop\n",
            "go.sum": "",
            "a.go": "",
            "a_test.go": "",
            "web/package.json": "{}",
            "web/a.ts": "",
        },
    )
    stack = await quality.stack(shop / "web")
    assert (stack.language, stack.managers, stack.tests, stack.is_bare) == ("go", ["go", "npm"], ["go test"], False)
    assert "go 67 %, typescript 33 %" in stack.in_words()


@pytest.mark.slow
async def test_a_hundred_thousand_files_are_scored_in_bounded_time(tmp_path, shop, quality):
    for number in range(1_000):
        folder = shop / f"src/{number}"
        folder.mkdir(parents=True)
        for name in range(100):
            (folder / f"{name}.py").write_text(f"x = {name}\n")
    git(shop, "add", ".")
    git(shop, "commit", "-q", "-m", "all")
    began = time.monotonic()
    score = await quality.score(shop)
    took = time.monotonic() - began
    hygiene = next(one for one in score.components if one.name == "hygiene")
    assert score.total is not None and "of 100,000 files read" in hygiene.figure
    print(f"100,000 tracked files: {took:.1f} s")
    assert took < 30


async def test_looking_writes_nothing(shop, quality):
    commit(shop, **{"pyproject.toml": "", "a.py": "", ".env": ""})

    def seen() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in shop.rglob("*")}

    before = seen()
    await quality.score(shop)
    await quality.stack(shop)
    assert seen() == before
