import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pa = pytest.importorskip("pyarrow")

from session_mgmt_mcp.adapters.lancedb.bm25 import Collection, bm25, occurrences  # noqa: E402
from session_mgmt_mcp.adapters.lancedb.layout import NOBODY, Collections, Layout  # noqa: E402

TERMS = ["a", "b", "srcSmain"]
texts = st.lists(st.sampled_from([*TERMS, "other", "ab"]), max_size=9)


@given(st.lists(st.none() | texts, max_size=9))
def test_terms_are_counted_in_each_text(documents):
    words = pa.chunked_array([[None if one is None else " ".join(one) for one in documents]], pa.string())
    assert occurrences(words, TERMS).tolist() == [[(one or []).count(term) for term in TERMS] for one in documents]


@given(st.lists(texts, min_size=1, max_size=9))
def test_scores_are_those_of_the_formula(documents):
    average = sum(map(len, documents)) / len(documents)
    expected = []
    for document in documents:
        score = 0.0
        for term, tf in Counter(document).items():
            if term in TERMS:
                having = sum(term in one for one in documents)
                idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
                score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(document) / (average or 1)))
        expected.append(score)
    tf = occurrences(pa.array([" ".join(one) for one in documents], pa.string()), TERMS)
    lengths = np.array([len(one) for one in documents])
    found = bm25(tf, lengths, Collection(len(documents), average), np.count_nonzero(tf, axis=0))
    assert found == pytest.approx(expected)


rows = st.lists(
    st.tuples(st.sampled_from(["", "s", "t"]), st.sampled_from(["", "", "p"]), st.integers(0, 4), st.integers(0, 9)),
    max_size=12,
)


def laid_out(some):
    types = {"session": pa.string(), "parent": pa.string(), "position": pa.int64(), "length": pa.int32()}
    arrays = {name: pa.array([one[at] for one in some], kind) for at, (name, kind) in enumerate(types.items())}
    return Layout.of(pa.table(arrays | {"_rowid": pa.array([3 * at + 1 for at in range(len(some))], pa.uint64())}))


@given(rows)
def test_neighbours_are_next_in_order_of_position_and_parts_have_none(some):
    layout = laid_out(some)
    before, after = [NOBODY] * len(some), [NOBODY] * len(some)
    for session in ("s", "t"):
        whole = sorted((one[2], at) for at, one in enumerate(some) if one[0] == session and not one[1])
        for (_, left), (_, right) in pairwise(whole):
            before[right], after[left] = left, right
    assert (layout.before.tolist(), layout.after.tolist()) == (before, after)
    assert layout.places(layout.rows).tolist() == list(range(len(some)))
    assert layout.places(np.array([0, 2, 99])).tolist() == [NOBODY] * 3


@given(rows)
def test_all_is_summed_up_by_records_windows_and_sessions(some):
    all_ = Collections.of(laid_out(some))
    lengths = [one[3] for one in some]
    units = {one[0] or at for at, one in enumerate(some)}
    assert (all_.records.documents, all_.sessions.documents) == (len(some), len(units))
    assert all_.records.average * len(some) == pytest.approx(sum(lengths))
    assert all_.sessions.average * len(units) == pytest.approx(sum(lengths))
    assert all_.windows.average >= all_.records.average
