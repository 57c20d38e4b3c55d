"""The redactor: any text, with a secret planted in it."""

import hashlib
import string

from session_mgmt_mcp.domain.redaction import redact, redact_values

from tests.fuzz.reading import Reader

INGREDIENTS = (
    b"password", b"PASSWORD", b"api_key", b"token", b"secret", b"cookie", b"Cookie: ", b"authorization", b"Bearer ", b"basic ",
    b"auth", b"session_id", b"=", b": ", b'": "', b":=", b" is ", b" to ", b"=>", b"--password ", b"--token=", b"export ", b"ENV ",
    b"\n", b"\\n", b"\r\n", b" ", b"\t", b'"', b"'", b"`", b'\\"', b'"""', b"#", b"//", b"&", b";", b",", b"://", b"@", b"@tcp(",
    b"jdbc:oracle:thin:a/", b"http", b"postgres", b"eyJ", b".", b"sk-", b"sk-ant-", b"ghp_", b"AKIA", b"AIza", b"xoxb-", b"glpat-",
    b"sig=", b":AA", b"/bot", b"hooks.slack.com/services/", b"/api/webhooks/", b"-us", b"Q~", b".atlasv1.", b"X-Amz-Signature=",
    b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----", b"Version:", b"Private-Lines: 1 ", b"MIIEowIBAAKCAQEA", b"=",
    b"<private>", b"</private>", b"<private ", b"[redacted:token]", b"[private]", b"mysql", b" -p", b"curl", b" -u a:", b"sshpass",
    b"htpasswd", b" -b", b"| sudo -S", b"echo ", b"-stdin", b"machine ", b" login ", b" password ", b"h:5432:d:u:", b"A-", b"a", b"A1",
    b"x9Kq", b"0", b"123456", b"deadbeef", b"{", b"}", b"(", b")", b"[", b"]", b"<", b">", b"$", b"%", b"|", b"your", b"_", b"-",
    "\u0130".encode(), "\u00e9".encode(), "\u2026".encode(), b"\xff",
)  # fmt: skip
FORMS = (
    "ghp_{word}{word}",
    "sk-ant-api03-{word}{word}",
    "AIza{word}{word}abc",
    "xoxb-{word}-{word}",
    "export DB_PASSWORD={word}",
    '"apiKey": "{word}"',
    "Authorization: Bearer {word}{word}",
    "postgres://user:{word}@db.local/shop",
    "eyJhbGciOiJIUzI1NiJ9.eyJ{word}.{word}",
    "-----BEGIN PRIVATE KEY-----\n{word}{word}\n-----END PRIVATE KEY-----",
    "<private>{word}</private>",
)
LONGEST_PLACEHOLDER = 40


def word_of(seed: bytes) -> str:
    """Sixteen letters and digits, mixed, without four alike in a row."""
    digest = hashlib.sha256(seed).digest()
    letters = string.ascii_lowercase[:12] + "mnpqrstvwxz"
    return "".join(
        letters[byte % len(letters)].upper() if at % 3 == 1 else str(byte % 10) if at % 3 == 2 else letters[byte % 23]
        for at, byte in enumerate(digest[:16])
    )


def check(data: bytes) -> None:
    reader = Reader(data)
    form = reader.one_of(("", *FORMS))
    text = reader.rest().decode("utf-8", "surrogateescape")
    once = redact(text)
    again = redact(once.text)
    assert again.text == once.text and not again.counts, "redacting twice changes something"
    assert len(once.text) <= len(text) + LONGEST_PLACEHOLDER * sum(once.counts.values())
    assert sum(once.counts.values()) <= len(text)
    if form:
        word = word_of(data)
        before, _, after = text.partition("|")
        found = redact(f"{before}\n{form.format(word=word)}\n{after}").text
        assert word not in found, f"{form} survived"
    value = redact_values({text[:40]: text, "b": [text, {"c": text[40:]}]})
    assert isinstance(value, dict) and len(value) == len({text[:40], "b"})
