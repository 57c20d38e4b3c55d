"""What no longer matches."""

from dataclasses import replace

from session_mgmt_mcp.domain.context_changes import Difference, differences
from session_mgmt_mcp.domain.working import Work
from session_mgmt_mcp.ports.git_repository import Changed

THEN = Work(
    "/home/you/shop",
    repository=True,
    branch="cart",
    head="a1",
    changed=[Changed("cart.py", "modified"), Changed("gone.py", "modified"), Changed("old.py", "deleted")],
    digests={"cart.py": "1", "gone.py": "2", "read.py": "3"},
)


def told(now: Work, digests: dict[str, str]) -> set[tuple[str, str]]:
    return {(one.what, one.path) for one in differences(THEN, now, digests)}


def test_what_is_as_it_was_tells_nothing():
    assert differences(THEN, THEN, THEN.digests) == []


def test_a_folder_that_is_gone_tells_nothing_more():
    assert differences(THEN, Work("/home/you/shop", there=False), {}) == [
        Difference("folder", "/home/you/shop", "gone")
    ]


def test_each_thing_that_differs_is_told_once():
    now = Work(
        "/home/you/shop",
        repository=True,
        branch="main",
        head="b2",
        operation="merge",
        changed=[Changed("cart.py", "conflicted"), Changed("new.py", "untracked"), Changed("gone.py", "deleted")],
    )
    assert told(now, {"cart.py": "9", "read.py": "3"}) == {
        ("branch", ""), ("head", ""), ("operation", ""),
        ("changed_since", "cart.py"), ("gone", "gone.py"), ("clean", "old.py"), ("dirty", "new.py"),
    }  # fmt: skip


def test_a_file_that_was_only_read_and_now_holds_something_else_is_told():
    now = Work("/home/you/shop", repository=True, branch="cart", head="a1", changed=THEN.changed)
    assert told(now, {**THEN.digests, "read.py": "4"}) == {("changed_since", "read.py")}


def test_a_change_that_was_committed_is_told_as_clean_and_a_new_head():
    now = Work("/home/you/shop", repository=True, branch="cart", head="b2")
    assert told(now, THEN.digests) == {("head", ""), ("clean", "cart.py"), ("clean", "gone.py"), ("clean", "old.py")}


def test_a_file_that_holds_the_same_but_stands_otherwise_is_told():
    now = replace(THEN, changed=[replace(THEN.changed[0], state="conflicted"), *THEN.changed[1:]])
    assert differences(THEN, now, THEN.digests) == [Difference("changed_since", "modified", "conflicted", "cart.py")]


def test_no_branch_is_said_in_words():
    now = Work("/home/you/shop", repository=True, head="a1", changed=THEN.changed)
    assert differences(THEN, now, THEN.digests) == [Difference("branch", "cart", "none")]
