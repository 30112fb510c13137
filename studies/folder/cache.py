"""Tables that stand: only what was made of something else than before is made again."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from studies.errors import UsageError
from studies.folder.read import Tables, read_note
from studies.folder.run_folder import RunFolder
from studies.folder.schema.tables import TABLES
from studies.system.files import checksum

BY = {"importances": ("dataset", "optimizer"), "baselines": ("dataset",)}  # tables whose lines stand alone
Lines = Mapping[
    str, Mapping[str, str]
]  # by table and "dataset/optimizer" or "dataset": what they are made of


def content(folder: RunFolder) -> list[str]:
    """The records by their names, which hold their checksums, and the checksum of the times."""
    times = folder.path / "timings.jsonl"
    known = checksum(times.read_bytes()) if times.is_file() else ""
    return [*sorted(path.name for path in folder.records.folder.glob("*.parquet")), known]


def stands(folder: RunFolder, tied: str) -> bool:
    """Were the tables made of just this, and can every reader take them?"""
    try:
        tables = Tables(folder.path)
        return tables.made["of"] == tied and bool(tables.all(tables.made["tables"]))
    except (UsageError, KeyError):  # none, or damaged
        return False


def unchanged(folder: RunFolder, lines: Lines) -> dict[str, pd.DataFrame]:
    """The tables in `lines`, each with those of its lines that are made of the same as before."""
    found = {}
    for name, now in lines.items():
        found[name] = pd.DataFrame(columns=list(TABLES[name].columns))
        try:
            before, frame = read_note(folder.path)["lines"].get(name, {}), Tables(folder.path)[name]
        except (UsageError, ValueError):
            continue
        keys = map("/".join, zip(*(frame[column] for column in BY[name]), strict=True))
        found[name] = frame[[key in now and before.get(key) == now[key] for key in keys]]
    return found
