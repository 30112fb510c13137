"""What is shown of each column of a file: what it is, why, and how to say that it is something else."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from datasets.columns.text import MISSING, plainly
from datasets.sentences import shown

ROLES = ("feature", "target", "group", "time", "dropped")


class Reading(NamedTuple):
    """How one column of the file was read.

    role: one of ROLES. kind: the field's noun. why: what it was found from. missing: rows without a value.
    categories: their number, 0 for other kinds. example: a value as it is written. features: how many it
    gives. change: an option of the command line that makes it something else, "" where there is none.
    """

    column: str
    role: str
    kind: str
    why: str
    missing: int
    categories: int
    example: str
    features: int
    change: str


def example(series: pd.Series) -> str:
    """The first value that is not missing, as it is written; "" for none."""
    present = plainly(series.dropna())
    for value in present.head(1_000):
        word = shown(value if isinstance(value, str) else f"{value}" if _has_text(value) else value)
        if word.strip() not in MISSING:
            return word
    return ""


def _has_text(value: object) -> bool:
    try:
        f"{value}"
    except Exception:  # an integer of thousands of digits, or somebody's class
        return False
    return True
