"""The run folder: a manifest, one record file per finished stack, tables. It never computes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from studies.errors import UsageError
from studies.schema import FORMAT, TABLES

_TYPES = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
_CURVE = ("examples", "step", "validation_loss", "validation_error", "training_loss")
_LISTS = {  # as Parquet gives them back
    name: pa.list_(pa.field("element", pa.int64() if i < 2 else pa.float64()))
    for i, name in enumerate(_CURVE)
}
_ROW_COLUMNS = list(TABLES["rows"].columns)
GROWS = ("optimizers", "datasets", "blocks")  # what a second call may add to a run


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old one or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()  # a full disk keeps no part of it
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error of the system inside name the file, which one of a full disk does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _parquet(table: pa.Table, compression: str) -> bytes:
    sink = pa.BufferOutputStream()
    words = [field.name for field in table.schema if field.type == pa.string()]  # numbers seldom repeat
    pq.write_table(table, sink, compression=compression, use_dictionary=words, write_statistics=False)
    return bytes(sink.getvalue())


class RunFolder:
    """An open run folder, held by this process alone."""

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self.records = path / "records"
        self._known: dict[Path, pa.Table] = {}  # record files that were read or written

    def reached(self) -> dict[tuple[Any, ...], float]:
        """The best validation loss of every recorded row, by key and identity."""
        found: dict[tuple[Any, ...], float] = {}
        for table in self._tables():
            columns = table.select([*TABLES["rows"].key, "identity", "best_validation_loss"])
            *keys, values = columns.to_pydict().values()
            found.update(zip(zip(*keys, strict=True), values, strict=True))
        return found

    def write_record(self, rows: Sequence[dict[str, Any]], identities: Sequence[str]) -> None:
        """Keep the rows of one finished stack.

        The file's name hashes what determines them, then its own content: that is its checksum.
        """
        plain = [{k: row[k] for k in _ROW_COLUMNS} for row in rows]
        table = pa.Table.from_pylist(plain, schema=_arrow_schema("rows"))
        table = table.append_column("identity", pa.array(identities, pa.string()))
        for name in _CURVE:
            points = pa.array([row["curve"][name] for row in rows], _LISTS[name])
            table = table.append_column(f"curve_{name}", points)
        keys = [[row[k] for k in (*TABLES["rows"].key, "batch_size", "settings")] for row in rows]
        text = json.dumps([self.manifest["question"], keys, list(identities)], sort_keys=True)
        content = _parquet(table, "snappy")  # quick, since workers wait for a core
        name = f"{hashlib.sha256(text.encode()).hexdigest()[:24]}-{checksum(content)}.parquet"
        write_atomically(self.records / name, content)
        self._known[self.records / name] = table

    def read_records(self, wanted: Iterable[tuple[Any, ...]]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables "rows" and "curves" of the wanted (key and identity) rows, sorted by key."""
        key = list(TABLES["rows"].key)
        chosen = pd.DataFrame(list(wanted), columns=[*key, "identity"])
        blocks = set(zip(chosen.dataset, chosen.block, strict=True))
        held = [t for t in self._tables() if (t["dataset"][0].as_py(), t["block"][0].as_py()) in blocks]
        frame = pa.concat_tables(held).to_pandas()
        frame = chosen.merge(frame, on=[*key, "identity"]).sort_values(key, ignore_index=True)
        curves = frame.loc[np.repeat(frame.index, frame[f"curve_{_CURVE[0]}"].map(len)), key]
        curves = curves.reset_index(drop=True)
        for name in _CURVE:
            curves[name] = np.concatenate(frame[f"curve_{name}"].to_numpy())
        return frame[_ROW_COLUMNS], curves

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table by its schema: columns, types, sort order. KeyError for a missing column."""
        table = _arranged(name, frame)
        table = table.replace_schema_metadata({"format": str(FORMAT), "table": name})
        write_atomically(self._table(name), _parquet(table, "zstd"))

    def _table(self, name: str) -> Path:
        return self.path / "tables" / f"{name}.parquet"

    def describe(self, changes: list[str], machine: dict[str, Any]) -> None:
        """Note what differs from the named study, and, apart from it, the machine that trained last."""
        self.manifest["changes"] = changes
        write_atomically(self.path / "manifest.json", _json(self.manifest))
        if machine["trained"] or not (self.path / "machine.json").exists():
            write_atomically(self.path / "machine.json", _json(machine))

    def log_timing(self, line: dict[str, Any]) -> None:
        """Note how long a stack took: the one thing that differs between two runs."""
        path = self.path / "timings.jsonl"
        with _named(path), path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def timings(self) -> pd.DataFrame:
        """The noted times; a line that a kill cut short, or that is none, is left out."""
        lines, path = [], self.path / "timings.jsonl"
        columns = list(TABLES["timings"].columns)
        for text in path.read_text(errors="replace").splitlines() if path.exists() else []:
            with contextlib.suppress(json.JSONDecodeError):
                line = json.loads(text)
                if isinstance(line, dict) and set(columns) <= set(line):
                    lines.append(line)
        return pd.DataFrame(lines, columns=columns)

    def _tables(self) -> list[pa.Table]:
        """All record files, in the order of their names; what this process wrote is not read again."""
        paths = sorted(self.records.glob("*.parquet"))
        self._known = {path: self._known[path] if path in self._known else _read(path) for path in paths}
        return list(self._known.values())


def _arrow_schema(name: str) -> pa.Schema:
    return pa.schema(
        [
            pa.field(n, _TYPES[c.type], metadata={"meaning": c.meaning})
            for n, c in TABLES[name].columns.items()
        ]
    )


def checksum(content: bytes) -> str:
    """The first 16 digits of the sha256."""
    return hashlib.sha256(content).hexdigest()[:16]


def _read(path: Path) -> pa.Table:
    columns = [*_ROW_COLUMNS, "identity", *(f"curve_{name}" for name in _CURVE)]
    content, wrong = path.read_bytes(), "its content is not what its name says"
    if path.stem.rpartition("-")[2] == checksum(content):
        table = _parsed(content, columns)
        if isinstance(table, pa.Table):
            return table
        wrong = table
    raise UsageError(
        f"{path} is damaged or no record of this version: {wrong}.",
        f"Remove that file (rm '{path}') and run again: its rows train anew.",
    )


def _parsed(content: bytes, columns: list[str]) -> pa.Table | str:
    """Parquet with these columns, or what is wrong with it."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        names = file.schema_arrow.names
        lost = [name for name in columns if name not in names]
        many = len(content) > 1_000_000  # threads cost more than a small file
        return f"it has no column {lost[0]!r}" if lost else file.read(columns, use_threads=many)
    except Exception as error:  # pyarrow raises a dozen kinds for broken bytes
        return f"it is no Parquet file ({type(error).__name__})"


