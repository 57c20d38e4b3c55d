"""The page on language models is true: its commands run, in their order, against an engine that really runs."""

import asyncio
import json
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from session_mgmt_mcp.contracts.llm_wire import wire
from session_mgmt_mcp.credentials import Secret
from session_mgmt_mcp.llm.keys import secret_name
from session_mgmt_mcp.llm.vendors import TERMS, Vendor
from session_mgmt_mcp.settings import Settings, user_file

from .ollama_shapes import OllamaFormat

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "llm.md").read_text()
BLOCKS = re.findall(r"```sh ?(\w*)\n(.*?)```", PAGE, re.DOTALL)
PROGRAM = Path(sys.executable).parent / "session-mgmt-mcp"


def commands(of):
    return [line for name, block in BLOCKS if name == of for line in block.splitlines()]


def run(*words, key=None):
    return subprocess.run([PROGRAM, *words], input=key, check=False, capture_output=True, text=True, timeout=100)


@pytest.fixture
def hub(monkeypatch, tmp_path, secret_service):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", secret_service)
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    for terms in TERMS.values():
        for variable in terms.variables:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    run("hub", "stop")


def answers(of, key, **told):
    """Of each command of a block, as JSON; `told` is what the page leaves open."""
    found, lines = [], "\n".join(commands(of))
    for left, value in told.items():
        lines = lines.replace(left, value)
    for command in lines.splitlines():
        done = run(*shlex.split(command)[1:], "--json", key=key)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert key not in done.stdout + done.stderr
        found.append(json.loads(done.stdout))
    return found


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_first_answer_comes_from_a_server_on_this_machine(hub, llama):
    assert len(commands("")) == 7
    here = {"http://127.0.0.1:8080": llama.url, "MODEL": llama.model, "sky blue?": "sky blue? 3", '"Why?"': '"8"'}
    key, tried, kept, answer, talk, tested, listed = answers("", llama.key, **here)
    assert key["name"] == secret_name(Vendor.OPENAI, llama.url)
    assert tried["test"]["ok"] and tried["test"]["models"] == [llama.model] and not tried["kept"]
    assert kept["kept"] and llama.url in user_file().read_text() and llama.key not in user_file().read_text()
    assert (answer["text"], talk["text"], answer["cost"]) == ("456789é", "9é", 0)
    assert [(one["provider"], one["ok"]) for one in tested["providers"]] == [("openai", True)]
    shown = next(one for one in listed["providers"] if one["provider"] == "openai")
    assert (shown["key"], shown["key_name"], shown["default_model"]) == ("keyring", key["name"], llama.model)
    assert listed["spending"]["tokens"] > 0 and listed["spending"]["cost"] == 0
    found = {one["name"]: one for one in json.loads(run("doctor", "--json").stdout)["checks"]}
    assert "openai" in found["language models"]["advice"] and found["language models"]["state"] == "ok"


@pytest.fixture
def ollama(monkeypatch):
    """A server that speaks Ollama's format."""
    started, ended = threading.Event(), threading.Event()

    async def serve():
        async with wire(OllamaFormat()) as vendor:
            vendor.lists("tiny:latest")
            monkeypatch.setenv("SESSION_MGMT_OLLAMA_BASE_URL", vendor.url)
            started.set()
            while not ended.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    started.wait()
    yield
    ended.set()
    thread.join()


@pytest.mark.slow
def test_ollama_answers_without_a_key(hub, ollama):
    configured, answer = answers("ollama", "none-at-all", MODEL="tiny:latest")
    assert configured["kept"] and configured["stored"] == ["ollama_model"]
    assert answer["provider"] == "ollama" and answer["text"] and answer["cost"] == 0


@pytest.mark.slow
def test_a_vendors_key_is_kept_and_taken_back(hub):
    kept, gone = answers("vendor", "plum-quiet-0123456789")
    assert kept["name"] == gone["name"] == "anthropic-api-key" and gone["deleted"] is True


def test_the_page_names_every_vendor_variable_and_setting():
    rows = re.findall(r"^\| `(\w+)` \| `(https://\S+)` \| `(\w+)`, `([a-z-]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    secrets = {vendor: Secret(f"{vendor}-api-key") for vendor in Vendor}
    assert rows == [
        (
            vendor,
            TERMS[vendor].own,
            secrets[vendor].variable,
            secrets[vendor],
            ", ".join(f"`{name}`" for name in TERMS[vendor].variables),
        )
        for vendor in Vendor
    ]
    assert "`openai-api-key-127-0-0-1-8080`" in PAGE
    assert secret_name(Vendor.OPENAI, "http://127.0.0.1:8080/v1") == "openai-api-key-127-0-0-1-8080"
    named = set(re.findall(r"\bllm_\w+", PAGE))
    assert {name for name in Settings.model_fields if name.startswith("llm_")} == named
    for name, shown in (("llm_call_tokens", "50,000"), ("llm_day_tokens", "500,000"), ("llm_timeout", "120")):
        assert (
            f"| `{name}` | {shown} |" in PAGE and float(shown.replace(",", "")) == Settings.model_fields[name].default
        )
    assert Settings.model_fields["llm_providers"].default == "" and Settings.model_fields["llm_polish"].default is False
