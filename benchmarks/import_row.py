"""Import in process, as the hub does it: how fast, in how much memory, and what a search feels of it and of the vectors after it."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import onnxruntime as ort
import orjson
from session_mgmt_mcp.adapters.onnx.encoder import Encoder, batches, session_options
from session_mgmt_mcp.adapters.onnx.model import model_files
from session_mgmt_mcp.application import Application
from session_mgmt_mcp.domain.embedding import EmbeddingWorker
from session_mgmt_mcp.domain.parts import embedding_text
from session_mgmt_mcp.ports.vector_store import Condition
from session_mgmt_mcp.turns import short_turns
from session_mgmt_mcp.warmth import let_go

from benchmarks.embedding_rows import feed
from benchmarks.figures import Budget, Figure, median, p95
from benchmarks.memory_rows import application, folder
from benchmarks.texts import questions
from benchmarks.transcripts import write_transcripts

FLOORS = 3
SEARCHES, PAUSE = 150, 0.02  # seconds between two
EMBEDDING = 12.0  # seconds that the making of vectors is watched
SETTLED = 7.0  # seconds after which a store that nobody writes to has done its chores
FLOOR_TEXTS = 600
WARM = 30e6  # bytes after which memory should be flat
GROWTH = 40  # MB that caches may gain then; the database's alone may hold 96
A_MEMORY = 0.6  # KB that the index has of one


async def transcripts(projects: Path | None, megabytes: float) -> list[Figure]:
    """Everything in `projects`, or so many generated megabytes, until it is found by word, and then by meaning."""
    short_turns()
    with folder() as place:
        source = projects or place / "projects"
        if projects is None:
            write_transcripts(source, megabytes)
        async with application(place / "alone") as app:
            await _stop_vectors()
            let_go()  # as the hub once it has started: else each full collection stops everybody for 0.1 s
            figures = await _alone(app, source)
        async with application(place / "searched") as app:
            return [*figures, *await _searched(app, source)]


async def _alone(app: Application, source: Path) -> list[Figure]:
    """The floor parses the same lines."""
    files = sorted(source.rglob("*.jsonl"))
    size = sum(file.stat().st_size for file in files)
    await app.store.count(())
    held: list[tuple[int, float]] = []
    floors = [_parsed(files) for _ in range(FLOORS)]
    start = time.perf_counter()
    told = await app.capture.import_paths([source], lambda at: held.append((at.bytes_done, _resident())))
    took = time.perf_counter() - start
    floors += [_parsed(files) for _ in range(FLOORS)]
    early, late = max(mb for done, mb in held if done <= WARM), max(mb for _, mb in held)
    allowed = Budget("<=", round(GROWTH + A_MEMORY * told.new / 1e3), "value")
    note = f"{size / 1e6:.0f} MB, {told.new:,} memories, {told.new / took:,.0f} a second"
    grown = f"{early:.0f} MB by then, {late:.0f} at most"
    budget = Budget("<=", 10, "ratio")
    return [
        Figure("import until findable by word", took, "s", budget, median(floors), "orjson alone", note),
        Figure("growth of memory after the first 30 MB of an import", late - early, "MB", allowed, note=grown),
    ]


async def _searched(app: Application, source: Path) -> list[Figure]:
    await app.embedder.embed_query("warm")
    let_go()
    importing = asyncio.create_task(app.capture.import_paths([source]))
    during_import = await _searches(app, importing.done)
    await importing
    await asyncio.sleep(SETTLED)
    rate = await _vectors_a_second(app)
    during_vectors = await _searches(app)
    await _stop_vectors()
    await asyncio.sleep(SETTLED)
    idle = await _searches(app)
    threads = app.settings.embed_threads
    floor = await asyncio.to_thread(_bare, await _embedded(app), threads)
    bare = f"raw onnxruntime, same texts, {threads} threads"
    return [
        _felt("a search during an import", during_import, idle),
        _felt("a search while vectors are made", during_vectors, idle),
        Figure("vectors in the background", rate, "texts/s", Budget(">=", 0.85, "ratio"), floor, bare),
    ]


async def _vectors_a_second(app: Application) -> float:
    """Between the end of one batch and of another, EMBEDDING seconds apart or more."""
    first: tuple[float, int] | None = None
    last = (await app.embedding.progress()).done
    while True:
        await asyncio.sleep(0.05)
        now, done = time.perf_counter(), (await app.embedding.progress()).done
        if done == last:
            continue
        last = done
        if first is None:
            first = now, done
        elif now - first[0] >= EMBEDDING:
            return (done - first[1]) / (now - first[0])


def _felt(what: str, busy: Sequence[float], idle: Sequence[float]) -> Figure:
    note = f"p50 {median(busy) * 1e3:.0f} ms, idle {median(idle) * 1e3:.0f}; {len(busy)} searches"
    return Figure(f"{what}, p95", p95(busy) * 1e3, "ms", Budget("<=", 3, "ratio"), p95(idle) * 1e3, "idle", note)


async def _searches(app: Application, over: Callable[[], bool] | None = None) -> list[float]:
    """Seconds of whole calls, one after another with a pause: SEARCHES of them, or until it is `over`."""
    seconds: list[float] = []
    for question in questions(SEARCHES if over is None else 10_000, seed=random.randrange(1_000_000)):
        if over is not None and over():
            break
        start = time.perf_counter()
        await app.memory.search(question, limit=10)
        seconds.append(time.perf_counter() - start)
        await asyncio.sleep(PAUSE)
    return seconds


async def _stop_vectors() -> None:
    for task in asyncio.all_tasks():
        if task.get_name() == EmbeddingWorker.__name__:
            task.cancel()


async def _embedded(app: Application) -> list[str]:
    """Some of the texts that have a vector by now."""
    page = await app.store.scan([Condition("model_id", "=", app.embedder.model_id)], limit=20_000)
    records = page.records
    return [embedding_text(one) for one in random.Random(7).sample(records, min(FLOOR_TEXTS, len(records)))]


def _bare(texts: Sequence[str], threads: int) -> float:
    """Texts a second of the bare engine on ready-made batches, as many at once as there are threads."""
    encoder = Encoder(model_files(), 256)
    feeds = [feed(batch.tokens) for batch in batches([encoder.tokens(text) for text in texts])]
    session = ort.InferenceSession(str(model_files().model), session_options(), providers=["CPUExecutionProvider"])

    def work(own: Sequence[dict[str, object]]) -> None:
        for one in own:
            session.run(None, one)

    session.run(None, feeds[0])
    workers = [threading.Thread(target=work, args=(feeds[first::threads],)) for first in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return len(texts) / (time.perf_counter() - start)


def _parsed(files: Sequence[Path]) -> float:
    """Seconds of orjson over all lines."""
    start = time.perf_counter()
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                try:
                    orjson.loads(line)
                except orjson.JSONDecodeError:
                    continue
    return time.perf_counter() - start


def _resident() -> float:
    """Megabytes of this process (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4_096 / 1e6
