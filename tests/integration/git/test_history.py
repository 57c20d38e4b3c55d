"""What was committed, told by real git."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from session_mgmt_mcp.adapters.git import history
from session_mgmt_mcp.adapters.git.repository import SubprocessGitRepository

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def asks() -> SubprocessGitRepository:
    return SubprocessGitRepository()


@pytest.fixture
def commit(shop, git):
    """`commit("subject", at=NOON)`: makes one, of a changed file, and gives its hash."""

    def make(message: str, at: datetime = NOON, written: datetime | None = None, text: str | None = None) -> str:
        (shop / "file").write_text(message if text is None else text)
        when = {"GIT_AUTHOR_DATE": (written or at).isoformat(), "GIT_COMMITTER_DATE": at.isoformat()}
        git(shop, "commit", "-q", "--allow-empty", "-a", "-m", message, **when)
        return git(shop, "rev-parse", "HEAD")

    return make


async def test_a_commit_is_told_with_all_that_belongs_to_it(asks, shop, git, commit):
    sha = commit("Größer: caf\u00e9\n\nBecause of #12.\n\n1\t2\tno file\n", written=NOON - timedelta(days=3))
    [newest, first] = await asks.log(shop / ".")
    assert (newest.sha, newest.time, newest.author) == (sha, NOON - timedelta(days=3), "Ada")
    assert (newest.subject, newest.body) == ("Größer: café", "Because of #12.\n\n1\t2\tno file")
    assert (newest.files, newest.insertions, newest.deletions) == (("file",), 5, 1)
    assert (first.subject, first.body, first.files) == ("first", "", ("file",))


async def test_commits_are_bounded_by_time_and_by_number(asks, shop, git, commit):
    shas = [commit(f"n {n}", at=NOON + timedelta(hours=n)) for n in range(5)]
    since = await asks.log(shop, since=NOON + timedelta(hours=3))
    assert [one.sha for one in since if one.subject != "first"] == [shas[4], shas[3]]
    assert [one.sha for one in await asks.log(shop, limit=2)] == [shas[4], shas[3]]
    assert await asks.log(shop, limit=0) == []
    assert await asks.log(shop, since=datetime(2999, 1, 1, tzinfo=UTC)) == []


async def test_commits_since_another_are_told_and_none_since_an_unknown_one(asks, shop, git, commit):
    base = git(shop, "rev-parse", "HEAD")
    shas = [commit(f"n {n}") for n in range(3)]
    assert [one.sha for one in await asks.commits_between(shop, base)] == shas[::-1]
    assert [one.sha for one in await asks.commits_between(shop, base[:10], limit=1)] == [shas[2]]
    for unknown in ("0" * 40, "main", "--all", "", "^HEAD"):
        assert await asks.commits_between(shop, unknown) == []
    git(shop, "checkout", "-q", base)
    assert await asks.commits_between(shop, shas[2]) == []


async def test_merges_renames_empty_commits_and_binary_files_are_told_plainly(asks, shop, git, commit):
    git(shop, "checkout", "-qb", "side")
    commit("side", text="x\nside\n")
    git(shop, "checkout", "-q", "main")
    git(shop, "mv", "file", "moved")
    (shop / "picture").write_bytes(b"\0\1")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "moved")
    git(shop, "commit", "-q", "--allow-empty", "-m", "empty")
    git(shop, "merge", "-q", "side", "-m", "merged")
    told = {one.subject: (set(one.files), one.insertions, one.deletions) for one in await asks.log(shop)}
    assert told == {
        "merged": (set(), 0, 0), "empty": (set(), 0, 0), "moved": ({"moved", "picture"}, 0, 0),
        "side": ({"file"}, 1, 0), "first": ({"file"}, 1, 0),
    }  # fmt: skip


async def test_old_encodings_are_told_as_unicode(asks, shop, git):
    message = shop / "message"
    message.write_bytes("Grüße".encode("latin-1"))
    git(shop, "-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-F", str(message))
    assert (await asks.log(shop))[0].subject == "Grüße"


async def test_the_settings_of_a_repository_change_nothing_in_the_answer(asks, shop, git, commit):
    (shop / "sub").mkdir()
    commit("größer")
    (shop / "file").write_text("uncommitted\n")
    before = await asks.log(shop / "sub"), await asks.diff(shop / "sub"), await asks.diff_stat(shop / "sub")
    hostile = {
        "log.showSignature": "true", "diff.relative": "true", "color.ui": "always", "format.pretty": "oneline",
        "log.diffMerges": "first-parent", "diff.noprefix": "true", "core.pager": "false", "log.follow": "true",
        "i18n.logOutputEncoding": "ISO-8859-1", "core.quotePath": "true", "diff.mnemonicPrefix": "true", "log.date": "relative",
    }  # fmt: skip
    for name, value in hostile.items():
        git(shop, "config", name, value)
    assert before[0][0].files == ("file",) and "+uncommitted" in before[1]
    assert (await asks.log(shop / "sub"), await asks.diff(shop / "sub"), await asks.diff_stat(shop / "sub")) == before


async def test_branches_come_with_the_latest_commit_first(asks, shop, git, commit):
    for n, name in enumerate(("old", "feature/größe", "new")):
        git(shop, "checkout", "-qb", name)
        commit(name, at=NOON + timedelta(days=300 + n))
    git(shop, "branch", "-qD", "main")
    assert await asks.branches(shop) == ["new", "feature/größe", "old"]
    git(shop, "checkout", "-q", "--detach")
    assert await asks.branches(shop) == ["new", "feature/größe", "old"]


def test_an_answer_that_was_cut_off_tells_no_commit_with_files_missing(monkeypatch):
    whole = [b"a" * 40, b"1", b"n", b"s", b"b", b"\n1\t2\tx", b"3\t4\t", b"y", b"z", b"b" * 40, b"2", b"m", b"t", b""]
    assert [one.files for one in history.parsed(whole)] == [("x", "z"), ()]
    for end in range(len(whole)):
        assert len(list(history.parsed(whole[:end]))) == (1 if end >= 5 else 0)


async def test_the_history_of_this_repository_is_as_git_prints_it(asks):
    top = Path(__file__).resolve().parents[3]
    found = await asks.log(top, limit=300)
    if not found:
        pytest.skip("the tests were taken out of their repository")
    command = ["git", "log", "--no-merges", "-n", "300", "--numstat", "-M", "--format=@%H%n%s"]
    text = subprocess.run(command, cwd=top, check=True, capture_output=True, text=True).stdout
    expected = {}
    for block in re.split(r"^@", text, flags=re.MULTILINE)[1:]:
        sha, subject, *rest = block.splitlines()
        counts = [line.split("\t")[:2] for line in rest if line]
        expected[sha] = (subject, len(counts), sum(int(a) for a, _ in counts if a != "-"))
    told = {one.sha: (one.subject, len(one.files), one.insertions) for one in found if one.sha in expected}
    assert told and all(expected[sha] == what for sha, what in told.items())
