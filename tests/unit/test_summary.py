"""Summaries and concepts over a small invented project: some sessions about rate limiting among many about other things."""

from datetime import UTC, datetime, timedelta

import pytest
from session_mgmt_mcp.adapters.memory.clock import FixedClock
from session_mgmt_mcp.adapters.memory.embedder import MemoryEmbedder
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.domain.answers import Found
from session_mgmt_mcp.domain.concept import added_up, by_concept, spellings
from session_mgmt_mcp.domain.drafts import Draft
from session_mgmt_mcp.domain.memories import Kind
from session_mgmt_mcp.domain.memory import MemoryService
from session_mgmt_mcp.domain.scope import Scope
from session_mgmt_mcp.domain.summary import joined, quotes, summarise
from session_mgmt_mcp.ports.vector_store import Record

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LIMITED = [
    ("user", "Requests of one client starve the others: we need rate limiting in the gateway."),
    (
        "assistant",
        "I put a token bucket into src/gateway/limiter.go. Each client gets a token bucket of 50 for rate limiting.",
    ),
    ("user", "Rate limiting must answer 429 with Retry-After."),
    (
        "assistant",
        "The RateLimiter in src/gateway/limiter.go now answers 429; rate_limit.go reads the token bucket size.",
    ),
    ("assistant", "Rate limiting survives a restart: the token bucket is kept in Redis, see src/gateway/store.go."),
]
OTHER = [
    "The colour of the login button was changed in web/login.css.",
    "Invoices are sent on the first of the month by the billing job.",
    "The migration adds a column to the orders table.",
    "Search results are sorted by date in web/search.ts.",
    "The nightly backup failed because the disk was full.",
]


@pytest.fixture
def store() -> MemoryVectorStore:
    return MemoryVectorStore()


@pytest.fixture
async def memory(store) -> MemoryService:
    memory = MemoryService(store, MemoryEmbedder(), FixedClock(NOW))
    for session in range(2):
        for n, (role, text) in enumerate(LIMITED):
            time, key = NOW - timedelta(days=40 * session, hours=n), f"l{session}{n}"
            said = f"{text} Round {session}."
            await memory.store(Draft(said, "shop", Kind.TURN, (), f"limits{session}", role, n, time, key=key))
    for session in range(8):
        for n, text in enumerate(OTHER):
            time, key = NOW - timedelta(days=session), f"o{session}{n}"
            await memory.store(
                Draft(f"{text} Take {session}.", "shop", Kind.TURN, (), f"o{session}", "user", n, time, key=key)
            )
    return memory


async def test_a_summary_says_what_sets_the_answers_apart(memory, store):
    found = await summarise(memory, store, "rate limiting", Scope(("shop",)))
    assert "token bucket" in [term.text for term in found.themes]
    assert not {"rate", "limiting", "migration", "invoices"} & {term.text for term in found.themes}
    assert next(iter(found.files)) == "src/gateway/limiter.go" and "web/login.css" not in found.files
    assert found.months == {"2026-10": 5, "2026-11": 5} and set(found.sessions) == {"limits0", "limits1"}
    assert (found.first, found.last) == (NOW - timedelta(days=40, hours=4), NOW)
    assert found.count == found.read == 10 and found.projects == {"shop": 10}


async def test_the_same_question_has_the_same_summary(memory, store):
    assert await summarise(memory, store, "token bucket", Scope()) == await summarise(
        memory, store, "token bucket", Scope()
    )


async def test_its_sentences_stand_in_the_memories_and_differ(memory, store):
    found = await summarise(memory, store, "rate limiting token bucket", Scope())
    texts = [quote.text for quote in found.quotes]
    assert len(texts) >= 3 and len({quote.record.id for quote in found.quotes}) == len(texts)
    for quote in found.quotes:
        assert quote.text in quote.record.text
    assert len({text.rsplit(" Round", 1)[0] for text in texts}) == len(texts)


async def test_nothing_found_is_an_empty_summary(store):
    memory = MemoryService(store, MemoryEmbedder(), FixedClock(NOW))
    found = await summarise(memory, store, "anything", Scope())
    assert (found.count, found.first, found.themes, found.files, found.quotes) == (0, None, [], {}, [])


