"""Which files a checkpoint may commit, as a rule over what git says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.checkpoint_commit import committable, message_of, objection
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.git_repository import Changed, Operation, WorkingState

CLEAN = WorkingState("main", "a" * 40, None, 0, 0, None, (), 0)
STATES = ["modified", "added", "deleted", "renamed", "conflicted", "untracked"]
CHANGES = st.builds(Changed, st.text(min_size=1), st.sampled_from(STATES), st.booleans(), st.booleans(), st.booleans())


@given(
    st.lists(CHANGES),
    st.none() | st.sampled_from(Operation),
    st.none() | st.just("main"),
    st.none() | st.just("a" * 40),
)
def test_only_whole_changes_of_files_that_head_knows_are_ever_committed(changes, operation, branch, head):
    state = replace(CLEAN, changed=changes, operation=operation, branch=branch, head=head)
    try:
        files = committable(state)
    except Invalid as error:
        assert str(error).isprintable()
        return
    assert files and operation is None and branch and head
    assert not any(one.submodule or one.state == "conflicted" for one in changes if one.state != "untracked")
    taken = [one for one in changes if one.path in files]
    assert any(one.state in {"modified", "deleted"} and not one.partly for one in taken)


def test_a_name_of_several_lines_is_told_in_one():
    torn = Changed("two\nlines", "conflicted", False, False, False)
    with pytest.raises(Invalid, match=r"^in conflict: two lines; resolve that first$"):
        committable(replace(CLEAN, changed=[torn]))


@given(st.text(max_size=400), st.none() | st.integers(0, 100))
def test_a_message_is_one_short_line_that_says_what_it_is(name, score):
    message = message_of(name, score)
    assert message.startswith("checkpoint: ") and len(message.splitlines()) == 1 and len(message) <= 140
    assert message.endswith(f"(quality {score}/100)") or score is None
    message.encode()


def test_an_objection_names_files_and_never_a_secret():
    secret = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
    said = objection({"a": f"token = {secret}", "b": "fine"}, ["a", "b"])
    assert "a;" in said and "b" not in said.split(";")[0].split(":")[1] and secret not in said
    assert objection({"a": "fine", "b": ""}, ["a", "b"]) == ""
    assert "c, d" in objection({"a": "", "d": "", "c": ""}, ["a"])
    with pytest.raises(Invalid, match="has changed"):
        committable(CLEAN)
