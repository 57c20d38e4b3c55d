"""The nearest of many vectors: sign bits first, int8 for what they leave, float32 for the best."""

import numpy as np
import pytest
from session_mgmt_mcp.adapters.duckdb import dense as dense_module
from session_mgmt_mcp.adapters.duckdb.dense import Dense
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore
from session_mgmt_mcp.contracts.samples import START, record
from session_mgmt_mcp.ports.vector_store import Condition

VECTORS, ASKED = 10_000, 20


@pytest.fixture(autouse=True)
def few_are_worth_bits(monkeypatch):
    monkeypatch.setattr(dense_module, "WORTH_BITS", 500)


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def clustered(count, seed):
    """As real ones are: a hundred topics and what each says besides."""
    topics = np.random.default_rng(0).standard_normal((100, 384))
    rng = np.random.default_rng(seed)
    return unit(topics[rng.integers(100, size=count)] * 0.7 + rng.standard_normal((count, 384)) * 0.7)


def scattered(count, seed):
    return unit(np.random.default_rng(seed).standard_normal((count, 384)))


def nearest_exactly(vectors, asked, among, k):
    return set(among[np.argsort(-(vectors[among] @ asked))[:k]].tolist())


@pytest.fixture(scope="module", params=[clustered, scattered], ids=["clustered", "scattered"])
def filled(request):
    vectors = request.param(VECTORS, 1)
    dense = Dense(384)
    for start in range(0, VECTORS, 2_500):
        dense.append(np.arange(start, start + 2_500), vectors[start : start + 2_500])
    return dense, vectors, request.param(ASKED, 2)


@pytest.mark.parametrize("share", [1.0, 0.9, 0.1])
def test_the_ten_nearest_are_among_the_candidates_whatever_the_vectors_and_the_filter(filled, share):
    dense, vectors, asked = filled
    some = np.flatnonzero(np.random.default_rng(3).random(VECTORS) < share)
    found = 0
    for one in asked:
        slots, _ = dense.nearest(one, None if share == 1.0 else some, 24)
        found += len(nearest_exactly(vectors, one, some, 10) & set(slots.tolist()))
    assert found >= 0.99 * 10 * ASKED


def test_bits_leave_little_to_look_at_where_vectors_are_clustered(monkeypatch):
    vectors = clustered(VECTORS, 1)
    dense = Dense(384)
    dense.append(np.arange(VECTORS), vectors)
    looked_at = []
    dots = dense_module.dots
    monkeypatch.setattr(dense_module, "dots", lambda q, m, s: looked_at.append(len(m)) or dots(q, m, s))
    for one in clustered(ASKED, 2):
        dense.nearest(one, None, 24)
    assert sum(looked_at) < ASKED * VECTORS / 10


def test_a_changed_vector_is_found_by_its_new_bits():
    dense = Dense(384)
    dense.append(np.arange(3), scattered(3, 1))
    new = scattered(1, 9)
    dense.replace(np.array([1]), new)
    assert dense.bits.apart(new)[1] < 10
    dense.keep(np.array([False, True, True]))
    assert dense.bits.apart(new)[0] < 10


def test_bits_that_were_not_saved_are_made_again():
    dense = Dense(384)
    dense.append(np.arange(5), scattered(5, 1))
    again = Dense(384, dense.arrays())
    asked = scattered(1, 2)
    assert (again.bits.apart(asked) == dense.bits.apart(asked)).all()


@pytest.mark.parametrize("dimensions", [4, 64, 100, 384])
def test_bits_that_differ_are_counted_whatever_the_number_of_vectors_and_dimensions(monkeypatch, dimensions):
    monkeypatch.setattr(dense_module, "COMPARED_AT_ONCE", 1_000)
    vectors = np.random.default_rng(1).standard_normal((2_500, dimensions)).astype(np.float32)
    dense = Dense(dimensions)
    dense.append(np.arange(len(vectors)), vectors)
    positive = dense.matrix.all > 0
    assert (dense.bits.apart(dense.matrix.all[7]) == (positive != positive[7]).sum(axis=1)).all()


def test_what_was_seen_stays_while_others_write():
    dense = Dense(384)
    dense.append(np.arange(3), scattered(3, 1))
    seen = dense.seen()
    dense.append(np.arange(3, 9), scattered(6, 2))
    dense.keep(np.arange(9) > 4)
    asked = scattered(1, 1)[0]
    assert len(seen) == len(seen.bits.apart(asked)) == 3
    assert seen.nearest(asked, None, 1)[0].tolist() == [0]


async def test_bits_are_there_again_after_a_restart(tmp_path):
    vectors = clustered(3_000, 1)
    store = await DuckDBVectorStore.open(tmp_path / "memory.duckdb")
    await store.upsert([record(f"r{at}", vector=one, model_id="m", time=START) for at, one in enumerate(vectors)])
    await store.close()
    assert list((tmp_path / "memory.duckdb.index").rglob("*matrix*"))
    store = await DuckDBVectorStore.open(tmp_path / "memory.duckdb")
    assert (await store.search_dense(vectors[7], (), 1))[0].id == "r7"
    await store.set_vectors(["r7"], -vectors[7:8], "m")
    assert (await store.search_dense(-vectors[7], (), 1))[0].id == "r7"
    await store.close()


@pytest.mark.parametrize("where", [(), [Condition("project", "=", "rare")], [Condition("kind", "=", "turn")]])
async def test_a_store_finds_the_nearest_in_the_order_of_the_exact_cosines(tmp_path, where):
    vectors = clustered(3_000, 1)
    records = [
        record(
            f"r{at}",
            vector=vector,
            model_id="m",
            time=START,
            project="rare" if at % 20 == 0 else "often",
            kind="turn" if at % 3 else "action",
        )
        for at, vector in enumerate(vectors)
    ]
    store = await DuckDBVectorStore.open(tmp_path / "memory.duckdb")
    await store.upsert(records)
    some = [at for at, one in enumerate(records) if all(getattr(one, each.field) == each.value for each in where)]
    right = 0
    for one in clustered(ASKED, 2):
        exact = nearest_exactly(vectors.astype(np.float64), one, np.array(some), 10)
        hits = await store.search_dense(one, where, 10)
        assert [hit.score for hit in hits] == pytest.approx(
            [float(vectors[int(hit.id[1:])] @ one) for hit in hits], abs=1e-5
        )
        right += len(exact & {int(hit.id[1:]) for hit in hits})
    assert right >= 0.99 * 10 * ASKED
    await store.close()
