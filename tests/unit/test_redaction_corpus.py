"""Redaction against the labelled corpus; `python -m benchmarks.redaction` prints the same figures."""

from session_mgmt_mcp.domain.redaction import redact

from benchmarks.redaction import CORPUS, SPLITTER, cases, found, measure

CASES = list(cases())


def test_the_corpus_is_large_and_balanced():
    with_secrets = [case for case in CASES if case.secrets]
    assert len(CASES) >= 320
    assert len({case.kind for case in with_secrets}) >= 25
    assert 0.4 <= len(with_secrets) / len(CASES) <= 0.6
    assert sum(case.part == "holdout" for case in CASES) >= 80


def test_every_label_stands_in_its_text():
    assert [case.text for case in CASES if not all(secret in case.text for secret in case.secrets)] == []


def test_recall_and_precision_are_at_least_98_percent():
    scores, mistakes = measure(CASES)
    overall = scores["all"]
    assert overall.recall >= 0.98, mistakes
    assert overall.precision >= 0.98, mistakes
    assert overall.kept / overall.lookalikes >= 0.98, mistakes


def test_redacting_a_case_twice_is_redacting_it_once():
    once = [redact(case.text).text for case in CASES]
    assert [text for text in once if redact(text).text != text or redact(text).counts] == []


def test_a_surviving_piece_of_eight_characters_is_a_miss():
    assert not found("abcdefghijkl", "... bcdefghi ...")
    assert found("abcdefghijkl", "... bcdefgh ...")
    assert not found("short", "a short one")


def test_no_token_stands_whole_in_the_corpus_file():
    stored = CORPUS.read_text(encoding="utf-8")
    assert [s for case in CASES for s in case.secrets if len(s) >= 16 and s in stored and SPLITTER not in s] == []