def _arranged(name: str, frame: pd.DataFrame) -> pa.Table:
    schema = TABLES[name]
    frame = frame[list(schema.columns)].sort_values(list(schema.key), kind="stable")
    return pa.Table.from_pandas(frame, schema=_arrow_schema(name), preserve_index=False)


def in_order(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A table as it would be read back: columns, types and order of its schema."""
    return pd.DataFrame(_arranged(name, frame).to_pandas())


def read_table(path: Path, name: str) -> pd.DataFrame:
    """A table of a finished run. Raises UsageError for one that is missing, damaged or another one."""
    file = path / "tables" / f"{name}.parquet"
    again = f"python -m studies run --out {shlex.quote(str(path))}"
    if not file.exists():
        raise UsageError(f"{path} has no tables yet: its study is unfinished.", f"Finish it with: {again}")
    table = _parsed(file.read_bytes(), list(TABLES[name].columns)) if file.is_file() else "it is a folder"
    if isinstance(table, pa.Table):
        return table.to_pandas()
    first = "Remove it, and make" if file.is_dir() else "Make"
    raise UsageError(f"{file} is damaged: {table}.", f"{first} it again: {again}")


@contextlib.contextmanager
def open_run(path: Path, asked: dict[str, Any], question: dict[str, Any]) -> Iterator[RunFolder]:
    """Open or make a run folder and hold its lock.

    asked: the optimizers, datasets and blocks that are wanted, which a run may add to; question: all
    else that determines results, which must be what the folder was made with. Raises UsageError for a
    folder of something else, of another question, or in use.
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
        if not (path / "manifest.json").exists():
            write_atomically(path / "manifest.json", _json(manifest))
        for folder in (path, path / "records", path / "tables"):
            for leftover in [*folder.glob(".*.parquet.*"), *folder.glob(".*.json.*")]:
                leftover.unlink()  # of a killed process
        yield RunFolder(path, manifest)


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a run folder. Raises UsageError where there is none that this version reads."""
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(
            f"{path} is no run folder: it has no manifest.json.",
            "Name a folder below runs/, or make one: make study",
        ) from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}).", "Choose another folder.") from None
    except ValueError:
        manifest = None
    shape = manifest.get("format") if isinstance(manifest, dict) else None
    if isinstance(shape, int) and shape > FORMAT:
        raise UsageError(
            f"{path} was written by a newer version (format {shape}; this one reads {FORMAT}).",
            "Update dlopt, or choose another folder.",
        )
    if shape != FORMAT or not _complete(manifest):
        raise UsageError(f"{file} is no manifest of this suite.", "Choose another folder.")
    return dict(manifest)


def _complete(manifest: dict[str, Any]) -> bool:
    """Has it all that is read from a manifest, in the right types?"""
    asked, question = manifest.get("asked"), manifest.get("question")
    if not isinstance(asked, dict) or not isinstance(question, dict):
        return False
    arms, names, blocks = asked.get("optimizers"), asked.get("datasets"), asked.get("blocks")
    return (
        {"draws", "epochs", "widths", "metric", "seed"} <= set(question)
        and isinstance(manifest.get("changes"), list)
        and isinstance(asked.get("name"), str)
        and isinstance(arms, dict)
        and all(isinstance(spec, dict) for spec in arms.values())
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and isinstance(blocks, int)
        and blocks >= 1
    )


def known_manifest(path: Path) -> dict[str, Any] | None:
    """The manifest of a run folder; None where there is none yet, or no way to look."""
    try:
        there = (path / "manifest.json").exists()
    except OSError:  # which `open_run` words
        return None
    return read_manifest(path) if there else None


def agreed(path: Path, asked: dict[str, Any], question: dict[str, Any]) -> dict[str, Any]:
    """The manifest that holds both what a folder has and what is asked, the folder's being there or not.

    Raises UsageError for a file, a folder of something else, or one of another question.
    """
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file, and a run needs a folder.", "Choose another folder with --out.")
    if not (path / "manifest.json").exists():
        found = list(path.iterdir()) if path.exists() else []
        others = sorted(p.name for p in found if p.name != "lock" and not p.name.startswith("."))
        if others:
            raise UsageError(
                f"{path} holds something that is not a run ({', '.join(others[:3])}).",
                "Choose another folder with --out.",
            )
        return {"format": FORMAT, "asked": asked, "question": question, "changes": []}
    old = read_manifest(path)
    _refuse_other(path, old["question"], question)
    had = old["asked"]
    copies = str((path / "optimizers").resolve())
    specs = {
        name: had["optimizers"].get(name, spec) if str(spec.get("file", "")).startswith(copies) else spec
        for name, spec in asked["optimizers"].items()
    }
    for name, spec in asked["optimizers"].items():
        if name in had["optimizers"]:
            _refuse_other(path, _settled(had["optimizers"][name]), _settled(spec), f"{name}: ")
    return {
        "format": FORMAT,
        "asked": {
            **asked,
            "optimizers": {**had["optimizers"], **specs},  # a copy serves, and is not remembered
            "datasets": list(dict.fromkeys([*had["datasets"], *asked["datasets"]])),
            "blocks": max(had["blocks"], asked["blocks"]),
            **({"tables": tables} if (tables := had.get("tables", {}) | asked.get("tables", {})) else {}),
        },
        "question": question,
        "changes": old.get("changes", []),
    }


def _settled(spec: dict[str, Any]) -> dict[str, Any]:
    """What of an arm may not change: its own file may, and then its rows train again."""
    return {key: value for key, value in spec.items() if key not in ("file", "source")}


def _refuse_other(path: Path, known: dict[str, Any], wanted: dict[str, Any], whose: str = "") -> None:
    """Raise UsageError with the first setting in which what is wanted differs from what is known."""
    before, now = _flat(known), _flat(wanted)
    for name in dict.fromkeys([*now, *before]):
        if before.get(name) != now.get(name):
            usual = ("no", "none") if whose else ("the usual", "the usual one")
            was = f"{name} = {before[name]!r}" if name in before else f"{usual[0]} {name}"
            wants = repr(now[name]) if name in now else usual[1]
            raise UsageError(
                f"{path} was made with {whose}{was}, and this run has {wants}.",
                f"Give the old value, or another folder: --out {path}-2",
            )


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, dict) else {f"{prefix}{name}": inner}
    return flat


def free_space(path: Path) -> int:
    """Bytes free where the folder lies."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
