"""Replies hold their budgets, counted with real tokenizers: on anything that can be stored, and on real transcripts."""

import json
import random
import string
import uuid
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.llm.budget import estimated
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.tokens import tokens
from session_mgmt_mcp.ports.llm_provider import Message, Prompt, Role

from tests.integration.tokenizers import most_tokens

BUDGETS = (100, 150, 250, 400, 1_000, 4_000)
SLACK, SHARE = 8, 0.05  # of random characters it may count so many too few
SENTENCE = "the cache was reset after schema change because stale rows stay in table and every request reads them"
PIECES = st.one_of(
    st.sampled_from(SENTENCE.split()),
    st.sampled_from(["userCache", "reset_cache()", "src/api/cart_test.go:212", "HTTPServer", "--no-verify", '{"a":1}']),
    st.text(string.ascii_lowercase, min_size=1, max_size=12),
    st.text(string.hexdigits.lower(), min_size=8, max_size=40),
    st.text(string.ascii_letters + string.digits + "+/", min_size=8, max_size=60),
    st.text(string.punctuation, min_size=1, max_size=6),
    st.text("的一是不了人我在有他这缓存必须重置", min_size=1, max_size=10),
    st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=1, max_size=10),
    st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=10),
    st.text(st.characters(min_codepoint=0x1F300, max_codepoint=0x1F6FF), min_size=1, max_size=5),
    st.text(max_size=12),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=60))
def test_the_estimate_is_not_below_any_real_count(pieces):
    text = " ".join(pieces)
    real = most_tokens(text)
    assert tokens(text) >= real * (1 - SHARE) - SLACK


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=2_000))
def test_not_for_random_characters_either(text):
    assert tokens(text) >= most_tokens(text) * (1 - SHARE) - SLACK


@settings(deadline=None)
@given(st.one_of(st.lists(PIECES, min_size=1, max_size=60).map(" ".join), st.text(max_size=2_000)))
def test_what_is_held_for_a_prompt_is_never_below_a_real_count(text):
    prompt = Prompt((Message(Role.USER, text),), "any", 1)
    assert estimated(prompt).input_tokens >= most_tokens(text)


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd" * 50,
        "\u16a0\u1200\u1780" * 200,
        "e5 " * 500,
        "\ud83e" * 300,
    ],
)
def test_nor_for_what_takes_a_token_for_each_byte(text):
    prompt = Prompt((Message(Role.USER, text),), "any", 1)
    assert estimated(prompt).input_tokens >= most_tokens(text.encode("utf-8", "replace").decode())


