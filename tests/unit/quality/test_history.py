"""What counts as conventional, as a reference, as a feature branch, and how old a file is."""

from dataclasses import replace

import pytest
from session_mgmt_mcp.domain.quality.history import by_people, changed_at, is_conventional, is_feature, refers_to_issue

from tests.unit.quality.samples import ago, commit, commits, history, lock


@pytest.mark.parametrize(
    "subject",
    ["feat: totals", "fix(cart): round", "Docs: pages", "refactor!: x", "chore(deps)!: bump", "build(a/b): c", "ci: x"],
)
def test_the_usual_types_are_conventional(subject):
    assert is_conventional(subject)


@pytest.mark.parametrize(
    "subject",
    [
        "Fix the cart",
        "feat:totals",
        "feat totals",
        "cart: totals",
        "fixes: x",
        "feat(: x",
        "feat:",
        "",
        "net/http: fix",
    ],
)
def test_anything_else_is_not(subject):
    assert not is_conventional(subject)


@pytest.mark.parametrize(
    "message",
    [
        "Empty carts (#12)",
        "Fixes #7.",
        "SHOP-7: totals",
        "GH-3",
        "See https://example.org/shop/issues/9",
        "you/shop#4",
        "x\n\nCloses: ABC-12",
    ],
)
def test_issues_are_named_in_many_ways(message):
    assert refers_to_issue(message)


@pytest.mark.parametrize(
    "message",
    ["Use UTF-8", "SHA-256 sums", "colour #fff", "&#39;", "#0", "step 2", "ISO-8601", "CVE-2024-1", "v1-2", ""],
)
def test_what_looks_like_an_issue_is_none(message):
    assert not refers_to_issue(message)


@pytest.mark.parametrize("branch", ["feature/cart", "fix-totals", "claude/issue-4", "dependabot/npm/x", "12-totals"])
def test_work_in_progress_is_a_feature_branch(branch):
    assert is_feature(branch)


@pytest.mark.parametrize("branch", ["main", "Master", "develop", "release/2.0", "v1.2", "2.x", "stable", "gh-pages"])
def test_branches_that_stay_are_not(branch):
    assert not is_feature(branch)


def test_messages_by_tools_are_not_read_and_only_the_last_fifty():
    found = [commit("Merge branch 'a'"), commit("checkpoint: noon (quality 70/100)"), *commits(70)]
    assert [one.subject for one in by_people(found)] == ["Totals"] * 50


def test_a_committed_file_is_as_old_as_its_newest_commit():
    past = history([commit(days=3), commit(days=5, files=["uv.lock"]), commit(days=9, files=["uv.lock"])])
    assert changed_at(lock(0), past) == ago(5)
    assert changed_at(lock(0), replace(past, changed=frozenset({"uv.lock"}))) == ago(0)


def test_what_no_known_commit_touched_is_as_old_as_the_oldest_of_them():
    past = history(commits(3, days=40), whole=False)
    assert changed_at(lock(0), past) == past.commits[-1].time
    assert changed_at(lock(90), past) == ago(90)
    assert changed_at(lock(0), history(commits(3, days=40))) == ago(0)  # not committed at all
    assert changed_at(lock(2), None) == ago(2)
