"""What servers of language models say by errors, in the terms of the port."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.llm_failures import WORDS, Server, Told, failure, misdirected, retry_after, unreachable
from session_mgmt_mcp.ports.errors import Invalid
from session_mgmt_mcp.ports.llm_provider import (
    Access,
    Denied,
    Interrupted,
    NoSuchModel,
    Overloaded,
    RateLimited,
    Refused,
    TooLong,
)

NOW = datetime(2026, 11, 23, 3, 0, 0, tzinfo=UTC)
KEY = "sk-proj-Ab3dEf6hIj9lMn2pQr5t"
SERVER = Server("openai", Access("https://api.example.com/v1", KEY))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Mon, 23 Nov 2026 03:01:00 GMT"}, 60),
        ({"x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "20ms"}, 0.02),
        ({"x-ratelimit-reset-requests": "1h2m3.5s"}, 3_723.5),
        ({"x-ratelimit-reset-tokens": "12"}, 12),
        ({"anthropic-ratelimit-tokens-reset": "2026-11-23T03:00:30Z"}, 30),
        ({"retry-after": "soon", "x-ratelimit-reset-tokens": "12s"}, 12),
        ({"retry-after": "10000000"}, 86_400),
    ],
)
def test_when_to_come_again_is_read_from_headers(headers, seconds):
    assert retry_after(headers, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": ""},
        {"retry-after": "-3"},
        {"retry-after": "0"},
        {"retry-after": "nan"},
        {"retry-after": "inf"},
        {"retry-after": "Mon, 23 Nov 2026 02:01:00 GMT"},
        {"retry-after": "Mon, 99 Nov 9999999 02:01:00 GMT"},
        {"x-ratelimit-reset-tokens": "tomorrow"},
        {"anthropic-ratelimit-tokens-reset": "2026-11-23T02:00:30Z"},
        {"x-ratelimit-limit-requests": "60"},
    ],
)
def test_headers_that_say_nothing_of_use_say_nothing(headers):
    assert retry_after(headers, NOW) is None


def test_of_several_limits_the_one_counts_that_is_used_up():
    limits = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-remaining-tokens": "120",
        "x-ratelimit-reset-tokens": "9m",
    }
    assert retry_after(limits, NOW) == 2
    both = limits | {"x-ratelimit-remaining-tokens": "0"}
    assert retry_after(both, NOW) == 540


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens"]), st.text()))
def test_no_header_breaks_it(headers):
    wait = retry_after(headers, NOW)
    assert wait is None or 0 < wait <= 86_400


@pytest.mark.parametrize(
    ("status", "body", "meant"),
    [
        # vLLM
        (400, {"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested "
               "5000 tokens", "type": "BadRequestError", "param": None, "code": 400}, TooLong),
        (404, {"object": "error", "message": "The model `some-model` does not exist.", "type": "NotFoundError"}, NoSuchModel),
        # llama.cpp
        (400, {"error": {"code": 400, "message": "request (5000 tokens) exceeds the available context size (4096 tokens)",
               "type": "exceed_context_size_error"}}, TooLong),
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}, Overloaded),
        (404, {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, Invalid),
        # Ollama, as OpenAI
        (404, {"error": {"message": "model 'some-model' not found", "type": "not_found_error"}}, NoSuchModel),
        # LM Studio, and others with plain words
        (400, {"error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with "
               "context length of only 4096 tokens"}, TooLong),
        # gateways
        (401, {"detail": "Not authenticated"}, Denied),
        (422, {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}, Invalid),
        (402, {"error": {"code": 402, "message": "This request requires more credits"}}, Denied),
        (0, {"error": {"code": 502, "message": "Provider disconnected unexpectedly"}}, Interrupted),
        (0, {"error": {"code": 429, "message": "Too many requests"}}, RateLimited),
        (0, {"error": {"message": "The model is currently overloaded"}}, Overloaded),
        (429, {"error": {"message": "Request too large for some-model on tokens per min (TPM): Limit 30000, Requested 45000. "
               "The input or output tokens must be reduced in order to run successfully.", "type": "tokens"}}, TooLong),
        (429, {"error": {"message": "You exceeded your current quota, please check your plan and billing details."}}, Denied),
        (400, {"error": {"message": "The response was filtered due to the prompt triggering content management policy."}},
         Refused),
        # no JSON at all
        (404, "<html>nginx</html>", Invalid),
        (502, "<html>Bad Gateway</html>", Interrupted),
        (503, "", Overloaded),
        (504, None, Interrupted),
        (413, "Request Entity Too Large", TooLong),
        (418, "I'm a teapot", Invalid),
    ],
)  # fmt: skip
def test_servers_without_codes_are_understood_by_their_words(status, body, meant):
    assert type(failure(SERVER, Told.of(body, status), {}, "some-model")) is meant


def test_a_code_says_more_than_the_status():
    told = Told.of({"error": {"code": "insufficient_quota", "type": "requests", "message": "No."}}, 429)
    assert type(failure(SERVER, told, {"insufficient_quota": Denied})) is Denied
    detailed = Told.of(
        {
            "error": {
                "type": "rate_limit_error",
                "message": "No.",
                "details": {"error_code": "enforced_spend_limit_reached"},
            }
        },
        429,
    )
    known = {"rate_limit_error": RateLimited, "enforced_spend_limit_reached": Denied}
    assert type(failure(SERVER, detailed, known)) is Denied


def test_of_a_server_that_does_not_take_the_key_no_word_is_told():
    assert "Some words" not in str(failure(SERVER, Told(401, words="Some words"), {}))
    assert "Some words" in str(failure(SERVER, Told(403, words="Some words"), {}))


def test_a_server_that_wants_a_key_is_told_from_one_that_does_not_take_it():
    without, given = (Access("http://127.0.0.1:1/v1", key, "Put one there.") for key in ("", "sk-1"))
    assert str(failure(Server("openai", without), Told(401), {})).endswith("and none was found: Put one there.")
    assert "does not take the API key" in (said := str(failure(Server("openai", given), Told(401), {})))
    assert said.endswith("its credit. Put one there.")


def test_no_model_is_missing_where_none_was_asked_for():
    told = Told.of({"error": {"code": "model_not_found", "message": "No."}}, 404)
    assert type(failure(SERVER, told, {"model_not_found": NoSuchModel})) is Invalid


def test_what_passes_is_not_free_to_repeat_once_an_answer_has_begun():
    for status in (429, 503, 500):
        assert type(failure(SERVER, Told(status), {}, begun=True)) is Interrupted
    assert type(failure(SERVER, Told(401), {}, begun=True)) is Denied


@pytest.mark.parametrize("words", ["temperature is deprecated", "temperature: Extra inputs are not permitted"])
def test_a_parameter_that_is_not_taken_is_told_from_one_that_is_wrong(words):
    assert Told(400, (), f"{words} for this model.").takes_no("temperature")
    assert Told(400, ("unsupported_value",), "No.", "temperature").takes_no("temperature")
    assert not Told(400, (), "temperature must be at most 1").takes_no("temperature")
    assert not Told(400, (), "max_tokens is too large: this model supports at most 4096").takes_no("max_tokens")
    assert not Told(500, (), f"{words} for this model.").takes_no("temperature")
    assert not Told(400, (), f"{words} for this model.").takes_no("top_p")


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://elsewhere.example/v1?key=1", "elsewhere.example:"),
        ("https://name:word@elsewhere.example:8443/", "elsewhere.example:8443:"),
        ("//other.example/", "other.example:"),
        ("/there", "api.example.com:"),
        ("http://[bad", "somewhere else:"),
        ("", "api.example.com:"),
    ],
)
def test_of_a_redirect_the_host_is_named_and_nothing_else(location, named):
    said = str(misdirected(SERVER, Told(302, headers={"location": location})))
    assert f"sends on to {named}" in said
    assert not any(part in said for part in ("key=1", "word", "/v1"))


@pytest.mark.parametrize(
    "url",
    ["", "api.example.com", "ftp://example.com", "file:///etc/passwd", "https://", "http://:80", "https://a b/", "http://[::1",
     "https://name:word@example.com", "https://name@example.com", "https://example.com/v1?key=1", "https://example.com:0/",
     "https://example.com:99999/", "https://example.com/#x"],
)  # fmt: skip
def test_an_address_that_cannot_be_asked_is_refused_without_being_repeated(url):
    with pytest.raises(Invalid, match="base_url") as caught:
        Server("openai", Access(url, KEY))
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8080", True),
        ("http://localhost:1", True),
        ("http://LOCALHOST", True),
        ("http://models.localhost", True),
        ("http://localhost.example.com", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
        ("https://api.example.com", False),
    ],
)
def test_this_machine_is_known(url, here):
    assert Server("openai", Access(url)).is_here is here


@pytest.mark.parametrize("key", ["sk-12\n", "sk 12", "schlüssel", "sk-\x00", "sk-12\r\nx: y"])
def test_a_key_that_no_header_can_carry_is_denied_without_being_repeated(key):
    with pytest.raises(Denied) as caught:
        Server("openai", Access("https://api.example.com", key)).check_key(needed=True)
    assert key not in str(caught.value)


def test_no_key_is_enough_where_none_is_needed():
    without = Server("openai", Access("http://127.0.0.1:8080"))
    without.check_key(needed=False)
    with pytest.raises(Denied, match="set one"):
        without.check_key(needed=True)


def test_a_server_and_what_it_says_name_no_key():
    assert KEY not in repr(SERVER) + str(SERVER)


def test_a_key_that_a_server_repeats_in_part_is_not_told():
    for echo in (KEY, f"'{KEY}'.", "sk-proj-Ab3d", "sk-********Qr5t", f"Bearer:{KEY[5:15]}"):
        assert SERVER.quoted(f"Incorrect key {echo} given.").startswith("Incorrect key [key]")
    assert SERVER.quoted("The project has no such model.") == "The project has no such model."


@given(st.text(), st.text(), st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=40))
def test_what_is_quoted_is_one_short_line_without_the_key(before, after, key):
    quoted = Server("openai", Access("https://api.example.com", key)).quoted(f"{before}{key}{after}")
    assert len(quoted) <= WORDS
    assert quoted.isprintable()
    assert key not in quoted.replace("[key]", "")


def test_a_server_that_is_not_there_is_not_waited_for_long():
    assert 0 < unreachable(SERVER, "refused").retry_after <= 1
