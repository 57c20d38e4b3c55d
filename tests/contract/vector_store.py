"""What every VectorStore does, whatever keeps it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from session_mgmt_mcp.contracts.samples import DIMENSIONS, START, Reopen, all_ids, names, pointing, record, word
from session_mgmt_mcp.contracts.vector_listing import VectorListingContract
from session_mgmt_mcp.contracts.vector_search import VectorSearchContract
from session_mgmt_mcp.ports.errors import Invalid, Unavailable
from session_mgmt_mcp.ports.vector_store import Condition, Record, Unit, VectorStore


class VectorStoreContract(VectorSearchContract, VectorListingContract):
    """Subclass it and give a `store` fixture: an empty store of 384 dimensions, closed by the fixture."""

    # writing and reading

    async def test_what_was_stored_comes_back_whole(self, store: VectorStore) -> None:
        stored = record(
            "a",
            "reset the cache",
            session="s1",
            role="user",
            position=3,
            parent="p",
            tags=("fix", "cache"),
            files=("/home/you/a.py", "sub folder/é.md"),
            facts=("tool:Edit", "outcome:failed"),
            worded=False,
            metadata={"source": "tool", "call": {"files": ["a.py"], "ok": True, "n": 1.5, "none": None}},
            content_hash="c0ffee",
            time=START.replace(microsecond=123456),
        )
        await store.upsert([stored])
        assert await store.get(["a"]) == [stored]

    async def test_get_keeps_the_order_asked_for_and_leaves_out_the_unknown(self, store: VectorStore) -> None:
        await store.upsert([record(name) for name in "abc"])
        assert [one.id for one in await store.get(["c", "nobody", "a"])] == ["c", "a"]

    async def test_many_are_got_as_well_as_few(self, store: VectorStore) -> None:
        await store.upsert([record(f"r{n:03}") for n in range(300)])
        for number in (19, 20, 21, 45, 150, 300):
            asked = [f"r{n:03}" for n in range(number)][::-1]
            assert [one.id for one in await store.get(["nobody", *asked])] == asked

    async def test_what_is_got_is_as_last_written_and_gone_when_deleted(self, store: VectorStore) -> None:
        await store.upsert([record("a", "first"), record("b", "other")])
        await store.upsert([record("a", "second")])
        await store.delete([Condition("id", "=", "b")])
        assert [(one.id, one.text) for one in await store.get(["a", "b"])] == [("a", "second")]

    async def test_the_same_id_twice_is_one_record_the_last(self, store: VectorStore) -> None:
        await store.upsert([record("a", "first"), record("b"), record("a", "second")])
        await store.upsert([record("a", "third")])
        assert await store.count(()) == 2
        assert [one.text for one in await store.get(["a"])] == ["third"]
        assert names(await store.search_lexical("third", (), 5)) == ["a"]
        assert await store.search_lexical("first second", (), 5) == []

    async def test_an_upsert_is_all_or_nothing(self, store: VectorStore) -> None:
        with pytest.raises(Invalid):
            await store.upsert([record("a"), record("b", time=datetime(2026, 1, 1))])
        assert await store.count(()) == 0

    async def test_an_empty_upsert_and_an_empty_get_are_fine(self, store: VectorStore) -> None:
        await store.upsert([])
        assert await store.get([]) == []
        assert await store.vectors([]) == {}

    async def test_an_empty_store_answers_everything(self, store: VectorStore) -> None:
        assert await store.search_lexical("word", (), 5) == []
        assert await store.search_lexical("word", (), 5, Unit.WINDOW) == []
        assert await store.search_lexical("word", (), 5, Unit.SESSION) == []
        assert await store.search_dense(pointing(1), (), 5) == []
        assert (await store.scan(())).records == []
        assert await store.count(()) == 0
        assert await store.facets("kind", ()) == {}
        assert await store.delete(()) == 0
        stats = await store.stats()
        assert (stats.records, stats.indexed, stats.vectors) == (0, 0, 0)

    async def test_an_empty_text_is_a_record(self, store: VectorStore) -> None:
        await store.upsert([Record(id="a", kind="turn", text="", project="shop", time=START)])
        assert [one.text for one in await store.get(["a"])] == [""]

    async def test_an_unusable_id_is_refused(self, store: VectorStore) -> None:
        for bad in ("", "x" * 600, "\ud800"):
            with pytest.raises(Invalid):
                await store.upsert([record(bad, "text")])

    async def test_metadata_that_json_cannot_hold_is_refused(self, store: VectorStore) -> None:
        with pytest.raises(Invalid, match="metadata"):
            await store.upsert([record("a", metadata={"bad": object()})])

    @pytest.mark.parametrize(
        "text",
        [
            "große Käse 🧀 naïve",
            "设置缓存 重置",
            "nul\0character",
            "line\nbreak\ttab",
            "'; drop table memory; --",
            "e\u0301",
        ],
    )
    async def test_any_text_comes_back_as_it_was(self, store: VectorStore, text: str) -> None:
        await store.upsert([record("ä/ 🧀", text, tags=(text,), files=(text,), metadata={"text": text})])
        [found] = await store.get(["ä/ 🧀"])
        assert (found.text, found.tags, found.files, found.metadata) == (text, (text,), (text,), {"text": text})

    async def test_half_a_surrogate_pair_breaks_nothing(self, store: VectorStore) -> None:
        await store.upsert([record("a", "broken \ud83d emoji"), record("b")])
        [found] = await store.get(["a"])
        assert found.text == "broken \ufffd emoji"
        assert names(await store.search_lexical("emoji", (), 5)) == ["a"]

    async def test_a_text_of_a_megabyte_is_one_record(self, store: VectorStore) -> None:
        text = "needle " + "hay " * 250_000
        await store.upsert([record("a", text)])
        assert [one.text for one in await store.get(["a"])] == [text]
        assert names(await store.search_lexical("needle", (), 5)) == ["a"]

    async def test_times_outside_of_the_epoch_keep_their_microseconds(self, store: VectorStore) -> None:
        times = [
            datetime(1, 1, 2, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
            datetime.max.replace(tzinfo=UTC),
        ]
        await store.upsert([record(str(number), time=time) for number, time in enumerate(times)])
        assert [one.time for one in await store.get(["0", "1", "2"])] == times

    # vectors

    async def test_vectors_come_back_and_are_searched_by_cosine(self, store: VectorStore) -> None:
        await store.upsert([record(name) for name in "abcd"])
        stored = np.stack([pointing(1, 0), pointing(1, 1), pointing(0, 1)])
        await store.set_vectors(["a", "b", "c"], stored, "m1")
        assert np.allclose((await store.vectors(["b", "d"]))["b"], stored[1])
        hits = await store.search_dense(pointing(1, 0.1), (), 2)
        assert names(hits) == ["a", "b"]
        assert hits[0].score == pytest.approx(float(pointing(1, 0.1) @ stored[0]), abs=0.01)
        assert (await store.stats()).vectors == 3

    async def test_a_record_may_come_with_its_vector(self, store: VectorStore) -> None:
        await store.upsert([record("a", vector=pointing(1), model_id="m1"), record("b")])
        assert names(await store.search_dense(pointing(1), (), 5)) == ["a"]
        assert [one.model_id for one in await store.get(["a", "b"])] == ["m1", ""]

    async def test_vectors_of_gone_records_are_passed_over(self, store: VectorStore) -> None:
        await store.upsert([record("a")])
        await store.set_vectors(["gone", "a"], np.stack([pointing(0, 1), pointing(1)]), "m1")
        assert list(await store.vectors(["gone", "a"])) == ["a"]

    async def test_a_vector_of_what_a_record_said_before_is_passed_over(self, store: VectorStore) -> None:
        await store.upsert([record("a", "old"), record("b", "same")])
        await store.upsert([record("a", "new")])
        await store.set_vectors(["a", "b"], np.stack([pointing(1), pointing(0, 1)]), "m1", ["old", "same"])
        assert list(await store.vectors(["a", "b"])) == ["b"]
        await store.set_vectors(["a"], pointing(1).reshape(1, -1), "m1", ["new"])
        assert names(await store.search_dense(pointing(1), (), 1)) == ["a"]

    async def test_a_new_vector_replaces_the_old_one(self, store: VectorStore) -> None:
        await store.upsert([record("a"), record("b", vector=pointing(1, 1), model_id="m1")])
        await store.set_vectors(["a"], pointing(1).reshape(1, -1), "m1")
        await store.set_vectors(["a"], pointing(0, 1).reshape(1, -1), "m2")
        assert names(await store.search_dense(pointing(1), (), 5)) == ["b", "a"]
        assert names(await store.search_dense(pointing(1), [Condition("model_id", "=", "m2")], 5)) == ["a"]
        assert await store.facets("model_id", ()) == {"m1": 1, "m2": 1}

    async def test_a_vector_lives_as_long_as_its_text(self, store: VectorStore) -> None:
        await store.upsert([record("a", "same", vector=pointing(1), model_id="m1")])
        await store.upsert([record("a", "same", tags=("new",))])
        assert list(await store.vectors(["a"])) == ["a"]
        assert names(await store.search_dense(pointing(1), [Condition("tags", "has", "new")], 5)) == ["a"]
        await store.upsert([record("a", "other")])
        assert await store.vectors(["a"]) == {}
        assert await store.search_dense(pointing(1), (), 5) == []

    async def test_a_vector_of_another_shape_is_refused(self, store: VectorStore) -> None:
        await store.upsert([record("a")])
        short = np.ones((1, 3), np.float32)
        with pytest.raises(Invalid):
            await store.set_vectors(["a"], short, "m1")
        with pytest.raises(Invalid):
            await store.set_vectors(["a", "b"], pointing(1).reshape(1, -1), "m1")
        with pytest.raises(Invalid):
            await store.search_dense(short[0], (), 5)
        with pytest.raises(Invalid):
            await store.upsert([record("b", vector=np.full(DIMENSIONS, np.nan, np.float32), model_id="m1")])

    async def test_equal_hits_are_ordered_newest_first_then_by_id(self, store: VectorStore) -> None:
        later = START + timedelta(seconds=1)
        await store.upsert(
            [
                record(name, "same words", time=time, vector=pointing(1), model_id="m")
                for name, time in [("c", START), ("a", START), ("d", later), ("b", START)]
            ]
        )
        assert names(await store.search_dense(pointing(1), (), 3)) == ["d", "a", "b"]
        assert names(await store.search_lexical("words", (), 3)) == ["d", "a", "b"]

    # deleting, paging, counting

    async def test_what_is_deleted_is_found_nowhere(self, store: VectorStore) -> None:
        await store.upsert([record(n, "needle", vector=pointing(1), model_id="m") for n in "abc"])
        assert await store.delete([Condition("id", "in", ["a", "c"])]) == 2
        assert await store.delete([Condition("id", "in", ["a", "c"])]) == 0
        assert names(await store.search_lexical("needle", (), 9)) == ["b"]
        assert names(await store.search_dense(pointing(1), (), 9)) == ["b"]
        assert await all_ids(store) == ["b"]
        assert await store.vectors(["a"]) == {}
        await store.upsert([record("a", "needle again")])
        assert set(names(await store.search_lexical("needle", (), 9))) == {"a", "b"}

    async def test_scan_goes_by_the_order_of_first_writing(self, store: VectorStore) -> None:
        await store.upsert([record("z"), record("a")])
        await store.upsert([record("m")])
        await store.upsert([record("z", "changed")])
        assert await all_ids(store, 1) == ["z", "a", "m"]

    async def test_paging_shows_each_record_once_while_others_arrive(self, store: VectorStore) -> None:
        await store.upsert([record(f"old{n:02}") for n in range(20)])
        seen: list[str] = []
        cursor, arrived = None, 0
        while True:
            page = await store.scan((), cursor, 6)
            seen += [one.id for one in page.records]
            cursor = page.cursor
            if cursor is None:
                break
            if arrived < 4:
                await store.upsert([record(f"new{arrived}"), record("old03", f"changed {arrived}")])
                await store.delete([Condition("id", "=", "old00")])
                arrived += 1
        assert len(seen) == len(set(seen))
        assert {f"old{n:02}" for n in range(20)} <= set(seen)

    async def test_a_bad_cursor_is_refused(self, store: VectorStore) -> None:
        for bad in ("x", "-1", "1; drop", "²"):
            with pytest.raises(Invalid):
                await store.scan((), bad)

    async def test_facets_count_what_the_filter_leaves_most_first(self, store: VectorStore) -> None:
        await store.upsert(
            [
                record("a", tags=("x", "y", "x"), role="user", files=("m.py", "n.py", "m.py")),
                record("b", tags=("x",), project="bank", files=("n.py",)),
                record("c", time=START + timedelta(days=40), session="s"),
            ]
        )
        assert list((await store.facets("project", ())).items()) == [("shop", 2), ("bank", 1)]
        assert list((await store.facets("month", ())).items()) == [("2026-03", 2), ("2026-04", 1)]
        assert await store.facets("tags", ()) == {"x": 2, "y": 1}
        assert await store.facets("tags", [Condition("project", "=", "bank")]) == {"x": 1}
        assert list((await store.facets("files", ())).items()) == [("n.py", 2), ("m.py", 1)]
        assert await store.facets("files", [Condition("project", "=", "bank")]) == {"n.py": 1}
        assert await store.facets("role", ()) == {"": 2, "user": 1}
        assert await store.facets("session", ()) == {"": 2, "s": 1}
        assert await store.facets("kind", [Condition("project", "=", "nowhere")]) == {}
        with pytest.raises(Invalid):
            await store.facets("colour", ())  # type: ignore[arg-type]

    # together

    async def test_a_write_is_visible_to_the_very_next_call(self, store: VectorStore) -> None:
        for number in range(20):
            await store.upsert([record(f"r{number}", word(number))])
            assert names(await store.search_lexical(word(number), (), 5)) == [f"r{number}"]
            assert await store.count(()) == number + 1

    async def test_fifty_interleaved_upserts_lose_none(self, store: VectorStore) -> None:
        async def write(number: int) -> None:
            await store.upsert([record(f"{number}.{n}", word(number), session=f"s{number}") for n in range(3)])
            assert len(await store.search_lexical(word(number), (), 9)) == 3

        await asyncio.gather(*(write(number) for number in range(50)))
        assert await store.count(()) == 150
        assert len(set(await all_ids(store, 40))) == 150

    async def test_writes_to_the_same_record_at_once_are_one_record(self, store: VectorStore) -> None:
        await asyncio.gather(*(store.upsert([record("a", f"take{n} common")]) for n in range(20)))
        assert await store.count(()) == 1
        assert len(await store.search_lexical("common", (), 9)) == 1

    async def test_a_failing_neighbour_harms_nobody(self, store: VectorStore) -> None:
        good = [store.upsert([record(f"g{n}")]) for n in range(10)]
        bad = [store.upsert([record("", "no id")]), store.set_vectors(["g1"], np.ones((1, 2), np.float32), "m")]
        answers = await asyncio.gather(*good[:5], *bad, *good[5:], return_exceptions=True)
        assert sum(isinstance(answer, Invalid) for answer in answers) == 2
        assert await store.count(()) == 10

    async def test_a_cancelled_caller_leaves_all_or_nothing(self, store: VectorStore) -> None:
        tasks = [asyncio.create_task(store.upsert([record(f"{n}.{m}") for m in range(5)])) for n in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.upsert([record("after")])
        found = await all_ids(store)
        for number in range(20):
            there = sum(one.startswith(f"{number}.") for one in found)
            assert there in ((0, 5) if number % 2 == 0 else (5,))

    async def test_deleting_and_writing_at_once_keeps_counts_and_words_in_step(self, store: VectorStore) -> None:
        async def churn(number: int) -> None:
            await store.upsert([record(f"c{number}", "churning")])
            if number % 2:
                await store.delete([Condition("id", "=", f"c{number}")])

        await asyncio.gather(*(churn(number) for number in range(30)))
        assert await store.count(()) == 15
        assert len(await store.search_lexical("churn", (), 99)) == 15

    # ending

    async def test_a_backup_never_overwrites(self, store: VectorStore, tmp_path: Any) -> None:
        await store.upsert([record("a")])
        await store.backup(tmp_path / "copy")
        assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
        with pytest.raises(Invalid):
            await store.backup(tmp_path / "copy")

    async def test_closing_twice_is_fine_and_later_calls_say_so(self, store: VectorStore) -> None:
        await store.close()
        await store.close()
        with pytest.raises(Unavailable):
            await store.upsert([record("a")])
        with pytest.raises(Unavailable):
            await store.count(())


class DurableVectorStoreContract(VectorStoreContract):
    """For stores that outlive their process. `reopen` closes the store and opens it anew."""

    async def test_a_returned_upsert_survives_reopening(self, store: VectorStore, reopen: Reopen) -> None:
        stored = [
            record("a", "alpha", session="s", tags=("x",), files=("a.py",)),
            record("b", "beta", session="s", position=1),
        ]
        await store.upsert(stored)
        await store.set_vectors(["b"], pointing(1).reshape(1, -1), "m1")
        await store.upsert([record("c", "gone")])
        await store.delete([Condition("id", "=", "c")])
        again = await reopen()
        assert [one.text for one in await again.get(["a", "b", "c"])] == ["alpha", "beta"]
        assert names(await again.search_lexical("alpha", [Condition("tags", "has", "x")], 5)) == ["a"]
        assert [one.files for one in await again.get(["a", "b"])] == [("a.py",), ()]
        assert await again.facets("files", ()) == {"a.py": 1}
        assert set(names(await again.search_lexical("alpha", (), 5, Unit.WINDOW))) == {"a", "b"}
        assert names(await again.search_dense(pointing(1), (), 5)) == ["b"]
        await again.upsert([record("d")])
        assert await all_ids(again) == ["a", "b", "d"]
