"""What a hub's start leaves behind."""

import gc
import sys
import weakref
from pathlib import Path

import duckdb
import pytest
from session_mgmt_mcp import warmth
from session_mgmt_mcp.warmth import let_go


class Knot:
    """Garbage that only a collection finds."""

    def __init__(self):
        self.itself = self


def test_garbage_that_was_frozen_is_let_go():
    knot = Knot()
    gone = weakref.ref(knot)
    gc.freeze()
    del knot
    gc.collect()
    assert gone() is not None, "frozen, it is looked at no more"
    let_go()
    assert gone() is None
    assert gc.get_freeze_count() > 1_000, "what stays is not looked through again"
    gc.unfreeze()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says which pages are mapped")
def test_code_of_libraries_that_nobody_runs_is_unmapped_and_runs_again():
    duckdb.sql("select 1").fetchall()
    before = mapped_code()
    let_go()
    assert mapped_code() < before / 2
    assert duckdb.sql("select 42").fetchall() == [(42,)]


@pytest.mark.parametrize("there", ["nothing", "a folder"])
def test_where_the_system_does_not_say_what_is_mapped_nothing_is_unmapped(monkeypatch, tmp_path, there):
    monkeypatch.setattr(warmth, "SMAPS", tmp_path if there == "a folder" else tmp_path / "smaps")
    let_go()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says which pages are mapped")
def test_lines_of_any_shape_are_passed_over(monkeypatch, tmp_path):
    (tmp_path / "smaps").write_bytes(b"VmFlags:\n\n7f00-7f01 r-xp 0 0:0 0\nAnonymous:\n")
    monkeypatch.setattr(warmth, "SMAPS", tmp_path / "smaps")
    let_go()


def mapped_code():
    """Of DuckDB, in kilobytes."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    places = [at for at, line in enumerate(lines) if " r-xp " in line and "_duckdb" in line]
    sizes = [next(line for line in lines[at:] if line.startswith("Rss:")) for at in places]
    return sum(int(size.split()[1]) for size in sizes)
