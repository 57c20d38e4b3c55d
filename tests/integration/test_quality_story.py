"""A small project over six runs of its real tools, with edits between; then every tool's answer against what happened."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CART = '''"""The cart."""


def total(prices: list[int]) -> int:
    """The sum."""
    return sum(prices){mistake}


def label(price: int) -> str:
    """As printed."""
    return {name}
'''
TESTS = """from pathlib import Path

from shop.cart import total

COUNTED = Path({counted!r})


def test_total():
    assert total([1, 2]) == 3


def test_nothing():
    assert total([]) >= 0


def test_sometimes():
    runs = len(COUNTED.read_text()) if COUNTED.exists() else 0
    COUNTED.write_text("x" * (runs + 1))
    assert runs % 2 == 1, "the till was locked"
"""


@dataclass
class Story:
    """What was asked, what was answered, and where."""

    folder: Path
    ask: Any
    runs: list[dict[str, Any]]


@pytest.fixture
async def story(shop, tmp_path, product_in, monkeypatch):
    monkeypatch.setenv("PATH", os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    (shop / "shop").mkdir()
    (shop / "tests").mkdir()
    (shop / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "1"\n[tool.pytest.ini_options]\npythonpath = ["."]\n'
    )
    (shop / ".gitignore").write_text("__pycache__/\n.*_cache/\n.coverage\n")
    (shop / "shop" / "__init__.py").write_text("")
    cart = shop / "shop" / "cart.py"
    cart.write_text(CART.format(mistake=" + 1", name="currency + str(price)"))
    (shop / "tests" / "test_cart.py").write_text(TESTS.format(counted=str(tmp_path / "counted")))
    for words in (["init", "-q"], ["config", "user.email", "a@b.c"], ["config", "user.name", "a"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=shop, check=True)
    subprocess.run(["git", "commit", "-qm", "feat: a cart"], cwd=shop, check=True)
    async with product_in(shop, quality_runner="pytools", session_storage="local") as (_, client):

        async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
            said: dict[str, Any] = (await client.call_tool(tool, arguments)).structured_content
            return said

        runs = [await ask("crackerjack_run", command="test"), await ask("crackerjack_run", command="test")]
        runs.append(await ask("crackerjack_run", command="lint"))
        cart.write_text(CART.format(mistake="", name="currency + str(price)"))
        runs.append(await ask("crackerjack_run", command="test"))
        cart.write_text(CART.format(mistake="", name="str(price)"))
        subprocess.run(["git", "commit", "-qam", "fix: the name"], cwd=shop, check=True)
        runs += [await ask("crackerjack_run", command="lint"), await ask("crackerjack_run", command="test")]
        yield Story(shop, ask, runs)


TOTAL, SOMETIMES = "tests/test_cart.py::test_total", "tests/test_cart.py::test_sometimes"


async def test_every_tool_tells_what_happened(story):
    _each_run(story)
    await _history(story)
    await _metrics(story)
    await _trends(story)
    await _patterns(story)
    await _errors(story)
    await _score(story)
    await _help(story)


def _each_run(story: Story) -> None:
    first, second, lint, fixed, clean, last = story.runs
    assert [run["outcome"] for run in story.runs] == ["findings", "findings", "findings", "findings", "clean", "clean"]
    assert [{one["id"] for one in run["failed"]} for run in (first, second, fixed, last)] == [
        {TOTAL, SOMETIMES},
        {TOTAL},
        {SOMETIMES},
        set(),
    ]
    [failed] = second["failed"]
    assert failed["line"] == 9 and "assert 4 == 3" in failed["message"]
    assert first["newly_wrong"] == [f"test {TOTAL}", f"test {SOMETIMES}"] and not second["newly_wrong"]
    assert second["mended"] == [
        f"test {SOMETIMES} passes again after 1 run, though no file was edited: it is not steady."
    ]
    assert fixed["mended"] == [f"test {TOTAL} passes again after 2 runs; edited before: shop/cart.py."]
    assert lint["rules"] == {"F821": 1} and lint["findings"][0]["file"] == "shop/cart.py"
    assert clean["mended"] == ["ruff check F821 shop/cart.py is gone after 1 run; edited before: shop/cart.py."]
    assert all(run["changed"] == [] for run in story.runs)
    assert first["predicted"] is None and last["predicted"] > 0 and last["predicted_error"] is None


async def _history(story: Story) -> None:
    said = await story.ask("crackerjack_history")
    assert said == await story.ask("get_crackerjack_results_history")
    assert [run["id"] for run in said["runs"]] == [run["id"] for run in reversed(story.runs)]
    only = await story.ask("crackerjack_history", command_filter="lint")
    assert [run["outcome"] for run in only["runs"]] == ["clean", "findings"]
    one = await story.ask("crackerjack_history", run=story.runs[1]["id"])
    assert "assert 4 == 3" in one["output"] and one["run"]["edited"] == []


async def _metrics(story: Story) -> None:
    said = await story.ask("crackerjack_metrics")
    assert said == await story.ask("get_crackerjack_quality_metrics")
    points = {one["name"]: [point["value"] for point in one["points"]][::-1] for one in said["metrics"]}
    assert points["tests failed"] == [2, 1, 1, 0] and points["lint findings"] == [1, 0]
    assert points["tests run"] == [3, 3, 3, 3] and points["coverage"][-1] > 80


async def _trends(story: Story) -> None:
    said = await story.ask("crackerjack_quality_trends")
    assert {one["direction"] for one in said["trends"]} == {"unknown"}, "so few runs tell nothing"


async def _patterns(story: Story) -> None:
    said = await story.ask("crackerjack_patterns")
    assert said == await story.ask("analyze_crackerjack_test_patterns")
    assert [one["test"] for one in said["flaky"]] == [SOMETIMES]
    assert [(one["tests"], one["edited"]) for one in said["fixed"]] == [([TOTAL], ["shop/cart.py"])]
    assert not said["standing"]
    assert {one["error"] for one in said["failures"]} == {"AssertionError"} and len(said["failures"]) == 2


async def _errors(story: Story) -> None:
    found = await story.ask("search_errors", query="assert 4 == 3 test_total", error_type="AssertionError")
    hit = next(one for one in found["hits"] if "test_total" in one["error"])
    assert hit["fix"]["edits"][0]["file"] == "shop/cart.py" and hit["fix"]["attempts"] == 1
    steady = next(one for one in found["hits"] if "test_sometimes" in one["error"])
    assert "not steady" in steady["fix"]["by"]


async def _score(story: Story) -> None:
    said = await story.ask("quality_monitor")
    known = {one["name"]: one for one in said["components"]}
    assert known["lint"]["points"] == 10.0 and story.runs[4]["id"] in known["lint"]["source"]
    assert known["coverage"]["points"] > 12 and story.runs[5]["id"] in known["coverage"]["source"]
    assert {one["trigger"] for one in said["series"]} == {"run"} and len(said["series"]) == 6


async def _help(story: Story) -> None:
    health = await story.ask("crackerjack_health_check")
    pytools = next(one for one in health["runners"] if one["name"] == "pytools")
    assert {"test", "lint"} <= pytools["commands"].keys()
    text = (await story.ask("crackerjack_help"))["text"]
    assert all(f'command="{command}"' in text for command in pytools["commands"])
