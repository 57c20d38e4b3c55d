"""The fuzzers themselves: each runs, sees what is covered, and finds what was put there to be found."""

import pytest

from tests.fuzz.inputs import TARGETS

pytest.importorskip("atheris", reason="atheris has no wheel for this Python or platform")

from tests.fuzz.run import run


@pytest.mark.slow
@pytest.mark.timeout(300)  # the whole product is instrumented first
@pytest.mark.parametrize("name", TARGETS)
def test_a_fuzzer_tries_and_covers_more_than_it_was_given(name):
    code, line = run(name, seconds=2)
    assert code == 0, line
    words = line.replace(",", "").split()
    tried, covered = int(words[1]), int(words[3])
    assert tried > 10 and covered > 50, line
