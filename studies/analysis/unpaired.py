"""Two samples without pairs: the exact rank-sum test and the shift between them."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from studies.analysis.statistics import Doubles

LARGE = 100_000_000  # steps above which a distribution takes too long, and the normal one is taken


def rank_sum(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """The two-sided p-value of b's rank sum among both, and how far that lies above its mean.

    Exact over all choices of len(b) of the values, with midranks for ties; infinities are ranked as any
    value. Of samples of more than some sixty values each the normal distribution is taken.
    """
    x, y = np.asarray(a, float), np.asarray(b, float)
    n, k = len(x) + len(y), len(y)
    ranks = np.rint(2 * stats.rankdata(np.concatenate([x, y]))).astype(int)
    unit = int(np.gcd.reduce(ranks))  # 2 where no ranks are shared
    ranks //= unit
    total = int(ranks.sum())
    away = n * int(ranks[len(x) :].sum()) - k * total  # whole numbers compare exactly
    above = away * unit / n / 2
    if _steps(ranks, k) > LARGE:
        deviation = math.sqrt(k * (n - k) * n * float(np.var(ranks, ddof=1)))
        return (float(2 * stats.norm.sf(abs(away) / deviation)) if away else 1.0), above
    counts = _choices(ranks, k)
    far = np.abs(n * np.arange(len(counts)) - k * total) >= abs(away)
    return float(min(1.0, counts[far].sum() / counts.sum())), above


def smallest_p(a: int, b: int) -> float:
    """The smallest p-value that `rank_sum` can reach with so many values on each side."""
    return min(1.0, 2 / math.comb(a + b, b))


def shift(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Hodges and Lehmann's shift from a to b, the median of all differences b - a, with its interval.

    Of the finite values; (estimate, low, high), NaN three times where a side has none, an infinite interval
    where even the widest one falls short of the level.
    """
    x, y = (np.asarray(one, float) for one in (a, b))
    x, y = x[np.isfinite(x)], y[np.isfinite(y)]
    if not len(x) or not len(y):
        return math.nan, math.nan, math.nan
    d = np.sort((y[:, None] - x).ravel())
    beyond = _beyond(len(x), len(y), level)
    if beyond == 0:
        return float(np.median(d)), -math.inf, math.inf
    return float(np.median(d)), float(d[beyond - 1]), float(d[-beyond])


@functools.lru_cache(maxsize=256)
def _beyond(m: int, k: int, level: float) -> int:
    """How many differences from either end the interval begins."""
    tail, ranks = (1 - level) / 2, np.arange(1, m + k + 1)
    if _steps(ranks, k) > LARGE:
        deviation = math.sqrt(m * k * (m + k + 1) / 12)
        return max(int(m * k / 2 - float(stats.norm.isf(tail)) * deviation), 0)
    cdf = np.cumsum(_choices(ranks, k)[k * (k + 1) // 2 :]) / math.comb(m + k, k)
    return int(np.searchsorted(cdf, tail, side="right"))


def _steps(ranks: NDArray[np.int_], k: int) -> int:
    return len(ranks) * k * int(np.sort(ranks)[-k:].sum())


def _choices(ranks: NDArray[np.int_], k: int) -> Doubles:
    """In how many ways k of the ranks sum to 0, 1, ...: the shift algorithm, one rank at a time."""
    ways = np.zeros((k + 1, int(np.sort(ranks)[-k:].sum()) + 1))
    ways[0, 0] = 1.0
    reach = 0
    for taken, rank in enumerate(map(int, np.sort(ranks)), start=1):
        most, reach = min(taken, k), min(reach + rank, ways.shape[1] - 1)
        ways[1 : most + 1, rank : reach + 1] += ways[:most, : reach + 1 - rank].copy()
    found: Doubles = ways[k]
    return found
