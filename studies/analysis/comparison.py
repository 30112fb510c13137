"""From readings to calls: all pairs of optimizers, pooled and on each dataset. It never reads files."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from studies.analysis import statistics
from studies.analysis.replication import again
from studies.analysis.statistics import Doubles, differences, hodges_lehmann, order_interval
from studies.analysis.verdicts import LEVEL, MARGINS
from studies.folder.schema.tables import (
    AGAINST,
    AS_GOOD,
    NOT_DECIDED,
    OTHERS,
    TABLES,
    TOGETHER,
    TOO_FEW,
)


class Scores:
    """Differences of all pairs in one reading, as (pairs, datasets, blocks); negative: a is better.

    against: those whose pairs with the others are a family of tests of their own.
    """

    def __init__(
        self,
        reading: str,
        pairs: list[tuple[str, str]],
        datasets: list[str],
        d: Doubles,
        against: Collection[str] = (),
    ) -> None:
        self.reading, self.pairs, self.datasets, self.d = reading, pairs, datasets, d
        self.against = frozenset(against)

    @property
    def families(self) -> dict[str, list[int]]:
        """The pairs that are tested together, by the family's name: all, or those of some and the others."""
        mine = [i for i, (a, b) in enumerate(self.pairs) if a in self.against or b in self.against]
        rest = [i for i in range(len(self.pairs)) if i not in set(mine)]
        return {AGAINST: mine, OTHERS: rest} if mine and rest else {TOGETHER: mine or rest}

    @property
    def blocks(self) -> int:
        """Blocks of each dataset."""
        return int(self.d.shape[2])


def _stacked(d: list[list[Any]], datasets: int) -> Doubles:
    return np.array(d, float).reshape(len(d), datasets, -1) if d else np.empty((0, datasets, 1))


def error_scores(
    read: pd.DataFrame, optimizers: list[str], names: list[str], against: Collection[str] = ()
) -> Scores:
    """Differences in the expected test error of a search."""
    wide = read.pivot(index=["dataset", "block"], columns="optimizer", values="search_error")
    pairs = list(itertools.combinations(optimizers, 2))
    d = [[differences(wide.loc[name, a], wide.loc[name, b]) for name in names] for a, b in pairs]
    return Scores("error", pairs, names, _stacked(d, len(names)), against)


def ratio_scores(
    ratios: pd.DataFrame, optimizers: list[str], names: list[str], against: Collection[str] = ()
) -> Scores:
    """Logarithms of the ratio of examples; failures are ±inf."""
    pairs = list(itertools.combinations(optimizers, 2))
    wide = ratios.pivot(index=["dataset", "block"], columns=["a", "b"], values="log_ratio")
    d = [[wide.loc[name, pair].to_numpy() for name in names] for pair in pairs]
    return Scores("ratio", pairs, names, _stacked(d, len(names)), against)


def called(
    p: Doubles, direction: Doubles, blocks: int | Sequence[int], tests: int
) -> tuple[Doubles, list[str]]:
    """Holm's p-values of a family and its calls: "a" (negative sum), "b", "not decided", "too few blocks"."""
    adjusted = statistics.holm(p)
    many = np.broadcast_to(blocks, len(p))
    few = {n: statistics.smallest_p(n) * tests > LEVEL for n in map(int, many)}
    calls = [
        TOO_FEW if few[int(n)] else NOT_DECIDED if q > LEVEL else "a" if t < 0 else "b"
        for q, t, n in zip(adjusted, direction, many, strict=True)
    ]
    return adjusted, calls


def verdict(call: str, alike: bool) -> str:
    """What is known of a pair: which one is better, that both are as good, or neither."""
    return AS_GOOD if alike and call in (NOT_DECIDED, TOO_FEW) else call


def comparisons(scores: Scores, tasks: dict[str, str]) -> pd.DataFrame:
    """All pairs, pooled and on each dataset, with the verdict and what describes it."""
    if not scores.pairs:
        return pd.DataFrame(columns=list(TABLES["comparisons"].columns))
    ranks = statistics.signed_ranks(scores.d)
    pairs = len(scores.pairs)
    together = [
        (["pooled"], ranks.reshape(pairs, -1)),
        (scores.datasets, np.concatenate(ranks.swapaxes(0, 1))),
    ]
    tested: dict[str, list[Any]] = {}
    for scopes, values in together:  # a family's pairs on all datasets are tested together
        every: list[Any] = [None] * len(values)
        p = statistics.sign_flip(values)
        for family, mine in scores.families.items():
            at = np.array([i * pairs + pair for i in range(len(scopes)) for pair in mine])
            found = p[at]
            adjusted, calls = called(found, values[at].sum(axis=1), values.shape[1], len(at))
            tests = zip(found, adjusted, calls, again(found, LEVEL / len(found)), strict=True)
            for i, one in zip(at, tests, strict=True):
                every[i] = (family, *one)
        tested |= {scope: every[i * pairs : (i + 1) * pairs] for i, scope in enumerate(scopes)}
    lines = []
    for scope in tested:
        where = scores.datasets if scope == "pooled" else [scope]
        kinds = ["ratio"] * len(where) if scores.reading == "ratio" else [tasks[name] for name in where]
        here = [scores.datasets.index(name) for name in where]
        for d, (a, b), (family, raw, p_holm, call, share) in zip(
            scores.d[:, here], scores.pairs, tested[scope], strict=True
        ):
            described = _described(*in_one_unit(d, kinds), pooled=len(where) > 1)
            lines.append(
                {
                    "reading": scores.reading,
                    "scope": scope,
                    "a": a,
                    "b": b,
                    "family": family,
                    "p": raw,
                    "p_holm": p_holm,
                    "verdict": verdict(call, described["equivalent"]),
                    "again": share if call in ("a", "b") else np.nan,
                    **described,
                }
            )
    return pd.DataFrame(lines)


