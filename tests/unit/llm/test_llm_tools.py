"""The five tools through a real client, over providers that say what they are told to."""

import asyncio
import json

import pytest
from fastmcp.exceptions import ToolError
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.credentials import Secret
from session_mgmt_mcp.llm import asking
from session_mgmt_mcp.llm.vendors import TERMS, Vendor
from session_mgmt_mcp.mcp_server import repeatable_tools
from session_mgmt_mcp.ports.llm_provider import Denied, Interrupted, Overloaded, Role
from session_mgmt_mcp.settings import load, user_file

KEY = "correct-horse-battery-staple"
HERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def ring(monkeypatch):
    """The keyring of the machine."""
    kept = MemorySecretStore()
    monkeypatch.setattr("session_mgmt_mcp.adapters.keyring.secret_store.KeyringSecretStore", lambda: kept)
    return kept


@pytest.fixture(autouse=True)
def no_key_of_the_machine(monkeypatch):
    for terms in TERMS.values():
        for variable in terms.variables:
            monkeypatch.delenv(variable, raising=False)


class Told(dict):
    """`told["openai"]`: what it says; `made`: each provider that was made, with its access."""

    def __init__(self):
        self.made = []

    def __call__(self, vendor, access, settings):
        script = self.get(str(vendor), Scripted(("Hello", " you.")))
        provider = MemoryLLMProvider(script, models=("small", "large"), name=str(vendor))
        self.made.append((str(vendor), access, provider))
        return provider


@pytest.fixture
def product(product_in, shop, ring):
    told = Told()

    def of(**settings):
        opened = product_in(shop, **settings)

        class Opened:
            async def __aenter__(self):
                app, client = await opened.__aenter__()
                app.llm_providers.make = told
                return app, client, told

            async def __aexit__(self, *raised):
                return await opened.__aexit__(*raised)

        return Opened()

    return of


async def ask(client, name, /, **arguments):
    return (await client.call_tool(name, arguments)).structured_content


async def refused(client, name, /, **arguments):
    answer = await client.call_tool(name, arguments, raise_on_error=False)
    assert answer.is_error
    text = answer.content[0].text
    assert "\n" not in text and "Traceback" not in text and text.endswith(".")
    return text


LOCAL = {"openai_base_url": HERE, "openai_model": "small", "ollama_model": "large"}


async def test_an_answer_says_who_wrote_it_and_what_it_used(product):
    async with product(**LOCAL) as (_, client, told):
        reply = await ask(client, "generate_with_llm", prompt="Hello", provider="openai")
        assert (reply["text"], reply["provider"], reply["model"], reply["stop"]) == (
            "Hello you.",
            "openai",
            "small",
            "end",
        )
        assert (reply["input_tokens"], reply["output_tokens"], reply["tried"]) == (11, 7, [])
        assert "openai (small) answered" in reply["summary"]
        [prompt] = told.made[0][2].prompts
        assert (prompt.temperature, prompt.max_tokens, prompt.messages[0].text) == (0.7, 1_024, "Hello")
        listed = await ask(client, "list_llm_providers")
        assert listed["spending"]["tokens"] == 18 and listed["spending"]["by_model"][0]["calls"] == 1


async def test_a_conversation_is_sent_as_it_is_given(product):
    async with product(**LOCAL) as (_, client, told):
        said = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Yes?"), ("user", "Bye")]
        messages = [{"role": role, "content": text} for role, text in said]
        given = {"provider": "ollama", "model": "small", "temperature": None, "max_tokens": 5}
        reply = await ask(client, "chat_with_llm", messages=messages, **given)
        assert reply["model"] == "small"
        [prompt] = told.made[0][2].prompts
        assert [(one.role, one.text) for one in prompt.messages] == [(Role(role), text) for role, text in said]
        assert (prompt.temperature, prompt.max_tokens) == (None, 5)


