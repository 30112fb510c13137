"""What a run's blocks could not see: the smallest difference they find, and how many would decide."""

from __future__ import annotations

import bisect
import math

import numpy as np
import pandas as pd
from scipy import stats

from datasets.split import seed_of
from dlopt.grid import geometric
from studies.analysis.comparison import Scores
from studies.analysis.statistics import Doubles, hodges_lehmann, signed_rank_cdf, smallest_p
from studies.analysis.verdicts import LEVEL
from studies.folder.schema.tables import TABLES

POWER = 0.8
STUDIES = 1000  # simulated for every number of blocks and every size of a difference
MOST = 640  # blocks that are thought of
TABLED = 100  # up to so many the sum's own distribution, then the normal one


def power(scores: Scores, placed: pd.DataFrame, seed: int) -> pd.DataFrame:
    """For the first two of every dataset: the smallest difference that its blocks find in 80 %.

    Simulated studies draw their differences from the run's own, with replacement: around 0 and shifted to
    find that difference, as they are to find the blocks that would decide. A study finds it when the
    signed-rank test reaches the level that Holm asks of the first call in the pair's family × datasets.
    """
    lines = []
    for i, dataset in enumerate(scores.datasets):
        order = placed[(placed.reading == scores.reading) & (placed.scope == dataset)].sort_values("place")
        if len(order) < 2:
            continue
        first, second = order.optimizer.iloc[:2]
        at = next(j for j, pair in enumerate(scores.pairs) if set(pair) == {first, second})
        family = next(pairs for pairs in scores.families.values() if at in pairs)
        tests = len(family) * len(scores.datasets)
        d = scores.d[at, i] * (1 if scores.pairs[at][0] == second else -1)  # positive: the first is better
        d = d[np.isfinite(d)]
        rng = np.random.default_rng(seed_of(seed, "power", scores.reading, dataset))
        lines.append(
            {
                "reading": scores.reading,
                "dataset": dataset,
                "first": first,
                "second": second,
                "difference": hodges_lehmann(d)[0],
                "found": smallest(d, LEVEL / tests, rng),
                "level": LEVEL / tests,
                "blocks": len(d),
                "needed": needed(d, LEVEL / tests, rng),
            }
        )
    return pd.DataFrame(lines, columns=list(TABLES["power"].columns))


def critical(n: int, level: float) -> float:
    """The smallest |sum of signed ranks| / √Σ rank² that n differences must reach; inf: they cannot."""
    if n == 0 or smallest_p(n) > level:
        return math.inf
    if n > TABLED:
        return float(stats.norm.isf(level / 2))
    below = (
        int(np.searchsorted(signed_rank_cdf(n), level / 2, side="right")) - 1
    )  # the largest W with P(W <= w) <= level/2
    return (n * (n + 1) / 2 - 2 * below) / math.sqrt(n * (n + 1) * (2 * n + 1) / 6)


def share_found(d: Doubles, level: float) -> float:
    """Of studies (studies, n): the share whose test reaches the level with a positive sum."""
    ranks = stats.rankdata(np.abs(d), axis=1)
    sums, scale = (np.sign(d) * ranks).sum(axis=1), np.sqrt((ranks**2).sum(axis=1))
    return float(np.mean(sums >= critical(d.shape[1], level) * scale * (1 - 1e-12)))


def smallest(d: Doubles, level: float, rng: np.random.Generator) -> float:
    """The smallest shift that as many blocks as d find in 80 %; NaN where no shift could be found."""
    n = len(d)
    if math.isinf(critical(n, level)):
        return math.nan
    noise = rng.choice(d - hodges_lehmann(d)[0], (STUDIES, n))
    low, high = 0.0, float(np.ptp(d))
    if high == 0:
        return 0.0
    for _ in range(12):  # to a four-thousandth of the range
        middle = (low + high) / 2
        low, high = (low, middle) if share_found(noise + middle, level) >= POWER else (middle, high)
    return high


def needed(d: Doubles, level: float, rng: np.random.Generator) -> float:
    """How many blocks like these would decide in 80 %, to a tenth; inf: more than are thought of."""
    if len(d) < 2 or hodges_lehmann(d)[0] == 0:
        return math.inf
    towards = math.copysign(1.0, hodges_lehmann(d)[0])
    drawn = towards * rng.choice(d, (STUDIES, MOST))
    sizes = list(dict.fromkeys(map(int, geometric(6, MOST, 50))))
    at = bisect.bisect_left(sizes, POWER, key=lambda n: share_found(drawn[:, :n], level))
    return float(sizes[at]) if at < len(sizes) else math.inf
