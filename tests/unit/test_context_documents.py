"""What is written of a working state is read back as it was."""

import json
from dataclasses import replace
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.context_changes import differences
from session_mgmt_mcp.domain.context_documents import work_body, work_of
from session_mgmt_mcp.domain.working import OpenFile, Work
from session_mgmt_mcp.ports.git_repository import Changed
from session_mgmt_mcp.ports.transcript_source import Todo

TEXT, TIMES = st.text(max_size=20), st.datetimes(timezones=st.just(UTC))
WORKS = st.builds(
    Work,
    root=TEXT,
    there=st.booleans(),
    repository=st.booleans(),
    branch=st.none() | TEXT,
    head=st.none() | TEXT,
    operation=st.none() | TEXT,
    changed=st.lists(
        st.builds(
            Changed,
            path=TEXT,
            state=st.sampled_from(["modified", "added", "deleted", "untracked"]),
            staged=st.booleans(),
            submodule=st.booleans(),
        ),
        max_size=5,
        unique_by=lambda one: one.path,
    ),
    untracked=st.integers(0, 9),
    diff=TEXT,
    files=st.lists(st.builds(OpenFile, path=TEXT, use=st.sampled_from(["edited", "read"]), time=TIMES), max_size=5),
    prompts=st.lists(TEXT, max_size=5),
    todos=st.lists(
        st.builds(Todo, text=TEXT, state=st.sampled_from(["pending", "in_progress", "completed"])), max_size=5
    ),
    running=st.lists(TEXT, max_size=3),
    digests=st.dictionaries(TEXT, st.text(min_size=1, max_size=8), max_size=5),
    last=st.none() | TIMES,
)


@given(WORKS)
def test_a_working_state_survives_being_written(work):
    body = json.loads(json.dumps(work_body(work)))
    assert work_of(body, work.diff) == work and "diff" not in body


@given(WORKS)
def test_what_is_the_same_never_differs(work):
    assert differences(work, work, work.digests) == []


@given(WORKS, WORKS)
def test_each_file_is_told_at_most_once_and_only_if_it_was_known(then, now):
    found = differences(replace(then, there=True), replace(now, there=True), now.digests)
    paths = [one.path for one in found if one.what not in ("branch", "head", "operation", "repository")]
    known = {one.path for one in (*then.changed, *now.changed)} | set(then.digests)
    assert len(paths) == len(set(paths)) and set(paths) <= known
