"""What every VectorStore finds by words, and which filters it knows."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from session_mgmt_mcp.contracts.samples import START, matches, meaning, names, pointing, record
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, Meaning, PatternMatch, Unit, VectorStore


class VectorSearchContract:
    """A part of `VectorStoreContract`."""

    # words

    async def test_words_are_found_by_their_stem_and_stop_words_by_nothing(self, store: VectorStore) -> None:
        await store.upsert([record("a", "We were resetting the caches"), record("b", "and the other one")])
        assert names(await store.search_lexical("reset a cache", (), 5)) == ["a"]
        assert await store.search_lexical("the and we", (), 5) == []
        assert await store.search_lexical("", (), 5) == []

    async def test_names_in_code_are_found_whole_and_by_their_pieces(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("camel", "call resetUserCache now"),
                record("snake", "see reset_user_table"),
                record("path", "in src/shop/checkout.py"),
            ]
        )
        assert names(await store.search_lexical("resetUserCache", (), 5))[0] == "camel"
        assert set(names(await store.search_lexical("user", (), 5))) == {"camel", "snake"}
        assert names(await store.search_lexical("checkout.py", (), 5)) == ["path"]
        assert names(await store.search_lexical("src/shop/checkout.py", (), 5)) == ["path"]

    async def test_the_rarer_word_counts_more(self, store: VectorStore) -> None:
        await store.upsert([record(f"common{n}", "deploy failed") for n in range(5)])
        await store.upsert([record("rare", "deploy quaternion")])
        assert names(await store.search_lexical("failed quaternion", (), 1)) == ["rare"]

    async def test_frequencies_count_records_by_word(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a", "resetting caches, the cache again"),
                record("b", "reset userCache", project="bank"),
                record("c", "nothing"),
            ]
        )
        words = ["cache", "reset", "userCache", "the", "zebra"]
        assert await store.frequencies(words, ()) == {"cache": 2, "reset": 2, "userCache": 1, "the": 0, "zebra": 0}
        here = [Condition("project", "=", "bank")]
        assert await store.frequencies(["cache", "nothing"], here) == {"cache": 1, "nothing": 0}
        await store.delete(here)
        assert await store.frequencies(["userCache", "reset"], ()) == {"userCache": 0, "reset": 1}
        assert await store.frequencies([], ()) == {}

    async def test_tags_and_role_are_words_too(self, store: VectorStore) -> None:
        await store.upsert([record("a", "something", tags=("kubernetes",), role="assistant"), record("b", "else")])
        assert names(await store.search_lexical("kubernetes", (), 5)) == ["a"]
        assert names(await store.search_lexical("assistant", (), 5)) == ["a"]

    async def test_a_hit_carries_its_place(self, store: VectorStore) -> None:
        place = {"session": "s", "role": "user", "position": 4, "parent": "p"}
        await store.upsert([record("a", "needle", **place)])
        [hit] = await store.search_lexical("needle", (), 5)
        assert (hit.session, hit.role, hit.position, hit.parent) == ("s", "user", 4, "p")
        assert (hit.kind, hit.project, hit.time) == ("turn", "shop", START.timestamp())

    async def test_a_window_hears_its_neighbours(self, store: VectorStore) -> None:
        turns = ["alpha", "beta", "gamma", "delta"]
        await store.upsert([record(text, text, session="s", position=n) for n, text in enumerate(turns)])
        await store.upsert([record("elsewhere", "gamma", session="t"), record("alone", "epsilon")])
        hits = await store.search_lexical("beta gamma", (), 9, Unit.WINDOW)
        assert set(names(hits)) == {*turns, "elsewhere"}
        scores = {hit.id: hit.score for hit in hits}
        assert scores["beta"] > scores["alpha"]
        assert scores["gamma"] > scores["delta"]

    async def test_a_part_is_a_window_of_its_own(self, store: VectorStore) -> None:
        await store.upsert(
            [record("a", "alpha", session="s", position=1), record("b", "beta", session="s", position=2)]
        )
        await store.upsert([record("a.1", "gamma", session="s", position=1, parent="a")])
        assert names(await store.search_lexical("gamma", (), 9, Unit.WINDOW)) == ["a.1"]
        assert set(names(await store.search_lexical("beta", (), 9, Unit.WINDOW))) == {"a", "b"}

    async def test_neighbours_follow_the_position_however_they_arrive(self, store: VectorStore) -> None:
        for name, position in [("last", 9), ("first", 1), ("middle", 5)]:
            await store.upsert([record(name, name, session="s", position=position)])
        assert set(names(await store.search_lexical("first", (), 9, Unit.WINDOW))) == {"first", "middle"}
        await store.delete([Condition("id", "=", "middle")])
        assert set(names(await store.search_lexical("first", (), 9, Unit.WINDOW))) == {"first", "last"}

    async def test_a_session_counts_as_one_text(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a1", "alpha beta", session="s", position=1),
                record("a2", "gamma", session="s", position=2),
                record("a3", "unrelated", session="s", position=3),
                record("b1", "beta", session="t"),
                record("c", "filler"),
            ]
        )
        hits = await store.search_lexical("beta gamma", (), 9, Unit.SESSION)
        scores = {hit.id: hit.score for hit in hits}
        assert set(scores) == {"a1", "a2", "b1"}
        assert scores["a1"] == scores["a2"] > scores["b1"]

    # what is found without words

    async def test_a_record_without_words_is_no_document(self, store: VectorStore) -> None:
        await store.upsert([record("a", "alpha beta", session="s"), record("b", "alpha", session="s", position=1)])
        before = [await store.search_lexical("alpha beta", (), 9, unit) for unit in Unit]
        code = [record(f"c{n}", "alpha " * 50, session="s", position=1, parent="b", worded=False) for n in range(5)]
        await store.upsert([*code, record("loose", "alpha beta", worded=False)])
        after = [await store.search_lexical("alpha beta", (), 9, unit) for unit in Unit]
        assert [[(hit.id, hit.score) for hit in hits] for hits in after] == [
            [(hit.id, hit.score) for hit in hits] for hits in before
        ]
        assert await store.count(()) == 8
        assert [one.worded for one in await store.get(["a", "c0"])] == [True, False]

    async def test_a_pattern_finds_texts_newest_first(self, store: VectorStore) -> None:
        def ids(matches: list[PatternMatch]) -> list[str]:
            return [match.hit.id for match in matches]

        texts = ["def total(cart):", "total = 0\nprint(total)", "x = a.b(c", "nothing"]
        for number, text in enumerate(texts):
            await store.upsert([record(f"r{number}", text, worded=False, time=START + timedelta(days=number))])
        assert ids(await store.search_pattern(r"\btotal\b", (), 9)) == ["r1", "r0"]
        assert ids(await store.search_pattern(r"(?i)TOTAL\(", (), 9)) == ["r0"]
        assert ids(await store.search_pattern(r"^print", (), 9)) == []
        assert ids(await store.search_pattern(r"(?m)^print", (), 9)) == ["r1"]
        assert ids(await store.search_pattern("a.b(c", (), 9, literal=True)) == ["r2"]
        assert ids(await store.search_pattern("t", (), 2)) == ["r3", "r1"]
        assert ids(await store.search_pattern("t", [Condition("id", "!=", "r3")], 9)) == ["r1", "r0"]
        assert await store.search_pattern("absent", (), 9) == []
        assert [one.text for one in await store.search_pattern(r"\w+\(cart|pr.nt", (), 9)] == ["print", "total(cart"]

    async def test_a_wrong_pattern_is_refused_with_a_sentence(self, store: VectorStore) -> None:
        for bad in ("(", "[a", "*x", "a{2,1}"):
            with pytest.raises(Invalid, match="no regular expression"):
                await store.search_pattern(bad, (), 9)
        assert await store.search_pattern("(", (), 9, literal=True) == []

    async def test_the_latest_come_newest_first(self, store: VectorStore) -> None:
        await store.upsert(
            [record(name, time=START + timedelta(days=day)) for name, day in [("a", 2), ("b", 9), ("c", 2)]]
        )
        assert names(await store.latest((), 9)) == ["b", "a", "c"]
        assert names(await store.latest([Condition("id", "!=", "b")], 1)) == ["a"]

    # words and meaning together

    async def test_a_search_gives_the_best_of_each_way_with_all_their_scores(self, store: VectorStore) -> None:
        texts = ["alpha beta", "beta", "gamma", "delta alpha", "epsilon", "alpha"]
        await store.upsert(
            [
                record(f"m{n}", text, session="st"[n % 2], position=n, vector=pointing(1, n), model_id="m")
                for n, text in enumerate(texts)
            ]
        )
        await store.upsert([record("m0.1", "alpha epsilon", session="s", parent="m0"), record("alone", "beta")])
        asked, where = "alpha beta", [Condition("project", "=", "shop")]
        found = await matches(store, asked, meaning(pointing(1), "m"), where, 2)
        pools = [await store.search_dense(pointing(1), where, 2)]
        pools += [await store.search_lexical(asked, where, 2, unit) for unit in Unit]
        assert sorted(found.ids) == sorted({hit.id for pool in pools for hit in pool})
        cosines = {hit.id: hit.score for hit in await store.search_dense(pointing(1), where, 99)}
        assert dict(zip(found.ids, found.cosines.tolist(), strict=True)) == pytest.approx(
            {one: cosines.get(one, float("nan")) for one in found.ids}, abs=0.01, nan_ok=True
        )
        for unit in (Unit.RECORD, Unit.WINDOW):
            scores = {hit.id: hit.score for hit in await store.search_lexical(asked, where, 99, unit)}
            assert dict(zip(found.ids, found.words[unit].tolist(), strict=True)) == pytest.approx(
                {one: scores.get(one, 0.0) for one in found.ids}, rel=1e-4
            )

    async def test_a_session_scores_for_all_of_its_records(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a", "alpha", session="s", position=1),
                record("b", "beta", session="s", position=9, vector=pointing(1), model_id="m"),
                record("c", "beta", session="t", vector=pointing(0, 1), model_id="m"),
            ]
        )
        found = await matches(store, "alpha", meaning(pointing(1), "m"), (), 5)
        scores = dict(zip(found.ids, found.words[Unit.SESSION].tolist(), strict=True))
        assert scores["a"] == scores["b"] > scores["c"] == 0

    async def test_what_a_search_finds_comes_with_its_place(self, store: VectorStore) -> None:
        place = {"session": "s", "role": "user", "position": 4, "parent": "p"}
        await store.upsert([record("a", "needle", **place), record("b", "needle", kind="reflection")])
        found = await matches(store, "needle", meaning(None), (), 5)
        at = list(found.ids).index("a")
        assert (found.sessions[at], found.roles[at], found.positions[at], found.parents[at]) == ("s", "user", 4, "p")
        assert (found.kinds[at], found.projects[at], found.times[at]) == ("turn", "shop", START.timestamp())
        assert sorted(found.kinds.all()) == ["reflection", "turn"]

    async def test_meaning_is_compared_with_vectors_of_the_same_model_only(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a", "alpha", vector=pointing(1), model_id="m"),
                record("b", "alpha", vector=pointing(1), model_id="other"),
                record("c", "alpha"),
                record("d", "beta", vector=pointing(1), model_id="other"),
            ]
        )
        found = await matches(store, "alpha", meaning(pointing(1), "m"), (), 5)
        assert sorted(found.ids) == ["a", "b", "c"]
        cosines = dict(zip(found.ids, found.cosines.tolist(), strict=True))
        assert cosines == pytest.approx({"a": 1.0, "b": float("nan"), "c": float("nan")}, abs=0.01, nan_ok=True)
        assert len(await matches(store, "beta", meaning(pointing(1), "unknown"), (), 5)) == 1

    async def test_without_a_meaning_words_are_enough(self, store: VectorStore) -> None:
        await store.upsert([record("a", "alpha", vector=pointing(1), model_id="m"), record("b", "beta")])
        found = await matches(store, "alpha", meaning(None), (), 5)
        assert (list(found.ids), np.isnan(found.cosines).tolist()) == (["a"], [True])
        assert len(await matches(store, "", meaning(None), (), 5)) == 0

    async def test_without_words_a_meaning_is_enough(self, store: VectorStore) -> None:
        await store.upsert([record("a", "alpha", vector=pointing(1), model_id="m"), record("b", "beta")])
        found = await matches(store, "the", meaning(pointing(1), "m"), (), 5)
        assert (list(found.ids), found.words[Unit.RECORD].tolist()) == (["a"], [0.0])

    async def test_what_is_written_while_the_meaning_is_on_its_way_spoils_nothing(self, store: VectorStore) -> None:
        await store.upsert([record(name, "needle", vector=pointing(1), model_id="m") for name in "abc"])

        async def late() -> Meaning:
            await store.delete([Condition("id", "=", "a")])
            await store.upsert([record("d", "needle"), record("b", "changed")])
            return Meaning(pointing(1), "m")

        found = await matches(store, "needle", late(), (), 5)
        assert {"c"} <= set(found.ids) <= {"b", "c", "d"}
        assert found.cosines[list(found.ids).index("c")] == pytest.approx(1, abs=0.01)

    async def test_a_meaning_that_fails_fails_the_search(self, store: VectorStore) -> None:
        async def broken() -> Meaning:
            raise Unavailable("The model is missing.")

        with pytest.raises(Unavailable, match="model"):
            await matches(store, "text", broken(), (), 5)

    # filters

    async def test_filters_hold_together(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record(
                    "a",
                    "needle",
                    project="shop",
                    session="s",
                    position=1,
                    tags=("x",),
                    content_hash="h1",
                    files=("a.py",),
                ),
                record(
                    "b",
                    "needle",
                    project="shop",
                    session="t",
                    position=2,
                    tags=("x", "y"),
                    content_hash="h2",
                    files=("b.py", "a.py"),
                    facts=("tool:Edit",),
                ),
                record("c", "needle", project="bank", kind="reflection", position=3, time=START + timedelta(days=40)),
            ]
        )
        cases: list[tuple[list[Condition], str]] = [
            ([], "abc"),
            ([Condition("project", "=", "shop")], "ab"),
            ([Condition("project", "!=", "shop")], "c"),
            ([Condition("project", "in", ["bank", "nowhere"])], "c"),
            ([Condition("project", "in", [])], ""),
            ([Condition("project", "=", "nowhere")], ""),
            ([Condition("id", "in", ["a", "c"])], "ac"),
            ([Condition("id", "!=", "a")], "bc"),
            ([Condition("kind", "=", "turn"), Condition("session", "=", "t")], "b"),
            ([Condition("session", "=", "")], "c"),
            ([Condition("parent", "=", "")], "abc"),
            ([Condition("position", ">=", 2), Condition("position", "<", 3)], "b"),
            ([Condition("time", ">", START)], "c"),
            ([Condition("time", "<=", START)], "ab"),
            ([Condition("tags", "has", "y")], "b"),
            ([Condition("tags", "has", "z")], ""),
            ([Condition("tags", "in", ["x", "y"])], "ab"),
            ([Condition("tags", "in", ["y", "z"])], "b"),
            ([Condition("tags", "in", [])], ""),
            ([Condition("files", "has", "a.py")], "ab"),
            ([Condition("files", "has", "py")], ""),
            ([Condition("facts", "has", "tool:Edit")], "b"),
            ([Condition("facts", "in", ["tool:Read", "tool:Bash"])], ""),
            ([Condition("files", "in", ["b.py", "c.py"])], "b"),
            ([Condition("content_hash", "=", "h1")], "a"),
            ([Condition("content_hash", "in", ["h1", "h2"])], "ab"),
            ([Condition("content_hash", "=", "")], "c"),
            ([Condition("model_id", "=", "")], "abc"),
        ]
        for where, expected in cases:
            assert await store.count(where) == len(expected), where
            assert sorted(names(await store.search_lexical("needle", where, 9))) == list(expected), where
            assert sorted((await matches(store, "needle", meaning(None), where, 9)).ids) == list(expected), where
            assert [one.id for one in (await store.scan(where)).records] == list(expected), where

    @pytest.mark.parametrize(
        "condition",
        [
            Condition("project", "like", "x"),  # type: ignore[arg-type]
            Condition("colour", "=", "x"),  # type: ignore[arg-type]
            Condition("project", "<", "x"),
            Condition("project", "in", "shop"),
            Condition("project", "=", 1),
            Condition("tags", "=", "x"),
            Condition("tags", "in", "x"),
            Condition("files", "<", "a.py"),
            Condition("files", "in", [1]),  # type: ignore[list-item]
            Condition("time", ">", 5),
            Condition("time", ">", datetime(2026, 1, 1)),
            Condition("position", "has", 5),
        ],
    )
    async def test_an_unknown_field_or_operator_raises(self, store: VectorStore, condition: Condition) -> None:
        await store.upsert([record("a")])
        with pytest.raises(Invalid):
            await store.count([condition])
        with pytest.raises(Invalid):
            await store.delete([condition])
        with pytest.raises(Invalid):
            await store.search_lexical("text", [condition], 5)
        assert await store.count(()) == 1

    async def test_asking_for_nothing_is_refused(self, store: VectorStore) -> None:
        with pytest.raises(Invalid):
            await store.search_lexical("text", (), 0)
        with pytest.raises(Invalid):
            await store.search_dense(pointing(1), (), 0)
        with pytest.raises(Invalid):
            await matches(store, "text", meaning(None), (), 0)
        with pytest.raises(Invalid):
            await store.scan((), None, 0)
