"""A column at rest: what a table keeps of it in memory, and how many features it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE = 50_000  # rows of a block at most; tables above it rest in float32 where that loses nothing


class Column(NamedTuple):
    """One column at rest.

    kind: "number", "boolean" (0, 1), or "category". values: (n,), floats with NaN where missing, or the
    numbers of categories. holes: does it get an indicator of missing values? labels: of the categories.
    width: features that its categories give.
    """

    label: str
    kind: str
    values: NDArray[Any]
    holes: bool = False
    labels: tuple[str, ...] = ()
    width: int = 1


def n_features(columns: Sequence[Column]) -> int:
    """Features after encoding: one for a number or boolean, one for an indicator, those of categories."""
    return sum(column.width + column.holes for column in columns)


def resting(values: NDArray[np.float64]) -> NDArray[Any]:
    """In float32 where the table is large and rounding moves nothing by a millionth of its spread."""
    if len(values) > SAMPLE:
        with np.errstate(over="ignore"):
            small = values.astype(np.float32)
        if np.nanmax(np.abs(small - values)) <= 1e-6 * np.nanstd(values):
            return small
    return values
