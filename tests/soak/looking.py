"""What is left when all is over: processes, files, and whether what is derived is what would be derived anew."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
from session_mgmt_mcp.adapters.duckdb import snapshot
from session_mgmt_mcp.adapters.duckdb.store import DuckDBVectorStore

FACETS = ("kind", "project", "session", "role", "month", "tags", "files", "facts", "model_id")
KEPT = re.compile(r"\.\d\.(lock|new)|\.lock|\.time(\.lock)?")
"""Of documents: at most eight locks a collection, which their next writers use again, and by when its clock was believed."""
UNFINISHED = re.compile(r"\..*|new-.*|.*\.(tmp|new|part|restoring.*)|old|spill")


def processes_of(data):
    """Whoever has that data directory in its environment, and is not yet gone."""
    mark = f"SESSION_MGMT_DATA_DIR={data}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((int(folder.name), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()))
        except OSError:
            continue
    return found


def children():
    return [(one.pid, one.status()) for one in psutil.Process().children(recursive=True)]


def unfinished_in(*folders):
    """Files that somebody meant to rename, and folders that somebody meant to remove."""
    found = []
    for folder in folders:
        for file in folder.rglob("*"):
            if UNFINISHED.fullmatch(file.name) and not KEPT.fullmatch(file.name):
                found.append(str(file.relative_to(folder)))
    return sorted(found)


async def every_record(path):
    store = await DuckDBVectorStore.open(path)
    try:
        found, cursor = [], None
        while True:
            page = await store.scan((), cursor, 5_000)
            found += page.records
            cursor = page.cursor
            if cursor is None:
                return found
    finally:
        await store.close()


async def portrait(path, words):
    """What searches, counts and facets say."""
    store = await DuckDBVectorStore.open(path)
    try:
        ids = [record.id for record in (await store.scan((), None, 50_000)).records]
        vectors = await store.vectors(ids[:: max(len(ids) // 5, 1)])
        return {
            "ids": ids,
            "facets": {by: await store.facets(by, ()) for by in FACETS},
            "words": await store.frequencies(words, ()),
            "by word": {
                word: sorted((hit.id, round(hit.score, 4)) for hit in await store.search_lexical(word, (), 100_000))
                for word in words
            },
            "by meaning": {
                id: [round(hit.score, 3) for hit in await store.search_dense(np.asarray(one), (), 10)]
                for id, one in sorted(vectors.items())
            },
            "vectors": (await store.stats()).vectors,
        }
    finally:
        await store.close()


async def same_as_rebuilt(path, words):
    """What differs between the index as it was saved and one made of the tables alone."""
    saved = await portrait(path, words)
    snapshot.discard(path)
    made = await portrait(path, words)
    return [name for name in saved if saved[name] != made[name]]


def twice(names):
    return [name for name, times in Counter(names).items() if times > 1]
