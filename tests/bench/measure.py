"""Contenders in turn, checked against ours before their time counts."""

from __future__ import annotations

import gc
import time
from typing import Any, NamedTuple, Protocol

import numpy as np

from tests.bench.work import Outcome

# In float32 libraries differ in the 7th digit of a loss, and a rate that is 1 % off shows in the 4th. A ReLU
# that switches for one row of data parts two paths: so the median trial of an optimizer must be close, and
# none may be far, relative to max(.1, ours). The share misclassified moves by whole rows of data: two may,
# and one in a thousand.
CLOSE, APART = 2e-5, 0.02
ROWS, SHARE = 2, 1e-3


class Contender(Protocol):
    """Something that does the work of a cell."""

    name: str
    library: str
    rows: int
    mixed: bool

    def run(self) -> Outcome | None:
        """Do it once, from the start; None where there is nothing to check."""


class Times(NamedTuple):
    """Seconds of CPU, and of the clock, of each repeat. first: the call before, compilation included."""

    first: float
    cpu: np.ndarray
    wall: np.ndarray


class DisagreementError(RuntimeError):
    """A contender that does other work than ours: its time would mean nothing."""


def difference(part: str, ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(K,) the largest distance of each trial, relative to max(.1, ours); of errors absolute.

    Raises DisagreementError where shapes differ or a number is missing after the first record.
    """
    if ours.shape != theirs.shape:
        raise DisagreementError(f"{part} has shape {theirs.shape}, and ours {ours.shape}")
    scale = 1.0 if part == "error" else np.maximum(0.1, np.abs(ours))
    far = np.abs(theirs.astype(float) - ours) / scale
    if far.ndim == 2:
        if np.isnan(far[0]).all():  # nothing was trained yet, or scikit-learn, which cannot predict then
            far = far[1:]
        far = far.max(axis=0)
    if np.isnan(far).any():
        raise DisagreementError(f"{part} is not a number where ours is")
    return far


def check(what: str, ours: Outcome, theirs: Outcome, *, optimizers: int, held: int) -> float:
    """The median trial's largest relative distance of a loss.

    optimizers: how many share the trials evenly, one after the other. held: rows of validation data.
    Raises DisagreementError above the tolerance.
    """
    middle = 0.0
    for part in Outcome._fields:
        if getattr(theirs, part) is None:
            continue
        far = difference(f"{what}: {part}", getattr(ours, part), np.asarray(getattr(theirs, part)))
        close, apart = (CLOSE, APART) if part != "error" else (ROWS / held + SHARE, 0.1)
        if np.median(far.reshape(optimizers, -1), axis=1).max() > close or far.max() > apart:
            raise DisagreementError(
                f"{what}: {part} is further than {close:.2g} from ours in {np.sum(far > close)} of "
                f"{len(far)} trials, at most {far.max():.2g}."
            )
        middle = max(middle, float(np.median(far))) if part != "error" else middle
    return middle


def timed(run: Any) -> tuple[float, float, Any]:
    """Seconds of CPU and of the clock, and what it returned."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    result = run()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def interleave(contenders: list[Contender], firsts: list[float], repeats: int) -> list[Times]:
    """Times of A B C A B C ...: what slows the machine for a while slows all."""
    seconds = [[timed(one.run)[:2] for one in contenders] for _ in range(repeats)]
    cpu, wall = np.moveaxis(np.array(seconds), 2, 0)
    return [Times(first, cpu[:, i], wall[:, i]) for i, first in enumerate(firsts)]


def spread(values: np.ndarray) -> tuple[float, float, float]:
    """Median, and both quartiles."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float(middle), float(low), float(high)
