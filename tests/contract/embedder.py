"""What every Embedder must do, written once."""

import asyncio
from collections.abc import Sequence

import numpy as np
from session_mgmt_mcp.ports.embedder import Embedder, Matrix
from session_mgmt_mcp.ports.errors import Unavailable

BATCH_TOLERANCE = 1e-6
"""How far one component may move with what stands beside a text. Zero is better, and what onnx on x86-64 gives."""

HUGE = "the cache of the hub was reset again " * 30_000  # over 1 MB
ODD = {
    "empty": "",
    "blank": " \t\n ",
    "punctuation": "...?!",
    "nul": "a\x00b\x00",
    "controls": "\x01\x02\x1b[31m",
    "lone surrogates": "\ud800 left \udfff alone",
    "emoji": "🧠🔧 👩‍👩‍👧‍👦 fixed",
    "right to left": "שלום עולם",
    "no spaces": "記憶は検索できます",
    "combining": "e\u0301" * 50,
    "one long word": "x" * 100_000,
    "huge": HUGE,
}
TEXTS = [
    "user: where did we reset the cache?",
    "assistant: the cache is reset in hub.py when the version changes",
    "ok",
    "The build failed because the lock file was older than pyproject.toml, so pip refused to install it. " * 2,
    "def rank(candidates, cues, weights): return sorted(candidates)",
    "a considerably longer message about the weather, the food and the children's holidays in August " * 6,
    "",
    "ok",
]


class EmbedderContract:
    """Subclass it and give an `embedder` fixture: a fresh one, closed by the fixture."""

    async def test_one_row_a_text_in_order(self, embedder: Embedder) -> None:
        together = await embedder.embed_documents(TEXTS)
        assert together.shape == (len(TEXTS), embedder.dimensions)
        assert together.dtype == np.float32
        for row, text in zip(together, TEXTS, strict=True):
            alone = (await embedder.embed_documents([text]))[0]
            assert _furthest(row, alone) <= BATCH_TOLERANCE

    async def test_every_vector_has_length_one(self, embedder: Embedder) -> None:
        vectors = await embedder.embed_documents([*TEXTS, *ODD.values()])
        assert np.isfinite(vectors).all()
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)

    async def test_a_text_has_one_vector_whatever_stands_beside_it(self, embedder: Embedder) -> None:
        alone = (await embedder.embed_documents([TEXTS[0]]))[0]
        for neighbours in ([TEXTS[2]] * 7, [TEXTS[3]], [TEXTS[5]] * 3, TEXTS[1:], [HUGE, ""]):
            first = (await embedder.embed_documents([TEXTS[0], *neighbours]))[0]
            last = (await embedder.embed_documents([*neighbours, TEXTS[0]]))[-1]
            assert _furthest(first, alone) <= BATCH_TOLERANCE
            assert _furthest(last, alone) <= BATCH_TOLERANCE

    async def test_a_query_is_embedded_as_a_document_is(self, embedder: Embedder) -> None:
        query = await embedder.embed_query(TEXTS[1])
        assert query.shape == (embedder.dimensions,)
        assert query.dtype == np.float32
        assert _furthest(query, (await embedder.embed_documents([TEXTS[1]]))[0]) <= BATCH_TOLERANCE

    async def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        nothing = await embedder.embed_documents([])
        assert nothing.shape == (0, embedder.dimensions)
        assert nothing.dtype == np.float32

    async def test_any_string_has_a_vector(self, embedder: Embedder) -> None:
        for name, text in ODD.items():
            vector = await embedder.embed_query(text)
            assert np.isfinite(vector).all(), name
            assert abs(float(np.linalg.norm(vector)) - 1.0) < 1e-5, name

    async def test_what_stands_beyond_the_limit_is_cut(self, embedder: Embedder) -> None:
        head = "cache " * (embedder.max_tokens + 20)
        both = await embedder.embed_documents([head, head + "and something else entirely " * 500])
        assert _furthest(both[0], both[1]) <= BATCH_TOLERANCE

    async def test_texts_that_share_words_are_nearer_than_those_that_do_not(self, embedder: Embedder) -> None:
        vectors = await embedder.embed_documents(
            ["reset the cache", "resetting the caches again", "invoice for the holiday cottage"]
        )
        assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2

    async def test_different_texts_have_different_vectors(self, embedder: Embedder) -> None:
        vectors = await embedder.embed_documents([text for text in TEXTS if text != "ok"])
        alike = vectors @ vectors.T - np.eye(len(vectors), dtype=np.float32)
        assert float(alike.max()) < 0.999

    async def test_many_callers_at_once_each_get_their_own(self, embedder: Embedder) -> None:
        expected = await embedder.embed_documents(TEXTS)

        async def documents(order: Sequence[int]) -> Matrix:
            rows = await embedder.embed_documents([TEXTS[place] for place in order])
            return rows[np.argsort(order)]

        orders = [np.random.default_rng(seed).permutation(len(TEXTS)).tolist() for seed in range(3)]
        answers = await asyncio.gather(*map(documents, orders), *map(embedder.embed_query, TEXTS))
        for rows in answers[: len(orders)]:
            assert _furthest(rows, expected) <= BATCH_TOLERANCE
        assert _furthest(np.stack(answers[len(orders) :]), expected) <= BATCH_TOLERANCE

    async def test_a_cancelled_call_leaves_the_embedder_whole(self, embedder: Embedder) -> None:
        before = await embedder.embed_query(TEXTS[0])
        cancelled = asyncio.create_task(embedder.embed_documents([HUGE] * 20))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert _furthest(await embedder.embed_query(TEXTS[0]), before) <= BATCH_TOLERANCE
        assert len(await embedder.embed_documents(TEXTS)) == len(TEXTS)

    async def test_the_model_is_named_before_any_text_came(self, embedder: Embedder) -> None:
        assert embedder.model_id
        assert embedder.dimensions > 0
        assert embedder.max_tokens > 0

    async def test_close_twice_is_close_once_and_then_it_says_so(self, embedder: Embedder) -> None:
        await embedder.embed_query("before")
        await embedder.close()
        await embedder.close()
        for call in (embedder.embed_query("after"), embedder.embed_documents(["after"])):
            try:
                await call
            except Unavailable as error:
                assert str(error)
            else:
                raise AssertionError("a closed embedder answered")


def _furthest(one: Matrix, other: Matrix) -> float:
    return float(np.abs(one - other).max())
