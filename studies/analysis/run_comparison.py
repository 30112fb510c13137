"""Two runs side by side: how far each optimizer's search ends apart on each dataset, B - A."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from studies.analysis import statistics, unpaired
from studies.analysis.comparison import equivalent, verdict
from studies.analysis.statistics import Doubles, differences, hodges_lehmann, order_interval
from studies.analysis.verdicts import LEVEL, MARGINS
from studies.folder.schema.tables import NOT_DECIDED, TOO_FEW

COLUMNS = (
    *(
        "dataset",
        "optimizer",
        "a_error",
        "b_error",
        "paired",
        "estimate",
        "low",
        "high",
        "p",
        "p_holm",
        "verdict",
    ),
    *("margin", "a_blocks", "b_blocks"),
)


class Side(NamedTuple):
    """One of the runs.

    readings: its table. kinds: by dataset, what its margin goes by. blocks: by dataset, what its blocks
    follow from (seed, data, version of the suite): equal ones have equal blocks. whole: the reading is the
    winner of all draws, not the expected one of half of them.
    """

    readings: pd.DataFrame
    kinds: dict[str, str]
    blocks: dict[str, tuple[Any, ...]]
    whole: bool


def run_comparison(a: Side, b: Side) -> pd.DataFrame:
    """A line for each dataset and optimizer that both runs have, in A's order; see `COLUMNS`.

    a_error, b_error: medians over blocks. estimate, low, high: B - A with its 95 % interval; paired by
    block where the blocks are the same (Hodges-Lehmann, signed-rank test), else of two samples (shift,
    rank-sum test).
    p_holm: over all lines. verdict: "a" or "b" is better, or as in any comparison. Where one run reads
    the winner of all its draws, both are read so. Both runs must have one metric.
    """
    column = "search_error" if a.whole == b.whole else "winner_error"
    sides = [_values(side.readings, column) for side in (a, b)]
    lines, directions, least = list[dict[str, Any]](), list[float](), list[float]()
    common = {name for name, kind in a.kinds.items() if b.kinds.get(name) == kind}
    for dataset, optimizer in (key for key in sides[0] if key in sides[1] and key[0] in common):
        x, y = (side[dataset, optimizer] for side in sides)
        margin = MARGINS[a.kinds[dataset]]
        shared = x.index.intersection(y.index)
        paired = a.blocks[dataset] == b.blocks[dataset] and len(shared) > 0
        if paired:
            x, y = x[shared], y[shared]
        old, new = x.to_numpy(), y.to_numpy()
        tested = _paired(differences(new, old), margin) if paired else _unpaired(old, new, margin)
        ends, p, direction, alike, smallest = tested
        lines.append(
            {
                "dataset": dataset,
                "optimizer": optimizer,
                "a_error": order_interval(old)[0],
                "b_error": order_interval(new)[0],
                "paired": paired,
                **dict(zip(("estimate", "low", "high"), ends, strict=True)),
                "p": p,
                "alike": alike,
                "margin": margin,
                "a_blocks": len(old),
                "b_blocks": len(new),
            }
        )
        directions.append(direction)
        least.append(smallest)
    found = pd.DataFrame(lines, columns=[*COLUMNS, "alike"])
    if not lines:
        return found[list(COLUMNS)]
    found["p_holm"] = statistics.holm(found.p)
    few = min(least) * len(lines) > LEVEL
    calls = [
        "b" if q <= LEVEL and t < 0 else "a" if q <= LEVEL else TOO_FEW if few else NOT_DECIDED
        for q, t in zip(found.p_holm, directions, strict=True)
    ]
    found["verdict"] = [verdict(call, alike) for call, alike in zip(calls, found.alike, strict=True)]
    return found[list(COLUMNS)]


def _values(readings: pd.DataFrame, column: str) -> dict[tuple[str, str], pd.Series]:
    """Errors by block, for each dataset and optimizer."""
    return {
        (str(dataset), str(optimizer)): here.set_index("block")[column].sort_index().dropna()
        for (dataset, optimizer), here in readings.groupby(["dataset", "optimizer"], sort=False)
        if here[column].notna().any()
    }


Tested = tuple[tuple[float, float, float], float, float, bool, float]  # ends, p, direction, alike, smallest p


def _paired(d: Doubles, margin: float) -> Tested:
    ranks = statistics.signed_ranks(d)
    p, n = float(statistics.sign_flip(ranks[None])[0]), len(d)
    alike = equivalent(d, margin, pooled=False)
    return hodges_lehmann(d), p, float(ranks.sum()), alike, statistics.smallest_p(n)


def _unpaired(old: Doubles, new: Doubles, margin: float) -> Tested:
    p, direction = unpaired.rank_sum(old, new)
    _, low, high = unpaired.shift(old, new, 0.90)
    finite = bool(np.isfinite(old).all() and np.isfinite(new).all())
    alike = finite and low >= -margin and high <= margin
    return unpaired.shift(old, new), p, direction, alike, unpaired.smallest_p(len(old), len(new))
