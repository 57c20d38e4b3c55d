"""The benchmark of scale, on few memories: what it measures there says nothing, but that it measures."""

import json

import numpy as np
import pytest
from rich.console import Console

from benchmarks import scale, scale_rows, scale_store
from benchmarks.figures import Budget, Figure


def test_a_row_without_a_figure_is_named_and_takes_no_other_with_it(tmp_path, monkeypatch) -> None:
    def one(row, folder, memories):
        if row == "store":
            raise RuntimeError("no room")
        return [Figure(f"{row} of all", memories, "ms", Budget("<=", 500, "value")).as_json()]

    monkeypatch.setattr(scale, "one", one)
    grown, failed = scale.measure([10, 1_000], ["store", "search"], tmp_path, Console(quiet=True))
    assert failed == {"store of 10": "no room", "store of 1,000": "no room"}
    assert scale.markdown(grown).splitlines() == [
        "|  | 10 | 1,000 |",
        "| --- | --- | --- |",
        "| search of all | 10 ms (<= 500) | 1,000 ms (<= 500), **over** |",
    ]


def test_a_budget_that_is_missed_is_an_exit_other_than_zero(tmp_path, monkeypatch, capsys) -> None:
    for limit, code in ((5, 1), (50, 0)):
        figure = Figure("disk", 12.34, "KB", Budget("<=", limit, "value")).as_json()
        monkeypatch.setattr(scale, "one", lambda *_, figure=figure: [figure])
        assert scale.main(["--memories", "10", "--rows", "disk", "--json", "--data", str(tmp_path)]) == code
        assert json.loads(capsys.readouterr().out)["memories"]["10"]["disk"]["measured"] == 12.34


@pytest.mark.on_disk
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_row_has_its_figures(tmp_path, capsys) -> None:
    scale.main(["--memories", "2500", "--data", str(tmp_path), "--json"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["failed"] == {}
    measured = printed["memories"]["2500"]
    for beginning in ("filled", "disk", "resident", "cold", "search", "recall@10", "store", "start"):
        assert any(what.startswith(beginning) for what in measured), beginning
    assert measured["start, changes read after that"]["measured"] < 2_000


def test_filters_leave_what_the_memories_say() -> None:
    vectors = np.zeros((7_000, 384), np.float32)
    made = [*scale_store.records(0, vectors, "m", len(vectors))]
    for what, (scope, within) in scale_rows.filters().items():
        held = [
            (scope.projects is None or one.project in scope.projects)
            and (scope.kinds is None or one.kind in scope.kinds)
            and (scope.since is None or one.time >= scope.since)
            for one in made
        ]
        assert within(len(made)).tolist() == held, what
        assert any(held)
