"""Which rows words say most of: the same whether every word is added up for every row, or only where it can matter."""

import numpy as np
import pytest
from session_mgmt_mcp.adapters.duckdb import word_scores
from session_mgmt_mcp.adapters.duckdb.index import Index
from session_mgmt_mcp.adapters.duckdb.records import Row
from session_mgmt_mcp.adapters.duckdb.word_scores import WordScores
from session_mgmt_mcp.ports.vector_store import Condition, Unit

ROWS, WORDS = 4_000, 400


@pytest.fixture(scope="module")
def index():
    rng = np.random.default_rng(1)
    frequent = 1 / (np.arange(WORDS) + 3.0)
    frequent /= frequent.sum()
    index = Index(4)
    rows = [
        Row(
            seq=at,
            id=f"id{at}",
            kind="turn",
            text=" ".join(f"word{word}" for word in rng.choice(WORDS, rng.integers(1, 30), p=frequent)),
            project="rare" if at % 25 == 0 else "often",
            session=f"s{at // 20}" if at % 7 else "",
            role="user",
            parent="",
            metadata="{}",
            content_hash="",
            time=at,
            position=at,
            tags=(),
        )
        for at in range(ROWS)
    ]
    index.put(rows)
    index.remove(range(0, ROWS, 31))
    return index


@pytest.mark.parametrize("where", [(), [Condition("project", "=", "rare")]])
@pytest.mark.parametrize("k", [5, 50])
@pytest.mark.parametrize("seed", range(6))
def test_the_pools_are_those_of_the_full_scores(index, where, k, seed):
    rng = np.random.default_rng(seed)
    asked = " ".join(f"word{word}" for word in {*rng.integers(0, 8, 2), *rng.integers(8, WORDS, 4)})
    with index.lock:
        wanted = index._mask(where)
        scores = WordScores(index.rows, index._units, index.postings, index._terms(asked))
        full = scores.of(np.arange(len(index.rows)))
        pools = {
            Unit.RECORD: (scores.best_records(wanted, k), wanted),
            Unit.WINDOW: (scores.best_windows(wanted, k), wanted),
            Unit.SESSION: (scores.best_sessions(wanted, k), wanted & (full[Unit.RECORD] > 0)),
        }
    for unit, (found, among) in pools.items():
        of_unit = np.where(among, full[unit], 0)
        least = np.sort(of_unit)[-k]
        assert (
            set(np.flatnonzero(of_unit > max(least * 1.00001, 0)))
            <= set(found.rows)
            <= set(np.flatnonzero((of_unit >= least * 0.99999) & (of_unit > 0)))
        )
        assert found.scores == pytest.approx(full[unit][found.rows], rel=1e-4)
        assert len(found.rows) >= min(k, np.count_nonzero(of_unit))


def test_a_frequent_word_is_added_up_only_where_it_can_matter(index, monkeypatch):
    """Three rare words that stand together outdo what the most frequent one alone could give."""
    looked_at = []
    added = word_scores._added

    def watched(of, terms, rows, scores):
        looked_at.append((len(terms), len(rows)))
        return added(of, terms, rows, scores)

    monkeypatch.setattr(word_scores, "_added", watched)
    with index.lock:
        wanted = index._mask(())
        scores = WordScores(index.rows, index._units, index.postings, index._terms("word0 word20 word21 word22"))
        scores.best_records(wanted, 10)
    ((left, rows),) = looked_at
    assert left >= 1
    assert rows < ROWS / 4


def test_a_window_has_what_its_record_and_its_neighbours_have_near_or_far(index):
    """Every seventh row is of no session: the neighbours of those beside it are two rows on."""
    with index.lock:
        windows = index._units.windows(index.rows)
        for word in ("word0", "word20", "word300"):
            having, tf = index.postings.of(index._terms(word)[0], index.rows["alive"])
            of_row = np.zeros(ROWS, np.uint8)
            of_row[having] = tf
            told = windows.frequencies(of_row, having)
            or_nobody = np.append(of_row, 0)
            summed = of_row + or_nobody[windows.before.rows] + or_nobody[windows.after.rows]
            assert told.tolist() == summed.tolist()
            assert not np.array_equal(told, of_row)
    far = windows.after.rows - np.arange(ROWS)
    assert {1, 2} <= set(far[windows.after.rows >= 0].tolist())
