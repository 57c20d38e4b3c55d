"""Columns that grow: numpy arrays with room to spare, and names as small numbers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray
from session_mgmt_mcp.adapters.duckdb.tokens import as_numbers, digest64, hash64

Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Hashes: TypeAlias = NDArray[np.uint64]
Run: TypeAlias = tuple[Hashes, NDArray[np.int32]]
"""Hashes in order, and the row of each."""

RECENT = 4_096
"""Ids that are found by a dict; more are put into a run."""


class Column:
    """A numpy array with `extend`. Room that was never written to costs no memory: the pages are untouched."""

    __slots__ = ("_data", "size")

    def __init__(
        self, dtype: DTypeLike, width: int = 0, data: NDArray[Any] | None = None, size: int | None = None
    ) -> None:
        self._data: NDArray[Any] = np.empty((0, width) if width else 0, dtype) if data is None else data
        self.size = len(self._data) if size is None else size

    def __len__(self) -> int:
        return self.size

    @property
    def all(self) -> NDArray[Any]:
        """What is in it, as a view: good until the next `extend`."""
        return self._data[: self.size]

    def extend(self, values: Sequence[Any] | NDArray[Any]) -> None:
        end = self.size + len(values)
        if end > len(self._data):
            grown = np.empty((max(end, len(self._data) * 3 // 2, 64), *self._data.shape[1:]), self._data.dtype)
            grown[: self.size] = self.all
            self._data = grown
        self._data[self.size : end] = values
        self.size = end

    def keep(self, which: Bools) -> None:
        self._data = self.all[which]
        self.size = len(self._data)

    def take_over(self, other: "Column") -> None:
        self._data, self.size = other._data, other.size


class Narrow(Column):
    """Whole numbers, each in as few bytes as the largest of them needs."""

    __slots__ = ()

    def __init__(self, data: NDArray[Any] | None = None) -> None:
        super().__init__(np.int8, data=data)

    def extend(self, values: Sequence[Any] | NDArray[Any]) -> None:
        numbers = np.asarray(values, np.int64)
        self._widen(numbers)
        super().extend(numbers)

    def take_over(self, other: Column) -> None:
        self._data, self.size = np.empty(0, np.int8), 0
        self.extend(other.all)

    def write(self, at: NDArray[Any] | int, values: Sequence[int] | NDArray[Any] | int) -> None:
        numbers = np.asarray(values, np.int64)
        self._widen(numbers)
        self.all[at] = numbers

    def _widen(self, numbers: Ints) -> None:
        if not numbers.size:
            return
        low, high = numbers.min(), numbers.max()
        for width in (np.int8, np.int16, np.int32, np.int64):
            fits = np.iinfo(width).min <= low and high <= np.iinfo(width).max
            if fits and np.dtype(width).itemsize >= self._data.itemsize:
                self._data = self._data.astype(width, copy=False)
                return


class Codes:
    """Names as numbers, in order of arrival; the empty name is 0."""

    __slots__ = ("_code", "names")

    def __init__(self, names: Iterable[str] = ("",)) -> None:
        self.names = list(names)
        self._code = {name: code for code, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.names)

    def code(self, name: str) -> int:
        code = self._code.get(name)
        if code is None:
            code = len(self.names)
            self.names.append(name)  # first: whoever finds a code meanwhile finds its name, too
            self._code[name] = code
        return code

    def find(self, name: str) -> int | None:
        return self._code.get(name)

    def among(self, names: Iterable[str]) -> Bools:
        """By code: is it one of `names`?"""
        codes = [code for name in names if (code := self._code.get(name)) is not None]
        table = np.zeros(len(self.names), np.bool_)
        table[codes] = True
        return table


class Labels:
    """Names of which a row may have several: every pair of a row and a name once, in order of rows."""

    __slots__ = ("_code", "_row", "codes")

    def __init__(
        self, codes: Codes | None = None, code: NDArray[Any] | None = None, row: NDArray[Any] | None = None
    ) -> None:
        self.codes = codes or Codes()
        self._code = Column(np.int32, data=code)
        self._row = Column(np.int32, data=row)

    def pairs(self, start: int, names: Sequence[Sequence[str]]) -> NDArray[np.int32]:
        """Codes and rows of the names of the rows from `start` on, for `extend`."""
        code = self.codes.code
        pairs = [(code(name), row) for row, some in enumerate(names, start) if some for name in dict.fromkeys(some)]
        return np.array(pairs, np.int32).reshape(-1, 2).T

    def extend(self, pairs: NDArray[np.int32]) -> None:
        codes, rows = pairs
        self._code.extend(codes)
        self._row.extend(rows)

    def rows_of(self, names: Iterable[str]) -> NDArray[np.int32]:
        """Rows that have at least one of `names`; one with several of them comes several times."""
        rows: NDArray[np.int32] = self._row.all[self.codes.among(names)[self._code.all]]
        return rows

    def counts(self, wanted: Bools) -> dict[str, int]:
        """By name, how many of the wanted rows have it."""
        numbers = np.bincount(self._code.all[wanted[self._row.all]], minlength=len(self.codes))
        return {self.codes.names[code]: int(numbers[code]) for code in np.flatnonzero(numbers)}

    def renumber(self, new_row: NDArray[np.int64]) -> None:
        """Old rows get their new number, or go with -1; a name without rows is forgotten."""
        moved = new_row[self._row.all]
        kept = moved >= 0
        old = self._code.all[kept]
        used = np.unique(old)
        self.codes = Codes(["", *(self.codes.names[code] for code in used.tolist())])
        self._code = Column(np.int32, data=(np.searchsorted(used, old) + 1).astype(np.int32))
        self._row = Column(np.int32, data=moved[kept].astype(np.int32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"code": self._code.all, "row": self._row.all}


@dataclass(frozen=True, slots=True)
class IdsOf(Sequence[str]):
    """The ids of some rows, each read when somebody asks for it."""

    rows: NDArray[np.int64]
    among: "Ids"

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        return self.among.of_all(self.rows[at]) if isinstance(at, slice) else self.among.of(int(self.rows[at]))

    def __iter__(self) -> Iterator[str]:
        return iter(self.among.of_all(self.rows))


@dataclass(frozen=True, slots=True)
class NewIds:
    """Ids that rows are about to get."""

    ids: Sequence[str]
    blob: NDArray[np.uint8]
    ends: Ints
    hashes: Hashes

    @classmethod
    def of(cls, ids: Sequence[str]) -> "NewIds":
        encoded = [record_id.encode() for record_id in ids]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
        hashes = as_numbers(b"".join(map(digest64, ids)))
        return cls(ids, np.frombuffer(b"".join(encoded), np.uint8), ends, hashes)


class Ids:
    """Which row an id stands in: ids as bytes, found by hash in sorted runs; the newest ones by a dict."""

    def __init__(self, blob: NDArray[Any] | None = None, ends: NDArray[Any] | None = None) -> None:
        self._blob = Column(np.uint8, data=blob)
        self._ends = Narrow(np.zeros(1, np.int8) if ends is None else ends)
        self._recent: dict[str, int] = {}
        self._unsorted: list[Hashes] = []  # of the recent ones
        self._runs: list[Run] = []  # each at least twice as long as the next

    def __len__(self) -> int:
        return len(self._ends) - 1

    def of(self, row: int) -> str:
        start, end = self._ends.all[row : row + 2].tolist()
        return self._blob.all[start:end].tobytes().decode()

    def of_all(self, rows: NDArray[np.int64]) -> list[str]:
        starts = self._ends.all[rows].astype(np.int64)
        lengths = self._ends.all[rows + 1] - starts
        ends = np.cumsum(lengths)
        joined = self._blob.all[np.arange(lengths.sum()) + np.repeat(starts + lengths - ends, lengths)].tobytes()
        return [joined[start:end].decode() for start, end in pairwise([0, *ends.tolist()])]

    def find(self, record_id: str) -> int:
        """The row an id was last given; -1 for none."""
        row = self._recent.get(record_id)
        if row is not None:
            return row
        wanted = np.uint64(hash64(record_id))
        for hashes, rows in reversed(self._runs):
            at = int(np.searchsorted(hashes, wanted, side="right")) - 1
            while at >= 0 and hashes[at] == wanted:
                if self.of(int(rows[at])) == record_id:
                    return int(rows[at])
                at -= 1
        return -1

    def find_all(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """`find` for each."""
        found = np.array([self._recent.get(one, -1) for one in ids], np.int64)
        older = np.flatnonzero(found < 0)
        wanted = as_numbers(b"".join([digest64(ids[at]) for at in older.tolist()]))
        for hashes, rows in reversed(self._runs):
            near = np.searchsorted(hashes, wanted, side="right") - 1
            maybe = (near >= 0) & (hashes[near] == wanted) & (found[older] < 0)
            some, there = older[maybe], rows[near[maybe]].astype(np.int64)
            for at, row, name in zip(some.tolist(), there.tolist(), self.of_all(there), strict=True):
                found[at] = row if name == ids[at] else self.find(ids[at])
        return found

    def extend(self, ids: Sequence[str]) -> None:
        self.add(NewIds.of(ids))

    def add(self, new: "NewIds") -> None:
        row = len(self)
        self._blob.extend(new.blob)
        self._ends.extend(new.ends + int(self._ends.all[-1]))
        self._recent.update(zip(new.ids, range(row, row + len(new.ids)), strict=True))
        self._unsorted.append(new.hashes)
        if len(self._recent) > RECENT:
            self._settle()

    def _settle(self) -> None:
        if not self._recent:
            return
        hashes = np.concatenate(self._unsorted)
        self._runs.append(sorted_run(hashes, np.arange(len(self) - len(hashes), len(self), dtype=np.int32)))
        self._recent, self._unsorted = {}, []
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            self._merge()

    def _merge(self) -> None:
        newer, older = self._runs.pop(), self._runs.pop()
        self._runs.append(sorted_run(np.concatenate((older[0], newer[0])), np.concatenate((older[1], newer[1]))))

    def kept(self, which: Bools, new_row: NDArray[np.int64]) -> "Ids":
        """Those of some rows, under their new numbers."""
        hashes, rows = self._in_one_run()
        before = self._ends.all.astype(np.int64)
        lengths = before[1:] - before[:-1]
        ends = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths[which])))
        made = Ids(self._blob.all[np.repeat(which, lengths)])
        made._ends = Narrow()
        made._ends.extend(ends)
        still = which[rows]
        made._runs = [(hashes[still], new_row[rows[still]].astype(np.int32))] if still.any() else []
        return made

    def _in_one_run(self) -> Run:
        self._settle()
        while len(self._runs) > 1:
            self._merge()
        return self._runs[0] if self._runs else (np.empty(0, np.uint64), np.empty(0, np.int32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        hashes, rows = self._in_one_run()
        return {"blob": self._blob.all, "ends": self._ends.all, "hashes": hashes, "rows": rows}

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Ids":
        ids = cls(arrays["blob"], arrays["ends"])
        ids._runs = [(arrays["hashes"], arrays["rows"])] if len(ids) else []
        return ids


def sorted_run(hashes: Hashes, rows: NDArray[np.int32]) -> Run:
    """Of the rows with one hash the last one last."""
    order = np.argsort(hashes, kind="stable")
    return hashes[order], rows[order]
