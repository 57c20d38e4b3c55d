"""Providers are made late, made anew when their access changes, and closed in the end."""

import pytest
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm.providers import DefaultModels, Providers
from session_mgmt_mcp.llm.vendors import Vendor
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.llm_provider import Denied
from session_mgmt_mcp.settings import changed, load


class Made(list):
    """Each provider that was made, with its access."""

    def __call__(self, vendor, access, settings):
        provider = MemoryLLMProvider(name=str(vendor))
        self.append((vendor, access, provider))
        return provider


@pytest.fixture
def made():
    return Made()


@pytest.fixture
def ring():
    return MemorySecretStore()


@pytest.fixture
def providers(made, ring):
    return Providers(load(openai_base_url="http://127.0.0.1:1/v1"), Credentials(ring, lambda: {}), made)


async def test_none_is_made_before_its_first_call_and_then_once(providers, made):
    assert made == []
    first = await providers.open("openai")
    assert await providers.open("openai") is first and len(made) == 1
    assert (made[0][1].base_url, made[0][1].api_key) == ("http://127.0.0.1:1/v1", "")


async def test_another_key_makes_another_and_all_are_closed_in_the_end(providers, made, ring):
    await providers.open("openai")
    await ring.set("openai-api-key-127-0-0-1-1", "of-a-minute-ago")
    await providers.open("openai")
    assert [access.api_key for _, access, _ in made] == ["", "of-a-minute-ago"]
    assert not made[0][2].closed  # somebody may still read an answer of it
    await providers.close()
    assert all(provider.closed for _, _, provider in made)


async def test_another_address_makes_another_without_the_key_of_the_first(providers, made, ring):
    await ring.set("openai-api-key-127-0-0-1-1", "hush-hush")
    await providers.open("openai")
    providers.settings = changed(providers.settings, {"openai_base_url": "http://127.0.0.1:2/v1"})
    await providers.open("openai")
    assert [access.api_key for _, access, _ in made] == ["hush-hush", ""]


async def test_a_vendors_own_server_is_not_asked_without_a_key(providers, made):
    with pytest.raises(Denied, match="session-mgmt-mcp api-key anthropic") as caught:
        await providers.open("anthropic")
    assert "SESSION_MGMT_ANTHROPIC_API_KEY" in str(caught.value) and made == []


async def test_where_the_key_of_a_server_is_put_is_told_with_it(providers, made, ring):
    providers.settings = changed(providers.settings, {"openai_base_url": "http://127.0.0.1:1/v1"})
    await providers.open("openai")
    await ring.set("openai-api-key-127-0-0-1-1", "hush-hush")
    await providers.open("openai")
    without, kept = [access.advice for _, access, _ in made]
    assert "`session-mgmt-mcp api-key openai --base-url http://127.0.0.1:1/v1`" in without
    assert "SESSION_MGMT_OPENAI_API_KEY_127_0_0_1_1 " in without and "hub stop" in without
    assert kept.startswith("It is openai-api-key-127-0-0-1-1 of the keyring") and "--base-url" in kept


async def test_an_unknown_name_is_told_the_known_ones(providers):
    with pytest.raises(Invalid, match="anthropic, openai, gemini, ollama"):
        await providers.open("mistral")


async def test_default_models_are_those_of_the_moment(providers):
    models = DefaultModels(providers)
    assert dict(models) == dict.fromkeys(map(str, Vendor), "")
    providers.settings = changed(providers.settings, {"gemini_model": "some-model"})
    assert models["gemini"] == "some-model" and "mistral" not in models