def snippets_of(folder: Path) -> list[str]:
    """240 characters of whatever real clients wrote, as JSON."""
    lines = [line for path in sorted(folder.rglob("*.jsonl")) for line in path.read_text().splitlines()]
    return [json.dumps(line[at : at + 240], ensure_ascii=False) for line in lines[::5] for at in (0, len(line) // 2)]


def test_on_real_transcripts_it_is_never_below_and_not_wasteful(shared):
    counts = [(tokens(text), most_tokens(text)) for text in snippets_of(shared / "claude-code/real-projects")]
    assert len(counts) > 400
    pages = [[sum(one) for one in zip(*counts[at : at + 5], strict=True)] for at in range(0, len(counts) - 5, 5)]
    assert all(estimate >= real for estimate, real in pages)
    assert sum(estimate >= real for estimate, real in counts) >= 0.99 * len(counts)
    assert 1.1 < sum(estimate for estimate, _ in counts) / sum(real for _, real in counts) < 1.5


# Each search that a tool offers, with the arguments that make it answer much.
ASKED: dict[str, dict[str, Any]] = {
    "reflect_on_past": {"query": "cache test error", "limit": 50, "explain": True},
    "search_reflections": {"query": "cache test error", "limit": 50},
    "quick_search": {"query": "cache test error"},
    "search_summary": {"query": "cache test error"},
    "search_by_concept": {"concept": "test error", "limit": 50},
    "search_by_file": {"file_path": "main.go", "limit": 50},
    "search_errors": {"query": "test error", "limit": 50},
    "search_code": {"query": "test", "limit": 50},
    "advanced_search": {"query": "cache test error", "limit": 50},
    "search_suggestions": {"query": "te", "limit": 50},
    "search_across_projects": {"query": "cache test error", "limit": 50, "explain": True, "project": None},
    "search_temporal": {"time_expression": "last year to today", "limit": 50},
    "get_more_results": {"query": "cache test error", "offset": 0, "limit": 50},
    "search_team_knowledge": {"query": "cache test error", "user_id": "ann", "limit": 50, "project": None},
}

NO_SEARCH = {
    "ping", "server_info", "health_check", "reflection_stats", "get_search_metrics", "_optimize_search_results",
    "status", "session_welcome", "quality_monitor", "list_user_reminders", "get_activity_summary", "get_active_files",
    "get_context_insights", "get_interruption_history", "get_interruption_statistics",
    "crackerjack_help", "crackerjack_health_check", "crackerjack_metrics", "get_crackerjack_quality_metrics",
    "crackerjack_quality_trends", "crackerjack_history", "get_crackerjack_results_history", "crackerjack_patterns",
    "analyze_crackerjack_test_patterns", "list_project_groups", "get_project_insights",
    "get_serverless_session", "list_serverless_sessions",
    "list_teams", "get_team_statistics", "get_shared_reflection", "list_llm_providers",
}  # fmt: skip


@pytest.fixture
async def product(product_in, shop):
    async with product_in(shop) as (app, client):
        yield app, client, shop


async def test_every_search_is_asked_here(product):
    _, client, _ = product
    read_only = {tool.name for tool in await client.list_tools() if tool.annotations.read_only_hint}
    assert read_only - NO_SEARCH == ASKED.keys()


async def test_every_reply_over_real_transcripts_holds_its_budget(product, shared):
    app, client, here = product
    await app.capture.import_paths([shared / "claude-code"])
    await app.teams.create("core", "", "", "ann")
    for text in snippets_of(shared / "claude-code/transcripts")[:40]:
        stored = await app.memory.store(Draft(f"cache test error: {text}", "shop"))
        await app.sharing.share(stored.id, "core", "ann")
    sizes = await all_hold_every_budget(client, here)
    assert not {name: most for name, most in sizes.items() if most[-1] <= most[0]}, "nothing was cut"


async def test_every_reply_over_the_worst_texts_holds_its_budget(product):
    app, client, here = product
    draw = random.Random(7)
    alphabets = [
        string.hexdigits,
        string.ascii_letters + string.digits + "+/",
        string.punctuation,
        "缓存必须重置🚀🔥👩\u200d💻",
        "".join(chr(draw.randrange(0x4E00, 0x9FFF)) for _ in range(200)),
        "\t\n\\\"'\u2028\x7f",
    ]
    await app.teams.create("core", "", "", "ann")
    for n in range(30):
        odd = "".join(draw.choices(alphabets[n % len(alphabets)], k=draw.choice((60, 400, 3_000))))
        path = "/".join(str(uuid.UUID(int=draw.getrandbits(128))) for _ in range(6))
        content, tags = f"cache test error {n} {odd} in src/{path}/main.go", ("ops", odd[:90].strip() or "x")
        kind = (Kind.REFLECTION, Kind.TURN)[n % 2]
        project = f"shop-{odd[:30]}-{n % 7:06x}"
        stored = await app.memory.store(Draft(content, project, kind, tags, session=odd[:40], position=n))
        await app.sharing.share(stored.id, "core", "ann")
    await all_hold_every_budget(client, here)


async def all_hold_every_budget(client: Client, here: Path) -> dict[str, list[int]]:
    """Tokens of the replies, by tool."""
    sizes: dict[str, list[int]] = {name: [] for name in ASKED}
    for budget in BUDGETS:
        (here / "pyproject.toml").write_text(f"[tool.session-mgmt]\nmax_tokens = {budget}\nx = '{uuid.uuid4()}'\n")
        for name, arguments in ASKED.items():
            asked = {"project": "*"} | arguments
            result = await client.call_tool(name, {key: value for key, value in asked.items() if value is not None})
            seen = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
            texts = [seen, *(block.text for block in result.content)]
            assert all(most_tokens(text) <= budget for text in texts), f"{name} with {budget}: {seen}"
            assert result.structured_content["summary"], name
            sizes[name].append(most_tokens(seen))
    return sizes
