"""The memories of a unit test lie in memory, unless it says otherwise: half of its time would go into a database.

Both stores answer one contract suite. `make slow` runs these same tests over the database.
"""

import pytest


@pytest.fixture(autouse=True)
def store(isolation: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A test that opens the product twice, or looks at its files, is marked `on_disk`."""
    kind = request.config.getoption("--store")
    if kind and request.node.get_closest_marker("on_disk") is None:
        monkeypatch.setenv("SESSION_MGMT_VECTOR_STORE", kind)