def in_one_unit(d: Doubles, kinds: Sequence[str]) -> tuple[Doubles, float]:
    """All differences of (datasets, blocks), and their margin; in margins where datasets have several.

    kinds: keys of `MARGINS`, one a dataset.
    """
    margins = np.array([MARGINS[kind] for kind in kinds])
    one = len(set(kinds)) == 1
    return (d if one else d / margins[:, None]).ravel(), float(margins[0]) if one else 1.0


def equivalent(d: Doubles, margin: float, *, pooled: bool) -> bool:
    """Do equal ones and these differ by less than the margin? 90 % intervals say so, pooled 95 %."""
    _, low, high = hodges_lehmann(d, 0.95 if pooled else 0.90)
    return bool(np.isfinite(d).all() and low >= -margin and high <= margin)


def _described(d: Doubles, margin: float, *, pooled: bool) -> dict[str, Any]:
    estimate, low, high = hodges_lehmann(d)
    better, n = int(np.sum(d < 0)), len(d)
    share = statistics.clopper_pearson(better, n)
    return {
        "estimate": estimate,
        "low": low,
        "high": high,
        "equivalent": equivalent(d, margin, pooled=pooled),
        "margin": margin,
        "a_better": better,
        "a_better_low": share[0],
        "a_better_high": share[1],
        "ties": int(np.sum(d == 0)),
        "a_failed": int(np.sum(np.isposinf(d))),
        "b_failed": int(np.sum(np.isneginf(d))),
        "blocks": n,
    }


def mean_ranks(scores: Scores, optimizers: list[str]) -> Doubles:
    """Rank of each optimizer within each block, (datasets, blocks, optimizers): 1 + others ahead + ties/2."""
    ranks = np.ones((*scores.d.shape[1:], len(optimizers)))
    for (a, b), d in zip(scores.pairs, scores.d, strict=True):
        ranks[..., optimizers.index(a)] += (d > 0) + (d == 0) / 2
        ranks[..., optimizers.index(b)] += (d < 0) + (d == 0) / 2
    return ranks


def ranking(
    scores: Scores, calls: pd.DataFrame, optimizers: list[str], stable: Doubles | None = None
) -> pd.DataFrame:
    """Optimizers by mean rank, pooled and on each dataset, and whom no other beats.

    stable: how often that comes again over all datasets together, by optimizer.
    """
    ranks, lines = mean_ranks(scores, optimizers), []
    for i, scope in enumerate(["pooled", *scores.datasets]):
        mean = (ranks if scope == "pooled" else ranks[i - 1]).reshape(-1, len(optimizers)).mean(axis=0)
        here = calls[calls.scope == scope]
        beats = {
            (r.a, r.b) if r.verdict == "a" else (r.b, r.a)
            for r in here.itertuples()
            if r.verdict in ("a", "b")
        }
        best = statistics.unbeaten(optimizers, beats)
        shares = stable if stable is not None and scope == "pooled" else np.full(len(optimizers), np.nan)
        blocks = scores.blocks * (len(scores.datasets) if scope == "pooled" else 1)
        lines += [
            (scores.reading, scope, place, optimizers[j], mean[j], optimizers[j] in best, shares[j], blocks)
            for place, j in enumerate(np.argsort(mean, kind="stable"), 1)
        ]
    columns = ["reading", "scope", "place", "optimizer", "mean_rank", "unbeaten", "stable", "blocks"]
    return pd.DataFrame(lines, columns=columns)


def percent(errors: pd.Series, floor: float) -> float:
    """One % of the median of a dataset's finite errors; of the floor where that is larger, or none is."""
    return max(floor, order_interval(errors[np.isfinite(errors)])[0]) / 100


def forest(read: pd.DataFrame, placed: pd.DataFrame, floors: dict[str, float]) -> pd.DataFrame:
    """Each optimizer's distance to the reference on each dataset, in % of the dataset's median error.

    The reference has the lowest pooled rank sum; it is no winner. Intervals are simultaneous over the
    optimizers beside it.
    """
    pooled = placed[(placed.reading == "error") & (placed.scope == "pooled")]
    reference = str(pooled.sort_values("place").optimizer.iloc[0])
    level, lines = 1 - LEVEL / max(len(pooled) - 1, 1), []
    for dataset, group in read.groupby("dataset"):
        wide = group.pivot(index="block", columns="optimizer", values="search_error")
        unit = percent(group.search_error, floors[str(dataset)])
        for optimizer in pooled.optimizer:
            d = differences(wide[optimizer], wide[reference]) / unit
            lines.append((optimizer, dataset, reference, *order_interval(d, level), len(d)))
    columns = ["optimizer", "dataset", "reference", "estimate", "low", "high", "level", "blocks"]
    return pd.DataFrame(lines, columns=columns)
