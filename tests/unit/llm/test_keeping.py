"""What `api-key` says to do next with the key that it kept."""

import pytest
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.llm import keeping
from session_mgmt_mcp.llm.vendors import Vendor

HERE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def ring(monkeypatch):
    monkeypatch.setattr(keeping, "KeyringSecretStore", MemorySecretStore)


def test_a_server_that_is_not_set_yet_is_tried_under_its_own_address():
    note = keeping.keep(Vendor.OPENAI, "hush-hush", HERE)["note"]
    assert f"configure_llm_provider provider=openai base_url={HERE}" in note and "test_llm_providers" not in note


def test_the_server_that_is_set_is_tried_as_it_is(monkeypatch):
    assert "test_llm_providers provider=openai" in keeping.keep(Vendor.OPENAI, "hush-hush")["note"]
    monkeypatch.setenv("SESSION_MGMT_OPENAI_BASE_URL", HERE)
    assert "test_llm_providers provider=openai" in keeping.keep(Vendor.OPENAI, "hush-hush", HERE)["note"]
