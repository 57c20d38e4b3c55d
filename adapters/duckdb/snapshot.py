"""The index on disk, to open fast. Never a second truth: whatever is odd about it, it is made anew.

A snapshot is a list of parts, files that never change once they are whole. What only grows keeps the parts it has and gets
one for what is new; the list, replaced in one step, makes them a snapshot.
"""

import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import orjson
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Codes, Column, Ids, Labels
from session_mgmt_mcp.adapters.duckdb.index import Index
from session_mgmt_mcp.adapters.duckdb.lexical import Packed, Postings, Segment
from session_mgmt_mcp.adapters.duckdb.records import LABELLED
from session_mgmt_mcp.adapters.duckdb.rows import CODED

FORMAT = 4
"""Raise it when tokens, columns or files change: older snapshots are then rebuilt."""
CHANGING = ("alive", "slot", "model_id")
"""Columns of rows that are written to after their row is there. They are small, and saved whole."""
SEGMENT = ("terms", "ends", "postings")
PIECE = 4 << 20
"""Bytes that are written, summed and on the disk before the next: a commit meanwhile never waits for more than that."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    file: str
    entries: int
    sum: int


@dataclass(frozen=True, slots=True)
class Saved:
    """An array, in parts."""

    dtype: str
    width: int  # 0: one number an entry
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class View:
    """An index as it stood, without a copy of what only grows: its arrays go on growing behind what is seen of them.

    Vectors may be newer than `revision`: what has replaced them is read from the tables again at the next opening.
    """

    revision: int
    histories: Mapping[str, object]  # as long as one is the same, what only grows of it still begins as it did
    units: int
    names: Mapping[str, Sequence[str]]
    growing: Arrays
    whole: Arrays
    segments: Sequence[Segment]


def view(index: Index) -> View:
    """Call it from the thread that writes."""
    rows, dense = index.rows, index.dense
    with index.lock:
        growing = {f"row-{name}": rows[name] for name in rows.columns if name not in CHANGING}
        whole = {f"row-{name}": rows[name].copy() for name in CHANGING}
        for name, array in rows.ids.arrays().items():
            (growing if name in ("blob", "ends") else whole)[f"id-{name}"] = array
        for name, array in dense.arrays().items():
            if name == "row":
                whole["dense-row"] = array.copy()
            else:
                growing[f"dense-{name}"] = array
        for name, labels in rows.labels.items():
            growing |= {f"{name}-{part}": array for part, array in labels.arrays().items()}
        whole["units"] = rows.unit_of_session.all.copy()
        names = {name: tuple(rows.codes[name].names) for name in CODED}
        names |= {name: tuple(rows.labels[name].codes.names) for name in LABELLED}
        words = tuple(index.postings.segments)
        return View(index.revision, histories(index), rows.units, names, growing, whole, words)


def histories(index: Index) -> Mapping[str, object]:
    """By kind of array; compared by identity."""
    rows = index.rows
    compacted = (rows, rows.compactions)
    return {**dict.fromkeys(("row", "id", *LABELLED), compacted), "dense": (*compacted, index.dense.replaced)}


def folder_of(database: Path) -> Path:
    return database.with_name(database.name + ".index")


def discard(database: Path) -> None:
    shutil.rmtree(folder_of(database), ignore_errors=True)


def sweep(database: Path) -> None:
    """Takes away what killed processes left of saving in formats up to 3, which wrote into a folder each."""
    folder = folder_of(database)
    for left in (*folder.glob("new-*"), folder / "old"):
        shutil.rmtree(left, ignore_errors=True)


class Snapshots:
    """Of one database. One thread at a time saves or loads."""

    def __init__(self, database: Path) -> None:
        self._folder = folder_of(database) / "current"
        self._histories: Mapping[str, object] = {}
        self._arrays: Mapping[str, Saved] = {}
        self._words: Sequence[tuple[ref[Packed], Mapping[str, Saved]]] = ()
        self._files = 0

    def save(self, seen: View, token: str) -> None:
        """Whole or not at all; owner-only; from any thread. Raises OSError."""
        try:
            self._save(seen, token)
        except OSError:
            with suppress(OSError):
                self._tidy()  # what was written so far would keep the room that is missing
            raise

    def _save(self, seen: View, token: str) -> None:
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        arrays = {
            name: self._saved(name, array, self._begun(name, seen), token) for name, array in seen.growing.items()
        }
        arrays |= {name: self._saved(name, array, None, token) for name, array in seen.whole.items()}
        words = [self._word_parts(segment, token) for segment in seen.segments]
        body = orjson.dumps(
            {
                "format": FORMAT,
                "token": token,
                "revision": seen.revision,
                "units": seen.units,
                "names": seen.names,
                "arrays": arrays,
                "words": words,
            }
        )
        new = self._folder / "about.new"
        new.unlink(missing_ok=True)
        with open_private(new) as file:
            file.write(b"%d\n%b" % (zlib.crc32(body), body))
            durable(file)
        new.replace(self._folder / "about.json")
        self._remember(arrays, words, seen.segments, seen.histories)
        self._tidy()

    def load(self, dimensions: int, openings: Sequence[str], last_revision: int) -> Index:
        """The index as it was saved, or an empty one when there is none that fits."""
        try:
            total, body = (self._folder / "about.json").read_bytes().split(b"\n", 1)
            about = orjson.loads(body) if int(total) == zlib.crc32(body) else {}
            if about["format"] != FORMAT or about["token"] not in openings or about["revision"] > last_revision:
                return Index(dimensions)
            return self._rebuilt(about, dimensions)
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            return Index(dimensions)

    def _begun(self, name: str, seen: View) -> Saved | None:
        """What is on the disk of an array that has only grown since."""
        kind = name.split("-", maxsplit=1)[0]
        return self._arrays.get(name) if self._histories.get(kind) == seen.histories[kind] else None

    def _saved(self, name: str, array: NDArray[Any], begun: Saved | None, token: str) -> Saved:
        """The last parts are written anew with what follows them, as long as that is half of what they are."""
        same = begun is not None and begun.dtype == array.dtype.str
        parts = list(begun.parts) if begun is not None and same else []
        start = sum(part.entries for part in parts)
        while parts and parts[-1].entries < 2 * (len(array) - start):
            start -= parts.pop().entries
        if start < len(array):
            parts.append(self._write(name, array[start:], token))
        return Saved(array.dtype.str, array.shape[1] if array.ndim > 1 else 0, parts)

    def _write(self, name: str, array: NDArray[Any], token: str) -> Part:
        self._files += 1
        part, total = f"{name}.{token[:12]}-{self._files}", 0
        with open_private(self._folder / part) as file:
            for piece in pieces(array):
                total = zlib.crc32(piece, total)
                file.write(piece)
                durable(file)
        return Part(part, len(array), total)

    def _word_parts(self, segment: Segment, token: str) -> Mapping[str, Saved]:
        for postings, saved in self._words:
            if postings() is segment.postings:
                return saved
        return {name: self._saved(f"word-{name}", getattr(segment, name), None, token) for name in SEGMENT}

    def _remember(
        self,
        arrays: Mapping[str, Saved],
        words: Sequence[Mapping[str, Saved]],
        segments: Sequence[Segment],
        histories: Mapping[str, object],
    ) -> None:
        self._arrays, self._histories = arrays, histories
        self._words = [(ref(segment.postings), saved) for segment, saved in zip(segments, words, strict=True)]

    def _tidy(self) -> None:
        """Takes away what no list names: parts of earlier snapshots, and of those that were never finished."""
        saved = chain(self._arrays.values(), *(words.values() for _, words in self._words))
        named = {"about.json", *(part.file for one in saved for part in one.parts)}
        for file in self._folder.iterdir():
            if file.name not in named:
                with suppress(OSError):
                    file.unlink()

    def _rebuilt(self, about: Mapping[str, Any], dimensions: int) -> Index:
        arrays = {name: parsed(saved) for name, saved in about["arrays"].items()}
        words = [{name: parsed(saved) for name, saved in segment.items()} for segment in about["words"]]
        index = Index(dimensions)
        rows = index.rows
        columns = {name: self._read(saved) for name, saved in arrays.items()}
        for name, column in rows.columns.items():
            column.take_over(columns[f"row-{name}"])
        rows.codes = {name: Codes(about["names"][name]) for name in CODED}
        rows.ids = Ids.of_arrays({name: columns[f"id-{name}"].all for name in ("blob", "ends", "hashes", "rows")})
        rows.unit_of_session = columns["units"]
        rows.units = about["units"]
        rows.alive = int(np.count_nonzero(rows["alive"]))
        rows.labels = {
            name: Labels(Codes(about["names"][name]), columns[f"{name}-code"].all, columns[f"{name}-row"].all)
            for name in LABELLED
        }
        index.dense.take_over(**{name: columns[f"dense-{name}"] for name in index.dense.arrays()})
        segments = [Segment(**{name: self._read(saved).all for name, saved in one.items()}) for one in words]
        index.postings = Postings(segments)
        index.revision = about["revision"]
        index.forget_units()
        self._remember(arrays, words, segments, histories(index))
        return index

    def _read(self, saved: Saved) -> Column:
        """With room to grow: a column that is taken over as it is need not be copied for what is written next."""
        size = sum(part.entries for part in saved.parts)
        shape = (size * 9 // 8, saved.width) if saved.width else (size * 9 // 8,)
        data = np.empty(shape, saved.dtype)
        start = 0
        for part in saved.parts:
            into = as_bytes(data[start : start + part.entries])
            with (self._folder / part.file).open("rb") as file:
                if file.readinto(into) != len(into) or file.read(1) or zlib.crc32(into) != part.sum:
                    raise ValueError(part.file)
            start += part.entries
        return Column(saved.dtype, saved.width, data, size)


def parsed(saved: Mapping[str, Any]) -> Saved:
    return Saved(saved["dtype"], saved["width"], [Part(**part) for part in saved["parts"]])


def pieces(array: NDArray[Any]) -> Iterator[bytes]:
    """Copies: what is summed is what is written, whatever happens to the array meanwhile."""
    whole = as_bytes(np.ascontiguousarray(array))
    for start in range(0, len(whole), PIECE):
        yield bytes(whole[start : start + PIECE])


def as_bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def open_private(file: Path) -> Any:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def durable(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
