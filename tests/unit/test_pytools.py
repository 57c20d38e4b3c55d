"""The native runner's own judgements, without its tools."""

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.memory.quality_runner import MemoryQualityRunner
from session_mgmt_mcp.adapters.pytools import calling, kept_out, plan, selection
from session_mgmt_mcp.adapters.pytools import pytest as tests_tool
from session_mgmt_mcp.adapters.pytools.complexipy import line_of
from session_mgmt_mcp.adapters.pytools.ruff import LINTING
from session_mgmt_mcp.adapters.pytools.steps import found, part_of, worst
from session_mgmt_mcp.contracts.quality_runner import ASKED, assert_sound, watch_run
from session_mgmt_mcp.ports.errors import Invalid, Unavailable, Unsupported
from session_mgmt_mcp.ports.quality_runner import Aspect, Command, Finding, Option, Options, Outcome, Request, RunReport

NO_PATHS = ["", "..", "a/../../b", "/etc/passwd", "gone", "a/x.py/y", "a\0", "a\n", "out", "out/b", ".git/config", "~"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    project = (tmp_path / "project").resolve()
    for path in ("a/x.py", "--fix.py", ".git/config"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).touch()
    (tmp_path / "b").touch()
    (project / "out").symlink_to(tmp_path)
    (project / "in").symlink_to(project / "a")
    return project


def test_a_run_is_as_good_as_its_worst_step() -> None:
    order = [Outcome.CLEAN, Outcome.FINDINGS, Outcome.USAGE_ERROR, Outcome.CRASH, Outcome.TIMEOUT, Outcome.CANCELLED]
    assert all(worst(pair) is max(pair, key=order.index) for pair in permutations(order, 2))
    assert worst([]) is Outcome.CLEAN and sorted(order) == sorted(Outcome)


@pytest.mark.parametrize("path", NO_PATHS, ids=repr)
@pytest.mark.parametrize("tests", [True, False])
def test_what_is_no_file_of_the_project_is_refused(folder: Path, path: str, tests: bool) -> None:
    with pytest.raises(Invalid, match="paths"):
        selection.targets(folder, ["a", path], tests=tests)


def test_no_target_can_be_taken_for_an_option(folder: Path) -> None:
    assert selection.targets(folder, ["--fix.py", "a", "a/x.py", "in/x.py", "."]) == [
        *("./--fix.py", "./a", "./a/x.py", "./in/x.py", "./."),
    ]
    assert selection.targets(folder, ["a/x.py::T::test[--x]"], tests=True) == ["./a/x.py::T::test[--x]"]
    with pytest.raises(Invalid):
        selection.targets(folder, ["a::test"], tests=True)
    with pytest.raises(Invalid):
        selection.targets(folder, ["a/x.py::test"])


@given(path=st.text(max_size=40))
def test_whatever_is_given_as_a_path_stays_in_the_project(path: str) -> None:
    here = Path(__file__).resolve().parent
    try:
        [target] = selection.targets(here, [path], tests=True)
    except Invalid:
        return
    assert target.startswith("./") and (here / target.partition("::")[0]).resolve().is_relative_to(here)


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        ("shop/cart.py", False),
        ("contests/cart.py", False),
        ("shop/testimony.py", False),
        ("tests/helpers.py", True),
        ("shop/test_cart.py", True),
        ("shop/cart_test.py", True),
        ("conftest.py", True),
        ("venv/lib/x.py", True),
        ("build", False),
        ("shop/.hidden/x.py", True),
    ],
)
def test_tests_and_environments_are_kept_out(file: str, kept: bool) -> None:
    assert kept_out.is_kept_out(file) is kept


def test_each_command_has_its_tools_and_all_has_each_of_them() -> None:
    every = {tool.step for command in Command for tool in plan.tools(command, Path("/nowhere"), {}, ())}
    assert {tool.step for tool in plan.tools(Command.ALL, Path("/nowhere"), {}, ())} == every
    assert {program for command in Command for program in plan.programs(command)} == set(plan.PROGRAMS)


def test_types_are_checked_by_what_the_project_configures_if_it_is_there(tmp_path: Path) -> None:
    def chosen(config: dict[str, object], *present: str) -> str:
        return plan.tools(Command.CHECK, tmp_path, config, present)[0].program

    assert chosen({}, "mypy", "pyright") == chosen({}) == "mypy" and chosen({}, "pyright") == "pyright"
    assert chosen({"pyright": {}}, "mypy", "pyright") == "pyright" and chosen({"pyright": {}}, "mypy") == "mypy"
    (tmp_path / "pyrightconfig.json").touch()
    assert chosen({}, "mypy", "pyright") == "pyright" and chosen({"mypy": {}}, "mypy", "pyright") == "mypy"


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nruff = 3", "", "[project]\nname = 'x'"])
def test_a_configuration_without_tools_is_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    if text == "tool = 3":
        with pytest.raises(ValueError, match="tool"):
            plan.configuration(tmp_path)
    else:
        assert plan.configuration(tmp_path) == {}


