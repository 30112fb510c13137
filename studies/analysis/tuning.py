"""What tuning is worth: draws, learning rates, defaults and decay."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal

import numpy as np
import pandas as pd

from dlopt.grid import geometric
from studies.analysis import readings, statistics
from studies.analysis.comparison import called, equivalent, in_one_unit, verdict
from studies.analysis.statistics import differences, hodges_lehmann, order_interval
from studies.folder.schema.tables import TABLES


def best_of_k(rows: pd.DataFrame) -> pd.DataFrame:
    """Median over blocks of the expected test error of the best of k draws."""
    lines = [
        (dataset, optimizer, k, *order_interval(group.test_error), len(group))
        for (dataset, optimizer, k), group in readings.best_of_k(rows).groupby(["dataset", "optimizer", "k"])
    ]
    columns = ["dataset", "optimizer", "k", "estimate", "low", "high", "level", "blocks"]
    return pd.DataFrame(lines, columns=columns)


def tuning(read: pd.DataFrame) -> pd.DataFrame:
    """What tuning was worth: the defaults' test error minus what a search reached, block by block."""
    lines = []
    for (dataset, optimizer), group in read.groupby(["dataset", "optimizer"]):
        d = differences(group.untuned_error, group.search_error)
        medians = (order_interval(group.untuned_error)[0], *order_interval(group.search_error))
        failed = int(group.untuned_diverged.sum())
        lines.append((dataset, optimizer, *medians, *hodges_lehmann(d), 0.95, failed, len(d)))
    columns = [
        "dataset",
        "optimizer",
        "untuned",
        "searched",
        "searched_low",
        "searched_high",
        "searched_level",
    ]
    columns += ["estimate", "low", "high", "level", "untuned_failed", "blocks"]
    return pd.DataFrame(lines, columns=columns)


def best_rates(rows: pd.DataFrame) -> pd.DataFrame:
    """The learning rate of a block's best draw at each batch size: median over blocks, its interval.

    A block whose draws of a size all diverged has none there.
    """
    key = ["dataset", "optimizer", "batch_size"]
    sound = rows[(rows.kind == "search") & (rows.status == "ok")]
    best = readings.ranked(sound).drop_duplicates([*key, "block"])
    lines = [(*at, *order_interval(lr), len(lr)) for at, lr in best.groupby(key).lr]
    return pd.DataFrame(lines, columns=[*key, "lr", "low", "high", "level", "blocks"])


def decay(read: pd.DataFrame, optimizers: list[str], names: list[str], tasks: dict[str, str]) -> pd.DataFrame:
    """Exponential decay against none, from the two halves of the same draws; negative: decay is better."""
    if not optimizers:
        return pd.DataFrame(columns=list(TABLES["decay"].columns))
    wide = read.set_index(["dataset", "optimizer"]).sort_values("block")
    d = np.array(
        [
            [
                differences(wide.loc[(n, o), "exponential_error"], wide.loc[(n, o), "none_error"])
                for n in names
            ]
            for o in optimizers
        ]
    )
    read_ = ~np.isnan(d)  # in a block where a half is empty there is nothing to compare
    ranks = np.zeros_like(d)
    for i, j in np.ndindex(d.shape[:2]):
        ranks[i, j, read_[i, j]] = statistics.signed_ranks(d[i, j, read_[i, j]])
    word, lines = {"a": "decay", "b": "none"}, []
    for scopes in (["pooled"], names):
        shape = (len(optimizers) * len(scopes), -1)
        scores, present = ranks.reshape(shape), read_.reshape(shape)
        p = statistics.sign_flip(scores)
        blocks = present.sum(axis=1)
        adjusted, calls = called(p, scores.sum(axis=1), blocks, len(p))
        for at, (optimizer, scope) in enumerate(itertools.product(optimizers, scopes)):
            where = names if scope == "pooled" else [scope]
            here = d[optimizers.index(optimizer), [names.index(name) for name in where]]
            values, margin = in_one_unit(here, [tasks[name] for name in where])
            values = values[~np.isnan(values)]
            alike = equivalent(values, margin, pooled=len(where) > 1)
            found = verdict(word.get(calls[at], calls[at]), alike)
            ends = (*hodges_lehmann(values), 0.95, margin)
            lines.append((scope, optimizer, p[at], adjusted[at], found, *ends, int(blocks[at])))
    columns = ["scope", "optimizer", "p", "p_holm", "verdict", "estimate", "low", "high", "level", "margin"]
    columns += ["blocks"]
    return pd.DataFrame(lines, columns=columns)


def learning_rates(rows: pd.DataFrame, within: dict[str, float]) -> pd.DataFrame:
    """Which learning rates are good: draws in bins of a quarter decade, good ones and diverged ones.

    A draw is good when its best validation error lies so much above its search's best at most (by dataset).
    The band is the longest run of bins in which at least half of the draws are good.
    """
    search = rows[rows.kind == "search"].copy()
    best = search.groupby(["dataset", "block", "optimizer"]).best_validation_error.transform("min")
    limit = best + search.dataset.map(within)
    search["good"] = (search.best_validation_error <= limit) & (search.status == "ok")
    lowest, highest = (math.floor(math.log10(lr)) for lr in (search.lr.min(), search.lr.max()))
    ends = [Decimal(f"1e{decade}") for decade in (lowest - 1, highest + 2)]
    quarters = np.array(geometric(*ends, 4 * (highest - lowest + 3) + 1))
    search["bin"] = np.searchsorted(quarters, search.lr, side="right") - 1
    search["diverged"] = search.status == "diverged"
    key = ["dataset", "optimizer", "bin"]
    counts = search.groupby(key).agg(
        rows=("good", "size"), good=("good", "sum"), diverged=("diverged", "sum")
    )
    bounds = [statistics.clopper_pearson(*pair) for pair in zip(counts.good, counts.rows, strict=True)]
    counts["low"], counts["high"] = np.array(bounds).T
    counts = counts.reset_index()
    counts["lr_low"], counts["lr_high"] = quarters[counts.bin], quarters[counts.bin + 1]
    enough = counts.good / counts.rows >= 0.5
    counts["band"] = False
    for _, group in counts.groupby(key[:2]):
        band = _longest_run(list(zip(group.bin, enough[group.index], strict=True)))
        counts.loc[group.index, "band"] = group.bin.isin(band)
    columns = ["dataset", "optimizer", "lr_low", "lr_high", "rows", "good", "diverged", "low", "high", "band"]
    return counts[columns]


def _longest_run(flags: list[tuple[int, bool]]) -> list[int]:
    runs: list[list[int]] = [[]]
    for b, good in flags:
        if not good or (runs[-1] and runs[-1][-1] != b - 1):
            runs.append([])
        if good:
            runs[-1].append(b)
    return max(runs, key=len)
