"""crackerjack_run and its neighbours, as a client calls them."""

import pytest
from fastmcp.exceptions import ToolError
from session_mgmt_mcp.ports.errors import Unavailable
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    Case,
    CaseStatus,
    Command,
    Finding,
    LinesRun,
    Option,
    Outcome,
    RunReport,
    Step,
    StepStatus,
)

REPORT = RunReport(
    "",
    "",
    Command.TEST,
    Outcome.FINDINGS,
    2.345,
    ran=["pytest -q"],
    steps=[Step("pytest", Aspect.TESTS, StepStatus.FAILED, 2.0, 1, "1 of 2 tests failed")],
    cases=[
        Case("t.py::one", CaseStatus.PASSED, "t.py", 1, 0.1),
        Case("t.py::two", CaseStatus.FAILED, "t.py", 7, 0.2, "AssertionError: assert 1 == 2"),
    ],
    lines_run=LinesRun(3, 4),
)


async def call(bench, tool="crackerjack_run", **arguments):
    bench.clock.advance(minutes=1)
    return (await bench.client.call_tool(tool, arguments)).structured_content


@pytest.mark.parametrize("tool", ["crackerjack_run", "execute_crackerjack_command"])
async def test_a_run_is_told_with_its_failures_and_what_is_new(bench, tool):
    bench.runner.reports = [REPORT]
    said = await call(bench, tool, command="test")
    assert (said["outcome"], said["seconds"], said["coverage"]) == ("findings", 2.35, 75.0)
    assert said["tests"] == {"passed": 1, "failed": 1, "errors": 0, "skipped": 0}
    [failed] = said["failed"]
    assert (failed["id"], failed["file"], failed["line"]) == ("t.py::two", "t.py", 7)
    assert said["newly_wrong"] == ["test t.py::two"]
    assert said["summary"].startswith("test by memory: findings in 2.3 s; 1 of 2 tests failed; 75 % of lines")


async def test_progress_is_told_while_it_runs(bench):
    told = []

    async def heard(progress, total, message):
        told.append((progress, total, message))

    bench.clock.advance(minutes=1)
    await bench.client.call_tool("crackerjack_run", {"command": "test"}, progress_handler=heard)
    assert told == [(0, None, "test"), (0, 1, "test"), (1, 1, "test")]
    bench.clock.advance(minutes=1)
    await bench.client.call_tool("crackerjack_run", {"command": "test"}, progress_handler=heard)
    assert told[3] == (0, None, "test, about 1 s")


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ({"command": "--ai-fix -t"}, 'command="test", ai_agent_mode=true'),
        ({"command": "test", "args": "--ai-fix"}, 'args="", ai_agent_mode=true'),
        ({"command": "lint", "args": "-t"}, 'command="test"'),
        ({"command": "test", "working_directory": "/"}, "is no project"),
        ({"command": "test", "working_directory": "shop"}, "absolute path"),
        ({"command": "format"}, "quality_fix is not allowed"),
    ],
)
async def test_what_cannot_be_run_is_answered_with_what_can(bench, arguments, right):
    with pytest.raises(ToolError, match=r"^[^\n]+$") as error:
        await call(bench, **arguments)
    assert right in str(error.value) and not bench.runner.requests


async def test_a_long_answer_stays_within_its_budget(bench):
    findings = [Finding("ruff", Aspect.LINT, "F821", f"shop/f{n}.py", n, "undefined name " * 20) for n in range(2_000)]
    step = Step("ruff", Aspect.LINT, StepStatus.FAILED, 1.0, len(findings))
    bench.runner.reports = [RunReport("", "", Command.LINT, Outcome.FINDINGS, 1.0, steps=[step], findings=findings)]
    said = await call(bench, command="lint")
    assert len(str(said)) < 4 * 4_000 * 1.5 and said["rules"] == {"F821": 2_000} and said["findings"]


async def test_health_tells_what_is_there_and_what_it_lacks(bench):
    said = await call(bench, "crackerjack_health_check")
    [runner] = said["runners"]
    assert runner["there"] and runner["version"] == "1.0" and runner["interpreter"] == "python (3.12)"
    assert "security" not in runner["commands"] and runner["rewrites"] == ["format"]
    assert runner["lacking"] == ["bandit is not there."] and said["may_fix"] is False


async def test_health_of_nothing_says_how_to_get_it(bench):
    bench.runner.absent = Unavailable("memory is not installed: install it.")
    said = await call(bench, "crackerjack_health_check")
    assert said["summary"] == "No runner is there: memory is not installed: install it."


async def test_help_names_what_was_found_and_nothing_else(bench):
    said = await call(bench, "crackerjack_help")
    assert 'crackerjack_run(command="lint")' in said["text"] and 'command="security"' not in said["text"]
    assert "bandit is not there." in said["text"] and "needs the grant quality_fix" in said["text"]


@pytest.mark.parametrize("topic", ["test", "args", "ai_agent_mode", "install", "security"])
async def test_help_answers_each_topic(bench, topic):
    text = (await call(bench, "crackerjack_help", topic=topic))["text"]
    expected = {
        "test": "runs the tests",
        "args": "`--fail-fast`",
        "ai_agent_mode": "memory 1.0: offers none",
        "install": "bandit is not there.",
        "security": "cannot security here",
    }
    assert expected[topic] in text and "--workers" not in text


async def test_the_flags_that_help_tells_are_taken(bench):
    offered = (await call(bench, "crackerjack_help", topic="args"))["text"]
    assert f"--{Option.FAIL_FAST}" in offered
    assert (await call(bench, command="test", args="--fail-fast"))["outcome"] == "clean"
