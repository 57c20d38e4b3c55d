"""The native tools on projects that are not as one would wish."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from session_mgmt_mcp.contracts import quality_samples as samples
from session_mgmt_mcp.contracts.git_samples import run_git
from session_mgmt_mcp.contracts.quality_runner import Watched, assert_sound, watch_run
from session_mgmt_mcp.ports.errors import Unavailable, Unsupported
from session_mgmt_mcp.ports.quality_runner import (
    Aspect,
    CaseStatus,
    Command,
    Options,
    Outcome,
    Request,
    StepStatus,
)

from tests.integration.test_pytools import shared_runner

CHECKED = frozenset(Command) - {Command.ALL}


async def ran(folder: Path, command: Command, beside: Path | None = None, **options: object) -> Watched:
    seen = await watch_run(shared_runner(beside), Request(folder, command, Options(**options)))  # type: ignore[arg-type]
    assert_sound(seen.report, folder)
    return seen


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return samples.new_project(tmp_path / "shop", samples.SOUND)


@pytest.fixture
def only_ruff(tmp_path: Path) -> Path:
    """A folder of programs in which there is no other tool."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "ruff").symlink_to(Path(sys.executable).parent / "ruff")
    return folder


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


async def test_in_a_project_without_python_nothing_is_looked_at_and_nothing_is_wrong(tmp_path: Path) -> None:
    folder = samples.new_project(tmp_path / "shop", {"notes.txt": "Shop\n", "index.js": "1\n"})
    report = (await ran(folder, Command.ALL)).report
    assert report.outcome is Outcome.CLEAN and len(report.steps) == 6
    assert {step.status for step in report.steps} == {StepStatus.SKIPPED}, report.steps
    assert report.complexity is None and report.lines_run is None


@pytest.mark.parametrize("command", sorted(Command))
async def test_a_broken_pyproject_is_a_usage_error_of_every_command(shop: Path, command: Command) -> None:
    (shop / "pyproject.toml").write_text("[tool.ruff\n")
    seen = await ran(shop, command)
    assert seen.report.outcome is Outcome.USAGE_ERROR and "pyproject.toml" in seen.report.note
    assert not seen.report.ran and not seen.printed


@pytest.mark.parametrize(
    ("command", "config"),
    [
        (Command.LINT, "[tool.ruff]\nline-length = 'long'\n"),
        (Command.FORMAT, "[tool.ruff.format]\nquote-style = 3\n"),
        (Command.CHECK, "[tool.mypy]\nfiles = ['gone']\n"),
        (Command.SECURITY, "[tool.bandit]\ntests = ['B999']\n"),
        (Command.TEST, "[tool.pytest.ini_options]\naddopts = '--gone'\n"),
    ],
)
async def test_what_a_tool_does_not_understand_is_a_usage_error(shop: Path, command: Command, config: str) -> None:
    (shop / "pyproject.toml").write_text(config)
    report = (await ran(shop, command)).report
    assert report.outcome is Outcome.USAGE_ERROR and [step.status for step in report.steps] == [StepStatus.CRASHED]


@pytest.mark.parametrize("command", [Command.LINT, Command.FORMAT, Command.CHECK])
async def test_a_file_that_cannot_be_parsed_is_a_finding(shop: Path, command: Command) -> None:
    (shop / "shop" / "broken.py").write_text("def f(:\n")
    [first, *_] = (await ran(shop, command)).report.findings
    assert (first.file, first.line) == ("shop/broken.py", 1) and first.rule in ("invalid-syntax", "syntax")


async def test_a_test_file_that_cannot_be_imported_is_an_error_of_it(shop: Path) -> None:
    (shop / "tests" / "test_lost.py").write_text("import gone\n")
    seen = await ran(shop, Command.TEST)
    [case] = seen.cases(CaseStatus.ERROR).values()
    assert seen.report.outcome is Outcome.FINDINGS and case.file == "tests/test_lost.py"
    assert "No module named 'gone'" in case.message


