"""Where a key comes from, and that none follows to another server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.credentials import Credentials
from session_mgmt_mcp.llm.keys import Key, Source, checked, key_of, secret_name
from session_mgmt_mcp.llm.vendors import TERMS, Vendor, base_url, installed, order, origin
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.secret_store import check_secret_name, variable_of
from session_mgmt_mcp.settings import load

ELSEWHERE = "https://llm.example.com/v1"
NAMES = [(vendor, variable) for vendor in Vendor for variable in TERMS[vendor].variables]


@pytest.fixture
def ring():
    return MemorySecretStore()


async def found(vendor, address, environment=None, ring=None):
    credentials = Credentials(ring or MemorySecretStore(), lambda: environment or {})
    return await key_of(vendor, address, credentials)


@pytest.mark.parametrize(("vendor", "variable"), NAMES)
async def test_the_vendors_own_variable_is_for_the_vendors_own_server_alone(vendor, variable):
    told = {variable: "hush"}
    assert await found(vendor, TERMS[vendor].own, told) == Key(Source.ENVIRONMENT, variable, "hush")
    port = TERMS[vendor].own.replace(".com", ".com:8443")
    for address in (ELSEWHERE, TERMS[vendor].own.replace("https:", "http:"), port, "http://127.0.0.1:11434"):
        assert (await found(vendor, address, told)).source is Source.NONE


@pytest.mark.parametrize("vendor", Vendor)
async def test_our_variable_wins_over_the_vendors_and_both_over_the_keyring(vendor, ring):
    own = TERMS[vendor].own
    await ring.set(f"{vendor}-api-key", "of-the-keyring")
    theirs, ours = {TERMS[vendor].variables[0]: "theirs"}, {variable_of(f"{vendor}-api-key"): "ours"}
    assert (await found(vendor, own, ring=ring)).secret == "of-the-keyring"
    assert (await found(vendor, own, theirs, ring)).secret == "theirs"
    if vendor is not Vendor.OLLAMA:  # whose usual server is another than its own
        assert (await found(vendor, own, theirs | ours, ring)).secret == "ours"


async def test_our_variable_is_for_the_server_that_the_environment_names():
    told = {"SESSION_MGMT_OPENAI_API_KEY": "hush"}
    assert (await found(Vendor.OPENAI, ELSEWHERE, told)).source is Source.NONE  # it was set in the file, or by a tool
    told["SESSION_MGMT_OPENAI_BASE_URL"] = ELSEWHERE
    assert (await found(Vendor.OPENAI, ELSEWHERE, told)).secret == "hush"
    assert (await found(Vendor.OPENAI, "https://llm.example.com:444/v1", told)).source is Source.NONE


async def test_the_usual_server_is_named_by_nobody():
    told = {"SESSION_MGMT_OLLAMA_API_KEY": "hush"}
    assert (await found(Vendor.OLLAMA, "http://127.0.0.1:11434", told)).secret == "hush"
    assert (await found(Vendor.OLLAMA, "http://127.0.0.1:11435", told)).source is Source.NONE


async def test_another_server_may_have_a_variable_with_its_name():
    told = {"SESSION_MGMT_OPENAI_API_KEY_LLM_EXAMPLE_COM_443": "hush", "SESSION_MGMT_OPENAI_API_KEY": "other"}
    assert (await found(Vendor.OPENAI, ELSEWHERE, told)).secret == "hush"


async def test_a_key_in_the_keyring_is_that_of_one_server(ring):
    await ring.set(secret_name(Vendor.OPENAI, ELSEWHERE), "hush")
    assert await found(Vendor.OPENAI, ELSEWHERE, ring=ring) == Key(
        Source.KEYRING, "openai-api-key-llm-example-com-443", "hush"
    )
    for address in (TERMS[Vendor.OPENAI].own, "https://evil.example.com/v1", "http://llm.example.com:443/v1"):
        assert (await found(Vendor.OPENAI, address, ring=ring)).source is Source.NONE
    assert (await found(Vendor.ANTHROPIC, ELSEWHERE, ring=ring)).source is Source.NONE


def test_names_of_servers_that_are_spelled_alike_differ():
    alike = [
        "https://api.example.com",
        "https://api-example.com",
        "https://api.example-com",
        "http://api.example.com",
        "http://api.example.com:443",
        "https://api.example.com:80",
        "https://api_example.com",
        "https://api.example.com.",
        "https://api.example.com.443",
        "https://äpi.example.com",
        "https://[::1]",
        "http://[::1]",
        "http://127.0.0.1",
        "https://127.0.0.1",
        "https://127-0-0-1",
        f"https://{'a' * 63}.{'b' * 63}.com",
        f"https://{'a' * 63}.{'b' * 63}.org",
        "https://a.b.c.d.e.f.g",
        "https://a.b.c.d.e.f.h",
    ]
    names = [secret_name(Vendor.OPENAI, address) for address in alike]
    assert len(set(names)) == len(alike)
    for name in names:
        check_secret_name(name)


HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,30}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.builds(
    "{}://{}:{}".format, st.sampled_from(["http", "https"]), HOSTS, st.sampled_from([80, 443, 8080, 1])
)


@given(ADDRESSES, ADDRESSES)
def test_no_two_servers_have_one_name(one, other):
    names = [secret_name(Vendor.OPENAI, address) for address in (one, other)]
    assert (names[0] == names[1]) == (origin(one) == origin(other))
    check_secret_name(names[0])


@pytest.mark.parametrize("vendor", Vendor)
async def test_the_vendors_host_in_the_clear_or_on_another_port_is_another_server(vendor, ring):
    await ring.set(f"{vendor}-api-key", "hush-hush")
    told = {variable_of(f"{vendor}-api-key"): "hush-hush"}
    own = TERMS[vendor].own
    for address in (own.replace("https:", "http:"), own.replace(".com", ".com:8443")):
        assert secret_name(vendor, address) != f"{vendor}-api-key"
        assert (await found(vendor, address, told, ring)).source is Source.NONE


def test_a_path_or_the_way_it_is_written_makes_no_other_server():
    assert secret_name(Vendor.OPENAI, "https://API.openai.com:443/v2") == "openai-api-key"
    assert secret_name(Vendor.OPENAI, ELSEWHERE) == secret_name(Vendor.OPENAI, "https://LLM.example.com/other")


@pytest.mark.parametrize(
    "key", ["two words", "line\nbreak", "line\r\nX-Other: header", "tab\t", "kéy", "", "x" * 1_001]
)
async def test_what_no_server_takes_as_a_key_is_refused_without_a_word_of_it(key, ring):
    with pytest.raises(Invalid, match="is no key") as caught:
        checked("api_key", key)
    assert not key or key not in str(caught.value)
    assert "\n" not in str(caught.value)
    if key.strip() == key and key:
        with pytest.raises(Invalid, match="SESSION_MGMT_OPENAI_API_KEY"):
            await found(Vendor.OPENAI, TERMS[Vendor.OPENAI].own, {"SESSION_MGMT_OPENAI_API_KEY": key})


async def test_an_empty_variable_is_none_and_a_last_line_break_is_no_part_of_a_key():
    own = TERMS[Vendor.OPENAI].own
    assert (await found(Vendor.OPENAI, own, {"OPENAI_API_KEY": " "})).source is Source.NONE
    assert (await found(Vendor.OPENAI, own, {"OPENAI_API_KEY": "hush\n"})).secret == "hush"


async def test_nothing_that_is_printed_holds_a_key():
    key = await found(Vendor.OPENAI, TERMS[Vendor.OPENAI].own, {"OPENAI_API_KEY": "hush"})
    assert "hush" not in repr(key) + str(key)


def test_the_order_names_each_once():
    assert order(load(llm_providers="ollama,openai,ollama")) == [Vendor.OLLAMA, Vendor.OPENAI]
    assert order(load()) == []


@pytest.mark.parametrize("vendor", Vendor)
def test_an_address_is_the_usual_one_until_another_is_set(vendor):
    assert base_url(vendor, load()) == TERMS[vendor].usual == base_url(vendor, load(**{f"{vendor}_base_url": ""}))
    assert base_url(vendor, load(**{f"{vendor}_base_url": f"{ELSEWHERE}/"})) == ELSEWHERE


@pytest.mark.parametrize("address", ["http://localhost:1", "http://127.8.9.1", "http://[::1]:8080"])
def test_this_machine_is_known(address):
    assert origin(address).on_this_machine
    assert not origin("http://localhost.example.com").on_this_machine


@pytest.mark.parametrize("vendor", Vendor)
def test_whether_an_sdk_is_there_is_seen_without_importing_it(vendor, monkeypatch):
    import sys

    class Refusing:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == TERMS[vendor].sdk:
                raise ImportError(name)

    assert installed(vendor)
    monkeypatch.delitem(sys.modules, TERMS[vendor].sdk, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refusing(), *sys.meta_path])
    assert not installed(vendor)
