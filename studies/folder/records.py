"""The records of a run: one file for each finished stack, whose name is held against its content."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from studies.errors import UsageError
from studies.folder.read import parsed
from studies.folder.schema.columns import Column, Schema
from studies.folder.schema.tables import TABLES
from studies.folder.schema.validation import TYPES, arrow_schema, misfit
from studies.system import files

KEY = TABLES["rows"].key
DAMAGED = "damaged"  # beside the records: what was found among them and is none of this run
_ROW = list(TABLES["rows"].columns)
_CURVE = ("examples", "step", "validation_loss", "validation_error", "training_loss")
_LISTS = {  # as Parquet gives them back
    name: pa.list_(pa.field("element", TYPES[TABLES["curves"].columns[name].type])) for name in _CURVE
}
_SCHEMA = Schema((*KEY, "identity"), TABLES["rows"].columns | {"identity": Column("string", "its identity")})


@dataclasses.dataclass
class Records:
    """The records in a folder. question: what all rows answer that belong here, without what may grow.

    strange: files that are damaged or belong to another question, and why; they are left out.
    """

    folder: Path
    question: dict[str, Any]
    strange: dict[Path, str] = dataclasses.field(default_factory=dict)
    _known: dict[Path, pa.Table] = dataclasses.field(default_factory=dict)  # that were read or written

    def write(self, rows: Sequence[dict[str, Any]], identities: Sequence[str]) -> None:
        """Keep the rows of one finished stack.

        The file's name hashes what determines them, then its own content: that is its checksum.
        """
        plain = [{k: row[k] for k in _ROW} for row in rows]
        table = pa.Table.from_pylist(plain, schema=arrow_schema(TABLES["rows"]))
        table = table.append_column("identity", pa.array(identities, pa.string()))
        for name in _CURVE:
            points = pa.array([row["curve"][name] for row in rows], _LISTS[name])
            table = table.append_column(f"curve_{name}", points)
        content = as_parquet(table, "snappy")  # quick, since workers wait for a core
        path = self.folder / f"{self._named(table)}-{files.checksum(content)}.parquet"
        files.write_atomically(path, content)
        self._known[path] = table

    def _named(self, table: pa.Table) -> str:
        """The first half of a record's name."""
        columns = [*KEY, "batch_size", "decay", "settings", "identity"]
        keys = list(zip(*table.select(columns).to_pydict().values(), strict=True))
        text = json.dumps([self.question, keys], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def reached(self) -> dict[tuple[Any, ...], float]:
        """The best validation loss of every recorded row, by key and identity."""
        found: dict[tuple[Any, ...], float] = {}
        for table in self._tables().values():
            columns = table.select([*KEY, "identity", "best_validation_loss"])
            *keys, values = columns.to_pydict().values()
            found.update(zip(zip(*keys, strict=True), values, strict=True))
        return found

    def read(self, wanted: Iterable[tuple[Any, ...]]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables "rows" and "curves" of the wanted (key and identity) rows, sorted by key.

        A row that several files hold, as where folders of two machines were poured together, is one. Raises
        UsageError where they do not agree.
        """
        key = list(KEY)
        chosen = pd.DataFrame(list(wanted), columns=[*key, "identity"])
        blocks = set(zip(chosen.dataset, chosen.block, strict=True))
        held = {p: t for p, t in self._tables().items() if not blocks.isdisjoint(_blocks(t))}
        files_of = np.repeat([str(path) for path in held], [len(table) for table in held.values()])
        frame = pa.concat_tables(held.values() or [_nothing()]).to_pandas().assign(file=files_of)
        frame = chosen.merge(frame, on=[*key, "identity"]).sort_values(key, kind="stable", ignore_index=True)
        frame = _once(frame, key)
        if len(frame) < len(chosen):
            raise UsageError(
                f"{self.folder} lacks {len(chosen) - len(frame)} rows that were there before.", "Run again."
            )
        curves = frame.loc[np.repeat(frame.index, frame[f"curve_{_CURVE[0]}"].map(len)), key]
        curves = curves.reset_index(drop=True)
        for name in _CURVE:
            curves[name] = np.concatenate(frame[f"curve_{name}"].to_numpy())
        return frame[_ROW], curves

    def set_aside(self) -> list[str]:
        """Move what is strange out of the way, so that its rows train again; gives a line on each file."""
        lines = []
        for path, why in self.strange.items():
            aside = self.folder.parent / DAMAGED / path.name
            aside.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                path.replace(aside)
            lines.append(f"{path} is left out: {why}. It lies in {aside.parent} now.")
        self.strange = {}
        return lines

    def _tables(self) -> dict[Path, pa.Table]:
        """All record files, in the order of their names; what this process wrote is not read again."""
        paths = sorted(self.folder.glob("*.parquet"))
        known: dict[Path, pa.Table] = {}
        self.strange = {}
        for path in paths:
            table = self._known.get(path)
            found = self._read(path) if table is None else table
            if isinstance(found, pa.Table):
                known[path] = found
            else:
                self.strange[path] = found
        self._known = known
        return known

    def _read(self, path: Path) -> pa.Table | str:
        """The table of a record file, or what is wrong with it."""
        try:
            content = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError) as error:
            return f"it cannot be read ({error.strerror})"
        made_of, _, known = path.stem.rpartition("-")
        if known != files.checksum(content):
            return "its content is not what its name says"
        table = parsed(content, _SCHEMA, {f"curve_{name}": kind for name, kind in _LISTS.items()})
        if not isinstance(table, pa.Table):
            return table
        if made_of != self._named(table):
            return "its rows answer another question, or it was renamed"
        return _wrong(table) or table


def _nothing() -> pa.Table:
    columns = [(n, TYPES[one.type]) for n, one in _SCHEMA.columns.items()]
    return pa.schema([*columns, *((f"curve_{name}", kind) for name, kind in _LISTS.items())]).empty_table()


def _blocks(table: pa.Table) -> set[tuple[str, int]]:
    held = table.select(["dataset", "block"]).group_by(["dataset", "block"]).aggregate([]).to_pydict()
    return set(zip(held["dataset"], held["block"], strict=True))


def _once(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Each row once. Raises UsageError for rows of two files that differ."""
    again = frame[frame.duplicated(key, keep=False)]
    if again.empty:
        return frame
    first = again.groupby(key, sort=False).ngroup().to_numpy()
    mates = again.iloc[pd.Series(range(len(again))).groupby(first).transform("first")]
    for column in again.columns.drop("file"):
        one, other = (side[column].to_numpy() for side in (again, mates))
        if not _equal(one, other):
            apart = next(i for i in range(len(again)) if not _equal(one[i : i + 1], other[i : i + 1]))
            line, mate = again.iloc[apart], mates.iloc[apart]
            raise UsageError(
                f"{mate.file} and {line.file} hold {'/'.join(map(str, line[key]))} with another {column}.",
                "Remove the one that you do not believe, or both: its rows train again.",
            )
    return frame.drop_duplicates(key, ignore_index=True)


def _equal(one: Any, other: Any) -> bool:
    """Are two columns the same, lists in them too?"""
    if isinstance(one[0], np.ndarray):
        if list(map(len, one)) != list(map(len, other)):
            return False
        one, other = np.concatenate(one), np.concatenate(other)
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))


