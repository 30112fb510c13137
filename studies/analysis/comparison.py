"""From readings to calls: all pairs of optimizers, pooled and on each dataset. It never reads files."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from datasets.split import seed_of
from studies.analysis import statistics
from studies.analysis.statistics import Doubles, differences, hodges_lehmann, order_interval
from studies.analysis.verdicts import LEVEL, MARGINS
from studies.folder.schema.tables import TABLES, TIED, TOO_FEW


class Scores:
    """Differences of all pairs in one reading, as (pairs, datasets, blocks); negative: a is better."""

    def __init__(self, reading: str, pairs: list[tuple[str, str]], datasets: list[str], d: Doubles) -> None:
        self.reading, self.pairs, self.datasets, self.d = reading, pairs, datasets, d

    @property
    def blocks(self) -> int:
        """Blocks of each dataset."""
        return int(self.d.shape[2])


def _stacked(d: list[list[Any]], datasets: int) -> Doubles:
    return np.array(d, float).reshape(len(d), datasets, -1) if d else np.empty((0, datasets, 1))


def error_scores(read: pd.DataFrame, optimizers: list[str], names: list[str]) -> Scores:
    """Differences in the expected test error of a search."""
    wide = read.pivot(index=["dataset", "block"], columns="optimizer", values="search_error")
    pairs = list(itertools.combinations(optimizers, 2))
    d = [[differences(wide.loc[name, a], wide.loc[name, b]) for name in names] for a, b in pairs]
    return Scores("error", pairs, names, _stacked(d, len(names)))


def ratio_scores(ratios: pd.DataFrame, optimizers: list[str], names: list[str]) -> Scores:
    """Logarithms of the ratio of examples; failures are ±inf."""
    pairs = list(itertools.combinations(optimizers, 2))
    wide = ratios.pivot(index=["dataset", "block"], columns=["a", "b"], values="log_ratio")
    d = [[wide.loc[name, pair].to_numpy() for name in names] for pair in pairs]
    return Scores("ratio", pairs, names, _stacked(d, len(names)))


def called(p: Doubles, direction: Doubles, blocks: int, tests: int) -> tuple[Doubles, list[str]]:
    """Holm's p-values of a family and its calls: "a" (negative sum), "b", "tied", "too few blocks"."""
    adjusted = statistics.holm(p)
    if statistics.smallest_p(blocks) * tests > LEVEL:
        return adjusted, [TOO_FEW] * len(p)
    calls = [TIED if q > LEVEL else ("a" if t < 0 else "b") for q, t in zip(adjusted, direction, strict=True)]
    return adjusted, calls


def comparisons(scores: Scores, tasks: dict[str, str], seed: int) -> pd.DataFrame:
    """All pairs, pooled and on each dataset, with the call and what describes it."""
    if not scores.pairs:
        return pd.DataFrame(columns=list(TABLES["comparisons"].columns))
    ranks = statistics.signed_ranks(scores.d)
    flips = seed_of(seed, "flips")
    pairs = len(scores.pairs)
    families = [
        (["pooled"], ranks.reshape(pairs, -1)),
        (scores.datasets, np.concatenate(ranks.swapaxes(0, 1))),
    ]
    p, decided = {}, {}
    for scopes, values in families:  # all pairs on all datasets are one family
        found = statistics.sign_flip(values, flips)
        adjusted, calls = called(found, values.sum(axis=1), values.shape[1], len(values))
        for i, scope in enumerate(scopes):
            part = slice(i * pairs, (i + 1) * pairs)
            p[scope], decided[scope] = found[part], (adjusted[part], calls[part])
    lines = []
    for scope in p:
        where = scores.datasets if scope == "pooled" else [scope]
        margin = _margin(scores.reading, where, tasks)
        for j, (a, b) in enumerate(scores.pairs):
            d = scores.d[j].ravel() if scope == "pooled" else scores.d[j, scores.datasets.index(scope)]
            lines.append(
                {
                    "reading": scores.reading,
                    "scope": scope,
                    "a": a,
                    "b": b,
                    "p": p[scope][j],
                    "p_holm": decided[scope][0][j],
                    "call": decided[scope][1][j],
                    **_described(d, margin, 0.95 if scope == "pooled" else 0.90),
                }
            )
    return pd.DataFrame(lines)


def _margin(reading: str, where: list[str], tasks: dict[str, str]) -> float:
    if reading == "ratio":
        return MARGINS["ratio"]
    kinds = {tasks[name] for name in where}
    return MARGINS[kinds.pop()] if len(kinds) == 1 else float("nan")  # shares and RMSE share no margin


def _described(d: Doubles, margin: float, level: float) -> dict[str, Any]:
    estimate, low, high = hodges_lehmann(d)
    inner = hodges_lehmann(d, level)
    better, n = int(np.sum(d < 0)), len(d)
    share = statistics.clopper_pearson(better, n)
    finite = bool(np.isfinite(d).all())
    return {
        "estimate": estimate,
        "low": low,
        "high": high,
        "equivalent": finite and inner[1] >= -margin and inner[2] <= margin,
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


def ranking(scores: Scores, calls: pd.DataFrame, optimizers: list[str]) -> pd.DataFrame:
    """Optimizers by mean rank, pooled and on each dataset, with everything tied for best."""
    ranks, lines = mean_ranks(scores, optimizers), []
    for i, scope in enumerate(["pooled", *scores.datasets]):
        mean = (ranks if scope == "pooled" else ranks[i - 1]).reshape(-1, len(optimizers)).mean(axis=0)
        here = calls[calls.scope == scope]
        beats = {
            (r.a, r.b) if r.call == "a" else (r.b, r.a) for r in here.itertuples() if r.call in ("a", "b")
        }
        tied = statistics.tied_for_best(optimizers, beats)
        blocks = scores.blocks * (len(scores.datasets) if scope == "pooled" else 1)
        lines += [
            (scores.reading, scope, place, optimizers[j], mean[j], optimizers[j] in tied, blocks)
            for place, j in enumerate(np.argsort(mean, kind="stable"), 1)
        ]
    columns = ["reading", "scope", "place", "optimizer", "mean_rank", "tied_for_best", "blocks"]
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
