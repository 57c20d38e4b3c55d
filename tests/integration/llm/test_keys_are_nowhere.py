"""A key that was given is in the keyring, and in nothing else that is written or said."""

import asyncio
import json
import logging
import os
import pty
import secrets
import shutil
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb
import pytest
from session_mgmt_mcp import logs, paths
from session_mgmt_mcp.adapters.keyring.secret_store import SERVICE, KeyringSecretStore
from session_mgmt_mcp.adapters.memory.secret_store import MemorySecretStore
from session_mgmt_mcp.llm.keys import secret_name
from session_mgmt_mcp.llm.vendors import TERMS, Vendor

SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")
PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"


def a_key():
    """Of no known shape: nothing can know it by its looks."""
    return f"plum-{secrets.token_hex(4)}-quiet-{secrets.token_hex(4)}"


class Echoing(BaseHTTPRequestHandler):
    """Denies everybody, quoting the key in every way; on some paths it answers with nonsense, or sends elsewhere."""

    def _answer(self):
        said = [self.headers.get(name, "") for name in ("authorization", "x-api-key", "x-goog-api-key")]
        key = next((value.removeprefix("Bearer ") for value in said if value), "none")
        self.server.heard.append(key)
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        sort = self.server.sort
        status = {"denied": 401, "broken": 500, "nonsense": 200, "elsewhere": 302}[sort]
        words = f"Incorrect key provided: {key}. You can find it at https://host/?key={key}"
        body = {"type": "error", "error": {"message": words, "type": "authentication_error", "code": key, "param": key}}
        raw = f"<html>{key}</html>{{{key}".encode() if sort == "nonsense" else json.dumps(body).encode()
        self.send_response(status, f"No {key}")
        self.send_header("content-type", "application/json")
        self.send_header("www-authenticate", f'Bearer error="{key}"')
        self.send_header("request-id", key)
        if sort == "elsewhere":
            self.send_header("location", f"http://127.0.0.1:1/?key={key}")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Echoing)
    made.heard, made.sort = [], "denied"
    made.url = f"http://127.0.0.1:{made.server_port}"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def keyring(secret_service, monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", secret_service)
    for vendor in Vendor:
        for variable in TERMS[vendor].variables:
            monkeypatch.delenv(variable, raising=False)


def program(*words, key=None):
    """The command line; what it is given on stdin, and what it says."""
    return subprocess.run([PROGRAM, *words], input=key, capture_output=True, text=True, timeout=100, check=False)


def everything_written(folder):
    """Each file below `folder`, and each row of each database there: those are compressed."""
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
    for path in [path for path in texts if path.suffix in (".duckdb", ".bak")]:
        with duckdb.connect(str(path), read_only=True) as database:
            for (table,) in database.execute("select table_name from duckdb_tables()").fetchall():
                texts[path, table] = repr(database.execute(f'select * from "{table}"').fetchall()).encode()
    return texts


def transcript(folder, project, key):
    """Of a conversation in which a key was given, as the client keeps it."""
    given = {"provider": "openai", "api_key": key, "confirm": True}
    use = {"type": "tool_use", "id": "t1", "name": "mcp__session-mgmt__configure_llm_provider", "input": given}
    common = {"isSidechain": False, "timestamp": "2026-02-17T22:41:55.137Z", "cwd": str(project), "version": "2.1.330"}
    session = str(uuid.uuid4())
    lines = [
        {"type": "user", "uuid": "u1", "message": {"role": "user", "content": "Set up the language model, please."}},
        {"type": "assistant", "uuid": "u2", "message": {"role": "assistant", "content": [use]}},
    ]
    file = folder / "-shop" / f"{session}.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(json.dumps({**common, "sessionId": session, **line}) + "\n" for line in lines))
    return folder


@pytest.mark.slow
def test_a_key_is_in_the_keyring_and_nowhere_else(world, keyring, server, tmp_path, monkeypatch):
    project = tmp_path / "shop"
    project.mkdir()
    for name, value in {"EMBEDDER": "memory", "DEBUG": "1", "LLM_TIMEOUT": "5"}.items():
        monkeypatch.setenv(f"SESSION_MGMT_{name}", value)
    for vendor in Vendor:
        monkeypatch.setenv(f"SESSION_MGMT_{vendor.upper()}_BASE_URL", server.url)
    for name in ("ANTHROPIC_LOG", "OPENAI_LOG"):
        monkeypatch.setenv(name, "debug")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(project))
    keys = {vendor: a_key() for vendor in Vendor}
    said = []
    for vendor, key in keys.items():
        done = program("api-key", vendor, "--json", key=f"{key}\n")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["name"] == secret_name(vendor, server.url)
        said += [done.stdout, done.stderr]
    client = world.client(command=SHIM)

    def call(name, **given):
        answer = client.request("tools/call", {"name": name, "arguments": given})
        said.append(json.dumps(answer, ensure_ascii=False))
        return answer

    for server.sort in ("denied", "broken", "nonsense", "elsewhere"):
        tests = call("test_llm_providers")["structuredContent"]["providers"]
        assert len(tests) == 4 and not any(one["ok"] for one in tests), tests
        assert all(one["problem"].count("\n") == 0 and len(one["problem"]) < 600 for one in tests)
        for vendor in Vendor:
            asked = {"provider": vendor, "model": "some-model", "max_tokens": 5}
            assert call("generate_with_llm", prompt="Hello", **asked)["isError"]
    server.sort = "denied"
    assert call("chat_with_llm", messages=[{"role": "user", "content": "Hello"}], **asked)["isError"]
    assert set(keys.values()) <= set(server.heard)  # it was sent, to this server alone
    given = a_key()
    for confirm in (False, True):
        reply = call("configure_llm_provider", provider="openai", api_key=given, default_model="m", confirm=confirm)
        assert not reply["structuredContent"]["kept"]
    assert given in server.heard
    call("configure_llm_provider", provider="openai", api_key=f"{given}\n{given}")
    call("list_llm_providers")
    for name in ("start", "checkpoint", "status", "health_check", "end"):
        call(name)
    told = transcript(tmp_path / "transcripts", project, given)
    for words in (
        ["import", str(told), "--wait", "--json"],
        ["search", "language model", "--project", "*", "--json"],
        ["doctor", "--json"],
        ["call", "list_llm_providers", "--json"],
        ["backup", str(tmp_path / "copy.duckdb")],
        ["hub", "stop"],
    ):
        done = program(*words)
        said += [done.stdout, done.stderr]
    world.until(lambda: not world.hubs())
    said.append(client.leave()[1])
    shutil.rmtree(told)  # the client's own
    texts = everything_written(tmp_path)
    log = paths.log_dir() / logs.FILE_NAME
    assert b'"debug"' in log.read_bytes() and any(isinstance(name, tuple) for name in texts)
    assert any(b"configure_llm_provider" in text for name, text in texts.items() if isinstance(name, tuple))
    for key in (*keys.values(), given):
        for part in (key, key[5:], key[:18]):
            assert [place for place, text in texts.items() if part.encode() in text] == []
            assert [one for one in said if part in one] == []
    for vendor, key in keys.items():
        assert asyncio.run(KeyringSecretStore().get(secret_name(vendor, server.url))) == key
        assert program("api-key", vendor, "--delete", "--json").returncode == 0
        assert asyncio.run(KeyringSecretStore().get(secret_name(vendor, server.url))) is None