def _wrong(table: pa.Table) -> str:
    """What no training gives, though each value alone would be allowed; "" for nothing."""
    if not len(table):
        return "it has no rows"
    if any(column.null_count for column in table.columns):
        return "it has an empty cell"
    for name in (one.name for one in table.schema if pa.types.is_floating(one.type)):
        if pc.any(pc.is_nan(table[name])).as_py():
            return f"a row in it has a {name} that is no number"
    lengths = [pc.list_value_length(table[f"curve_{name}"]).to_numpy() for name in _CURVE]
    if any((one != lengths[0]).any() for one in lengths) or (lengths[0] < 1).any():
        return "a curve in it has not as many steps as losses"
    for name in _CURVE:
        if said := misfit(pc.list_flatten(table[f"curve_{name}"]), TABLES["curves"].columns[name]):
            return f"a curve's {name} in it has {said}"
    for settings, lr in zip(table["settings"].to_pylist(), table["lr"].to_pylist(), strict=True):
        if json.loads(settings).get("lr") != lr:
            return "the learning rate of a row is not that of its settings"
    lost = pc.filter(table["best_validation_loss"], pc.equal(table["status"], "diverged"))
    if pc.any(pc.is_finite(lost)).as_py():
        return "a row in it diverged and has a best validation loss"
    return ""


def as_parquet(table: pa.Table, compression: str) -> bytes:
    """A table as Parquet."""
    sink = pa.BufferOutputStream()
    words = [field.name for field in table.schema if field.type == pa.string()]  # numbers seldom repeat
    pq.write_table(table, sink, compression=compression, use_dictionary=words, write_statistics=False)
    return bytes(sink.getvalue())