async def test_without_a_name_the_first_of_the_order_is_asked_and_the_others_after_it_failed(product):
    async with product(llm_providers="ollama,openai", **LOCAL) as (_, client, told):
        told["ollama"] = Scripted(error=Overloaded("ollama has no room.", 1.0))
        reply = await ask(client, "generate_with_llm", prompt="Hello")
        assert reply["provider"] == "openai" and "Before it ollama failed" in reply["summary"]
        assert reply["tried"] == [{"provider": "ollama", "why": "ollama has no room."}]
        assert "no room" in await refused(client, "generate_with_llm", prompt="Hello", use_fallback=False)
        chat = [{"role": "user", "content": "Hello"}]
        assert (await ask(client, "chat_with_llm", messages=chat))["provider"] == "openai"
        assert "no room" in await refused(client, "chat_with_llm", messages=chat, use_fallback=False)


async def test_no_one_is_asked_whom_nobody_named(product):
    async with product(**LOCAL) as (_, client, told):
        said = await refused(client, "generate_with_llm", prompt="Hello")
        assert "llm_providers" in said and "set up" not in said  # one is
        told["openai"] = Scripted(error=Denied("openai does not take the key."))
        assert "does not take" in await refused(client, "generate_with_llm", prompt="Hello", provider="openai")
        assert [name for name, _, _ in told.made] == ["openai"]


async def test_progress_comes_while_pieces_come(product, monkeypatch):
    monkeypatch.setattr(asking, "WORD_SECONDS", 0.0)
    heard = []

    async def hear(progress, total, message):
        heard.append((progress, total, message))

    async with product(**LOCAL) as (_, client, _):
        given = {"prompt": "Hello", "provider": "openai"}
        await client.call_tool("generate_with_llm", given, progress_handler=hear)
    assert heard == [(5.0, None, "openai has written 5 characters"), (10.0, None, "openai has written 10 characters")]


async def test_word_of_progress_is_not_given_with_every_piece(product):
    heard = []

    async def hear(progress, total, message):
        heard.append(progress)

    async with product(**LOCAL) as (_, client, told):
        told["openai"] = Scripted(tuple("abcdefghij" * 20))
        await client.call_tool("generate_with_llm", {"prompt": "x", "provider": "openai"}, progress_handler=hear)
    assert 1 <= len(heard) < 20


async def test_cancelling_ends_the_request_and_what_it_may_have_cost_stays_held(product):
    async with product(**LOCAL) as (app, client, told):
        told["openai"] = Scripted(("Hel",), silent=True)
        call = asyncio.create_task(client.call_tool("generate_with_llm", {"prompt": "x", "provider": "openai"}))
        async with asyncio.timeout(10):
            while not (told.made and told.made[0][2].prompts):
                await asyncio.sleep(0.01)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            await told.made[0][2].left.wait()
        [spent] = (await app.llm.spent()).spent
        assert (spent.calls, spent.held_calls) == (0, 1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"provider": "mistral"}, "provider"),
        ({"provider": "openai", "model": "huge"}, "small"),
        ({"provider": "gemini"}, "api-key gemini"),
        ({"provider": "openai", "temperature": 3}, "temperature"),
        ({"provider": "openai", "max_tokens": 0}, "max_tokens"),
        ({"provider": "openai", "prompt": ""}, "prompt"),
        ({"provider": "openai", "prompt": "  \n"}, "empty"),
        ({"provider": "openai", "max_tokens": 60_000}, "llm_call_tokens"),
    ],
)
async def test_what_cannot_be_asked_is_said_in_a_sentence(product, given, said):
    async with product(gemini_model="small", **LOCAL) as (_, client, told):
        assert said in await refused(client, "generate_with_llm", **{"prompt": "Hello", **given})
        assert not [prompt for _, _, provider in told.made for prompt in provider.prompts if prompt.model != "huge"]


@pytest.mark.parametrize(
    "roles",
    [
        [],
        ["assistant"],
        ["user", "user"],
        ["user", "assistant"],
        ["user", "system"],
        ["tool"],
        ["system", "system", "user"],
    ],
)
async def test_a_conversation_that_is_none_is_refused(product, roles):
    async with product(**LOCAL) as (_, client, told):
        messages = [{"role": role, "content": "x"} for role in roles]
        assert "messages" in await refused(client, "chat_with_llm", messages=messages, provider="openai")
        assert not [prompt for _, _, provider in told.made for prompt in provider.prompts]


