"""What is known before a run begins, is committed, and is copied into every run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from studies.folder.schema.committed_tables import KNOWN

_TYPES = {"string": "str", "int": "int64", "float": "float64"}


def file(name: str) -> Path:
    """Where a known table is committed."""
    return Path(__file__).with_name(f"{name}.csv")


def known() -> dict[str, pd.DataFrame]:
    """All of them by name."""
    found = {}
    for name, schema in KNOWN.items():
        types = {column: _TYPES[one.type] for column, one in schema.columns.items()}
        words = [column for column, one in schema.columns.items() if one.type == "string"]
        text = pd.read_csv(file(name), keep_default_na=False, dtype=str)
        numbers = text.drop(columns=words).replace("", "nan")
        found[name] = text.assign(**numbers).astype(types)
    return found