def test_nothing_stands_behind_the_option_that_takes_the_next_word() -> None:
    argv = tests_tool.argv(Options(fail_fast=True, workers=3), ["./tests"], {"pytest-cov": "7"}, ["--cov"])
    assert argv[argv.index("--cov") + 1].startswith("--") and argv[-1] == "./tests"
    assert {"--exitfirst", "--numprocesses=3"} <= set(argv)
    assert "--cov" not in tests_tool.argv(Options(), [], {}, ["--cov"])


@pytest.mark.parametrize(
    ("name", "text", "cover"),
    [
        ("README.md", "--cov", ["--cov=."]),
        ("pyproject.toml", "[tool.coverage.run]\nsource = ['shop']", ["--cov"]),
        ("setup.cfg", "[coverage:run]\nsource = shop", ["--cov"]),
        (".coveragerc", "", ["--cov"]),
        ("pytest.ini", "[pytest]\naddopts = --cov=shop", []),
        ("tox.ini", "[pytest]\naddopts = -q --no-cov", []),
    ],
)
def test_lines_are_counted_unless_the_project_says_how(tmp_path: Path, name: str, text: str, cover: list[str]) -> None:
    (tmp_path / name).write_text(text)
    assert tests_tool.covering(tmp_path) == cover


async def test_what_is_printed_is_kept_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "MOST_KEPT", 10)
    told: list[str] = []

    async def printed(text: str) -> None:
        told.append(text)

    kept = calling.Kept(printed)
    for text in ("123456\n", "123456\n", "123456\n"):
        await kept.told(text)
    assert kept.text == "123456\n123" and len(told) == 3


def test_a_function_is_found_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("def a(): ...\nif a:\n    class B:\n        @staticmethod\n        def a(): ...\n")
    assert (line_of(file, "a"), line_of(file, "B::a"), line_of(file, "B::c"), line_of(file, "c")) == (1, 5, None, None)
    file.write_text("def a(:\n")
    assert line_of(file, "a") is None is line_of(tmp_path / "gone.py", "a")


async def test_the_fake_reports_what_it_was_given_then_that_all_is_clean(tmp_path: Path) -> None:
    broken = RunReport("", "", Command.TEST, Outcome.CRASH, 2.0, note="It broke: mend it.")
    runner = MemoryQualityRunner(reports=[broken, Unavailable("Later.")], prints=["a\n", "b\n"])
    seen = await watch_run(runner, Request(tmp_path, Command.LINT))
    assert (seen.report.outcome, seen.report.command, seen.report.runner) == (Outcome.CRASH, Command.LINT, "memory")
    assert [text for _, text in seen.printed] == ["a\n", "b\n"] and seen.progress
    with pytest.raises(Unavailable, match="Later"):
        await watch_run(runner, Request(tmp_path, Command.LINT))
    clean = (await watch_run(runner, Request(tmp_path, Command.TEST))).report
    assert_sound(clean, tmp_path)
    assert clean.outcome is Outcome.CLEAN and [one.command for one in runner.requests] == ["lint", "lint", "test"]


async def test_the_fake_refuses_what_it_does_not_offer(tmp_path: Path) -> None:
    runner = MemoryQualityRunner(options=frozenset({Option.PATHS}), commands=frozenset({Command.TEST}))
    for request in (
        Request(tmp_path, Command.LINT),
        Request(tmp_path, Command.TEST, ASKED[Option.WORKERS]),
        Request(tmp_path, Command.TEST, ai_agent=True),
    ):
        with pytest.raises(Unsupported):
            await watch_run(runner, request)
    assert not runner.requests
    with pytest.raises(Unavailable, match="install"):
        await watch_run(MemoryQualityRunner(absent=Unavailable("install it.")), Request(tmp_path, Command.TEST))


def test_of_very_many_findings_all_are_told() -> None:
    many = [Finding("ruff check", Aspect.LINT, "E501", f"{n}.py", 1, "long") for n in range(6_000)]
    part = part_of(LINTING, found(many), 1.0, "ruff check")
    assert part.step.findings == len(part.findings) == 6_000, "which of them are kept is not the runner's to say"
