"""docs/quality-runs.md against the code."""

import re
from pathlib import Path

from session_mgmt_mcp.adapters.crackerjack.hooks import COMPREHENSIVE, COUNTED, FAST
from session_mgmt_mcp.adapters.pytools import plan
from session_mgmt_mcp.domain.checkpoints import A_CHANGE, EXCEPTIONAL
from session_mgmt_mcp.domain.runs.arguments import options_of
from session_mgmt_mcp.domain.runs.history import RUNS_KEPT
from session_mgmt_mcp.domain.runs.outputs import OUTPUT_KEPT
from session_mgmt_mcp.ports.quality_runner import Command, Options

PAGE = (Path(__file__).parents[3] / "docs" / "quality-runs.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]


def row(command):
    return next(cells for cells in ROWS if cells[0] == f"`{command}`")


def test_each_command_has_its_row_with_the_tools_that_run():
    for command in set(Command) - {Command.ALL}:
        tools = set(plan.programs(command))
        assert (
            set(re.findall(r"[a-z]+", row(command)[1])) & {"ruff", "mypy", "pyright", "bandit", "complexipy", "pytest"}
            == tools
        )


def test_each_row_says_what_crackerjack_runs_and_who_changes_files():
    flags = {FAST: "`run --fast`", COMPREHENSIVE: "`run --comp`"}
    for command, (suite, _) in COUNTED.items():
        _, _, runs, changes = row(command)
        assert runs == flags[suite] and ("crackerjack" in changes) == (suite == FAST)
        assert ("pytools" in changes) == (command is Command.FORMAT)


def test_the_arguments_are_those_that_are_taken(tmp_path):
    (tmp_path / "shop").mkdir()
    said = {cells[0].strip("`"): cells[1] for cells in ROWS if len(cells) == 2}
    assert options_of("--changed-only", tmp_path) == Options(changed_only=True) and "--changed-only" in said
    assert options_of("--fail-fast", tmp_path) == Options(fail_fast=True) and "--fail-fast" in said
    assert options_of("--workers 3", tmp_path) == Options(workers=3) and "--workers N" in said
    assert options_of("shop/", tmp_path) == Options(paths=("shop",)) and len(said) == 4


def test_figures_in_words_are_those_of_the_code():
    assert f"kept for {OUTPUT_KEPT.days} days" in PAGE and f"kept for {RUNS_KEPT.days} days" in PAGE
    assert f"is {EXCEPTIONAL} or more, or changed by {A_CHANGE} or more" in PAGE
