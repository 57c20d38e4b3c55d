"""What redaction takes out, what it leaves, and what it promises for any text."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain import secret_tokens
from session_mgmt_mcp.domain.redaction import redact, redact_values

BODY = "q7Rw2Xk9Tz4Lm8Vb3Nc6Hd1Jf5Gs0Pa7Ye2U"  # 36 characters, invented
HEX = "9f3a7c1e5b8d2046" * 4
PEM = "-----{} RSA PRIVATE KEY-----"
LINE = "MIIEowIBAAKCAQEA" + BODY


def family(prefix, body=BODY):
    return prefix + body


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        (family("sk-ant-api03-"), "anthropic-key"),
        (family("sk-proj-"), "openai-key"),
        ("AKIA" + "Q7RW2XK6TZ4LM5VB", "aws-access-key-id"),
        ("AIza" + BODY[:35], "google-api-key"),
        (family("ghp_"), "github-token"),
        (family("github_pat_"), "github-token"),
        (family("glpat-"), "gitlab-token"),
        (family("xoxb-"), "slack-token"),
        (family("sk_live_"), "stripe-key"),
        ("SK" + HEX[:32], "twilio-key"),
        (f"SG.{BODY[:22]}.{BODY}", "sendgrid-key"),
        (family("npm_"), "npm-token"),
        (family("pypi-AgEI", BODY * 2), "pypi-token"),
        (family("hf_"), "huggingface-token"),
        (f"M{BODY[:23]}.Gx1yZ9.{BODY}", "discord-token"),
        ("1234567890:AA" + BODY[:33], "telegram-token"),
        ("dop_v1_" + HEX, "digitalocean-token"),
        ("dapi" + HEX[:32], "databricks-token"),
        ("shpat_" + HEX[:32], "shopify-token"),
        ("key-" + HEX[:32], "mailgun-key"),
        ("AGE-SECRET-KEY-1" + BODY.upper(), "age-key"),
        (f"eyJhbGciOi{BODY}.eyJ{BODY}.{BODY}", "jwt"),
    ],
)
def test_a_provider_token_is_known_by_its_shape(token, kind):
    result = redact(f"it was ({token}), sorry")
    assert result.text == f"it was ([redacted:{kind}]), sorry"
    assert result.counts == {kind: 1}


@pytest.mark.parametrize("lead", ["\\n", "%3D", "\x1b[32m", "=", '"', "ü ", "key:"])
def test_a_token_is_found_behind_escapes_and_colours(lead):
    assert BODY[:8] not in redact(lead + family("ghp_")).text
    assert "AIza" not in redact(lead + "AIza" + BODY[:35]).text


@pytest.mark.parametrize(
    "block",
    [
        f"{PEM.format('BEGIN')}\n{LINE}\n{LINE}\n{PEM.format('END')}",
        f"{PEM.format('BEGIN')}\\n{LINE}\\n{LINE}\\n{PEM.format('END')}",
        f"{PEM.format('BEGIN')}\r\n{LINE}\r\n{LINE}",
        f"{LINE}\n{LINE}\n{PEM.format('END')}",
    ],
    ids=["whole", "escaped", "without its end", "without its beginning"],
)
def test_a_private_key_goes_as_one_block(block):
    assert redact(f"here:\n{block}\n\nthat was it").text == "here:\n[redacted:private-key]\n\nthat was it"


def test_markers_of_keys_without_a_key_stay():
    text = f"grep for {PEM.format('BEGIN')} or {PEM.format('END')} in the logs"
    assert redact(text).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("export DB_PASSWORD=h7-Kestrel", "export DB_PASSWORD=[redacted:password]"),
        ('{"password": "h7-Kestrel"}', '{"password": "[redacted:password]"}'),
        ("password: h7-Kestrel\nport: 5432", "password: [redacted:password]\nport: 5432"),
        ("app --password=h7-Kestrel -v", "app --password=[redacted:password] -v"),
        ("app --password h7-Kestrel -v", "app --password [redacted:password] -v"),
        ("mysql -u root -ph7-Kestrel shop", "mysql -u root -p[redacted:password] shop"),
        ("postgres://app:h7-Kestrel@db:5432/x", "postgres://app:[redacted:url-password]@db:5432/x"),
        ("Server=db;Uid=app;Pwd=h7-Kestrel;Encrypt=true", "Server=db;Uid=app;Pwd=[redacted:password];Encrypt=true"),
        ("Authorization: Basic Ym9iOmg3LUtlc3RyZWw=", "Authorization: Basic [redacted:authorization]"),
        ("- name: DB_PASSWORD\n  value: h7-Kestrel", "- name: DB_PASSWORD\n  value: [redacted:password]"),
        ("<password>h7-Kestrel</password>", "<password>[redacted:password]</password>"),
        ("we set client_secret: mysupersecretvalue", "we set client_secret: [redacted:client-secret]"),
        ("the line is db:5432:app:bob:h7-Kestrel, use it", "the line is db:5432:app:bob:[redacted:password], use it"),
        ("the password is h7-Kestrel, try it", "the password is [redacted:password], try it"),
    ],
)
def test_only_the_value_goes_and_its_name_stays(text, expected):
    assert redact(text).text == expected


@pytest.mark.parametrize(
    "text",
    [
        "the client_secret: see docs",
        "they keep the client_secret: undisclosed",
        "give client_secret: authentication",
        "it goes to db:5432:app:bob:password",
        "it listens on http://db:5432:app:bob:h7",
        "docker run -p 5432:5432 db:16",
    ],
)
def test_what_only_speaks_of_a_secret_stays(text):
    assert redact(text).text == text


def test_only_the_session_goes_from_a_cookie_header():
    assert (
        redact("Cookie: theme=dark; sessionid=k3j5h2g8f6d1").text == "Cookie: theme=dark; sessionid=[redacted:cookie]"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <private>b</private> c", "a [private] c"),
        ("a <PRIVATE why='x'>b</Private> c", "a [private] c"),
        ("a <private>b <private>c</private> d</private> e", "a [private] e"),
        ("a <private>b\nc", "a [private]"),
        ("a <private", "a [private]"),
        ("<private>a</private><private>b</private>", "[private][private]"),
        ("a </private> b", "a </private> b"),
        ("<privateKey>k</privateKey> List<int>", "<privateKey>k</privateKey> List<int>"),
    ],
)
def test_what_is_marked_private_is_removed_wholly(text, expected):
    assert redact(text).text == expected


def test_private_blocks_are_counted():
    assert redact("<private>a</private> <private>b").counts == {"private": 2}


def test_values_of_a_json_document_are_redacted_and_its_names_are_not():
    document = {"call": {"command": "PGPASSWORD=h7-Kestrel psql", "ok": True}, "tags": ["x", family("ghp_")], "n": 1.5}
    assert redact_values(document) == {
        "call": {"command": "PGPASSWORD=[redacted:password] psql", "ok": True},
        "tags": ["x", "[redacted:github-token]"],
        "n": 1.5,
    }


def test_a_named_secret_in_a_json_document_is_redacted():
    assert redact_values({"password": "h7-Kestrel", "note": "h7"}) == {"password": "[redacted:password]", "note": "h7"}


@pytest.mark.parametrize("text", ["client_secret: mysupersecretvalue", "db.example.com:5432:app:app:Kiesel434"])
def test_a_secret_that_its_line_gives_away_is_redacted_under_a_name_as_well(text):
    assert redact_values({"text": text}) == {"text": redact(text).text} != {"text": text}


FRAGMENTS = st.sampled_from(
    [
        *"=:\"'`@/.,;&?(){}[]<>\\ \n",
        *("password", "token", "api_key", "Authorization: ", "Bearer ", "Basic ", "Cookie: ", "sid=", "user:", "://"),
        *("ghp_", "sk-", "AKIA", "eyJ", "-us3", BODY, HEX, LINE, PEM.format("BEGIN"), PEM.format("END")),
        *("[redacted:password]", "[redacted:", "[private]", "<private>", "</private>", "<private", "hunter2", "${X}"),
        *("mysql -p", "curl -u ", "--password ", "export ", "machine a login b password ", " is ", "İ", "\ud800"),
    ]
)
TEXTS = st.lists(FRAGMENTS | st.text(max_size=6), max_size=25).map("".join)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_any_text_is_redacted_without_an_error_and_a_second_time_changes_nothing(text):
    once = redact(text)
    twice = redact(once.text)
    assert (twice.text, twice.counts) == (once.text, {})


ADVERSARIES = [
    *(
        "password ",
        "pass=",
        "pass='",
        "token: {",
        "authorization: ",
        "cookie: a=b ",
        "curl -u ",
        "mysql -p",
        "://a:",
        "://",
    ),
    *(
        "sk-a",
        "eyJ-",
        "eyJ.",
        "M" * 24 + ".",
        "aaa1Q~",
        "AKIA",
        "<private",
        "<private>",
        "-----",
        "secret_",
        "a.",
        "\\",
    ),
    *(
        PEM.format("BEGIN") + "\n",
        PEM.format("END"),
        PEM.format("BEGIN") + "A" * 20,
        f"DB_PASSWORD=h7-Kestrel {family('ghp_')}\n",
    ),
]


@pytest.mark.parametrize("unit", ADVERSARIES, ids=lambda unit: unit[:16].strip())
def test_twice_the_text_takes_about_twice_the_time(unit):
    def seconds(text):
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    def in_proportion():
        return seconds(text * 2) <= 3 * seconds(text)

    text = unit * (30_000 // len(unit))
    # A busy machine can spoil a measurement, it cannot make a quadratic pattern look linear.
    assert any(in_proportion() for _ in range(6))


@given(st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_token_of_a_provider_is_one_long_word(data) -> None:
    """Prefixes are looked for in words of that length alone."""
    _, token = data.draw(st.sampled_from(secret_tokens._BY_PREFIX))
    found = data.draw(st.from_regex(token.pattern))
    match = token.pattern.search(found)
    assert match and len(match[0]) >= secret_tokens._SHORTEST and match[0].split() == [match[0]]
