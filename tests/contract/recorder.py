"""What every TestRecorder does: pytest is run on a sample project, once, and what was recorded is looked at by many tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from session_mgmt_mcp.ports.quality_runner import Case, CaseStatus, LinesRun
from session_mgmt_mcp.ports.test_recorder import Tested, TestRecorder

SHOP = {
    "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
    "shop.py": "def total(prices):\n    return sum(prices)\n\n\ndef never():\n    return 1\n",
    "checks.py": "def same(one, two):\n    assert one == two, 'not the same'\n",
    "inner/test_inner.py": "def test_of_another_pytest():\n    assert False\n",
    ".venv/lib/python3.11/site-packages/installed.py": "def fail():\n    raise OSError('installed')\n",
    "tests/test_broken.py": "import time\nimport no_such_module_anywhere\n",
    "tests/test_syntax.py": "def broken(:\n",
    "tests/test_elsewhere.py": "import pytest\npytest.importorskip('no_such_module_anywhere')\n",
    "tests/test_shop.py": """\
import json
import subprocess
import sys
import time
import unittest

import pytest

sys.path.insert(0, ".")
from checks import same
from shop import total


@pytest.fixture
def till():
    raise RuntimeError("the till is shut")


@pytest.fixture
def lamp():
    yield
    raise RuntimeError("the lamp stays on")


def test_total():
    time.sleep(0.05)
    assert total([1, 2]) == 3


def test_wrong():
    prices = [100, 200]
    assert total(prices) == 350  # wrong


def test_in_a_helper():
    same(1, 2)


def test_in_a_library():
    json.loads("{")  # library


def test_in_the_projects_environment():
    sys.path.insert(0, ".venv/lib/python3.11/site-packages")
    import installed
    installed.fail()  # installed


def test_because_of_another():
    try:
        total(["one"])
    except TypeError as error:
        raise ValueError("no prices") from error


def test_without_a_till(till): ...


def test_with_a_lamp(lamp): ...


def test_wrong_with_a_lamp(lamp):
    assert not "dark"


@pytest.mark.xfail(reason="known")
def test_known():
    assert False


@pytest.mark.xfail(strict=True)
def test_mended(): ...


@pytest.mark.xfail
def test_perhaps(): ...


@pytest.mark.skip(reason="not today")
def test_later(): ...


@pytest.mark.parametrize("name", ["two words", "x[1]", "a::b"])
def test_names(name): ...


def test_long():
    raise ValueError("x" * 50_000)


def test_strange():
    print("\\ud800" if sys.flags.utf8_mode > 5 else "much " * 100_000)
    pytest.fail("half a pair: \\ud83d")


def test_that_runs_pytest():
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "inner"], capture_output=True)
    assert done.returncode == 1, done.stdout


class TestParts(unittest.TestCase):
    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertEqual(number % 2, 0)  # part
""",
}
IN = "tests/test_shop.py::"
ENDLESS = {
    "tests/test_slow.py": """\
import time
def test_first(): ...
def test_second(): ...
def test_third():
    open("third", "w").close()
    time.sleep(600)
def test_fourth(): ...
"""
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a run of pytest."""

    folder: Path
    tested: Tested
    counted: tuple[int, int | None]
    printed: str
    code: int

    @property
    def cases(self) -> Mapping[str, Case]:
        return {case.id: case for case in self.tested.cases}

    def __getitem__(self, name: str) -> Case:
        return self.cases[IN + name]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **given}


