"""The index against a few plain lines that do the same slowly."""

import math
from collections import Counter
from itertools import pairwise
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from session_mgmt_mcp.adapters.duckdb import growing, lexical, snapshot, units, word_scores
from session_mgmt_mcp.adapters.duckdb import index as index_module
from session_mgmt_mcp.adapters.duckdb.best import contenders
from session_mgmt_mcp.adapters.duckdb.growing import Ids, IdsOf, Narrow
from session_mgmt_mcp.adapters.duckdb.index import Index, Vectors
from session_mgmt_mcp.adapters.duckdb.lexical import Postings
from session_mgmt_mcp.adapters.duckdb.records import Row
from session_mgmt_mcp.adapters.duckdb.rows import Rows
from session_mgmt_mcp.adapters.duckdb.tokens import Words, indexed_text
from session_mgmt_mcp.ports.vector_store import Condition, Meaning, Unit

VOCABULARY = ["reset", "cache", "deploy", "failed", "userName", "shop.py"]
SMALL = settings(max_examples=30, deadline=None)


def a_row(seq, text="", **fields):
    defaults = {"kind": "turn", "project": "p", "session": "", "role": "user", "parent": "", "metadata": "{}"}
    values = {**defaults, "content_hash": "", "time": seq, "position": seq, "tags": (), **fields}
    return Row(seq=seq, id=values.pop("id", f"id{seq}"), text=text, **values)


@st.composite
def histories(draw):
    """Upserts, changes and deletions, in batches."""
    steps = []
    for _ in range(draw(st.integers(1, 8))):
        if steps and draw(st.booleans()):
            steps.append(("delete", draw(st.lists(st.integers(1, 12), max_size=4, unique=True))))
            continue
        batch = [
            a_row(
                seq,
                " ".join(draw(st.lists(st.sampled_from(VOCABULARY), max_size=6))),
                session=draw(st.sampled_from(["", "s", "t"])),
                position=draw(st.integers(0, 3)),
                parent=draw(st.sampled_from(["", "", "id1"])),
                project=draw(st.sampled_from(["p", "q"])),
                tags=tuple(draw(st.lists(st.sampled_from(["x", "y"]), max_size=2))),
                facts=tuple(draw(st.lists(st.sampled_from(["tool:Edit", "tool:Read"]), max_size=2))),
                files=tuple(draw(st.lists(st.sampled_from(["a.py", "b.py"]), max_size=2))),
            )
            for seq in draw(st.lists(st.integers(1, 12), min_size=1, max_size=5, unique=True))
        ]
        steps.append(("put", batch))
    return steps


def play(steps, index=None, after_each=lambda _: None):
    """The index after all steps, and what should be in it by seq."""
    index = index or Index(4)
    kept = {}
    for what, batch in steps:
        after_each(index)
        if what == "put":
            index.put(batch, [row.seq for row in batch if row.seq in kept])
            kept.update((row.seq, row) for row in batch)
        else:
            index.remove(batch)
            for seq in batch:
                kept.pop(seq, None)
    return index, kept


def slow_scores(kept, query, unit):
    words = Words()
    counts = {seq: Counter(words.terms(indexed_text(row.text, row.role, row.tags))) for seq, row in kept.items()}
    members = {seq: [seq] for seq in kept}
    if unit is Unit.WINDOW:
        for session in {row.session for row in kept.values()} - {""}:
            whole = [s for s, row in kept.items() if row.session == session and not row.parent]
            whole.sort(key=lambda s: (kept[s].position, s))
            for left, right in pairwise(whole):
                members[left].append(right)
                members[right].append(left)
    if unit is Unit.SESSION:
        groups = {}
        for seq, row in kept.items():
            groups.setdefault(row.session or seq, []).append(seq)
        members = groups
    documents = {name: sum((counts[seq] for seq in seqs), Counter()) for name, seqs in members.items()}
    average = sum(d.total() for d in documents.values()) / max(1, len(documents))
    scores = Counter()
    for term in set(words.terms(query)):
        having = sum(term in d for d in documents.values())
        for name, d in documents.items():
            if term in d:
                idf = math.log(1 + (len(documents) - having + 0.5) / (having + 0.5))
                scores[name] += idf * d[term] * 2.2 / (d[term] + 1.2 * (0.25 + 0.75 * d.total() / average))
    if unit is not Unit.SESSION:
        return {f"id{seq}": score for seq, score in scores.items()}
    wanted = set(words.terms(query))
    return {f"id{seq}": scores[name] for name, seqs in members.items() for seq in seqs if wanted & counts[seq].keys()}


