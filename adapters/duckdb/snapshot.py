"""The index on disk, to open fast. Never a second truth: whatever is odd about it, it is made anew."""

import json
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.dense import Dense
from session_mgmt_mcp.adapters.duckdb.growing import Codes, Column, Ids, Labels
from session_mgmt_mcp.adapters.duckdb.index import Index
from session_mgmt_mcp.adapters.duckdb.lexical import Postings, Segment
from session_mgmt_mcp.adapters.duckdb.records import LABELLED
from session_mgmt_mcp.adapters.duckdb.rows import CODED, NUMBERS

FORMAT = 3
"""Raise it when tokens, columns or files change: older snapshots are then rebuilt."""

Arrays = dict[str, NDArray[Any]]


def folder_of(database: Path) -> Path:
    return database.with_name(database.name + ".index")


def discard(database: Path) -> None:
    shutil.rmtree(folder_of(database), ignore_errors=True)


def save(index: Index, database: Path, token: str) -> None:
    """Whole or not at all; owner-only. Call it from the thread that writes."""
    folder = folder_of(database)
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    new = folder / f"new-{os.getpid()}"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    sums = {}
    with index.lock:
        arrays = list(flattened(index))
    for name, array in arrays:
        contiguous = np.ascontiguousarray(array)
        write_private(new / f"{name}.npy", contiguous)
        sums[name] = checksum(contiguous)
    rows = index.rows
    about = {
        "format": FORMAT,
        "token": token,
        "revision": index.revision,
        "units": rows.units,
        "codes": {name: rows.codes[name].names for name in CODED},
        "labels": {name: rows.labels[name].codes.names for name in LABELLED},
        "sums": sums,
    }
    body = json.dumps(about)
    with open_private(new / "about.json") as file:
        file.write(json.dumps({"sum": zlib.crc32(body.encode()), "about": body}).encode())
        file.flush()
        os.fsync(file.fileno())
    current, old = folder / "current", folder / "old"
    shutil.rmtree(old, ignore_errors=True)
    if current.exists():
        current.rename(old)
    new.rename(current)
    shutil.rmtree(old, ignore_errors=True)


def load(database: Path, dimensions: int, openings: Sequence[str], last_revision: int) -> Index:
    """The index as it was saved, or an empty one when there is none that fits."""
    folder = folder_of(database) / "current"
    try:
        wrapped = json.loads((folder / "about.json").read_bytes())
        if zlib.crc32(wrapped["about"].encode()) != wrapped["sum"]:
            return Index(dimensions)
        about = json.loads(wrapped["about"])
        if about["format"] != FORMAT or about["token"] not in openings or about["revision"] > last_revision:
            return Index(dimensions)
        arrays = {name: checked(folder / f"{name}.npy", total) for name, total in about["sums"].items()}
        return rebuilt(about, arrays, dimensions)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return Index(dimensions)


def flattened(index: Index) -> Iterator[tuple[str, NDArray[Any]]]:
    rows = index.rows
    for name in NUMBERS:
        yield f"row-{name}", rows[name]
    for name, array in rows.ids.arrays().items():
        yield f"id-{name}", array
    for name, array in index.dense.arrays().items():
        yield f"dense-{name}", array
    whole = index.postings.whole()
    yield "word-terms", whole.terms
    yield "word-ends", whole.ends
    yield "word-postings", whole.postings
    yield "units", rows.unit_of_session.all
    for name, labels in rows.labels.items():
        for part, array in labels.arrays().items():
            yield f"{name}-{part}", array


def rebuilt(about: Mapping[str, Any], arrays: Arrays, dimensions: int) -> Index:
    index = Index(dimensions)
    rows = index.rows
    rows.columns = {name: Column(dtype, data=arrays[f"row-{name}"]) for name, dtype in NUMBERS.items()}
    rows.codes = {name: Codes(about["codes"][name]) for name in CODED}
    rows.ids = Ids.of_arrays({name: arrays[f"id-{name}"] for name in ("blob", "ends", "hashes", "rows")})
    rows.unit_of_session = Column(np.int32, data=arrays["units"])
    rows.units = about["units"]
    rows.alive = int(np.count_nonzero(rows["alive"]))
    rows.labels = {
        name: Labels(Codes(about["labels"][name]), arrays[f"{name}-code"], arrays[f"{name}-row"]) for name in LABELLED
    }
    index.dense = Dense(dimensions, {name: arrays[f"dense-{name}"] for name in ("matrix", "scale", "row")})
    words = Segment(arrays["word-terms"], arrays["word-ends"], arrays["word-postings"])
    index.postings = Postings([words] if len(words.terms) else [])
    index.revision = about["revision"]
    index.forget_units()
    return index


def checked(file: Path, total: int) -> NDArray[Any]:
    array: NDArray[Any] = np.load(file, allow_pickle=False)
    if checksum(array) != total:
        raise ValueError(file.name)
    return array


def checksum(array: NDArray[Any]) -> int:
    return zlib.crc32(array.reshape(-1).view(np.uint8).data)


def open_private(file: Path) -> Any:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_private(file: Path, array: NDArray[Any]) -> None:
    with open_private(file) as opened:
        np.save(opened, array, allow_pickle=False)
        opened.flush()
        os.fsync(opened.fileno())
