"""The tables of a finished run, read: held against the note that was written with them, and checked."""

from __future__ import annotations

import fcntl
import hashlib
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from studies.errors import UsageError
from studies.folder import older
from studies.folder.consistency import apart
from studies.folder.manifest import read_both
from studies.folder.schema.columns import Schema
from studies.folder.schema.notes import MADE, misfit
from studies.folder.schema.tables import TABLES
from studies.folder.schema.validation import NO_LISTS, arrow_schema, problem
from studies.system import files

NOTE = "made.json"  # beside the tables; written last


class Tables:
    """The tables of one finished run, by name, as one writing left them.

    manifest: of the run. Raises UsageError for a folder that is none, whose tables are unfinished or are
    being written, and, for each table, where it is not what was written or not what its schema promises.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.again = f"python -m studies run --out {shlex.quote(str(path))}"
        self.manifest, content = read_both(path)
        if not (path / "tables").is_dir() or not any((path / "tables").iterdir()):
            raise UsageError(
                f"{path} has no tables yet: its study is unfinished.", f"Finish it: {self.again}"
            )
        if not (path / "tables" / NOTE).exists():
            raise self._unfinished()
        try:
            self.made = read_note(path)
        except ValueError as error:
            raise self._damaged(path / "tables" / NOTE, str(error)) from None
        if self.made["manifest"] != files.checksum(content):
            raise self._damaged(path / "manifest.json", "it is not what its tables were written with")

    def content(self, name: str) -> bytes:
        """The bytes of a table's file. KeyError for a name that no table has."""
        file, _ = self.path / "tables" / f"{name}.parquet", TABLES[name]
        if name not in self.made["tables"]:
            raise self._unfinished()
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            raise self._damaged(file, "it is gone") from None
        except IsADirectoryError:
            raise self._damaged(file, "it is a folder") from None
        if files.checksum(content) != self.made["tables"][name]:
            raise self._damaged(file, "its content is not what was written")
        return content

    def __getitem__(self, name: str) -> pd.DataFrame:
        """A table."""
        return self.both(name)[0]

    def both(self, name: str) -> tuple[pd.DataFrame, str]:
        """A table, and the sha256 of its file."""
        if self.manifest["format"] in older.FORMATS:
            return self._older(name)
        content = self.content(name)
        table = parsed(content, TABLES[name])
        if not isinstance(table, pa.Table):
            raise self._damaged(self.path / "tables" / f"{name}.parquet", table)
        return table.to_pandas(), hashlib.sha256(content).hexdigest()

    def _older(self, name: str) -> tuple[pd.DataFrame, str]:
        """A table of a run of the format before, held against its checksum and this version's schema."""
        seen: dict[str, str] = {}

        def read(one: str) -> pd.DataFrame:
            content = self.content(one)
            seen[one] = hashlib.sha256(content).hexdigest()
            return pq.read_table(pa.BufferReader(content)).to_pandas()

        try:
            frame = older.table(self.manifest["format"], name, read)
            table = pa.Table.from_pandas(frame, schema=arrow_schema(TABLES[name]), preserve_index=False)
            wrong = problem(table, TABLES[name])
        except (AttributeError, KeyError, pa.ArrowException) as error:
            name = [name, *seen][-1]  # it may be made of several
            wrong = f"it is none of format {self.manifest['format']} ({type(error).__name__})"
        if wrong:
            raise self._damaged(self.path / "tables" / f"{name}.parquet", wrong)
        return table.to_pandas(), next(iter(seen.values()), "")

    def all(self, names: Iterable[str] = TABLES) -> dict[str, tuple[pd.DataFrame, str]]:
        """Tables by name, each with the sha256 of its file, held against each other too."""
        found = {name: self.both(name) for name in names}
        frames = {name: frame for name, (frame, _) in found.items()}
        if self.manifest["format"] > older.FORMATS[0] and (wrong := apart(self.manifest, frames)):
            raise self._damaged(self.path / "tables" / f"{wrong[0]}.parquet", wrong[1])
        return found

    def _unfinished(self) -> UsageError:
        if _held(self.path):
            return UsageError(f"{self.path}'s tables are being written.", "Wait until that run has ended.")
        return UsageError(
            f"{self.path}'s tables are unfinished: writing them was interrupted.", f"Finish it: {self.again}"
        )

    def _damaged(self, file: Path, why: str) -> UsageError:
        if _held(self.path):
            return self._unfinished()
        first = "Remove it, and make" if file.is_dir() else "Make"
        return UsageError(f"{file} is damaged: {why}.", f"{first} it again: {self.again}")


def read_note(path: Path) -> dict[str, Any]:
    """What the tables of a run were made of, and their checksums. Raises ValueError where it says neither."""
    try:
        note = files.read_json(path / "tables" / NOTE)
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from None
    if wrong := misfit(note, MADE):
        raise ValueError(wrong)
    return dict(note)


def read_table(path: Path, name: str) -> pd.DataFrame:
    """One table of a finished run. Raises UsageError as `Tables` does."""
    return Tables(path)[name]


def parsed(content: bytes, schema: Schema, lists: Mapping[str, pa.DataType] = NO_LISTS) -> pa.Table | str:
    """A Parquet file's table, or what is wrong with it. lists: further columns, of lists, and their types."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        many = len(content) > 1_000_000  # threads cost more than a small file
        table = file.read(use_threads=many)
    except Exception as error:  # pyarrow raises a dozen kinds for broken bytes
        return f"it is no Parquet file ({type(error).__name__})"
    return problem(table, schema, lists) or table


def _held(path: Path) -> bool:
    """Is a process at work on a run?"""
    try:
        with (path / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
