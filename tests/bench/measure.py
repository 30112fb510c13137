"""Contenders in turn, checked against ours before their time counts."""

from __future__ import annotations

import gc
import time
from typing import Any, NamedTuple, Protocol

import numpy as np

from tests.bench.work import Outcome

# Of losses, relative to max(.1, ours): in float32 libraries differ in the 7th digit, and more with every
# step; a rate that is 1 % off shows in the 4th. The share misclassified moves by whole rows of data: two may.
PER_STEP, LEAST = 1e-6, 1e-4
ROWS = 2


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


def difference(ours: Outcome, theirs: Outcome) -> dict[str, float]:
    """The largest distance of each part, relative to max(.1, ours); of errors absolute.

    Raises DisagreementError where shapes differ or nothing can be compared.
    """
    found = {}
    for part in Outcome._fields:
        a, b = getattr(ours, part), getattr(theirs, part)
        if b is None:
            continue
        if a.shape != np.shape(b):
            raise DisagreementError(f"{part} has shape {np.shape(b)}, and ours {a.shape}")
        here = ~np.isnan(np.asarray(b, float)) & ~np.isnan(a)
        if not here.any():
            raise DisagreementError(f"{part} holds no number")
        scale = 1.0 if part == "error" else np.maximum(0.1, np.abs(a[here]))
        found[part] = float(np.max(np.abs(np.asarray(b, float)[here] - a[here]) / scale))
    return found


def check(what: str, ours: Outcome, theirs: Outcome, steps: int, held: int) -> float:
    """The largest relative distance of a loss. held: rows of validation data.

    Raises DisagreementError above the tolerance.
    """
    found = difference(ours, theirs)
    for part, distance in found.items():
        allowed = ROWS / held + 1e-6 if part == "error" else max(LEAST, PER_STEP * steps)
        if not distance <= allowed:
            raise DisagreementError(
                f"{what}: {part} differs from ours by {distance:.2g}, and {allowed:.2g} is allowed."
            )
    return max(distance for part, distance in found.items() if part != "error")


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
