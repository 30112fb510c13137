"""Which batch size to begin with, and why."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from dlopt.models import MLP, workspace

__all__ = ["BatchSize", "suggest_batch_size"]

SMALL = 2_000  # rows: below, the course says, take them all
LEAST, MOST = 64, 512  # its sizes for all other tables
STEPS = 100  # of a pass: what makes mini-batches quick is that they step often
OUTPUTS = 10  # of the network that the memory is counted for
FLOAT = np.dtype(np.float32)


@dataclasses.dataclass(frozen=True)
class BatchSize:
    """A batch size, which serves as a whole number, and the sentences that led to it."""

    size: int
    reasons: tuple[str, ...]

    def __index__(self) -> int:
        return self.size

    __int__ = __index__

    def __str__(self) -> str:
        return "\n".join([f"batch size {self.size:,}", *(f"- {reason}" for reason in self.reasons)])


def suggest_batch_size(n_rows: int, n_features: int, memory: float | None = None) -> BatchSize:
    """Suggest a batch size for a table, with its reasons.

    n_rows: to train on, >= 1. n_features: >= 1. memory: bytes that a batch may take, None for no limit.
    Below 2,000 rows all of them; else the largest power of two from 64 to 512 that leaves 100 steps in a
    pass, or 64; where that does not fit the memory, the largest power of two that does. A batch of B rows
    takes 8·B·(features + width + outputs + 3) bytes: data, activations and their gradients of a network in
    float32, here with one hidden layer of the suite's width (64 from 64 features on, else 32) and 10
    outputs. The claims that its reasons name are those of the suite's study `claims`. Raises ValueError
    for a number out of range, and where the memory does not hold one row.
    """
    for name, value in (("n_rows", n_rows), ("n_features", n_features)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(
                f"{name} must be a whole number >= 1, not {value!r}.\n"
                "Give the shape of the training data, X.shape."
            )
    one = _bytes_per_row(int(n_features))
    rows, fit = int(n_rows), math.inf if memory is None else _rows_that_fit(memory, one)
    size, reasons = _all_rows(rows) if rows < SMALL else _mini_batch(rows)
    if size > fit:
        size = 1 << (int(fit).bit_length() - 1)
        reasons = reasons[:1]
        reasons += (f"Only {size:,} fit the memory, as the largest power of two that does.",)
    if memory is not None:
        reasons += (
            f"{size:,} rows take {size * one:,} bytes, 8·B·(features + width + outputs + 3), and "
            f"{int(memory):,} are there: past the memory nothing runs; past the largest cache steps may be "
            "slower (claim 7).",
        )
    return BatchSize(size, reasons)


def _all_rows(rows: int) -> tuple[int, tuple[str, ...]]:
    return rows, (
        f"{rows:,} rows are fewer than {SMALL:,}: the full batch is a good start, since a step on so few is "
        "quick (claims 2 and 3).",
        "Small batches end lower on some tables: try 64 beside it (claim 4).",
    )


def _mini_batch(rows: int) -> tuple[int, tuple[str, ...]]:
    size = LEAST
    while size < MOST and rows // (2 * size) >= STEPS:
        size *= 2
    return size, (
        f"{rows:,} rows are {SMALL:,} or more: sizes from {LEAST} to {MOST} reach a loss with fewer examples "
        "and sooner than the full batch, and end with less error (claims 1, 3 and 4).",
        f"{size} leaves {rows // size:,} steps in each pass; they are steadier than those of single "
        "examples, and vectorized (claims 2 and 6).",
        "It is a power of two by custom, not for a gain (claim 5).",
        "At a fixed learning rate it will hover at a height that goes as 1/B: let the rate decay (claim 8).",
    )


def _bytes_per_row(features: int) -> int:
    """Data in two layouts with a column of ones, and what the network makes of them."""
    layers = MLP(64 if features >= 64 else 32).layers(features, OUTPUTS)
    return workspace(layers, 1, FLOAT) + 2 * (features + 1) * FLOAT.itemsize


def _rows_that_fit(memory: float, one: int) -> int:
    number = isinstance(memory, int | float | np.number) and not isinstance(memory, bool)
    if not number or not one <= memory < math.inf:
        raise ValueError(
            f"memory must be a finite number of bytes >= {one:,}, what one row takes, not {memory!r}.\n"
            "Give the bytes that a batch may take, or None for no limit."
        )
    return int(memory // one)
