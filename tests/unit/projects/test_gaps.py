"""What one project lacks and another knows."""

from session_mgmt_mcp.domain.project_graph.gaps import FAILURES, KEPT, Gap, first_of, kinds_of_files, lacking


def test_a_gap_needs_a_need_here_nothing_known_here_and_knowledge_elsewhere():
    known = {"blog": {"TS2322": KEPT}}
    [gap] = lacking({"shop": {"TS2322": FAILURES}}, known)
    assert (gap.project, gap.known_in, gap.times, gap.kept) == ("shop", "blog", FAILURES, KEPT)
    assert lacking({"shop": {"TS2322": FAILURES - 1}}, known) == []
    assert lacking({"shop": {"TS2322": FAILURES}}, {**known, "shop": {"TS2322": 1}}) == []
    assert lacking({"shop": {"TS2322": FAILURES}}, {"blog": {"TS2322": KEPT - 1}}) == []
    assert lacking({"blog": {"TS2322": FAILURES}}, known) == []


def test_a_name_that_says_nothing_of_the_cause_is_no_gap():
    assert lacking({"shop": {"AssertionError": 9}}, {"blog": {"AssertionError": 9}}) == []


def test_the_project_that_knows_most_is_named_and_the_greatest_need_comes_first():
    failed = {"shop": {"E0308": 3, "TS2322": 9}}
    kept = {"blog": {"TS2322": 2, "E0308": 2}, "core": {"TS2322": 5}}
    assert [(gap.what, gap.known_in) for gap in lacking(failed, kept)] == [("TS2322", "core"), ("E0308", "blog")]


def test_kinds_are_told_by_the_end_of_a_name():
    files = {"/shop/main.TF": 2, "a/db.tf": 1, "Makefile": 3, ".env": 1, "C:\\x\\a.tar.gz": 1}
    assert kinds_of_files(files) == {".tf": 3, "Makefile": 3, ".env": 1, ".gz": 1}


def test_a_gap_is_told_once():
    gaps = [Gap("error", "x", "shop", 2, known, "", "", None) for known in ("core", "blog")]
    other = Gap("question", "x", "shop", 1, "core", "", "", None)
    assert first_of([*gaps, other], 9) == [gaps[0], other] and first_of([*gaps, other], 1) == [gaps[0]]