@pytest.fixture
def log():
    import session_mgmt_mcp.hub  # noqa: F401 (with all that it imports: that is when a hub begins to log)

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logs.configure(debug=True)
    yield paths.log_dir() / logs.FILE_NAME
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


async def test_an_exception_that_quotes_a_key_is_logged_without_it(product_in, shop, log, monkeypatch):
    key = a_key()
    monkeypatch.setenv("OPENAI_API_KEY", key)

    class Broken:
        name = "openai"

        def __init__(self, access):
            self.key = access.api_key

        async def health(self):
            raise ValueError(f"Illegal header value b'Bearer {self.key}'")

        async def stream(self, prompt):
            yield "Hel"
            raise RuntimeError({"authorization": f"Bearer {self.key}"})

        async def close(self):
            raise RuntimeError(self.key)

    async with product_in(shop) as (app, client):
        app.llm_providers.make = lambda vendor, access, settings: Broken(access)
        calls = [("generate_with_llm", {"prompt": "Hello", "model": "m"}), ("test_llm_providers", {})]
        for name, given in calls:
            answer = await client.call_tool(name, {**given, "provider": "openai"}, raise_on_error=False)
            assert answer.is_error and key not in answer.content[0].text
    text = log.read_text()
    assert "Illegal header value" in text and "RuntimeError" in text and key not in text


