"""What the index knows of each record besides its words and vector: one row, in columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from session_mgmt_mcp.adapters.duckdb.growing import Codes, Column, Ids, Labels, Narrow, NewIds
from session_mgmt_mcp.adapters.duckdb.records import LABELLED, Row
from session_mgmt_mcp.adapters.duckdb.tokens import as_numbers, digest64

CODED = ("kind", "project", "session", "role", "parent", "model_id")
NARROW = (*CODED, "seq", "position")
NUMBERS: dict[str, type[np.generic]] = {
    "time": np.int64,
    "content_hash": np.uint64,
    "unit": np.int32,
    "length": np.uint16,
    "alive": np.bool_,
    "worded": np.bool_,
    "slot": np.int32,
}
LONGEST = 65_535


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows as numbers, ready to stand behind those that are there."""

    numbers: Mapping[str, NDArray[Any]]  # by column
    ids: NewIds
    labels: Mapping[str, NDArray[np.int32]]


class Rows:
    """Append-only: a record that changes gets a new row under its old seq, and the old row dies.

    `unit` numbers what counts as one session: a session, or a record without one.
    """

    def __init__(self) -> None:
        self.model_id = Narrow()
        self.columns = {name: Column(dtype) for name, dtype in NUMBERS.items()} | {name: Narrow() for name in NARROW}
        self.columns["model_id"] = self.model_id
        self.codes = {name: Codes() for name in CODED}
        self.ids = Ids()
        self.labels = {name: Labels() for name in LABELLED}
        self.units = 0
        self.unit_of_session = Column(np.int32)
        self.alive = 0
        self.compactions = 0

    def __len__(self) -> int:
        return len(self.columns["seq"])

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name].all

    @property
    def any_dead(self) -> bool:
        return self.alive < len(self)

    @property
    def documents(self) -> int:
        """Living rows whose words count."""
        return int(np.count_nonzero(self["alive"] & self["worded"]))

    def new(self, rows: Sequence[Row], lengths: Sequence[int]) -> NewRows:
        """What `append` takes, made by the thread that writes while others go on reading."""
        of = dict(zip(Row._fields, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(Row._fields, ())
        columns: dict[str, Any] = {name: np.array([*map(self.codes[name].code, of[name])], np.int64) for name in CODED}
        columns |= {name: np.array(of[name], np.int64) for name in ("seq", "position", "time")}
        columns["content_hash"] = as_numbers(
            b"".join([digest64(one) if one else bytes(8) for one in of["content_hash"]])
        )
        columns["length"] = np.minimum(np.array(lengths, np.int64), LONGEST)
        columns["alive"] = np.ones(len(rows), np.bool_)
        columns["worded"] = np.array(of["worded"], np.bool_)
        columns["slot"] = np.full(len(rows), -1, np.int32)
        labels = {name: known.pairs(len(self), of[name]) for name, known in self.labels.items()}
        return NewRows(columns, NewIds.of(of["id"]), labels)

    def append(self, new: NewRows) -> range:
        added = range(len(self), len(self) + len(new.ids.ids))
        for name, numbers in new.numbers.items():
            self.columns[name].extend(numbers)
        self.columns["unit"].extend([self._unit(code) for code in new.numbers["session"].tolist()])
        self.ids.add(new.ids)
        for name, pairs in new.labels.items():
            self.labels[name].extend(pairs)
        self.alive += len(added)
        return added

    def _unit(self, session: int) -> int:
        if session == 0:
            self.units += 1
            return self.units - 1
        missing = session + 1 - len(self.unit_of_session)
        if missing > 0:
            self.unit_of_session.extend(np.full(missing, -1, np.int32))
        table = self.unit_of_session.all
        if table[session] < 0:
            table[session] = self.units
            self.units += 1
        return int(table[session])

    def find(self, record_id: str) -> int:
        """The living row of a record; -1 for none."""
        row = self.ids.find(record_id)
        return row if row >= 0 and self["alive"][row] else -1

    def find_all(self, ids: Sequence[str]) -> NDArray[np.int64]:
        rows = self.ids.find_all(ids)
        return np.where((rows >= 0) & self["alive"][rows], rows, -1) if len(self) else rows

    def with_seqs(self, seqs: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """The living rows among those with one of `seqs`."""
        return np.flatnonzero(np.isin(self["seq"], np.asarray(seqs, np.int64)) & self["alive"])

    def kill(self, rows: NDArray[Any]) -> None:
        alive = self["alive"]
        self.alive -= int(np.count_nonzero(alive[rows]))
        alive[rows] = False

    def compact(self) -> NDArray[np.int64]:
        """Takes dead rows out; gives each old row its new number, or -1."""
        alive = self["alive"].copy()
        new_row = np.where(alive, np.cumsum(alive) - 1, -1)
        self.ids = self.ids.kept(alive, new_row)
        for column in self.columns.values():
            column.keep(alive)
        for labels in self.labels.values():
            labels.renumber(new_row)
        self.compactions += 1
        return new_row
