"""The run folder, open: its records, its tables and the notes beside them. It never computes."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from studies.errors import UsageError
from studies.folder.manifest import NAME, NAMES_NO_QUESTION, agreed, as_json
from studies.folder.read import NOTE, read_note
from studies.folder.records import Records, as_parquet
from studies.folder.schema.columns import Schema
from studies.folder.schema.notes import TIMING, Asked, Manifest, Question, misfit
from studies.folder.schema.tables import FORMAT, TABLES
from studies.folder.schema.validation import arrow_schema, problem
from studies.system.files import checksum, named, parsed, sweep, write_atomically

TRAINED = ("rows", "curves", "choices", "confirmations")  # whose numbers are those of trainings
DIGITS = 10  # significant, of what is derived: the last ones hang on the machine's libraries
MADE_HERE = ("records", "tables", "claims", "optimizers")  # folders that the lock is for
DRAWN_HERE = ("", "csv", "figures")  # folders of the page too, which takes no lock


class RunFolder:
    """An open run folder. Whoever writes into it holds its lock: see `open_run`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest
        question = {k: v for k, v in manifest["question"].items() if k not in NAMES_NO_QUESTION}
        self.records = Records(path / "records", question)

    def write_tables(
        self,
        frames: Mapping[str, pd.DataFrame],
        changes: list[str],
        of: Callable[[], str],
        lines: Mapping[str, Any],
    ) -> None:
        """Write the tables of a run by their schemas, and what they and their lines were made of.

        The note goes first and comes last: no reader takes what two writings left for one. changes: as
        `describe` has them. of: asked at the end; where it gives "" the next call makes all again.
        """
        (self.path / "tables" / NOTE).unlink(missing_ok=True)
        self.describe(changes)
        known = {name: self._write(name, frame) for name, frame in frames.items()}
        self._note(of(), lines, known)

    def add_tables(self, frames: Mapping[str, pd.DataFrame]) -> None:
        """Write further tables, which were made of those that are there."""
        made = read_note(self.path)
        others = {name: known for name, known in made["tables"].items() if name not in frames}
        contents = {name: _content(name, frame) for name, frame in frames.items()}
        new = {name: checksum(content) for name, content in contents.items()}
        if all(self._is(name, known) for name, known in new.items()) and made["tables"] == others | new:
            return
        self._note(made["of"], made["lines"], others)
        for name, content in contents.items():
            write_atomically(self.table(name), content)
        self._note(made["of"], made["lines"], others | new)

    def table(self, name: str) -> Path:
        """The file of a table."""
        return self.path / "tables" / f"{name}.parquet"

    def _write(self, name: str, frame: pd.DataFrame) -> str:
        content = _content(name, frame)
        write_atomically(self.table(name), content)
        return checksum(content)

    def _is(self, name: str, known: str) -> bool:
        file = self.table(name)
        return file.is_file() and checksum(file.read_bytes()) == known

    def _note(self, of: str, lines: Mapping[str, Any], tables: dict[str, str]) -> None:
        manifest = checksum((self.path / NAME).read_bytes())
        note = {"of": of, "lines": lines, "manifest": manifest, "tables": tables}
        write_atomically(self.path / "tables" / NOTE, as_json(note))

    def describe(self, changes: list[str]) -> None:
        """Note in the manifest what is asked now, and what differs from the named study, in words."""
        self.manifest["changes"] = changes
        content = as_json(self.manifest)
        if (self.path / NAME).read_bytes() != content:
            made = None
            with contextlib.suppress(ValueError):  # none, or damaged: the tables are made again
                made = read_note(self.path)
            (self.path / "tables" / NOTE).unlink(missing_ok=True)
            write_atomically(self.path / NAME, content)
            if made:
                self._note(made["of"], made["lines"], made["tables"])

    def log_machine(self, machine: dict[str, Any]) -> None:
        """Note the machine that trained last."""
        if machine["trained"] or not (self.path / "machine.json").exists():
            write_atomically(self.path / "machine.json", as_json(machine))

    def log_timing(self, line: dict[str, Any]) -> None:
        """Note how long a stack took: the one thing that differs between two runs."""
        path = self.path / "timings.jsonl"
        with named(path), path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def timings(self) -> pd.DataFrame:
        """The noted times; a line that a kill cut short, or that is none, is left out."""
        lines, path = [], self.path / "timings.jsonl"
        columns = list(TABLES["timings"].columns)
        for text in path.read_text(errors="replace").splitlines() if path.exists() else []:
            with contextlib.suppress(ValueError):
                lines.append(parsed(text))
        if misfit(lines, {"items": TIMING}):
            lines = [line for line in lines if not misfit(line, TIMING)]
        return pd.DataFrame(lines, columns=columns)


def _content(name: str, frame: pd.DataFrame) -> bytes:
    """A table by its schema: columns, types, sort order. KeyError for a missing column."""
    table = arranged(TABLES[name], frame)
    if wrong := problem(table, TABLES[name]):  # what no reader would take is never written
        raise RuntimeError(f"the table {name} is none: {wrong}")
    return as_parquet(table.replace_schema_metadata({"format": str(FORMAT), "table": name}), "zstd")


def arranged(schema: Schema, frame: pd.DataFrame) -> pa.Table:
    """A table as its schema has it: columns, types, sort order; what is derived with `DIGITS` digits."""
    frame = frame[list(schema.columns)]
    if not any(schema is TABLES[name] for name in TRAINED):
        floats = [name for name, column in schema.columns.items() if column.type == "float"]
        frame = frame.assign(**{name: _rounded(frame[name]) for name in floats})
    if schema.key:
        frame = frame.sort_values(list(schema.key), kind="stable")
    return pa.Table.from_pandas(frame, schema=arrow_schema(schema), preserve_index=False)


def _rounded(column: pd.Series) -> Any:
    """Its numbers with `DIGITS` significant digits, and no zero with a sign."""
    values, places = np.unique(column.to_numpy(float), return_inverse=True)
    return np.array([float(f"{value:.{DIGITS}g}") for value in values.tolist()])[places] + 0.0


def in_order(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table as it would be read back: columns, types and order of its schema."""
    return pd.DataFrame(arranged(TABLES[name], frame).to_pandas())


@contextlib.contextmanager
def open_run(path: Path, asked: Asked, question: Question) -> Iterator[RunFolder]:
    """Open or make a run folder and hold its lock.

    asked, question: as `agreed` has them. Raises UsageError for a folder of something else, of another
    question, or in use.
    """
    try:
        agreed(path, asked, question)  # before anything is written into a folder of something else
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("a+")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written to ({error.strerror}).", "Choose another --out."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"Another process is working on {path}.", "Wait until it ends, or choose another --out."
            ) from None
        manifest = agreed(path, asked, question)
        if not (path / NAME).exists():
            write_atomically(path / NAME, as_json(manifest))
        for name in MADE_HERE:
            sweep(path / name, whose="anybody's")
        for name in DRAWN_HERE:
            sweep(path / name)
        yield RunFolder(path, manifest)