def run_pytest(
    recorder: TestRecorder, folder: Path, *words: str, coverage: bool = False, plugins: bool = False
) -> Recorded:
    """`plugins`: with all that are installed, which takes its time."""
    chosen = {} if plugins else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with recorder.recording(coverage=coverage) as recording:
        done = subprocess.run(
            command(*words),
            cwd=folder,
            env=environment({**chosen, **recording.environment}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )
        return Recorded(folder, recording.read(folder), recording.counted(), done.stdout, done.returncode)


def line_of(text: str, file: str = "tests/test_shop.py") -> int:
    return next(number for number, line in enumerate(SHOP[file].splitlines(), 1) if text in line)


class TestRecorderContract:
    """Subclass it and give a `recorder` fixture of scope "class"."""

    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls, recorder: TestRecorder, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
        folder = write(tmp_path_factory.mktemp("my shop"), SHOP)
        words = ("-p", "pytest_cov", "--cov=shop", "--continue-on-collection-errors")
        recorded = run_pytest(recorder, folder, *words, coverage=True)
        assert recorded.code == 1, recorded.printed
        return recorded

    def test_the_project_holds_nothing_that_was_recorded(self, shop: Recorded) -> None:
        files = {path.relative_to(shop.folder).as_posix() for path in shop.folder.rglob("*") if path.is_file()}
        assert files == {*SHOP, ".coverage"}

    def test_it_was_the_whole(self, shop: Recorded) -> None:
        assert shop.tested.whole and shop.counted == (20, 20)

    def test_each_test_is_one_case_with_its_status(self, shop: Recorded) -> None:
        by_status = {
            status: {name.removeprefix(IN) for name, case in shop.cases.items() if case.status is status}
            for status in CaseStatus
        }
        assert len(shop.tested.cases) == len(shop.cases)
        assert by_status == {
            CaseStatus.PASSED: {
                "test_total",
                "test_perhaps",
                "test_names[two words]",
                "test_names[x[1]]",
                "test_names[a::b]",
                "test_that_runs_pytest",
            },
            CaseStatus.FAILED: {
                "test_wrong",
                "test_in_a_helper",
                "test_in_a_library",
                "test_in_the_projects_environment",
                "test_because_of_another",
                "test_wrong_with_a_lamp",
                "test_mended",
                "test_long",
                "test_strange",
                "TestParts::test_parts",
            },
            CaseStatus.ERROR: {
                "test_without_a_till",
                "test_with_a_lamp",
                "tests/test_broken.py",
                "tests/test_syntax.py",
            },
            CaseStatus.SKIPPED: {"test_known", "test_later", "tests/test_elsewhere.py"},
        }

    @pytest.mark.parametrize(
        ("name", "file", "text"),
        [
            ("test_wrong", "tests/test_shop.py", "# wrong"),
            ("test_in_a_helper", "checks.py", "assert one == two"),
            ("test_in_a_library", "tests/test_shop.py", "# library"),
            ("test_in_the_projects_environment", "tests/test_shop.py", "# installed"),
            ("test_because_of_another", "tests/test_shop.py", "from error"),
            ("test_without_a_till", "tests/test_shop.py", "the till is shut"),
            ("test_with_a_lamp", "tests/test_shop.py", "the lamp stays on"),
            ("TestParts::test_parts", "tests/test_shop.py", "# part"),
            ("test_total", "tests/test_shop.py", "def test_total"),
            ("test_later", "tests/test_shop.py", "mark.skip"),
        ],
    )
    def test_the_line_is_where_it_failed_else_where_it_stands(
        self, shop: Recorded, name: str, file: str, text: str
    ) -> None:
        assert (shop[name].file, shop[name].line) == (file, line_of(text, file))

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("test_wrong", "assert 300 == 350"),
            ("test_in_a_helper", "not the same"),
            ("test_in_a_library", "JSONDecodeError: Expecting property name"),
            ("test_because_of_another", "ValueError: no prices"),
            ("test_because_of_another", "TypeError: unsupported operand"),
            ("test_wrong_with_a_lamp", "assert not 'dark'"),
            ("test_without_a_till", "the till is shut"),
            ("test_mended", "XPASS(strict)"),
            ("test_later", "not today"),
            ("test_strange", "half a pair: ?"),
            ("TestParts::test_parts", "1 != 0"),
        ],
    )
    def test_a_message_has_the_error(self, shop: Recorded, name: str, said: str) -> None:
        assert said in shop[name].message

    def test_messages_are_cut_and_only_of_what_did_not_pass(self, shop: Recorded) -> None:
        assert len(shop["test_long"].message) == 4_000
        assert all(bool(case.message) != (case.status is CaseStatus.PASSED) for case in shop.tested.cases)
        assert all(len(case.message.encode()) <= 4_100 for case in shop.tested.cases)

    def test_what_cannot_be_collected_is_a_case_with_its_reason(self, shop: Recorded) -> None:
        broken, syntax = shop.cases["tests/test_broken.py"], shop.cases["tests/test_syntax.py"]
        assert (broken.file, broken.line) == ("tests/test_broken.py", 2)
        assert broken.message == "ModuleNotFoundError: No module named 'no_such_module_anywhere'"
        assert (syntax.file, syntax.line) == ("tests/test_syntax.py", 1) and "SyntaxError" in syntax.message

    def test_seconds_are_those_of_the_whole_test(self, shop: Recorded) -> None:
        assert 0.05 <= shop["test_total"].seconds < 5

    def test_lines_that_ran_are_counted(self, shop: Recorded) -> None:
        assert shop.tested.lines_run == LinesRun(covered=3, total=4)

    def test_workers_side_by_side_are_recorded_as_one(self, recorder: TestRecorder, shop: Recorded) -> None:
        beside = run_pytest(recorder, shop.folder, "-p", "xdist", "-n", "2", "-k", "till or lamp or in_a or names")
        assert beside.tested.whole and beside.counted == (8, 8), beside.printed
        assert {name: case.status for name, case in beside.cases.items()}.items() <= {
            name: case.status for name, case in shop.cases.items()
        }.items()
        assert (beside["test_in_a_helper"].file, beside["test_in_a_helper"].line) == ("checks.py", 2)

    @pytest.fixture(scope="class")
    @classmethod
    def killed(cls, recorder: TestRecorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
        """A run that hangs in its third test, and is looked at before it is killed."""
        folder = write(tmp_path_factory.mktemp("endless"), ENDLESS)
        with recorder.recording(coverage=False) as recording:
            before = recording.read(folder)
            assert (before, recording.counted()) == (Tested(), (0, None))
            running = subprocess.Popen(
                command(), cwd=folder, env=environment(recording.environment), stdout=subprocess.DEVNULL
            )
            try:
                until = time.monotonic() + 60
                while not (folder / "third").exists() and time.monotonic() < until:
                    time.sleep(0.02)
                counted = recording.counted()
            finally:
                running.send_signal(signal.SIGKILL)
                running.wait()
            yield Recorded(folder, recording.read(folder), counted, "", running.returncode)

    def test_tests_are_counted_while_they_run(self, killed: Recorded) -> None:
        assert killed.counted == (2, 4)

    def test_of_a_killed_run_is_kept_what_had_ended(self, killed: Recorded) -> None:
        assert not killed.tested.whole and killed.tested.lines_run is None
        assert {name: case.status for name, case in killed.cases.items()} == {
            "tests/test_slow.py::test_first": CaseStatus.PASSED,
            "tests/test_slow.py::test_second": CaseStatus.PASSED,
        }

    def test_no_file_is_left_and_nobody_else_may_read_them(self, recorder: TestRecorder, tmp_path: Path) -> None:
        with recorder.recording(coverage=True) as recording:
            folders = [Path(word) for word in recording.environment["PYTHONPATH"].split(os.pathsep)]
            assert folders and all(folder.is_dir() for folder in folders)
            assert folders[0].stat().st_mode & 0o077 == 0 or folders[0].parent.stat().st_mode & 0o077 == 0
        assert not any(folder.exists() for folder in folders)

    def test_the_folder_may_lie_below_the_root(self, recorder: TestRecorder, tmp_path: Path) -> None:
        write(
            tmp_path,
            {
                "pytest.ini": "[pytest]\n",
                "part/test_one.py": "def test_one():\n    assert 1 == 2\ndef test_two(): ...\n",
            },
        )
        recorded = run_pytest(recorder, tmp_path / "part")
        assert [(case.id, case.file, case.line) for case in recorded.tested.cases] == [
            ("part/test_one.py::test_one", "test_one.py", 2),
            ("part/test_one.py::test_two", "test_one.py", 3),
        ]
