"""How fast texts become vectors, against the bare engine on the same batches."""

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder
from session_mgmt_mcp.adapters.onnx.encoder import Batch, Encoder, batches, session_options
from session_mgmt_mcp.adapters.onnx.model import model_files

from benchmarks.figures import Budget, Figure, interleaved, median
from benchmarks.texts import messages

TEXTS = 96
REPETITIONS = 4


async def embedding() -> list[Figure]:
    """The floor is onnxruntime alone, as fast as we know to set it, on ready-made batches; nothing is tokenised or pooled."""
    texts = messages(TEXTS)
    encoder = Encoder(model_files(), 256)
    sorted_batches = list(batches([encoder.tokens(text) for text in texts]))
    bare = ort.InferenceSession(str(model_files().model), session_options(), providers=["CPUExecutionProvider"])
    feeds = [feed(batch.tokens) for batch in sorted_batches]
    embedder = OnnxEmbedder(threads=1)
    await embedder.warm()

    async def product() -> None:
        await embedder.embed_documents(texts)

    async def floor() -> None:
        for feed in feeds:
            bare.run(None, feed)

    async def query() -> None:
        await embedder.embed_query(texts[0])

    await interleaved(1, product, floor)
    ours, theirs, queries = await interleaved(REPETITIONS, product, floor, query)
    await embedder.close()
    return [
        Figure(
            "embedding throughput, one thread",
            TEXTS / median(ours),
            "texts/s",
            Budget(">=", 0.85, "ratio"),
            TEXTS / median(theirs),
            "raw onnxruntime, same batches",
            f"{_tokens(sorted_batches) / median(ours):,.0f} tokens/s",
        ),
        Figure("embedding one query", median(queries) * 1e3, "ms"),
    ]


def feed(tokens: Sequence[Sequence[int]]) -> dict[str, np.ndarray]:
    ids = np.zeros((len(tokens), max(map(len, tokens))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, one in enumerate(tokens):
        ids[row, : len(one)] = one
        mask[row, : len(one)] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def _tokens(found: Sequence[Batch]) -> int:
    return sum(len(one) for batch in found for one in batch.tokens)