async def test_a_secret_leaves_no_prompt_and_is_counted(product):
    async with product(**LOCAL) as (_, client, told):
        token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
        reply = await ask(client, "generate_with_llm", prompt=f"Use {token} for it", provider="openai")
        assert reply["redacted"] == 1 and "1 secret" in reply["summary"]
        assert token not in told.made[0][2].prompts[0].messages[0].text


async def test_the_list_says_where_a_key_is_and_nothing_of_it(product, ring, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    await ring.set(Secret.ANTHROPIC_API_KEY, KEY)
    async with product(llm_providers="ollama", gemini_model="some") as (_, client, told):
        reply = await ask(client, "list_llm_providers")
        shown = {one["provider"]: one for one in reply["providers"]}
        assert [one["provider"] for one in reply["providers"]] == ["ollama", "anthropic", "openai", "gemini"]
        assert {name: (one["key"], one["set_up"]) for name, one in shown.items()} == {
            "ollama": ("none", True),
            "anthropic": ("keyring", True),
            "openai": ("environment", True),
            "gemini": ("none", True),
        }
        assert shown["openai"]["key_name"] == "OPENAI_API_KEY" and shown["ollama"]["place"] == 1
        assert shown["anthropic"]["base_url"] == "https://api.anthropic.com"
        assert "order: ollama" in reply["summary"] and "500,000 tokens" in reply["summary"]
        for part in (KEY[:4], KEY[-4:], KEY):
            assert part not in json.dumps(reply)
        assert told.made == []


@pytest.mark.parametrize(("order", "said"), [("ollama", "each session's end"), ("", "no summary is written")])
async def test_the_list_says_that_summaries_are_on(product, order, said):
    async with product(llm_polish=True, llm_providers=order) as (_, client, told):
        assert said in (await ask(client, "list_llm_providers"))["summary"] and told.made == []
        checks = (await ask(client, "health_check"))["checks"]
        assert [one["name"] for one in checks].count("language models") == 1


async def test_the_budgets_are_shown_with_what_is_spent(product):
    async with product(llm_day_cost=0.5, llm_call_tokens=0, **LOCAL) as (_, client, _):
        spending = (await ask(client, "list_llm_providers"))["spending"]
        assert (spending["day_cost"], spending["call_tokens"], spending["call_cost"]) == (0.5, 0, None)
        assert "llm_call_tokens is 0" in await refused(client, "generate_with_llm", prompt="x", provider="openai")


async def test_those_that_are_set_up_are_tested_side_by_side(product, ring):
    await ring.set(Secret.ANTHROPIC_API_KEY, KEY)
    async with product(**LOCAL) as (_, client, told):
        told["ollama"] = Scripted(error=Interrupted("ollama answers nonsense."))
        reply = await ask(client, "test_llm_providers")
        tests = {one["provider"]: one for one in reply["providers"]}
        assert {name: one["ok"] for name, one in tests.items()} == {"anthropic": True, "openai": True, "ollama": False}
        assert (
            tests["openai"]["models"] == ["large", "small"] and tests["ollama"]["problem"] == "ollama answers nonsense."
        )
        assert "ollama: ollama answers nonsense" in reply["summary"] and ".;" not in reply["summary"]
        assert not [prompt for _, _, provider in told.made for prompt in provider.prompts]
        only = await ask(client, "test_llm_providers", provider="gemini")
        assert [one["provider"] for one in only["providers"]] == ["gemini"]
        assert "api-key gemini" in only["providers"][0]["problem"]


async def test_where_none_is_set_up_none_is_tested(product):
    async with product() as (_, client, told):
        reply = await ask(client, "test_llm_providers")
        assert reply["providers"] == [] and "docs/llm.md" in reply["summary"] and told.made == []


async def test_an_access_is_tried_first_and_kept_on_confirmation(product, ring):
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text("# mine\nsearch_limit = 7\n")
    given = {"provider": "openai", "api_key": KEY, "base_url": HERE, "default_model": "small"}
    async with product() as (_, client, told):
        tried = await ask(client, "configure_llm_provider", **given)
        assert tried["test"]["ok"] and not tried["kept"] and "confirm=true" in tried["summary"]
        assert "openai" not in user_file().read_text() and await ring.get("openai-api-key-127-0-0-1-9") is None
        done = await ask(client, "configure_llm_provider", **given, confirm=True)
        assert done["kept"] and done["stored"] == ["openai_base_url", "openai_model", "openai-api-key-127-0-0-1-9"]
        assert await ring.get("openai-api-key-127-0-0-1-9") == KEY and await ring.get("openai-api-key") is None
        assert all(provider.closed for _, _, provider in told.made)
        reply = await ask(client, "generate_with_llm", prompt="Hello", provider="openai")
        assert reply["model"] == "small" and told.made[-1][1].api_key == KEY
        asked = await ask(client, "configure_llm_provider", provider="openai", base_url="")
        assert not asked["kept"] and asked["summary"].endswith("confirm=true takes openai_base_url away all the same.")
        back = await ask(client, "configure_llm_provider", provider="openai", base_url="", confirm=True)
        assert back["kept"] and back["summary"].startswith(
            "Taken away: openai_base_url. openai is at https://api.openai.com"
        )
        assert "api-key openai" in back["summary"]  # the key did not follow
        assert KEY not in json.dumps([tried, done, back])
    assert user_file().read_text().startswith("# mine\nsearch_limit = 7\n") and KEY not in user_file().read_text()
    assert (load().openai_model, load().openai_base_url) == ("small", "")


@pytest.mark.parametrize(
    ("address", "open_to_all"),
    [("http://models.example:8080/v1", True), ("https://models.example", False), (HERE, False)],
)
async def test_before_anything_is_kept_it_is_told_that_others_can_read_on_the_way(product, address, open_to_all):
    async with product() as (_, client, _):
        given = {"provider": "openai", "api_key": KEY, "base_url": address, "default_model": "small"}
        tried = await ask(client, "configure_llm_provider", **given)
    assert ("http://models.example is not encrypted" in tried["summary"]) is open_to_all


async def test_an_access_that_fails_changes_nothing(product, ring):
    async with product() as (app, client, told):
        told["openai"] = Scripted(error=Denied("openai does not take the key."))
        given = {"provider": "openai", "api_key": KEY, "base_url": HERE, "default_model": "small", "confirm": True}
        reply = await ask(client, "configure_llm_provider", **given)
        assert not reply["kept"] and reply["summary"].startswith("Nothing was changed, since openai failed its test")
        assert not user_file().exists() and await ring.get("openai-api-key-127-0-0-1-9") is None
        assert app.llm_providers.settings.openai_base_url == ""


async def test_without_a_keyring_nothing_is_kept_and_the_variable_is_named(product, ring):
    ring.there = False
    async with product() as (app, client, _):
        given = {"provider": "openai", "api_key": KEY, "base_url": HERE, "confirm": True}
        said = await refused(client, "configure_llm_provider", **given)
        assert "SESSION_MGMT_OPENAI_API_KEY_127_0_0_1_9" in said and KEY not in said
        assert not user_file().exists() and app.llm_providers.settings.openai_base_url == ""


async def test_a_file_that_cannot_be_written_leaves_the_keyring_as_it_was(product, ring, monkeypatch):
    await ring.set("openai-api-key-127-0-0-1-9", "of-before")

    def full(file, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("session_mgmt_mcp.settings_file._replace", full)
    async with product() as (app, client, _):
        given = {"provider": "openai", "api_key": KEY, "base_url": HERE, "confirm": True}
        assert "cannot be written" in await refused(client, "configure_llm_provider", **given)
        assert await ring.get("openai-api-key-127-0-0-1-9") == "of-before"
        assert app.llm_providers.settings.openai_base_url == ""


async def test_the_environment_that_wins_is_named(product, ring, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_OPENAI_MODEL", "large")
    monkeypatch.setenv("OPENAI_API_KEY", "another-one")
    async with product() as (_, client, _):
        given = {"provider": "openai", "api_key": KEY, "default_model": "small", "confirm": True}
        done = await ask(client, "configure_llm_provider", **given)
        assert done["kept"] and [note.split()[0] for note in done["notes"]] == [
            "SESSION_MGMT_OPENAI_MODEL",
            "OPENAI_API_KEY",
        ]
        reply = await ask(client, "generate_with_llm", prompt="Hello", provider="openai")
        assert reply["model"] == "large"


async def test_a_model_that_is_missing_or_unknown_to_the_server_is_told(product):
    async with product() as (_, client, _):
        given = {"provider": "openai", "base_url": HERE}
        assert "no default model" in (await ask(client, "configure_llm_provider", **given))["summary"]
        reply = await ask(client, "configure_llm_provider", **given, default_model="huge")
        assert reply["test"]["ok"] and "does not name huge" in reply["summary"] and "large, small" in reply["summary"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"provider": "mistral"}, "provider"),
        ({"provider": "openai", "api_key": "hush\nX-Other: 1"}, "is no key"),
        ({"provider": "openai", "api_key": "hush hush"}, "is no key"),
        ({"provider": "openai", "api_key": ""}, "api_key"),
        ({"provider": "openai", "base_url": "https://me:hush-hush@llm.example.com"}, "api_key"),
        ({"provider": "openai", "base_url": "https://llm.example.com/?key=hush-hush"}, "api_key|keyring"),
        ({"provider": "openai", "base_url": "ftp://llm.example.com"}, "openai_base_url"),
        ({"provider": "openai", "base_url": "llm.example.com"}, "openai_base_url"),
        ({"provider": "openai", "default_model": "sk-ant-api03-" + "aB3dE5fG7h" * 9 + "AA"}, "secret"),
    ],
)
async def test_what_cannot_be_set_is_refused_without_its_value(product, ring, given, said):
    import re

    async with product() as (_, client, told):
        text = await refused(client, "configure_llm_provider", **given, confirm=True)
        assert re.search(said, text) and "hush" not in text and "aB3dE5fG7h" not in text
        assert not user_file().exists() and told.made == [] and ring._secrets == {}


