"""What a model costs at most, and when nobody knows."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from session_mgmt_mcp.adapters.genai_prices.price_list import GenaiPriceList
from session_mgmt_mcp.adapters.memory.price_list import MemoryPriceList
from session_mgmt_mcp.contracts.price_list import PriceListContract
from session_mgmt_mcp.ports.price_list import Price

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def dollars(read, written):
    return Price(Decimal(read), Decimal(written))


class TestMemoryPriceList(PriceListContract):
    known = "large"

    @pytest.fixture
    def prices(self):
        return MemoryPriceList({("anthropic", "large"): dollars(3, 15)}, free={"ollama"})


class TestGenaiPriceList(PriceListContract):
    known = "claude-sonnet-4-5"

    @pytest.fixture
    def prices(self):
        pytest.importorskip("genai_prices")
        return GenaiPriceList(
            {"anthropic": "", "openai": "", "gemini": "", "ollama": ""}, free={"ollama"}, now=lambda: NOW
        )


@pytest.fixture
def genai():
    pytest.importorskip("genai_prices")
    return lambda now=NOW, **base_urls: GenaiPriceList(base_urls, now=lambda: now)


@pytest.mark.parametrize(
    ("provider", "model", "price"),
    [
        ("anthropic", "claude-sonnet-4-5-20250929", dollars(6, "22.5")),  # beyond 200,000 tokens
        ("openai", "gpt-4o-mini", dollars("0.15", "0.6")),
        ("gemini", "gemini-2.5-pro", dollars("2.5", 15)),  # beyond 200,000 tokens
        ("gemini", "models/gemini-2.5-flash", dollars("0.3", "2.5")),
        ("gemini", "gpt-4o-mini", None),
        ("openai", "whisper-1", None),  # by the hour
        ("openai", "text-embedding-3-small", None),  # writes nothing
        ("openai", "ft:gpt-4o-mini:org::id", None),
        ("ollama", "llama3", None),
    ],
)
def test_the_highest_price_counts_whatever_the_length(genai, provider, model, price):
    assert genai().price(provider, model) == price


@pytest.mark.parametrize(
    ("read", "price"), [(1_000, dollars(3, 15)), (199_999, dollars(3, 15)), (300_000, dollars(6, "22.5"))]
)
def test_a_short_prompt_has_the_price_of_a_short_one(genai, read, price):
    assert genai().price("anthropic", "claude-sonnet-4-5-20250929", read) == price


def test_a_price_that_was_lowered_counts_no_more(genai):
    before, after = datetime(2025, 6, 1, tzinfo=UTC), datetime(2025, 6, 11, tzinfo=UTC)
    assert genai(before).price("openai", "o3").input == 10 and genai(after).price("openai", "o3").input == 2


def test_the_dearest_hour_of_the_day_counts(genai):
    deepseek = genai(openai="https://api.deepseek.com/v1")
    night, day = (datetime(2026, 11, 23, hour, tzinfo=UTC) for hour in (20, 8))
    at = [genai(now, openai="https://api.deepseek.com/v1").price("openai", "deepseek-v4-pro") for now in (night, day)]
    assert at[0] == at[1] == deepseek.price("openai", "deepseek-v4-pro") and at[0] is not None


def test_what_openai_keeps_of_a_prompt_is_paid_for_unasked(genai):
    from genai_prices.data_snapshot import get_snapshot

    _, model = get_snapshot().find_provider_model("gpt-5.6-sol", None, "openai", None)
    assert genai().price("openai", "gpt-5.6-sol").input == model.get_prices(NOW).cache_write_mtok.tiers[-1].price


def test_another_server_has_its_own_prices(genai):
    groq = genai(openai="https://api.groq.com/openai/v1")
    assert groq.price("openai", "llama-3.1-8b-instant") is not None and groq.price("openai", "gpt-4o-mini") is None


@pytest.mark.parametrize(
    "url", ["https://llm.example.com/v1", "http://127.0.0.1:8080/v1", "https://evil.example/api.openai.com"]
)
def test_of_a_server_that_nobody_knows_nobody_knows_the_price(genai, url):
    assert genai(openai=url).price("openai", "gpt-4o-mini") is None


def test_where_each_call_is_charged_for_tokens_are_not_all(genai):
    assert genai(openai="https://api.perplexity.ai").price("openai", "sonar") is None


WITHOUT = """
import sys
sys.modules["genai_prices"] = None
from session_mgmt_mcp.adapters.genai_prices.price_list import GenaiPriceList
prices = GenaiPriceList({}, free={"ollama"})
assert prices.price("openai", "gpt-4o-mini") is None and prices.price("ollama", "any").input == 0
"""
LAZY = """
import sys
from session_mgmt_mcp.adapters.genai_prices.price_list import GenaiPriceList
assert GenaiPriceList({}, free={"ollama"}).price("ollama", "any").output == 0
assert not {"genai_prices", "httpx2", "pydantic"} & sys.modules.keys()
"""


@pytest.mark.parametrize("program", [WITHOUT, LAZY], ids=["without the package", "before anybody asks"])
def test_the_package_may_be_missing_and_is_loaded_late(program):
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