@SMALL
@given(
    histories(),
    st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=3),
    st.sampled_from(list(Unit)),
    st.sampled_from([0, 2, 99]),
    st.sampled_from([0, 99]),
)
def test_scores_are_bm25_over_what_is_there(steps, query, unit, few, runs):
    index, kept = play(steps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_scores, "FEW", few)  # 0: every word is rare, 99: none
        patch.setattr(units, "LONG_RUNS", runs)  # 0: every run is long, 99: none
        hits = index.lexical(" ".join(query), [], 99, unit)
    expected = slow_scores(kept, " ".join(query), unit)
    assert {hit.id: pytest.approx(hit.score, rel=1e-4) for hit in hits} == expected
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@SMALL
@given(histories(), st.sampled_from([0, 99]))
def test_what_is_known_of_windows_and_sessions_step_by_step_is_what_one_sees_at_once(steps, few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_scores, "FEW", few)
        index, _ = play(steps, after_each=lambda index: index.lexical("reset", [], 99, Unit.WINDOW))
        before = state(index)
        index.forget_units()
        assert state(index) == before


def state(index):
    """Everything a caller can see."""
    searches = [index.lexical(word, [], 99, unit) for word in VOCABULARY for unit in Unit]
    dense = index.nearest(np.ones(4, np.float32), [], 99)
    rounded = [
        [(hit.id, round(hit.score, 3)) for hit in sorted(hits, key=lambda hit: hit.id)] for hits in [*searches, dense]
    ]
    places = [place.seq for place in index.places([Condition("tags", "has", "x")])]
    facets = [index.facets(by, []) for by in ("tags", "files", "facts", "project")]
    touching = index.count([Condition("files", "in", ["a.py", "b.py"])])
    return rounded, places, facets, touching, index.count([]), index.vectors()


@SMALL
@given(histories())
def test_compacting_changes_nothing_one_can_see(steps):
    index, kept = play(steps)
    give_vectors(index, kept)
    before = state(index)
    index.compact()
    assert len(index.rows) == len(kept)
    assert state(index) == before


def save(index, database):
    snapshots = snapshot.Snapshots(database)
    snapshots.save(snapshot.view(index), "token")
    return snapshots


@SMALL
@given(histories(), st.sampled_from([0, 2]))
def test_words_merged_beside_the_work_are_the_same_words(steps, at_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lexical, "MERGED_AT_ONCE", at_once)
        patch.setattr(lexical, "PLACED_AT_ONCE", 1)
        index, _ = play(steps)
        before = state(index)
        parts = len(index.postings.segments)
        lopsided = index.lopsided
        index.merge_words()
        assert len(index.postings.segments) < parts or not lopsided
        assert not index.lopsided
    assert state(index) == before


def test_words_that_went_while_they_were_merged_stay_away(monkeypatch):
    monkeypatch.setattr(lexical, "MERGED_AT_ONCE", 0)
    index, _ = play([("put", [a_row(1, "reset")]), ("put", [a_row(2, "cache")])])
    left, right = index.postings.uneven(large=True)
    index.remove([1])
    index.compact()
    index.postings.replace(left, right, lexical.merged(left, right))
    assert [hit.id for hit in index.lexical("reset cache", [], 9, Unit.RECORD)] == ["id2"]


def give_vectors(index, kept):
    seqs = [seq for seq in kept if seq % 2]
    if seqs:
        matrix = np.random.default_rng(1).standard_normal((len(seqs), 4)).astype(np.float32)
        index.put_vectors(Vectors(seqs, ["m"] * len(seqs), matrix))


