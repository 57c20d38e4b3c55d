"""What doctor and health say of language models, without asking any."""

import pytest
from session_mgmt_mcp import doctor
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm import keeping, trying
from session_mgmt_mcp.llm.keys import secret_name
from session_mgmt_mcp.llm.providers import Providers
from session_mgmt_mcp.llm.state import NO_SUMMARY, NONE, state
from session_mgmt_mcp.llm.trying import standings
from session_mgmt_mcp.llm.vendors import Vendor
from session_mgmt_mcp.ports.secret_store import variable_of
from session_mgmt_mcp.settings import load


def never(*_):
    raise AssertionError("nobody is asked")


async def said(environment=None, **settings):
    providers = Providers(load(**settings), Credentials(MemorySecretStore(), lambda: environment or {}), never)
    return state(await standings(providers), providers.settings.llm_polish)


async def test_by_default_none_is_ever_asked():
    assert await said() == ("ok", NONE)


async def test_a_key_for_other_programs_sets_nothing_up_but_what_a_call_names():
    assert await said({"ANTHROPIC_API_KEY": "hush"}) == ("ok", "Asked only where a call names one: anthropic.")


async def test_an_order_is_told_with_its_models():
    models = {"ollama_model": "small", "openai_model": "large"}
    told = await said({"OPENAI_API_KEY": "hush"}, llm_providers="openai,ollama", **models)
    assert told == ("ok", "Asked in this order, on request alone: openai (large), ollama (small).")


async def test_with_summaries_on_nobody_says_that_only_requests_ask():
    _, told = await said(llm_providers="ollama", ollama_model="small", llm_polish=True)
    assert told == "Asked in this order, on request and at each session's end (llm_polish): ollama (small)."
    assert await said(llm_polish=True) == ("warn", NO_SUMMARY)


@pytest.mark.parametrize(
    ("environment", "settings", "advice"),
    [
        ({}, {"llm_providers": "openai", "openai_model": "m"}, "session-mgmt-mcp api-key openai"),
        ({"OPENAI_API_KEY": "hush"}, {"llm_providers": "openai"}, "set openai_model"),
        ({"OPENAI_API_KEY": "two words"}, {"llm_providers": "openai", "openai_model": "m"}, "OPENAI_API_KEY is no key"),
    ],
)
async def test_what_one_of_the_order_lacks_is_said(environment, settings, advice):
    found, told = await said(environment, **settings)
    assert found == "warn" and advice in told and "hush" not in told


async def test_a_key_that_anybody_can_read_on_its_way_is_told():
    address = {"llm_providers": "openai", "openai_model": "m", "openai_base_url": "http://models.example:8080/v1"}
    names = {variable_of(secret_name(Vendor.OPENAI, address["openai_base_url"])): "hush"}
    found, told = await said(names, **address)
    assert found == "warn" and told.startswith("http://models.example is not encrypted")
    assert await said({}, **address) == ("ok", "Asked in this order, on request alone: openai (m).")


async def test_a_missing_sdk_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(trying, "installed", lambda vendor: vendor != "ollama")
    told = await said(llm_providers="ollama", ollama_model="m")
    assert told == ("warn", "ollama lacks its SDK: pip install 'session-mgmt-mcp[ollama]'.")


def test_doctor_has_a_line_of_it(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    ring = MemorySecretStore()
    monkeypatch.setattr("session_mgmt_mcp.adapters.keyring.secret_store.KeyringSecretStore", lambda: ring)
    monkeypatch.setenv("SESSION_MGMT_LLM_PROVIDERS", "openai")
    monkeypatch.setenv("SESSION_MGMT_OPENAI_MODEL", "m")
    [line] = [check for check in doctor.examine()["checks"] if check["name"] == "language models"]
    assert line["state"] == "warn" and "api-key openai" in line["advice"]


async def test_health_has_one_where_an_order_is_set_and_asks_no_keyring_for_it(product_in, shop, monkeypatch):
    class Waiting(MemorySecretStore):
        async def get(self, name):
            raise AssertionError("it may wait for its user")

    monkeypatch.setattr("session_mgmt_mcp.adapters.keyring.secret_store.KeyringSecretStore", Waiting)
    for settings, lines in (({}, []), ({"llm_providers": "gemini", "gemini_model": "m"}, ["ok"])):
        async with product_in(shop, **settings) as (_, client):
            for name in ("health_check", "status"):
                checks = (await client.call_tool(name)).structured_content["checks"]
                assert [check["state"] for check in checks if check["name"] == "language models"] == lines


def test_who_keeps_a_key_is_told_that_it_can_be_read_on_its_way(monkeypatch):
    ring = MemorySecretStore()
    monkeypatch.setattr(keeping, "KeyringSecretStore", lambda: ring)
    assert "is not encrypted" in keeping.keep(Vendor.OPENAI, "hush-hush", "http://models.example:8080/v1")["note"]
    assert "is not encrypted" not in keeping.keep(Vendor.OPENAI, "hush-hush", "https://models.example/v1")["note"]
