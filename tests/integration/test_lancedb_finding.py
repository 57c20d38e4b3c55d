"""What LanceDB finds, beside the store in memory, whose scores are exact."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from session_mgmt_mcp.adapters.lancedb import corpus, word_scores
from session_mgmt_mcp.adapters.lancedb.store import LanceDBVectorStore
from session_mgmt_mcp.adapters.memory.vector_store import MemoryVectorStore
from session_mgmt_mcp.contracts.samples import START, matches, meaning, names, pointing, record, word
from session_mgmt_mcp.ports.vector_store import Condition, Unit

WORDS = [word(number) for number in range(30)]
FILTERS = [
    [],
    [Condition("project", "=", "shop")],
    [Condition("role", "=", "user")],
    [Condition("role", "!=", "user"), Condition("project", "=", "bank")],
    [Condition("text", "has", f"{WORDS[0]} {WORDS[1]}")],
    [Condition("tags", "in", WORDS[:9])],
]


def some_records(rng, count):
    for _ in range(count):
        one = record(
            f"r{rng.randint(0, 2 * count)}",
            " ".join(rng.choices(WORDS, k=rng.randint(1, 12))),
            session=rng.choice(["", "s1", "s2", "s3", "s4"]),
            project=rng.choice(["shop", "bank"]),
            role=rng.choice(["user", "assistant", ""]),
            position=rng.randint(0, 8),
            parent=rng.choice(["", "", "", "r1"]),
            tags=tuple(rng.sample(WORDS, rng.randint(0, 1))),
            worded=rng.random() > 0.1,
            time=START + timedelta(minutes=rng.randint(0, 3)),
        )
        if rng.random() < 0.6:
            one = replace(one, vector=pointing(*(rng.uniform(-1, 1) for _ in range(3))), model_id="m")
        yield one


@pytest.fixture
async def stores(tmp_path):
    """One of each kind, empty."""
    ours = await LanceDBVectorStore.open(str(tmp_path / "memories"))
    yield ours, MemoryVectorStore()
    await ours.close()


async def fill(stores, rng):
    for count in (40, 20, 1):  # the last ones change some of the first
        batch = list(some_records(rng, count))
        for store in stores:
            await store.upsert(batch)
    for store in stores:
        await store.delete([Condition("position", "=", 3)])


def told(hits):
    return [(hit.id, pytest.approx(hit.score)) for hit in hits]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
async def test_what_is_found_and_its_scores_are_exact(stores, seed):
    rng = random.Random(seed)
    await fill(stores, rng)
    ours, theirs = stores
    for where in FILTERS:
        asked, vector = " ".join(rng.sample(WORDS, 3)), pointing(*(rng.uniform(-1, 1) for _ in range(3)))
        for k in (1, 3, 50):
            for unit in Unit:
                found = await ours.search_lexical(asked, where, k, unit)
                assert told(found) == told(await theirs.search_lexical(asked, where, k, unit)), (where, k, unit)
            near = [hit.score for hit in await ours.search_dense(vector, where, k)]
            assert near == pytest.approx([hit.score for hit in await theirs.search_dense(vector, where, k)], abs=1e-6)
            both = [await matches(store, asked, meaning(vector, "m"), where, k) for store in stores]
            assert scores_of(both[0]) == near_to(scores_of(both[1]))
        completed = [await store.complete("zqc", where, 9, WORDS[3]) for store in stores]
        assert completed[0] == completed[1]


def scores_of(found):
    columns = np.stack([found.cosines, *(found.words[unit] for unit in Unit)]).T
    return found.searched, dict(zip(found.ids, columns.tolist(), strict=True))


def near_to(scores):
    searched, of = scores
    return searched, {one: pytest.approx(row, abs=1e-6, nan_ok=True) for one, row in of.items()}


async def test_where_more_share_a_word_than_are_fetched_the_scores_stay_exact(stores, monkeypatch):
    rng = random.Random(3)
    await fill(stores, rng)
    ours, theirs = stores
    monkeypatch.setattr(word_scores, "CANDIDATES", 12)
    asked = " ".join(WORDS[:3])
    for where in FILTERS[:4]:
        for unit in Unit:
            exact = {hit.id: hit.score for hit in await theirs.search_lexical(asked, where, 99, unit)}
            found = await ours.search_lexical(asked, where, 5, unit)
            assert {hit.id: hit.score for hit in found} == pytest.approx({hit.id: exact[hit.id] for hit in found})
            assert names(found)[0] in [one for one in exact if exact[one] == pytest.approx(max(exact.values()))]


async def test_in_a_large_store_figures_of_a_sample_do(stores, monkeypatch):
    """Sessions are written one after the other, as they are lived, so that blocks of rows show whole ones."""
    monkeypatch.setattr(corpus, "EXACT_ROWS", 50)
    monkeypatch.setattr(corpus, "BLOCK_ROWS", 100)
    monkeypatch.setattr(word_scores, "CANDIDATES", 50)
    rng, (ours, theirs) = random.Random(4), stores
    many = [word(number) for number in range(150)]
    turns = [
        record(f"r{at}", " ".join(rng.choices(many, k=rng.randint(3, 12))), session=f"s{at // 5}", position=at % 5)
        for at in range(1440)
    ]
    for store in stores:
        await store.upsert(turns)
    for unit in Unit:
        exact = {hit.id: hit.score for hit in await theirs.search_lexical(many[3], (), 960, unit)}
        found = await ours.search_lexical(many[3], (), 10, unit)
        assert {hit.id: hit.score for hit in found} == pytest.approx({hit.id: exact[hit.id] for hit in found}, rel=0.2)
        assert min(exact[hit.id] for hit in found) >= 0.8 * sorted(exact.values())[-10]


async def test_a_search_sees_what_was_written_before_its_meaning_was_known(stores):
    ours, _ = stores
    await ours.upsert([record("a", "needle", vector=pointing(1), model_id="m"), record("b", "needle")])

    async def late():
        await asyncio.sleep(0.05)
        await ours.upsert([record("c", "needle")])
        await ours.delete([Condition("id", "=", "b")])
        return await meaning(pointing(1), "m")

    assert sorted((await matches(ours, "needle", late(), (), 9)).ids) == ["a", "c"]


async def test_a_judge_reads_records_while_it_judges(stores):
    ours, _ = stores
    await ours.upsert([record("a", "a needle")])
    texts = await ours.search("needle", meaning(None), (), 5, lambda found, read: [one.text for one in read(found.ids)])
    assert texts == ["a needle"]