@SMALL
@given(histories(), histories())
def test_a_snapshot_and_what_came_after_equals_a_rebuild(tmp_path_factory, earlier, later):
    database = tmp_path_factory.mktemp("snapshot") / "memory.duckdb"
    index, kept = play(earlier)
    give_vectors(index, kept)
    index.revision = 7
    save(index, database)
    loaded = snapshot.Snapshots(database).load(4, ["other", "token"], 9)
    assert (loaded.revision, state(loaded)) == (7, state(index))
    for one in (index, loaded):
        for what, batch in later:
            if what == "put":
                there = one.known([row.id for row in batch])
                one.put(batch, [place.seq for place in there.values()])
            else:
                one.remove(batch)
    assert state(loaded) == state(index)


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "about.json").write_text("{"),
        lambda folder: (folder / "about.json").unlink(),
        lambda folder: (part(folder, "row-seq")).unlink(),
        lambda folder: flip(part(folder, "word-postings")),
        lambda folder: flip(part(folder, "dense-matrix")),
        lambda folder: flip(folder / "about.json"),
        lambda folder: cut(part(folder, "id-blob")),
    ],
)
def test_a_damaged_snapshot_is_no_snapshot(tmp_path, harm):
    database = tmp_path / "memory.duckdb"
    index, _ = play([("put", [a_row(1, "reset cache", vector=np.ones(4, np.float32), model_id="m")])])
    index.revision = 5
    save(index, database)
    assert snapshot.Snapshots(database).load(4, ["token"], 5).revision == 5
    harm(snapshot.folder_of(database) / "current")
    assert snapshot.Snapshots(database).load(4, ["token"], 5).revision == 0


def test_saving_again_writes_only_what_is_new(tmp_path):
    database = tmp_path / "memory.duckdb"
    index = Index(4)
    vector = np.ones(4, np.float32)
    index.put([a_row(seq, f"word{seq} cache", vector=vector, model_id="m") for seq in range(1, 101)])
    snapshots = save(index, database)
    folder = snapshot.folder_of(database) / "current"
    before = {file.name for file in folder.iterdir()}
    index.put([a_row(101, "one more", vector=vector, model_id="m")])
    index.revision = 7
    snapshots.save(snapshot.view(index), "token")
    fresh = {file.name for file in folder.iterdir()} - before
    sizes = {name.split(".")[0]: (folder / name).stat().st_size for name in fresh}
    assert sizes["row-time"] == 8 * 1
    assert sizes["dense-matrix"] == 4 * 1
    assert sizes["row-alive"] == 101  # may change in any row
    loaded = snapshot.Snapshots(database).load(4, ["token"], 9)
    assert (loaded.revision, state(loaded)) == (7, state(index))
    asked = np.ones(4, np.float32)
    assert loaded.dense.bits.apart(asked).tolist() == index.dense.bits.apart(asked).tolist()


def test_what_was_changed_in_place_is_written_again(tmp_path):
    database = tmp_path / "memory.duckdb"
    index, _ = play(
        [("put", [a_row(seq, "cache", vector=np.ones(4, np.float32), model_id="m") for seq in range(1, 9)])]
    )
    snapshots = save(index, database)
    index.put_vectors(Vectors([3], ["m"], np.array([[1, -1, 1, -1]], np.float32)))
    snapshots.save(snapshot.view(index), "token")
    assert state(snapshot.Snapshots(database).load(4, ["token"], 9)) == state(index)
    index.remove([2, 5])
    index.compact()
    index.put([a_row(20, "reset hub")])
    snapshots.save(snapshot.view(index), "token")
    assert state(snapshot.Snapshots(database).load(4, ["token"], 9)) == state(index)


def test_a_view_stays_as_it_was_while_the_index_goes_on(tmp_path):
    database = tmp_path / "memory.duckdb"
    index, _ = play(
        [("put", [a_row(seq, "cache", vector=np.ones(4, np.float32), model_id="m") for seq in range(1, 9)])]
    )
    expected = state(index)
    seen = snapshot.view(index)
    index.put([a_row(20, "reset cache", vector=np.ones(4, np.float32), model_id="m"), a_row(3, "hub")], [3])
    index.remove([2, 5])
    index.compact()
    snapshot.Snapshots(database).save(seen, "token")
    assert state(snapshot.Snapshots(database).load(4, ["token"], 9)) == expected