async def test_what_other_projects_speak_of_does_not_hide_a_theme(memory, store):
    for n in range(90):  # elsewhere everybody speaks of token buckets
        await memory.store(Draft(f"The token bucket number {n} of the crawler", "blog", Kind.TURN, key=f"b{n}"))
    found = await summarise(memory, store, "rate limiting", Scope(("shop",)))
    assert "token bucket" in [term.text for term in found.themes]


async def test_a_summary_is_of_its_scope_only(memory, store):
    await memory.store(Draft("Rate limiting of the crawler: politeness delay, politeness delay again.", "blog"))
    found = await summarise(memory, store, "rate limiting", Scope(("blog",)))
    assert found.count == 1 and found.projects == {"blog": 1} and "token bucket" not in [t.text for t in found.themes]


def test_a_longer_path_to_the_same_file_counts_with_it():
    files = {"/home/dev/shop/src/cart.py": 2, "src/cart.py": 3, "lib/cart.py": 1, "cart.py": 1, "art.py": 1}
    assert joined(files) == {"src/cart.py": 5, "art.py": 1, "cart.py": 1, "lib/cart.py": 1}


def test_what_was_said_twice_is_quoted_once():
    def hit(name: str, text: str, score: float) -> Found:
        return Found(Record(id=name, kind="turn", text=text, project="shop", time=NOW), score, text, {})

    said = [
        hit("a", "The proxy listens on port 8081 since the change.", 0.9),
        hit("b", "The proxy listens on port 8081 since this change.", 0.8),
        hit("c", "Caddy terminates encrypted connections for the proxy.", 0.5),
    ]
    assert [quote.record.id for quote in quotes(said, ["proxy", "port"])] == ["a", "c"]


async def test_a_concept_is_expanded_with_what_stands_with_it_and_its_spelling(memory, store):
    found = await by_concept(memory, store, "rate limiting", Scope(("shop",)), limit=10)
    assert {"token", "bucket"} & set(found.terms)
    assert found.names == ["ratelimit"]  # of RateLimiter; its endings stand as often, as the store reads words
    assert {hit.record.session for hit in found.hits} == {"limits0", "limits1"}


async def test_the_files_of_a_concept_are_those_near_its_hits(memory, store):
    found = await by_concept(memory, store, "rate limiting", Scope(("shop",)), limit=10)
    assert {file.path for file in found.files} == {"src/gateway/limiter.go", "rate_limit.go", "src/gateway/store.go"}
    assert not (await by_concept(memory, store, "rate limiting", Scope(("shop",)), limit=10, files=False)).files


async def test_what_the_same_session_touched_long_before_is_not_near(memory, store):
    await memory.store(Draft("Opened web/old.css", "shop", Kind.ACTION, (), "limits0", "tool", -40, key="early"))
    await memory.store(Draft("Opened web/near.css", "shop", Kind.ACTION, (), "limits0", "tool", 7, key="late"))
    found = await by_concept(memory, store, "rate limiting", Scope(("shop",)), limit=10)
    paths = {file.path for file in found.files}
    assert "web/near.css" in paths and "web/old.css" not in paths


async def test_a_concept_finds_what_never_says_its_words(memory, store):
    only = await memory.store(Draft("Burst of the token bucket raised to 80", "shop", Kind.TURN, key="burst"))
    found = await by_concept(memory, store, "rate limiting", Scope(("shop",)), limit=20)
    assert only.id in [hit.record.id for hit in found.hits]


def test_spellings_are_one_name_each():
    made = spellings("rate limiting")
    assert {"rate_limit", "ratelimiter", "rate-limiting", "rate_limiter"} <= set(made)
    assert spellings("RateLimiter")[0] == "rate_limiter"
    assert spellings("cache") == [] and spellings("a b c d e") == []


def test_added_up_scores_never_let_the_expansion_outvote_the_question():
    def hit(name: str, score: float) -> Found:
        return Found(Record(id=name, kind="turn", text=name, project="shop", time=NOW), score, name, {})

    order = added_up([hit("a", 0.6), hit("b", 0.55)], [hit("c", 1.0), hit("b", 0.9)])
    assert [found.record.id for found in order] == ["b", "a", "c"]
