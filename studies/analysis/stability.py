"""Is a ranking stable? How often an optimizer is unbeaten when the blocks are drawn anew."""

from __future__ import annotations

import numpy as np
from scipy import stats

from datasets.split import seed_of
from studies.analysis import statistics
from studies.analysis.comparison import Scores
from studies.analysis.statistics import Doubles
from studies.analysis.verdicts import LEVEL

DRAWN = 400  # times that the blocks are drawn
TOGETHER = 1_000_000  # differences that are ranked at once


def stability(scores: Scores, optimizers: list[str], seed: int) -> Doubles:
    """By optimizer the share of drawings in which no other beats it over all datasets together.

    Blocks are drawn within each dataset with replacement, the same for all pairs, and tested as the run is,
    but for the normal distribution of the sum, which is quick. A description, and no test: what lies at the
    level comes again in half of the drawings.
    """
    rng = np.random.default_rng(seed_of(seed, "stability", scores.reading))
    pairs, datasets, blocks = scores.d.shape
    if not pairs:
        return np.ones(len(optimizers))
    drawn = rng.integers(0, blocks, (DRAWN, 1, datasets, blocks))
    free, each = np.zeros(len(optimizers)), max(1, TOGETHER // scores.d.size)
    for start in range(0, DRAWN, each):
        d = np.take_along_axis(scores.d[None], drawn[start : start + each], axis=3)
        ranks = statistics.signed_ranks(d).reshape(len(d), pairs, -1)
        sums, scale = ranks.sum(axis=2), np.sqrt((ranks**2).sum(axis=2))
        z = np.divide(np.abs(sums), scale, out=np.zeros(sums.shape), where=scale > 0)
        for totals, p in zip(sums, 2 * stats.norm.sf(z), strict=True):
            called = np.zeros(pairs, bool)
            for family in scores.families.values():
                called[family] = statistics.holm(p[family]) <= LEVEL
            beats = {
                (a, b) if total < 0 else (b, a)
                for (a, b), total, sure in zip(scores.pairs, totals, called, strict=True)
                if sure
            }
            best = statistics.unbeaten(optimizers, beats)
            free += [name in best for name in optimizers]
    return free / DRAWN
