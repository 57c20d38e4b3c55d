"""A language model asked over a real shim and a real hub, answered by a real engine: llama.cpp on this machine."""

import json
import queue
import sys
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.tiny_model import LETTERS

SHIM = (sys.executable, "-m", "session_mgmt_mcp.server")

pytest.importorskip("openai")


@pytest.fixture
def hub(world, tmp_path, monkeypatch, llama):
    monkeypatch.setenv("SESSION_MGMT_EMBEDDER", "memory")
    monkeypatch.setenv("SESSION_MGMT_OPENAI_BASE_URL", f"{llama.url}/v1")
    monkeypatch.setenv("SESSION_MGMT_OPENAI_API_KEY", llama.key)
    monkeypatch.setenv("SESSION_MGMT_OPENAI_MODEL", llama.model)
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path))
    return world


def generates(llama):
    asked = Request(f"{llama.url}/slots", headers={"Authorization": f"Bearer {llama.key}"})
    with build_opener(ProxyHandler({})).open(asked, timeout=20) as answer:
        return any(slot["is_processing"] for slot in json.load(answer))


@pytest.mark.parametrize(
    "modern", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["2026-07-28", "2025-11-25"]
)
def test_an_answer_comes_with_progress_and_a_cancelled_one_is_written_no_further(hub, llama, modern):
    client = hub.client(command=SHIM, modern=modern)
    said = client.call("generate_with_llm", prompt="go on from 3", provider="openai")
    assert (said["text"], said["model"], said["stop"], said["cost"]) == ("456789é", llama.model, "end", 0)
    talk = [("system", "Count."), ("user", "1"), ("assistant", "23456789é"), ("user", "go on from x")]
    given = [{"role": role, "content": text} for role, text in talk]
    said = client.call("chat_with_llm", messages=given, provider="openai", max_tokens=4)
    assert (said["text"], said["stop"]) == ("yzab", "length")

    endless = {"prompt": "go on from a", "provider": "openai", "max_tokens": llama.context - 100}
    asked = client.send(
        "tools/call", {"name": "generate_with_llm", "arguments": endless, "_meta": {"progressToken": 7}}
    )
    heard = [client.others.get(timeout=60)["params"] for _ in range(2)]
    assert generates(llama)
    client.send("notifications/cancelled", {"requestId": asked}, notification=True)
    hub.until(lambda: not generates(llama), seconds=20)
    while not client.others.empty():
        client.others.get()  # said before the word of the end arrived
    assert heard[0]["progress"] < heard[1]["progress"] < llama.context
    assert heard[1]["message"] == f"openai has written {heard[1]['progress']:,.0f} characters"

    said = client.call("generate_with_llm", prompt="8", provider="openai")
    assert said["text"] == "9é"
    spending = client.call("list_llm_providers")["spending"]
    [spent] = spending["by_model"]
    assert spent["calls"] == 3 and spent["held"] > llama.context - 100  # what was cut may have been charged
    with pytest.raises(queue.Empty):
        client.others.get(timeout=0.1)


@pytest.mark.slow
def test_its_list_of_models_is_told_and_what_it_refuses_is_a_sentence(hub, llama, monkeypatch):
    client = hub.client(command=SHIM)
    [tested] = client.call("test_llm_providers")["providers"]
    assert (tested["provider"], tested["ok"], tested["models"]) == ("openai", True, [llama.model])
    assert 0 < tested["milliseconds"] < 20_000
    wrong = client.request(
        "tools/call",
        {
            "name": "configure_llm_provider",
            "arguments": {"provider": "openai", "api_key": "sk-wrong-key-0123456789"},
        },
    )["structuredContent"]
    assert not wrong["test"]["ok"] and wrong["summary"].startswith("Nothing was changed")
    assert "sk-wrong-key-0123456789" not in json.dumps(wrong)
    refused = client.request(
        "tools/call",
        {
            "name": "generate_with_llm",
            "arguments": {"prompt": (LETTERS * 200)[: llama.context + 1], "provider": "openai", "max_tokens": 5},
        },
    )
    assert refused["isError"] and "context" in refused["content"][0]["text"]