async def test_of_two_accesses_that_are_set_at_once_both_are_kept(product, ring):
    async with product() as (app, client, _):
        both = [
            ask(client, "configure_llm_provider", provider=name, base_url=HERE, default_model="small", confirm=True)
            for name in ("openai", "anthropic")
        ]
        await asyncio.gather(*both)
        assert (app.llm_providers.settings.openai_model, app.llm_providers.settings.anthropic_model) == ("small",) * 2
    assert (load().openai_model, load().anthropic_model) == ("small", "small")


async def test_members_of_a_team_are_offered_none_of_it():
    from session_mgmt_mcp.tools.members import MEMBER_TOOLS

    assert not [name for name in MEMBER_TOOLS if "llm" in name]


async def test_what_asks_servers_says_so_and_what_does_not_does_not(product):
    async with product() as (_, client, _):
        tools = {tool.name: tool.annotations for tool in await client.list_tools() if "llm" in tool.name}
        assert {name: hints.open_world_hint for name, hints in tools.items()} == {
            "list_llm_providers": False,
            "test_llm_providers": True,
            "generate_with_llm": True,
            "chat_with_llm": True,
            "configure_llm_provider": True,
        }
        assert [name for name, hints in tools.items() if hints.read_only_hint] == ["list_llm_providers"]
    repeated = {name for name in repeatable_tools() if "llm" in name}  # when a hub died before it answered
    assert repeated == {"list_llm_providers", "test_llm_providers"}


async def test_what_was_opened_is_closed_with_the_product(product):
    async with product(**LOCAL) as (_, client, told):
        await ask(client, "generate_with_llm", prompt="Hello", provider="openai")
        assert not told.made[0][2].closed
    assert told.made[0][2].closed


def test_only_these_vendors_are_known():
    assert [str(vendor) for vendor in Vendor] == ["anthropic", "openai", "gemini", "ollama"]


async def test_a_fault_inside_is_told_without_a_word_of_it(product):
    class Broken:
        name = "openai"

        def stream(self, prompt):
            raise RuntimeError(f"Illegal header value {KEY}")

        async def close(self):
            pass

    async with product(**LOCAL) as (app, client, _):
        app.llm_providers.make = lambda *_: Broken()
        with pytest.raises(ToolError) as caught:
            await ask(client, "generate_with_llm", prompt="Hello", provider="openai")
        assert KEY not in str(caught.value)
