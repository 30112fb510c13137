"""Doubts about rows and names: rows of one owner, sums, odd targets, spellings that differ by case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.codes import sentinels_of
from datasets.columns.outliers import distant
from datasets.sentences import counted, flag, listed, shown

TOTALS = {"total", "totals", "sum", "grand total", "overall", "summe", "gesamt", "average", "mean"}
FARTHER = 50  # standard deviations of all others, for a target to be doubted
ENDS = 2  # rows at each end of a table that may hold sums
AGAIN = 1.5  # rows of an owner on average, from which they stand on both sides of a split


def owners(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """A sentence for each column that names what rows belong to, where those have several rows each."""
    found = []
    for name in names:
        distinct = frame[name].nunique()
        if distinct > 2 and len(frame) / distinct >= AGAIN:
            where = f"rows of one {shown(name)!r} stand on both sides of a split"
            found.append(f"Look out: {where}; add {flag('group', name)}.")
    return found


def spellings(name: str, labels: Sequence[str]) -> list[str]:
    """A sentence about classes or categories that differ in case or blanks only."""
    seen: dict[str, str] = {}
    pairs = []
    for label in labels:
        first = seen.setdefault("".join(label.casefold().split()), label)
        if first != label:
            pairs.append(f"{shown(first)!r} and {shown(label)!r}")
    return [f"Look out, spelled in several ways in {shown(name)!r}: {listed(pairs, 3)}."] if pairs else []


def targets(name: str, y: NDArray[np.float64]) -> list[str]:
    """A sentence about targets that lie far from all others, such as a number that stands for missing."""
    found = sentinels_of(y) or tuple(far.value for far in [distant(y, FARTHER)] if far is not None)
    said = [f"{one:g} ({counted(int((y == one).sum()), 'row')})" for one in found]
    where = f"Look out, targets far from all others in {shown(name)!r}: {listed(said)}"
    return [f"{where}; leave such rows out if that is no value."] if said else []


def totals(frame: pd.DataFrame) -> list[str]:
    """A sentence about a first or last row that is named as a sum."""
    for at in sorted({*range(min(ENDS, len(frame))), *range(max(len(frame) - ENDS, 0), len(frame))}):
        for value in frame.iloc[at]:
            if isinstance(value, str) and value.strip().casefold().rstrip(":") in TOTALS:
                return [
                    f"Look out, row {at + 1:,} is named {shown(value.strip())!r}: "
                    "leave it out of the file if it sums others up."
                ]
    return []
