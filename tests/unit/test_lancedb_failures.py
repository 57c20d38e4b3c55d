import pytest
from session_mgmt_mcp.adapters.lancedb.failures import translated
from session_mgmt_mcp.ports.errors import Corrupt


@pytest.mark.parametrize(
    "said",
    [
        "lance error: LanceError(Arrow): expected `:` at line 1 column 385, inverted_index.rs:453:34",
        "lance error: LanceError(Arrow): expected value at line 1 column 1, metadata.rs:20",
    ],
)
def test_what_should_be_json_and_is_not_is_damage(said):
    assert isinstance(translated(RuntimeError(said), "/memories"), Corrupt)
