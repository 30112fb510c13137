"""Parquet files as frames; a named index is a column."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd

from datasets.files.packing import opened
from datasets.sentences import listed, shown


def read(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """A file's table and a sentence about each guess. Raises ValueError for what is no Parquet."""
    with opened(path) as handle:
        try:
            frame = pd.read_parquet(io.BytesIO(handle.read()))
            for _, column in frame.items():
                if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
                    list(column.unique())  # Arrow believes that text is UTF-8, until it is looked at
        except Exception as error:  # Arrow's are of many classes
            said = shown(str(error)) or type(error).__name__
            if (twice := re.search(r"Multiple matches for FieldRef\.Name\((.*?)\)", str(error))) is not None:
                raise ValueError(
                    f"{shown(path.name)} has two columns named {shown(twice[1])!r}.\n"
                    "Rename one of them, or leave it out."
                ) from None
            raise ValueError(
                f"{shown(path.name)} is no Parquet file ({said}).\nWrite it again, or save CSV."
            ) from None
    index = [name for name in frame.index.names if name is not None and name not in frame.columns]
    if not index:
        return frame.reset_index(drop=True), []
    kept = frame.reset_index([name for name in frame.index.names if name in index]).reset_index(drop=True)
    return kept, [f"The index of {shown(path.name)} was read as columns: {listed([*map(repr, index)])}."]
