"""Rows that are copies of others: found where rows should differ, so that they can be kept together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.resting import Column

SHARE = 0.05  # of the rows that are copies, below which they do not matter
ROOM = 10  # times as many different rows as there are rows must be possible
HALF = 0.5  # of that share: as many of the different rows may look alike without the richest column


def copies(columns: Sequence[Column], y: NDArray[Any]) -> tuple[int, NDArray[np.intp]] | None:
    """How many rows are copies of others, in inputs and target, and the number of each row's original.

    None where copies are few, or where rows come again since their columns vary little: then as many do when
    each column is shuffled for itself, or different rows look alike without the column that varies most.
    """
    frame = pd.DataFrame({i: column.values for i, column in enumerate(columns)})
    rows = _numbers(frame.assign(y=y))
    n, different = len(rows), int(rows.max()) + 1
    if n - different < SHARE * n:
        return None
    distinct = frame.iloc[np.unique(rows, return_index=True)[1]]
    values = distinct.nunique()
    if np.log(np.maximum(values, 1)).sum() < np.log(ROOM * n):
        return None
    if n - _by_chance(frame.assign(y=y)) >= HALF * (n - different):
        return None
    richest = max(distinct.columns, key=lambda i: (values[i], -i))
    others = distinct.drop(columns=richest)
    alike = 1.0 if others.empty else 1 - (int(_numbers(others).max()) + 1) / different
    return (n - different, rows) if alike < HALF * (n - different) / n else None


def _by_chance(frame: pd.DataFrame) -> int:
    """How many different rows these columns make where they have nothing to do with each other."""
    rng = np.random.RandomState(0)
    shuffled = {i: frame[i].to_numpy()[rng.permutation(len(frame))] for i in frame.columns}
    return int(_numbers(pd.DataFrame(shuffled)).max()) + 1


def _numbers(frame: pd.DataFrame) -> NDArray[np.intp]:
    """Equal numbers for equal rows, from 0 in order of first coming."""
    found = pd.util.hash_pandas_object(frame, index=False)
    return np.asarray(pd.factorize(found)[0], np.intp)