async def test_a_broken_conftest_is_told_with_its_reason(shop: Path) -> None:
    (shop / "tests" / "conftest.py").write_text("import gone\n")
    report = (await ran(shop, Command.TEST)).report
    assert report.outcome is Outcome.USAGE_ERROR and "conftest" in report.note


async def test_tests_that_leave_in_the_middle_are_a_crash_whatever_they_exit_with(shop: Path) -> None:
    (shop / "tests" / "test_leaving.py").write_text("import os\n\ndef test_leaving():\n    os._exit(0)\n")
    report = (await ran(shop, Command.TEST)).report
    assert report.outcome is Outcome.CRASH and "in the middle" in report.note


async def test_too_little_coverage_is_a_finding_though_every_test_passes(shop: Path) -> None:
    config = samples.SOUND["pyproject.toml"]
    (shop / "pyproject.toml").write_text(config + "\n[tool.coverage.report]\nfail_under = 99\n")
    report = (await ran(shop, Command.TEST)).report
    assert report.outcome is Outcome.FINDINGS and "99" in report.steps[0].message
    assert {case.status for case in report.cases} == {CaseStatus.PASSED}


async def test_what_the_project_covers_by_itself_is_left_so(shop: Path) -> None:
    config = samples.SOUND["pyproject.toml"].replace('["tests"]\n', '["tests"]\naddopts = "--cov=shop"\n')
    (shop / "pyproject.toml").write_text(config.replace('source = ["shop"]', ""))
    report = (await ran(shop, Command.TEST)).report
    assert report.lines_run and report.lines_run.total == 4 and "--cov" not in report.ran[0]


async def test_only_lines_of_the_project_count_and_no_file_is_left_in_it(shop: Path) -> None:
    (shop / ".gitignore").write_text("__pycache__/\n")
    (shop / "pyproject.toml").write_text("")
    report = (await ran(shop, Command.TEST)).report
    assert report.lines_run and report.lines_run.total == 12
    assert run_git(shop, "status", "--porcelain").splitlines() == ["M .gitignore", " M pyproject.toml"]


async def test_of_many_tools_those_that_are_there_run(shop: Path, only_ruff: Path) -> None:
    report = (await ran(shop, Command.ALL, only_ruff)).report
    statuses = {step.name: step.status for step in report.steps}
    assert report.outcome is Outcome.CLEAN
    assert statuses.pop("ruff check") is statuses.pop("ruff format") is StepStatus.PASSED
    assert set(statuses.values()) == {StepStatus.MISSING} and len(statuses) == 4


async def test_what_is_lacking_is_told_with_how_to_get_it(shop: Path, only_ruff: Path) -> None:
    runner = shared_runner(only_ruff)
    can = await runner.capabilities(shop)
    assert set(can.commands) == set(can.options) == {Command.LINT, Command.FORMAT, Command.ALL}
    assert len(can.lacking) == 4 and all("session-mgmt-mcp[quality]" in sentence for sentence in can.lacking)
    for command in sorted(CHECKED - set(can.commands)):
        with pytest.raises(Unavailable, match=r"session-mgmt-mcp\[quality\]"):
            await ran(shop, command, only_ruff)


async def test_only_files_that_differ_from_head_are_looked_at(tmp_path: Path) -> None:
    shop = samples.new_project(tmp_path / "shop")
    nothing = (await ran(shop, Command.LINT, changed_only=True)).report
    assert [step.status for step in nothing.steps] == [StepStatus.SKIPPED] and nothing.outcome is Outcome.CLEAN
    written(shop, {"shop/new.py": "print(nobody)\n", "shop/cart.py": "print(no_cart)\n", "notes.txt": "x"})
    (shop / "shop" / "shell.py").unlink()
    part = (await ran(shop, Command.LINT, changed_only=True, paths=["shop/new.py", "tests"])).report
    assert {one.file for one in part.findings} == {"shop/new.py"}
    both = (await ran(shop, Command.LINT, changed_only=True)).report
    assert {one.file for one in both.findings} == {"shop/new.py", "shop/cart.py"}