def test_api_key_reads_stdin_says_where_it_is_kept_and_takes_it_back(keyring, monkeypatch):
    monkeypatch.setenv("SESSION_MGMT_OPENAI_BASE_URL", "https://llm.example.com/v1")
    key = a_key()
    done = program("api-key", "openai", "--json", key=f"  {key}\r\n")
    assert done.returncode == 0 and key not in done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert SERVICE in told["kept_in"] and told["for"] == "https://llm.example.com:443"
    assert "test_llm_providers provider=openai" in told["note"]
    assert asyncio.run(KeyringSecretStore().get(told["name"])) == key
    assert json.loads(program("api-key", "openai", "--delete", "--json").stdout)["deleted"] is True
    assert json.loads(program("api-key", "openai", "--delete", "--json").stdout)["deleted"] is False


@pytest.mark.slow
def test_api_key_shows_nothing_of_what_is_typed(keyring):
    key = a_key()
    person, terminal = pty.openpty()
    typed = subprocess.Popen(
        [PROGRAM, "api-key", "anthropic"], stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True
    )
    os.close(terminal)
    shown, given = b"", False
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            part = os.read(person, 1_000)
        except OSError:
            break  # the program has ended
        shown += part
        if not given and b"not shown" in shown:
            time.sleep(0.3)  # until it hears no echo
            os.write(person, f"{key}\n".encode())
            given = True
    assert typed.wait(30) == 0, shown
    os.close(person)
    assert b"anthropic-api-key" in shown and key.encode() not in shown
    assert asyncio.run(KeyringSecretStore().get("anthropic-api-key")) == key
    program("api-key", "anthropic", "--delete")


@pytest.mark.parametrize(
    ("given", "said"), [("", "No key was given"), ("two words", "is no key"), ("line\nbreak", "is no key")]
)
def test_api_key_refuses_what_is_none_in_a_sentence_without_it(given, said):
    done = program("api-key", "openai", key=given)
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""
    assert not given or given not in done.stderr


@pytest.mark.slow
def test_api_key_without_a_keyring_names_the_variable(monkeypatch):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/dev/null")
    key = a_key()
    done = program("api-key", "gemini", key=key)
    assert done.returncode == 1 and "SESSION_MGMT_GEMINI_API_KEY" in done.stderr and key not in done.stderr
    assert program("api-key", "mistral", key=key).returncode == 2


async def test_a_redirect_is_told_by_its_host_and_not_followed(product_in, shop, server, keyring, monkeypatch):
    key = a_key()
    async with product_in(shop, openai_base_url=f"{server.url}/v1") as (app, client):
        monkeypatch.setattr(app.llm_providers.credentials, "keyring", MemorySecretStore())
        await app.llm_providers.credentials.keyring.set(secret_name(Vendor.OPENAI, server.url), key)
        server.sort = "elsewhere"
        for name, given in (("generate_with_llm", {"prompt": "Hello", "model": "m"}), ("test_llm_providers", {})):
            answer = await client.call_tool(name, {**given, "provider": "openai"}, raise_on_error=False)
            said = answer.content[0].text
            assert answer.is_error == (name == "generate_with_llm")
            assert "sends on to 127.0.0.1:1:" in said and key not in said
        assert server.heard == [key, key]
