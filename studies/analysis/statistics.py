"""The statistics of a comparison: sign-flip test, Holm, Hodges-Lehmann, order statistics.

Everything is paired by block. A difference may be ±inf (one side failed); inf - inf is a tie.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Doubles = NDArray[np.float64]
LONG = 1_000_000  # a sum of ranks above which their distribution takes too long


def differences(a: ArrayLike, b: ArrayLike) -> Doubles:
    """a - b, where inf - inf is a tie (0). A NaN on a side stays one: there is nothing to compare."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    with np.errstate(invalid="ignore"):
        return np.where((x == y), 0.0, x - y)


def signed_ranks(d: Doubles) -> Doubles:
    """Twice the signed midranks of |d| along the last axis: whole numbers, so sums compare exactly.

    Zeros are ranked with the others and contribute 0; a one-sided inf has the largest rank. Raises
    ValueError for a NaN, which no rank could stand for.
    """
    if np.isnan(d).any():
        raise ValueError("A difference is nan, which cannot be ranked. Leave that block out.")
    return np.sign(d) * 2 * stats.rankdata(np.abs(d), axis=-1)


def sign_flip(scores: Doubles) -> Doubles:
    """Two-sided sign-flip p-values of the sums of each row of doubled signed ranks (rows, blocks).

    p = P(|T*| >= |T|), exact: the distribution of a sum of ranks is the convolution of theirs (the shift
    algorithm of Streitberg & Röhmel 1986). Ranks that sum to more than a million, as those of a thousand
    blocks, take the normal one, which is within 3 % of p down to .0001.
    """
    sums = scores.sum(axis=1)
    ranks = np.sort(np.abs(scores), axis=1)
    alike: dict[bytes, Doubles] = {}  # without ties all pairs share one distribution
    p = np.ones(len(scores))
    for i in np.flatnonzero(sums):
        total = int(ranks[i].sum())
        if total > LONG:
            p[i] = 2 * stats.norm.sf(abs(sums[i]) / np.sqrt((ranks[i] ** 2).sum()))
            continue
        key = ranks[i].tobytes()
        if key not in alike:
            alike[key] = rank_sum_cdf(ranks[i].astype(int))
        p[i] = min(1.0, 2 * alike[key][(total - abs(int(sums[i]))) // 2])
    return p


def rank_sum_cdf(ranks: Sequence[int] | NDArray[np.int_]) -> Doubles:
    """P(W <= w) for w = 0 .. half of all ranks: W sums whole ranks, each with a chance of one half."""
    half = int(sum(ranks)) // 2
    density, reach = np.zeros(half + 1), 0
    density[0] = 1.0
    for rank in map(int, ranks):
        if rank:
            reach = min(reach + rank, half)
            density[: reach + 1] /= 2
            density[rank : reach + 1] += density[: max(reach + 1 - rank, 0)].copy()
    return np.cumsum(density)


def smallest_p(blocks: int) -> float:
    """The smallest p-value that the sign-flip test can reach with so many blocks in all."""
    return min(1.0, 2.0 ** (1 - blocks))


def holm(p: ArrayLike) -> Doubles:
    """Holm's adjusted p-values (Holm 1979), in the order given."""
    values: Doubles = np.asarray(p, float)
    order, adjusted = np.argsort(values, kind="stable"), np.empty(len(values))
    factors = len(values) - np.arange(len(values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return adjusted


@functools.lru_cache(maxsize=256)
def signed_rank_cdf(n: int) -> Doubles:
    """P(W <= w) of Wilcoxon's signed-rank sum for w = 0 .. n(n+1)/2, exact."""
    density = np.ones(1)
    for rank in range(1, n + 1):
        grown = np.zeros(len(density) + rank)
        grown[: len(density)] += density / 2
        grown[rank:] += density / 2
        density = grown
    return np.cumsum(density)


def hodges_lehmann(d: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """The median of all pairwise means of the finite differences, with its signed-rank interval.

    (estimate, low, high); NaN three times without finite differences, an infinite interval where even
    the widest one falls short of the level.
    """
    values: Doubles = np.asarray(d, float)
    values = values[np.isfinite(values)]
    n = len(values)
    if n == 0:
        return math.nan, math.nan, math.nan
    i, j = np.triu_indices(n)
    walsh = np.sort((values[i] + values[j]) / 2)
    beyond = np.searchsorted(signed_rank_cdf(n), (1 - level) / 2, side="right")  # the quantile of W
    if beyond == 0:
        return float(np.median(walsh)), -math.inf, math.inf
    return float(np.median(walsh)), float(walsh[beyond - 1]), float(walsh[-beyond])


def order_interval(x: ArrayLike, level: float = 0.95) -> tuple[float, float, float, float]:
    """The median with its order-statistic interval: (median, low, high, level reached).

    Holds for any distribution. Where even the whole range falls short of the level, that range is given
    with the level that it has. Infinite values are kept: the lower median of an even number.
    """
    values: Doubles = np.sort(np.asarray(x, float))
    n = len(values)
    if n == 0:
        return math.nan, math.nan, math.nan, math.nan
    middle = values[(n - 1) // 2 : n // 2 + 1]
    median = float(middle.mean()) if np.isfinite(middle).all() else float(middle[0])
    cut, reached = _cut(n, level)
    return median, float(values[cut - 1]), float(values[n - cut]), reached


@functools.lru_cache(maxsize=256)
def _cut(n: int, level: float) -> tuple[int, float]:
    """The place from either end at which a median's interval ends, and the level that it has."""
    cut = int(stats.binom.ppf((1 - level) / 2, n, 0.5))  # P(fewer than cut below) <= (1 - level) / 2
    cut = max(cut, 1)
    return cut, 1 - 2 * float(stats.binom.cdf(cut - 1, n, 0.5))


@functools.lru_cache(maxsize=10_000)
def clopper_pearson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share k of n."""
    if n == 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return low, high


@functools.lru_cache(maxsize=256)
def search_weights(n: int, size: int) -> Doubles:
    """Weights of n rows, best first, in the expected result of the best of `size` of them.

    wᵢ = C(n-i, size-1) / C(n, size), i = 1 .. n: the chance that row i is the best of a random subset.
    """
    weights = np.array([math.comb(n - i, size - 1) / math.comb(n, size) for i in range(1, n + 1)])
    weights.flags.writeable = False  # it is remembered
    return weights


def expected_search(errors: ArrayLike, weights: Doubles) -> Doubles:
    """Σ wᵢ·errorᵢ over errors sorted from best to worst validation; a weight 0 leaves its error out.

    errors: (n,), or with more axes before for as many searches; one result each.
    """
    used = weights > 0
    found: Doubles = np.sum(weights[used] * np.asarray(errors, float)[..., used], axis=-1)
    return found


def unbeaten(names: Sequence[str], beats: set[tuple[str, str]]) -> list[str]:
    """Everyone whom no other beats; in a circle of calls, everyone in the circle on top."""
    free = [b for b in names if not any((a, b) in beats for a in names)]
    if free:
        return free
    reach = {a: {a} for a in names}
    for _ in names:
        for a in names:
            reach[a] |= {c for b in reach[a] for c in names if (b, c) in beats}
    return [a for a in names if all(b in reach[a] for b in names if a in reach[b])]