def test_what_an_interrupted_save_left_is_taken_away_by_the_next(tmp_path, monkeypatch):
    database = tmp_path / "memory.duckdb"
    index, _ = play([("put", [a_row(1, "reset cache")])])
    snapshots = save(index, database)
    whole = state(index)
    index.put([a_row(2, "hub")])
    with monkeypatch.context() as patch, pytest.raises(OSError, match="the end"):
        patch.setattr(snapshot.Path, "replace", raising("the end"))
        snapshots.save(snapshot.view(index), "token")
    assert state(snapshot.Snapshots(database).load(4, ["token"], 9)) == whole
    snapshots.save(snapshot.view(index), "token")
    assert state(snapshot.Snapshots(database).load(4, ["token"], 9)) == state(index)
    parts = [file for file in (snapshot.folder_of(database) / "current").iterdir() if file.name.startswith("row-time")]
    assert sum(file.stat().st_size for file in parts) == 8 * 2


def raising(message):
    def fail(*_):
        raise OSError(message)

    return fail


def test_a_snapshot_of_another_history_is_no_snapshot(tmp_path):
    database = tmp_path / "memory.duckdb"
    index, _ = play([("put", [a_row(1, "reset cache")])])
    index.revision = 5
    save(index, database)
    assert snapshot.Snapshots(database).load(4, ["another"], 5).revision == 0
    assert snapshot.Snapshots(database).load(4, ["token"], 4).revision == 0


def part(folder, name):
    """The only one of an array."""
    (file,) = folder.glob(f"{name}.*")
    return file


def flip(file):
    body = bytearray(file.read_bytes())
    body[-3] ^= 1
    file.write_bytes(body)


def cut(file):
    file.write_bytes(file.read_bytes()[:-1])


def test_dead_rows_are_taken_out_in_time(monkeypatch):
    monkeypatch.setattr(index_module, "DEAD_BEFORE_COMPACTION", 3)
    index = Index(4)
    for take in range(30):
        index.put([a_row(1, f"take{take} cache"), a_row(2, "cache")], [1, 2] if take else [])
    assert len(index.rows) < 12
    assert len(index.lexical("cache", [], 9, Unit.RECORD)) == 2


@pytest.mark.parametrize(("where", "name"), [(Rows, "new"), (index_module, "segment"), (index_module, "merged")])
def test_searches_go_on_while_new_rows_are_made_ready(monkeypatch, where, name):
    index, seen = Index(4), []
    index.put([a_row(1, "cache")])
    make = getattr(where, name)

    def searched(*given):
        other = Thread(target=lambda: seen.append(index.count([])), daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive()
        return make(*given)

    monkeypatch.setattr(where, name, searched)
    index.put([a_row(2, "cache")])
    assert seen and set(seen) <= {1, 2}
    assert index.count([]) == 2


@SMALL
@given(*[st.lists(st.lists(st.sampled_from([0, 1, 5, 2**63, 2**64 - 1]), max_size=5), max_size=4)] * 2)
def test_two_segments_become_the_one_that_all_their_documents_make(left, right):
    packed = [np.array(terms, "<u8").tobytes() for terms in (*left, *right)]
    both = lexical.merged(lexical.segment(0, packed[: len(left)]), lexical.segment(len(left), packed[len(left) :]))
    whole = lexical.segment(0, packed)
    for name in ("terms", "ends", "postings"):
        assert np.array_equal(getattr(both, name), getattr(whole, name)), name


def test_postings_stay_in_few_segments_however_they_come():
    postings = Postings()
    for row in range(500):
        postings.append(lexical.segment(row, [np.array([1, 2, 2, 7 + row], "<u8").tobytes()]))
        while pair := postings.uneven(large=False):
            postings.replace(*pair, lexical.merged(*pair))
    assert len(postings.segments) < 16
    rows, tf = postings.of(2, None)
    assert rows.tolist() == list(range(500))
    assert set(tf.tolist()) == {2}


@SMALL
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3), max_size=60))
def test_an_id_is_found_in_the_row_it_was_given_last(names):
    ids, last = Ids(), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "RECENT", 4)
        for row, name in enumerate(names):
            ids.extend([name])
            last[name] = row
            if row % 17 == 3:
                ids.arrays()
    assert {name: ids.find(name) for name in last} == last
    asked = [*last, "never given"]
    assert ids.find_all(asked).tolist() == [*last.values(), -1]
    some = IdsOf(np.arange(len(names))[::-1], ids)
    assert [*some] == [some[at] for at in range(len(some))] == some[:] == names[::-1]
    assert ids.of_all(np.arange(len(names))) == names
    assert ids.find("never given") == -1
    alive = np.array([last[name] == row and row % 3 != 0 for row, name in enumerate(names)], np.bool_)
    new_row = np.where(alive, np.cumsum(alive) - 1, -1)
    kept = ids.kept(alive, new_row)
    assert kept.find_all([*last]).tolist() == [int(new_row[row]) for row in last.values()]
    assert kept.of_all(np.arange(len(kept))) == [name for row, name in enumerate(names) if alive[row]]


