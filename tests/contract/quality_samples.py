"""Small Python projects for quality runners to look at, each in a repository of its own with all of it committed."""

from collections.abc import Mapping
from pathlib import Path

from session_mgmt_mcp.contracts.git_samples import run_git

_PROJECT = """\
[project]
name = "shop"
version = "0.1.0"
description = "What is in the cart."
requires-python = ">=3.11"
dependencies = []

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]

[tool.coverage.run]
source = ["shop"]
"""
_CART = '''\
"""What is in the cart."""


def total(prices: list[int], percent: int = 0) -> int:
    """In cents, less a discount."""
    if percent > 100:
        raise ValueError("a discount is at most the price")
    return sum(prices) * (100 - percent) // 100
'''
_TESTS = """\
import pytest

from shop.cart import total


def test_total() -> None:
    assert total([100, 250]) == 350


class TestDiscount:
    @pytest.mark.parametrize("percent", [10, 50], ids=["tenth", "half"])
    def test_is_taken_off(self, percent: int) -> None:
        assert total([100], percent) == 100 - percent
"""
_FAILING_TESTS = """\


def test_shipping_is_free() -> None:
    assert total([100, 250]) == 300


@pytest.mark.skip(reason="no tax yet")
def test_tax() -> None:
    assert total([100]) == 119


@pytest.fixture
def till() -> int:
    raise RuntimeError("the till is shut")


def test_at_the_till(till: int) -> None:
    assert till
"""
_NAMES = '''\
"""Ruff's F821, which no --fix mends."""


def owner() -> str:
    return first_nmae
'''
_LABELS = '''\
"""A type error."""


def label(number: int) -> str:
    return number
'''
_SHELL = '''\
"""Bandit's B602."""

import subprocess


def run(command: str) -> int:
    return subprocess.call(command, shell=True)
'''
_ROUTES = '''\
"""A function that is too complex, by cyclomatic (24) and by cognitive complexity (63)."""


def cheapest(routes: list[list[int]], limit: int, express: bool) -> int:
    best = 0
    for route in routes:
        if route:
            for leg in route:
                if leg > limit:
                    if express:
                        for step in range(leg):
                            if step % 2 and step > 3 or step == limit:
                                best += 1
                            elif step % 3 and not express:
                                best -= 1
                            else:
                                while best > step:
                                    if best % 5 == 0 or best % 7 == 0:
                                        best -= 2
                                    else:
                                        best -= 1
                    elif leg == 7:
                        best = leg
                    elif leg == 8 or leg == 9:
                        best = limit
                elif leg < 0 and limit < 0:
                    return -1
        elif limit:
            if express and best:
                best += 1
            elif best > limit:
                best = limit
    return best
'''
_LAYOUT = '''\
"""A fault of formatting."""


def pair( left:int,right:int )->tuple[int,int] :
    return   ( left,right )
'''
_WAITING = """\
import os
import pathlib
import subprocess
import sys
import time


def test_first() -> None:
    assert True


def test_waiting() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    own = pathlib.Path("pids")
    own.with_suffix(".new").write_text(f"{os.getpid()} {other.pid}")
    own.with_suffix(".new").rename(own)
    time.sleep(600)
"""
_DYING = """\
import os
import signal

ended = []


def pytest_runtest_logreport(report) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    if ended and report.nodeid not in ended:
        os.kill(os.getpid(), signal.SIGKILL)
    if report.when == "teardown":
        ended.append(report.nodeid)
"""
_IGNORED = "__pycache__/\n*.pyc\n.venv/\n.coverage*\n.*_cache/\n.pytest_cache/\n"

SOUND: Mapping[str, str] = {
    ".gitignore": _IGNORED,
    "README.md": "# Shop\n\nWhat is in the cart.\n",
    "pyproject.toml": _PROJECT,
    "shop/__init__.py": '"""A shop."""\n',
    "shop/cart.py": _CART,
    "tests/__init__.py": "",
    "tests/test_cart.py": _TESTS,
}
"""Nothing to find: three tests pass."""

FAULTY: Mapping[str, str] = {
    **SOUND,
    "shop/names.py": _NAMES,
    "shop/labels.py": _LABELS,
    "shop/shell.py": _SHELL,
    "shop/routes.py": _ROUTES,
    "shop/layout.py": _LAYOUT,
    "tests/test_cart.py": _TESTS + _FAILING_TESTS,
}
"""A fault a file, and beside the three tests that pass one that fails, one that is skipped, one with an error."""

WAITING: Mapping[str, str] = {**SOUND, "tests/test_cart.py": _WAITING}
"""`test_first` passes, `test_waiting` writes to `pids` its process and one it has started in a session of its own."""

DYING: Mapping[str, str] = {**SOUND, "tests/conftest.py": _DYING}
"""pytest is killed (SIGKILL) after its first test."""

MISCONFIGURED: Mapping[str, str] = {
    **SOUND,
    "pyproject.toml": _PROJECT.replace('["tests"]\n', '["tests"]\naddopts = "--no-such-option"\n'),
}
"""pytest is given an option that it does not know."""

PASSING = (
    "tests/test_cart.py::test_total",
    "tests/test_cart.py::TestDiscount::test_is_taken_off[tenth]",
    "tests/test_cart.py::TestDiscount::test_is_taken_off[half]",
)
FAILING = "tests/test_cart.py::test_shipping_is_free"
SKIPPED = "tests/test_cart.py::test_tax"
BROKEN = "tests/test_cart.py::test_at_the_till"


def line_of(text: str, files: Mapping[str, str], file: str) -> int:
    """The line of `file`, from 1, that holds `text`."""
    return next(number for number, line in enumerate(files[file].splitlines(), 1) if text in line)


def new_project(folder: Path, files: Mapping[str, str] = FAULTY) -> Path:
    """In a folder that may stand but must be empty; the branch is `main`."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    run_git(folder, "init", "-q", "-b", "main")
    run_git(folder, "add", ".")
    run_git(folder, "commit", "-q", "-m", "feat: a shop")
    return folder
