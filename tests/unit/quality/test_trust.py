"""Trust stands beside the score."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.domain.grants import Operation
from session_mgmt_mcp.domain.quality.evidence import Measured, Metric
from session_mgmt_mcp.domain.quality.trust import trust


@pytest.mark.parametrize(("granted", "points"), [(0, 0), (1, 10), (3, 30), (4, 40), (5, 40)])
def test_permissions_are_ten_points_each_up_to_forty(granted, points):
    assert trust(granted, True, 3).permissions == points


def test_a_kept_session_is_thirty_and_a_working_tool_ten():
    found = trust(2, True, 2)
    assert (found.permissions, found.session, found.tools, found.total) == (20, 30, 20, 70)
    assert trust(4, False, 0).total == 40


def test_what_is_unknown_is_left_out():
    assert trust(4, None, 3).total == 100
    assert trust(None, None, None).total is None


@given(st.none() | st.integers(0, 9), st.none() | st.booleans(), st.none() | st.integers(0, 9))
def test_it_lies_between_nothing_and_a_hundred(granted, kept, working):
    total = trust(granted, kept, working).total
    assert total is None or 0 <= total <= 100


async def test_it_follows_from_grants_the_session_and_the_tools(product_in, tmp_path):
    (tmp_path / "plain").mkdir()
    async with product_in(tmp_path / "plain") as (app, _):
        folder, project = tmp_path / "plain", await app.projects.project_of(str(tmp_path / "plain"))
        first = await app.trust.of(folder, project, "s1")
        assert (first.permissions, first.session, first.tools) == (0, 0, 10)
        assert [line.partition(":")[0] for line in first.lacking] == [
            "git answers for no repository here", "no check of the project ran in 30 days"
        ]  # fmt: skip
        await app.grants.trust(Operation.GIT_COMMIT, project, "you")
        await app.grants.trust(Operation.GIT_COMMIT, "*", "you")
        await app.storage.put("sessions", "s1", {"folder": str(folder)}, expected_version=0)
        now = (await app.quality.score(folder)).at
        await app.quality.measure(project, Metric.LINT, Measured(90, "run", now))
        then = await app.trust.of(folder, project, "s1")
        assert (then.permissions, then.session, then.tools, then.total) == (10, 30, 20, 60)
        assert (await app.trust.of(folder, project, "")).session is None
        await app.quality.measure(project, Metric.TYPES, Measured(90, "run", now - timedelta(days=31)))
        assert (await app.trust.of(folder, "other-1a2b3c", "s1")).tools == 10
