import json
import py_compile
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
from rich.console import Console
from session_mgmt_mcp.adapters.duckdb.tokens import Words

from benchmarks import install_row, prose, speed, writes_row
from benchmarks.figures import Budget, Figure, interleaved, p99
from benchmarks.process_rows import resident_of
from benchmarks.texts import messages


@pytest.mark.parametrize(
    ("budget", "measured", "floor", "ok"),
    [
        (Budget("<=", 4, "ratio"), 39, 10, True),
        (Budget("<=", 4, "ratio"), 41, 10, False),
        (Budget(">=", 0.85, "ratio"), 86, 100, True),
        (Budget(">=", 0.85, "ratio"), 84, 100, False),
        (Budget("<=", 350, "value"), 351, None, False),
        (Budget("<=", 350, "value"), 349, 1, True),
        (Budget("<=", 4, "ratio"), 4, None, None),
        (None, 4, 1, None),
    ],
)
def test_a_figure_is_ok_within_its_budget(
    budget: Budget | None, measured: float, floor: float | None, ok: bool | None
) -> None:
    assert Figure("what", measured, "ms", budget, floor).ok is ok


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says what is resident")
def test_a_megabyte_is_a_million_bytes() -> None:
    waits = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()  # type: ignore[union-attr]
        assert resident_of(other.pid) == pytest.approx(psutil.Process(other.pid).memory_info().rss / 1e6, rel=0.02)
        other.communicate(b"\n")


def test_the_ninety_ninth_percentile_is_near_the_worst() -> None:
    assert p99([float(value) for value in range(1000)]) == 990
    assert p99([3.0]) == 3.0


async def test_steps_take_turns() -> None:
    order = []

    async def one() -> None:
        order.append(1)

    async def two() -> None:
        order.append(2)

    seconds = await interleaved(3, one, two)
    assert order == [1, 2, 1, 2, 1, 2]
    assert [len(own) for own in seconds] == [3, 3]


def test_the_same_seed_gives_the_same_texts() -> None:
    assert messages(50) == messages(50)
    assert messages(50) != messages(50, seed=8)
    assert len(set(messages(500))) > 490


def test_a_word_of_a_question_stands_in_few_memories_as_in_real_talk() -> None:
    words = Words()
    said = Counter(term for text in prose.messages(2_000) for term in set(words.hashes(text)))
    shares = sorted(said[term] / 2_000 for text in prose.questions(200) for term in words.hashes(text))
    assert 0.005 < shares[len(shares) // 2] < 0.04
    assert 0.03 < shares[len(shares) * 3 // 4] < 0.12


def test_the_installed_size_counts_what_is_needed_and_nothing_for_developers() -> None:
    closure = install_row._closure("session-mgmt-mcp")
    assert {"session-mgmt-mcp", "duckdb", "numpy", "onnxruntime", "tokenizers", "fastmcp"} <= closure
    assert not {"pytest", "mypy", "ruff", "bm25s", "uv", "torch"} & closure


def test_a_file_counts_with_its_bytecode_whether_or_not_it_was_compiled_yet(tmp_path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def answer() -> int:\n    return 42\n")
    before = install_row._bytecode(module)
    assert before == Path(py_compile.compile(str(module), doraise=True)).stat().st_size
    assert install_row._bytecode(module) == before


def test_writes_that_are_lost_doubled_or_refused_are_over_the_budget() -> None:
    found = writes_row.figures(["one", "two", "three"], Counter(["two", "two", "three"]), [OSError("refused")], 1.0)
    assert [(figure.measured, figure.ok) for figure in found] == [(1, False), (1, False), (1, False)]
    fine = writes_row.figures(["one", "two"], Counter(["one", "two", "unacknowledged"]), [], 1.0)
    assert [figure.ok for figure in fine] == [True, True, True]


def test_an_unknown_row_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        speed.main(["--rows", "warp"])
    assert "no row warp" in capsys.readouterr().err


async def test_a_row_that_fails_takes_no_other_with_it() -> None:
    async def broken() -> list[Figure]:
        raise OSError("no room")

    async def whole() -> list[Figure]:
        return [Figure("what", 1, "ms")]

    figures, failed = await speed.measure({"broken": broken, "whole": whole}, Console(quiet=True))
    assert [figure.what for figure in figures] == ["what"]
    assert failed == {"broken": "OSError: no room"}


@pytest.mark.slow
def test_one_row_as_json() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.speed", "--rows", "install", "--json"],
        cwd=Path(speed.__file__).parents[1],
        capture_output=True,
        check=False,
    )
    figures = json.loads(ran.stdout)["figures"]
    assert figures[0]["what"] == "install, base"
    assert figures[0]["ok"] is (figures[0]["measured"] <= 420)
    assert ran.returncode == int(any(figure["ok"] is False for figure in figures))
