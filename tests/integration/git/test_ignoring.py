"""What git ignores."""

import pytest
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository


@pytest.fixture
def asks() -> SubprocessGitRepository:
    return SubprocessGitRepository()


@pytest.fixture
def ruled(shop, git):
    (shop / ".gitignore").write_text("*.log\nbuild/\n!keep.log\n/file\n")
    (shop / "src").mkdir()
    (shop / "src" / ".gitignore").write_text("*.tmp\n!a.log\n")
    (shop / "build").mkdir()
    return shop


async def test_rules_of_all_levels_hold_and_tracked_files_are_never_ignored(asks, ruled):
    paths = [
        "a.log", "keep.log", "file", "build/x", "src/a.log", "src/b.log", "src/x.tmp", "x.tmp", "src/größe\n.tmp",
        "gone/deep/a.log", "src/../a.log", "-n", "src", ":(top)a.log", ":!x",
    ]  # fmt: skip
    expected = {
        "a.log",
        "build/x",
        "src/b.log",
        "src/x.tmp",
        "src/größe\n.tmp",
        "gone/deep/a.log",
        "src/../a.log",
        ":(top)a.log",
    }
    assert await asks.ignored(ruled, paths) == expected


async def test_paths_are_taken_from_the_folder_or_absolute_also_through_a_link(asks, ruled, tmp_path):
    (tmp_path / "link").symlink_to(ruled)
    paths = ["a.log", "../a.log", "x.tmp", str(ruled / "a.log"), str(tmp_path / "link" / "src" / "b.log")]
    assert await asks.ignored(ruled / "src", paths) == {"../a.log", "x.tmp", str(ruled / "a.log"), paths[4]}


async def test_what_git_refuses_to_judge_does_not_cost_the_other_answers(asks, ruled, git, tmp_path, new_repository):
    git(ruled, "submodule", "add", "-q", str(new_repository(tmp_path / "library")), "vendor")
    git(ruled, "commit", "-qm", "submodule")
    git(ruled, "submodule", "deinit", "-q", "vendor")
    (ruled / "linked").symlink_to("src")
    (ruled / "away").symlink_to(tmp_path)
    strange = ["vendor/x.log", "/etc/passwd", "../../x.log", "away/x.log", "a\0b", "", "."]
    paths = [*strange, "linked/x.tmp", *(f"{n}.log" for n in range(40)), "kept"]
    assert await asks.ignored(ruled, paths) == {"linked/x.tmp", *(f"{n}.log" for n in range(40))}


async def test_a_repository_within_has_its_own_rules_and_obeys_those_around_it(
    asks, ruled, git, tmp_path, new_repository
):
    git(ruled, "submodule", "add", "-q", str(new_repository(tmp_path / "library")), "vendor")
    (ruled / "vendor" / ".gitignore").write_text("*.o\n")
    git(ruled, "worktree", "add", "-q", "-b", "x", str(ruled / "build" / "tree"))
    paths = ["vendor/a.o", "vendor/a.log", "a.o", "build/tree/file", "vendor"]
    assert await asks.ignored(ruled, paths) == {"vendor/a.o", "build/tree/file"}
    assert await asks.ignored(ruled / "build" / "tree", ["file", "a.log"]) == frozenset()


async def test_many_paths_are_judged_like_few(asks, ruled, git):
    (ruled / "build" / "kept").mkdir()
    (ruled / "build" / "kept" / "x").touch()
    git(ruled, "add", "-f", "build")
    git(ruled, "commit", "-qm", "forced")
    few = ["a.log", "file", "build/kept/x", "build/kept", "build", "build/other", "src/a.log", "src/x.tmp"]
    many = [f"src/{n}.{'tmp' if n % 2 else 'py'}" for n in range(50_000)]
    found = await asks.ignored(ruled, [*many, *few])
    assert found & set(few) == await asks.ignored(ruled, few) == {"a.log", "build/other", "src/x.tmp"}
    assert found - set(few) == set(many[1::2])


async def test_what_the_user_ignores_everywhere_is_ignored_here_too(asks, ruled, tmp_path):
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text("*.swp\n")
    (ruled / "a.swp").touch()
    (ruled / "b.bak").touch()
    paths = ["a.swp", "b.bak", "a.log"]
    assert await asks.ignored(ruled, paths) == {"a.swp", "a.log"}
    (home / "my ignores").write_text("*.bak\n")
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/my ignores\n\tfsmonitor = touch ~/sprung\n")
    assert await asks.ignored(ruled, paths) == {"b.bak", "a.log"}
    state = await asks.state(ruled)
    assert "b.bak" not in {one.path for one in state.changed} and "a.swp" in {one.path for one in state.changed}
    assert not (home / "sprung").exists()
