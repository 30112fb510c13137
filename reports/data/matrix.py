"""Optimizers by datasets: the error of each, and its verdict against the lowest there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.data.run import Run, ordered
from studies.folder.schema.tables import AS_GOOD, TOO_FEW

SAID = {  # by what is known of an optimizer: its sign, and in words
    "best": ("●", "lowest here of the unbeaten"),
    "better": ("✓", "called better than it"),
    "good": ("=", "as good, within the margin"),
    "open": ("?", "not decided"),
    "worse": ("✗", "called worse"),
    "few": ("–", "too few blocks"),
}


def tone(one: dict[str, Any] | None) -> str:
    """What is known of an optimizer from its comparison with the lowest, which is b; a key of `SAID`."""
    if one is None:
        return "best"
    known = {"a": "better", "b": "worse", AS_GOOD: "good", TOO_FEW: "few"}
    return known.get(one["verdict"], "open")


def differ(tone: str, low: float, high: float) -> bool:
    """Whether a verdict and the interval beside it differ: Holm counts all pairs, an exact test has ties.

    Something is called, yet the interval holds a 0; or it holds none, yet nothing is called.
    """
    if np.isnan([low, high]).any() or tone in ("good", "few"):
        return False
    return (tone != "open") == (low <= 0 <= high)


def lowest(run: Run, dataset: str) -> str:
    """The lowest median error of those that nobody beats on a dataset, ties by place."""
    errors = run["tuning"][run["tuning"].dataset == dataset].set_index("optimizer").searched
    return min(run.unbeaten("error", dataset), key=lambda name: float(errors[name]))


def frame(run: Run) -> pd.DataFrame:
    """A line for each dataset and optimizer: its error, the paired difference to the lowest, the verdict."""
    nothing = {"estimate": np.nan, "low": np.nan, "high": np.nan, "p_holm": np.nan}
    lines = []
    for r in ordered(run, run["tuning"]).itertuples():
        reference = lowest(run, r.dataset)
        one = run.against("error", r.dataset, r.optimizer, reference)
        ends = [(one or nothing)[name] for name in nothing]
        lines.append((r.dataset, r.optimizer, r.searched, reference, *ends, tone(one)))
    columns = ["dataset", "optimizer", "error", "reference", "difference", "low", "high", "p_holm", "sign"]
    return pd.DataFrame(lines, columns=columns)
