"""Real conversations as prompts: what leaves is what was given without its secrets, and its worst case is held before."""

import json

import pytest
from session_mgmt_mcp.adapters.memory.llm_provider import MemoryLLMProvider, Scripted
from session_mgmt_mcp.domain.redaction import redact
from session_mgmt_mcp.ports.llm_provider import Usage

pytestmark = pytest.mark.shared


def texts(folder):
    """What was said in real transcripts, a conversation each."""
    for path in sorted(folder.rglob("*.jsonl"))[:30]:
        said = []
        for line in map(json.loads, filter(str.strip, path.read_text().splitlines())):
            message = line.get("message")
            content = message.get("content") if isinstance(message, dict) else None
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
            words = "\n".join(b["text"] for b in blocks if isinstance(b, dict) and b.get("type") == "text").strip()
            if words and line.get("type") in ("user", "assistant"):
                said.append((line["type"], words[:4_000]))
        yield said


def in_turns(said):
    """As a model takes them: whoever speaks twice in a row speaks once, and the user begins and ends."""
    turns = []
    for role, words in said:
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += f"\n{words}"
        elif turns or role == "user":
            turns.append({"role": role, "content": words})
    return turns[:9] if len(turns) % 2 or len(turns) > 9 else turns[:-1]


async def test_what_leaves_is_what_was_said_without_its_secrets(product_in, shop, shared):
    settings = {"ollama_model": "tiny", "llm_call_tokens": 1_000_000, "llm_day_tokens": 100_000_000}
    asked = MemoryLLMProvider(Scripted(("Fine.",), usage=Usage(10, 2)), name="ollama")
    conversations = [turns for said in texts(shared / "claude-code") if (turns := in_turns(said))]
    assert len(conversations) > 10
    async with product_in(shop, **settings) as (app, client):
        app.llm_providers.make = lambda *_: asked
        for turns in conversations:
            reply = await client.call_tool("chat_with_llm", {"messages": turns, "provider": "ollama"})
            sent = asked.prompts[-1].messages
            assert [(one.role, one.text) for one in sent] == [(t["role"], redact(t["content"]).text) for t in turns]
            assert reply.structured_content["redacted"] == sum(sum(redact(t["content"]).counts.values()) for t in turns)
            await client.call_tool("generate_with_llm", {"prompt": turns[0]["content"], "provider": "ollama"})
            assert asked.prompts[-1].messages[0].text == redact(turns[0]["content"]).text
        spent = (await client.call_tool("list_llm_providers")).structured_content["spending"]
        assert spent["tokens"] == 12 * 2 * len(conversations) and spent["by_model"][0]["held"] == 0
        tests = (await client.call_tool("test_llm_providers")).structured_content["providers"]
        assert [one["ok"] for one in tests] == [True]
        given = {"provider": "ollama", "default_model": "tiny"}
        assert (await client.call_tool("configure_llm_provider", given)).structured_content["test"]["ok"]