@SMALL
@given(st.lists(st.lists(st.integers(-(2**62), 2**62) | st.integers(-200, 40_000), max_size=5), max_size=8))
def test_numbers_take_as_few_bytes_as_the_largest_needs(batches):
    column, numbers = Narrow(), []
    for batch in batches:
        column.extend(batch)
        numbers += batch
    assert column.all.tolist() == numbers
    largest = max((abs(number + 0.5) for number in numbers), default=0)
    assert column.all.itemsize == next(size for size in (1, 2, 4, 8) if largest < 2 ** (8 * size - 1))
    if numbers:
        column.write(0, 70_000)
        assert column.all.tolist() == [70_000, *numbers[1:]]


@SMALL
@given(st.lists(st.sampled_from([0.0, 0.5, 0.5, 1.0, 2.0]), max_size=40), st.integers(1, 12))
def test_contenders_are_the_k_best_and_what_is_as_good_as_the_last(numbers, k):
    among = sorted((number for number in numbers if number > 0), reverse=True)
    lowest = among[:k][-1] if among else 0.0
    expected = [at for at, number in enumerate(numbers) if number > 0 and number >= lowest]
    assert contenders(np.array(numbers, np.float32), 0.0, k).tolist() == expected


def test_int8_keeps_the_order_that_floats_have():
    generator = np.random.default_rng(5)
    vectors = generator.standard_normal((2_000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = Index(384)
    index.put([a_row(n)._replace(vector=vector, model_id="m") for n, vector in enumerate(vectors, 1)])
    query = vectors[7] + 0.8 * vectors[11]
    query /= np.linalg.norm(query)
    exact = vectors @ query
    hits = index.nearest(query, [], 10)
    best = {f"id{n + 1}" for n in np.argsort(-exact)[:10]}
    assert len({hit.id for hit in hits} & best) >= 9
    assert max(abs(hit.score - exact[int(hit.id[2:]) - 1]) for hit in hits) < 0.005


@pytest.mark.parametrize("after_words", [False, True])
def test_what_is_written_while_a_search_is_on_its_way_is_in_it(after_words):
    index = Index(4)
    vector = np.ones(4, np.float32)
    index.put([a_row(1, "reset", vector=vector, model_id="m")])
    seen = index.seen([])
    meant = index.meant(Meaning(vector, "m"), seen, 9)
    words = index.words("reset", seen, [], 9) if after_words else None
    index.put([a_row(2, "nothing of it", vector=vector, model_id="m"), a_row(3, "reset")])
    index.remove([1])
    words = words or index.words("reset", seen, [], 9)
    assert list(index.matches("reset", words, meant, [], 9).ids) == ["id2", "id3"]
