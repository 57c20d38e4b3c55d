"""Each target in short: everything that was ever kept, and some inputs of Hypothesis. `make fuzz` goes on for longer."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from tests.fuzz.inputs import TARGETS, load, made_of, seeds

SLOW = ("tools",)  # opens the whole product


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    for name in TARGETS:
        getattr(load(name), "close", lambda: None)()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in TARGETS])
def test_what_was_kept_breaks_nothing(name):
    assert seeds(name)
    for path in seeds(name):
        load(name).check(path.read_bytes())


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in TARGETS])
def test_no_row_of_ingredients_breaks_anything(name):
    @settings(deadline=None)
    @given(made_of(load(name).INGREDIENTS))
    def holds(data):
        load(name).check(data)

    holds()
