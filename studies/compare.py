"""From rows to calls: every number that a sentence of the report may use. It never reads files."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pandas as pd

from datasets.split import seed_of
from studies import readings, statistics
from studies.arms import Arm
from studies.protocol import Pick, pick, winners
from studies.schema import TABLES
from studies.statistics import Doubles, differences, hodges_lehmann, order_interval

LEVEL = 0.05
MARGINS = {"classification": 0.01, "regression": 0.02, "loss": np.nan, "ratio": float(np.log(1.1))}
SAFE_MARGIN = 1.1  # a learning rate is good when its error is at most so many times its search's best


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
        return adjusted, ["too few blocks"] * len(p)
    calls = [
        "tied" if q > LEVEL else ("a" if t < 0 else "b") for q, t in zip(adjusted, direction, strict=True)
    ]
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


def decay(read: pd.DataFrame, optimizers: list[str], names: list[str], seed: int) -> pd.DataFrame:
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
    word, flips, lines = {"a": "decay", "b": "none"}, seed_of(seed, "flips"), []
    for scopes in (["pooled"], names):
        shape = (len(optimizers) * len(scopes), -1)
        scores, values, present = ranks.reshape(shape), d.reshape(shape), read_.reshape(shape)
        p = statistics.sign_flip(scores, flips)
        blocks = present.sum(axis=1)
        adjusted, calls = called(p, scores.sum(axis=1), int(blocks.min()), len(p))
        for at, (optimizer, scope) in enumerate(itertools.product(optimizers, scopes)):
            call = word.get(calls[at], calls[at])
            interval = hodges_lehmann(values[at])
            lines.append((scope, optimizer, p[at], adjusted[at], call, *interval, 0.95, int(blocks[at])))
    columns = ["scope", "optimizer", "p", "p_holm", "call", "estimate", "low", "high", "level", "blocks"]
    return pd.DataFrame(lines, columns=columns)


def learning_rates(rows: pd.DataFrame, floors: dict[str, float]) -> pd.DataFrame:
    """Which learning rates are safe: draws in bins of a quarter decade, good ones and diverged ones.

    A draw is good when its best validation error is at most 1.1 times its search's best. Safe is the
    longest run of bins in which at least half of the draws are good.
    """
    search = rows[rows.kind == "search"].copy()
    best = search.groupby(["dataset", "block", "optimizer"]).best_validation_error.transform("min")
    limit = SAFE_MARGIN * np.maximum(best, search.dataset.map(floors))
    search["good"] = (search.best_validation_error <= limit) & (search.status == "ok")
    search["bin"] = np.floor(np.log10(search.lr) * 4).astype(int)
    search["diverged"] = search.status == "diverged"
    key = ["dataset", "optimizer", "bin"]
    counts = search.groupby(key).agg(
        rows=("good", "size"), good=("good", "sum"), diverged=("diverged", "sum")
    )
    bounds = [statistics.clopper_pearson(*pair) for pair in zip(counts.good, counts.rows, strict=True)]
    counts["low"], counts["high"] = np.array(bounds).T
    counts = counts.reset_index()
    counts["lr_low"], counts["lr_high"] = (10 ** ((counts.bin + i) / 4) for i in (0, 1))
    enough = counts.good / counts.rows >= 0.5
    counts["safe"] = False
    for _, group in counts.groupby(key[:2]):
        safe = _longest_run(list(zip(group.bin, enough[group.index], strict=True)))
        counts.loc[group.index, "safe"] = group.bin.isin(safe)
    columns = ["dataset", "optimizer", "lr_low", "lr_high", "rows", "good", "diverged", "low", "high", "safe"]
    return counts[columns]


def _longest_run(flags: list[tuple[int, bool]]) -> list[int]:
    runs: list[list[int]] = [[]]
    for b, good in flags:
        if not good or (runs[-1] and runs[-1][-1] != b - 1):
            runs.append([])
        if good:
            runs[-1].append(b)
    return max(runs, key=len)


def picks(rows: pd.DataFrame, placed: pd.DataFrame, names: list[str], arms: dict[str, Arm]) -> list[Pick]:
    """One setting for each dataset, from the winners of its best optimizer."""
    won, made = winners(rows), []
    for name in names:
        here = placed[(placed.reading == "error") & (placed.scope == name) & (placed.place == 1)]
        optimizer = str(here.optimizer.iloc[0])
        mine = won[(won.dataset == name) & (won.optimizer == optimizer)]
        sound = mine[mine.status == "ok"]  # where a whole search diverged, its first row points nowhere
        made.append(pick(name, arms[optimizer], sound if len(sound) else mine))
    return made


def picks_table(
    made: list[Pick], read: pd.DataFrame, calls: pd.DataFrame, confirmed: pd.DataFrame
) -> pd.DataFrame:
    """The picks with two scores: what a search reached, and this setting confirmed in fresh blocks."""
    lines = []
    searching, confirming = (
        (name, f"{name}_low", f"{name}_high", f"{name}_level") for name in ("searched", "confirmed")
    )
    for one in made:
        here = calls[(calls.reading == "error") & (calls.scope == one.dataset)]
        mine = here[(here.a == one.arm.name) | (here.b == one.arm.name)]
        beaten = mine[mine.call == np.where(mine.a == one.arm.name, "a", "b")]
        others = [o for o in dict.fromkeys([*here.a, *here.b]) if o != one.arm.name]
        gone = {*beaten.a, *beaten.b}
        searched = read[(read.dataset == one.dataset) & (read.optimizer == one.arm.name)].search_error
        fresh = confirmed[confirmed.dataset == one.dataset]
        score = order_interval(fresh.test_error)
        reached = order_interval(searched)
        lines.append(
            {
                "dataset": one.dataset,
                "optimizer": one.arm.name,
                "tied_with": ",".join(o for o in others if o not in gone),
                "batch_size": one.batch_size,
                "decay": one.decay,
                "settings": json.dumps(one.settings),
                "quartiles": json.dumps(one.quartiles),
                "winners": one.winners,
                **dict(zip(searching, reached, strict=True)),
                **dict(zip(confirming, score, strict=True)),
                "confirmed_blocks": len(fresh),
                "confirmed_diverged": int((fresh.status == "diverged").sum()),
                "examples": int(fresh.examples.max()),
                "steps": int(fresh.steps.max()),
            }
        )
    return pd.DataFrame(lines)