async def test_of_a_part_of_a_repository_only_its_own_changes_are_looked_at(tmp_path: Path) -> None:
    top = samples.new_project(tmp_path / "top", {"a/x.py": "", "b/x.py": ""})
    written(top, {"a/x.py": "print(in_a)\n", "b/x.py": "print(in_b)\n"})
    report = (await ran(top / "a", Command.LINT, changed_only=True)).report
    assert {one.file for one in report.findings} == {"x.py"} and "in_a" in report.findings[0].message


async def test_outside_of_git_nothing_can_differ_from_head(tmp_path: Path) -> None:
    written(tmp_path, {"a.py": ""})
    with pytest.raises(Unsupported, match="changed-only"):
        await ran(tmp_path, Command.LINT, changed_only=True)


async def test_a_file_that_is_named_like_an_option_is_a_file(shop: Path) -> None:
    names = ["--fix.py", "-c", "--config=x.py"]
    written(shop, dict.fromkeys(names, "print(nobody)\n"))
    lint = (await ran(shop, Command.LINT, paths=names)).report
    assert {one.file for one in lint.findings} == set(names) and {one.rule for one in lint.findings} == {"F821"}
    types = (await ran(shop, Command.CHECK, paths=["--fix.py"])).report
    assert {one.file for one in types.findings} == {"--fix.py"}
    tests = (await ran(shop, Command.TEST, paths=["--fix.py"])).report
    assert [case.file for case in tests.cases] == ["--fix.py"]


async def test_tests_are_looked_at_for_security_when_they_are_named(shop: Path) -> None:
    assert (await ran(shop, Command.SECURITY)).report.outcome is Outcome.CLEAN
    named = (await ran(shop, Command.SECURITY, paths=["tests/test_cart.py"])).report
    assert {(one.rule, one.aspect) for one in named.findings} == {("B101", Aspect.SECURITY)}


async def test_a_limit_of_the_projects_own_counts(tmp_path: Path) -> None:
    shop = samples.new_project(tmp_path / "shop")
    with (shop / "pyproject.toml").open("a") as config:
        config.write("\n[tool.complexipy]\nmax-complexity-allowed = 70\n")
    report = (await ran(shop, Command.COMPLEXITY)).report
    assert report.outcome is Outcome.CLEAN and report.complexity
    assert (report.complexity.limit, report.complexity.over, report.complexity.most) == (70, 0, 63)


async def test_what_git_ignores_is_hidden_or_installed_is_not_looked_at_for_security(shop: Path) -> None:
    bad = samples.FAULTY["shop/shell.py"]
    for place in (".cache/x", "ignored", "shop/.hidden", "shop/node_modules/x", "own/lib", "build"):
        written(shop, {f"{place}/bad.py": bad})
    written(shop, {".gitignore": "ignored/\n", "own/pyvenv.cfg": "", "seen/bad.py": bad, "bad.py": bad})
    report = (await ran(shop, Command.SECURITY)).report
    assert {one.file for one in report.findings} == {"seen/bad.py", "bad.py"}
    assert "own" not in report.ran[0] and "ignored" not in report.ran[0]


async def test_a_project_that_lets_ruff_fix_by_itself_is_not_rewritten_by_lint(shop: Path) -> None:
    written(shop, {"pyproject.toml": "[tool.ruff]\nfix = true\n", "shop/new.py": "import os\n"})
    report = (await ran(shop, Command.LINT)).report
    assert [one.rule for one in report.findings] == ["F401"] and (shop / "shop" / "new.py").read_text() == "import os\n"


async def test_where_there_are_no_tests_nothing_is_known_of_coverage(shop: Path) -> None:
    (shop / "tests" / "test_cart.py").write_text("")
    report = (await ran(shop, Command.TEST)).report
    assert report.steps[0].status is StepStatus.SKIPPED and report.outcome is Outcome.CLEAN
    assert report.lines_run is None
