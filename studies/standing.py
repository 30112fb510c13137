"""Tables that stand: what they were made of is noted beside them, and only what has changed is made again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from studies.schema import TABLES
from studies.store import RunFolder, checksum, read_table, write_atomically

BY = {"importances": ("dataset", "optimizer"), "baselines": ("dataset",)}  # tables whose lines stand alone
Lines = Mapping[
    str, Mapping[str, str]
]  # by table and "dataset/optimizer" or "dataset": what they are made of


def content(folder: RunFolder) -> list[str]:
    """The records by their names, which hold their checksums, and the checksum of the times."""
    times = folder.path / "timings.jsonl"
    known = checksum(times.read_bytes()) if times.is_file() else ""
    return [*sorted(path.name for path in folder.records.glob("*.parquet")), known]


def finish(folder: RunFolder, names: Sequence[str], tied: str, lines: Lines) -> None:
    """Note what the tables with these names and their lines were made of, and what is in them."""
    made = {"of": tied, "lines": lines, "tables": {name: _checksum(folder, name) for name in sorted(names)}}
    write_atomically(_note(folder), f"{json.dumps(made, indent=2)}\n".encode())


def stands(folder: RunFolder, tied: str) -> bool:
    """Were the tables made of just this, and are they still as they were written?"""
    try:
        made = _made(folder)
        same, tables = made["of"] == tied, made["tables"].items()
        return same and all(_checksum(folder, name) == known for name, known in tables)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # none, or damaged
        return False


def unchanged(folder: RunFolder, lines: Lines) -> dict[str, pd.DataFrame]:
    """The tables in `lines`, each with those of its lines that are made of the same as before."""
    found = {}
    for name, now in lines.items():
        found[name] = pd.DataFrame(columns=list(TABLES[name].columns))
        try:
            made = _made(folder)
            if made["tables"][name] == _checksum(folder, name):
                frame, before = read_table(folder.path, name), made["lines"][name]
                keys = map("/".join, zip(*(frame[column] for column in BY[name]), strict=True))
                found[name] = frame[[key in now and before.get(key) == now[key] for key in keys]]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
    return found


def _note(folder: RunFolder) -> Any:
    return folder.path / "tables" / "made.json"


def _made(folder: RunFolder) -> dict[str, Any]:
    return dict(json.loads(_note(folder).read_text("utf-8")))


def _checksum(folder: RunFolder, name: str) -> str:
    return checksum((folder.path / "tables" / f"{name}.parquet").read_bytes())
