"""Arms by the optimizer behind them, and medians with intervals by order statistics."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from reports.sections import ordered
from reports.tables import Run


def table(run: Run, name: str, keys: str) -> pd.DataFrame | None:
    """A table that older runs lack: None where it is missing, empty, or lacks one of the keys."""
    frame = run.tables.get(name)
    if frame is None or frame.empty or set(keys.split()) - set(frame.columns):
        return None
    return ordered(run, frame)


def families(run: Run) -> dict[str, list[str]]:
    """Arms by the optimizer behind them, both in the study's order."""
    frame = run["optimizers"].sort_values("position")
    behind = frame.get("uses", frame.optimizer)
    found: dict[str, list[str]] = {}
    for uses, arm in zip(map(str, behind), map(str, frame.optimizer), strict=True):
        found.setdefault(uses, []).append(arm)
    return found


def family(run: Run, arms: list[str]) -> str:
    """The name in words of the optimizer behind arms: "SGD" for "SGD · batch 8"."""
    return run.title(arms[0]).split(" · ")[0]


def column(run: Run, name: str) -> dict[str, str]:
    """A column of the table of optimizers by arm; empty strings where an older run lacks it."""
    frame = run["optimizers"]
    values = frame[name] if name in frame else [""] * len(frame)
    return dict(zip(map(str, frame.optimizer), map(str, values), strict=True))


def median(values: ArrayLike) -> float:
    """The median; the lower of the two middle values where one of them is infinite."""
    x = np.sort(np.asarray(values, float))
    if not len(x):
        return math.nan
    middle = x[(len(x) - 1) // 2 : len(x) // 2 + 1]
    return float(middle.mean() if np.isfinite(middle).all() else middle[0])


def order_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """The median with its order-statistic interval: infinite values are kept."""
    x = np.sort(np.asarray(values, float))
    n, cut, below = len(x), 0, 0.0
    if not n:
        return math.nan, math.nan, math.nan
    while below + math.comb(n, cut) / 2**n <= (1 - level) / 2:  # P(at most cut values below the median)
        below += math.comb(n, cut) / 2**n
        cut += 1
    cut = max(cut, 1)
    return median(x), float(x[cut - 1]), float(x[n - cut])
