"""Columns that give the target away: alone, or two of them by a sum, a difference, a product or a ratio."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.resting import Column
from datasets.sentences import listed

ROWS = 4_000  # that are looked at
DEPTH = 3  # of the tree that tells a class from one column
DEEPER = 8  # of the one that tells a number
NEARLY = 0.01  # of the rows, or of the variance, may be left
TENTH = 0.1  # of the error of always the largest class may be left
RANKS = 0.999  # of a rank correlation with the target
EXACT = 1e-9  # of the variance may be left by a sum, beside what rounding leaves
ROUNDED = 1e-4  # of the variance that rounding may leave
FEW_HOLES = 0.1  # of a column's rows
MOST_NUMBERS = 400  # columns whose pairs are tried
HALF = 0.5
BINS = 64  # of a quick look at a column
MOST_SUMMED = 100  # columns whose weighted sum is tried
LARGE = 5  # rows of a category that say something


def leaks(columns: Sequence[Column], y: NDArray[Any], classification: bool) -> list[str]:
    """Sentences about columns that tell the target nearly alone, by 4,000 rows at most."""
    rows = np.unique(np.linspace(0, len(y) - 1, min(len(y), ROWS)).astype(int))
    y = y[rows]
    some = [column._replace(values=np.asarray(column.values[rows])) for column in columns]
    goal = pd.factorize(y)[0] if classification else pd.Series(y).rank().to_numpy()
    same = [one.label for one in some if _one_to_one(one.values, goal, classification)]
    alone = [one.label for one in some if one.label not in same and _tells(one, y, goal, classification)]
    found = []
    if same:
        found.append(f"Look out, one-to-one with the target, perhaps a leak: {listed([*map(repr, same)])}.")
    if alone:
        found.append(
            f"Look out, tells the target nearly alone, perhaps a leak: {listed([*map(repr, alone)])}."
        )
    if not classification:
        known = {*same, *alone}
        sums = together([one for one in some if one.label not in known], y.astype(np.float64))
        found += [f"Look out, {one} gives the target, perhaps a leak." for one in sums]
    return found


def _one_to_one(values: NDArray[Any], goal: NDArray[Any], classification: bool) -> bool:
    """Does each value go with one class, each class with one? Is its order the target's or the reverse?

    goal: numbers of classes, or ranks.
    """
    column = pd.Series(values)
    if classification:
        codes = column.factorize(use_na_sentinel=False)[0]
        if codes.max() != goal.max():
            return False
        pairs = len(np.unique(codes * np.int64(len(goal)) + goal))
        return bool(pairs == goal.max() + 1)
    ranks = column.rank().to_numpy()
    return np.array_equal(ranks, goal) or np.array_equal(ranks, len(goal) + 1 - goal)


def _tells(column: Column, y: NDArray[Any], goal: NDArray[Any], classification: bool) -> bool:
    """Does one column nearly decide the target in rows that its rule was not found on?"""
    values = np.asarray(column.values, np.float64)
    if column.kind == "category":
        values = _by_mean(column.values, y, classification)
    if not classification and _ranks(values, goal) >= RANKS:
        return True
    least = 1 - np.bincount(y).max() / len(y) if classification else 1.0
    most = min(NEARLY, TENTH * least) if classification else NEARLY / 2
    if _binned(values, y, classification) > most + 2 / BINS:
        return False  # as nearly all columns, and quickly
    halves = np.arange(len(y)) % 2 == 0
    left = [_left(values, y, part, classification) for part in (halves, ~halves)]
    return bool(np.mean(left) <= most)


def _binned(values: NDArray[np.float64], y: NDArray[Any], classification: bool) -> float:
    """What is left by the best guess in each of some bins of equally many values."""
    order = np.argsort(values, kind="stable")  # missing ones last
    ranked = values[order]
    first = np.flatnonzero(np.append(True, (ranked[1:] != ranked[:-1]) & ~np.isnan(ranked[:-1])))
    bins = np.empty(len(y), np.intp)  # equal values in one bin
    bins[order] = np.repeat(first * BINS // len(y), np.diff(np.append(first, len(y))))
    if classification:
        table = np.bincount(bins * (int(y.max()) + 1) + y, minlength=BINS * (int(y.max()) + 1))
        return float(1 - table.reshape(BINS, -1).max(axis=1).sum() / len(y))
    counts = np.maximum(np.bincount(bins, minlength=BINS), 1)
    means = np.bincount(bins, y, BINS) / counts
    return float(np.var(y - means[bins]) / max(float(np.var(y)), 1e-300))


def _left(
    values: NDArray[np.float64], y: NDArray[Any], part: NDArray[np.bool_], classification: bool
) -> float:
    """The error, or the share of the variance, that a tree on half of the rows leaves in the other half."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    X = np.clip(values[:, None], -1e30, 1e30)
    if classification:
        tree = DecisionTreeClassifier(max_depth=DEPTH, random_state=0).fit(X[part], y[part])
        return float(np.mean(tree.predict(X[~part]) != y[~part]))
    tree = DecisionTreeRegressor(max_depth=DEEPER, random_state=0).fit(X[part], y[part])
    rest = y[~part] - tree.predict(X[~part])
    return float(np.mean(rest**2) / max(np.var(y[~part]), 1e-300))


def _by_mean(codes: NDArray[Any], y: NDArray[Any], classification: bool) -> NDArray[np.float64]:
    """Categories in the order of their targets, those of few rows together: what a tree can split."""
    codes = pd.factorize(codes)[0]  # of these rows: the table may have many more
    counts = np.bincount(codes)
    if classification:
        table = np.zeros((len(counts), int(y.max()) + 1))
        np.add.at(table, (codes, y), 1)
        score = table.argmax(axis=1) + table.max(axis=1) / (counts + 1)
    else:
        score = np.bincount(codes, y) / np.maximum(counts, 1)
    return np.where(counts[codes] >= LARGE, score[codes], -1.0 if classification else float(np.mean(y)))


def _ranks(values: NDArray[np.float64], goal: NDArray[np.float64]) -> float:
    """The rank correlation with the target, without sign; 0 where more than a few values are missing."""
    present = ~np.isnan(values)
    if present.mean() < 1 - NEARLY:
        return 0.0
    ranks = pd.Series(values[present]).rank().to_numpy()
    some = goal[present]
    return float(abs(np.corrcoef(ranks, some)[0, 1])) if np.ptp(ranks) and np.ptp(some) else 0.0


def together(columns: Sequence[Column], y: NDArray[np.float64]) -> list[str]:
    """Pairs of numbers whose sum, difference, product or ratio is the target, up to scale and shift."""
    holes = {i: np.isnan(one.values) for i, one in enumerate(columns) if one.kind == "number"}
    some = [i for i in holes if holes[i].mean() <= FEW_HOLES][:MOST_NUMBERS]
    full = ~np.any([holes[i] for i in some], axis=0) if some else np.ones(len(y), bool)
    if full.mean() < HALF:
        some = [i for i in holes if not holes[i].any()][:MOST_NUMBERS]
        full = np.ones(len(y), bool)
    if len(some) < 2:
        return []
    names, y = [columns[i].label for i in some], y[full]
    X = np.column_stack([columns[i].values[full] for i in some]).astype(np.float64)
    found = [
        f"{names[i]!r} {'+' if sign > 0 else '-'} {names[j]!r}" for i, j, sign in _sums(X, y, _rounding(y))
    ]
    positive = np.flatnonzero((X > 0).all(axis=0))
    if (y > 0).all() and len(positive) > 1:
        pairs = _sums(np.log(X[:, positive]), np.log(y), _rounding(y, np.log(y), 1 / y), slope=1.0)
        found += [
            f"{names[positive[i]]!r} {'*' if sign > 0 else '/'} {names[positive[j]]!r}"
            for i, j, sign in pairs
        ]
    return found[:3] or _linear(names, X, y)


def _linear(names: Sequence[str], X: NDArray[np.float64], y: NDArray[np.float64]) -> list[str]:
    """Columns of which a sum with some weights is the target, up to a shift."""
    columns = np.flatnonzero(X.std(axis=0) > 0)[:MOST_SUMMED]
    if len(y) < 3 * len(columns) or not len(columns):
        return []
    Z = (X[:, columns] - X[:, columns].mean(axis=0)) / X[:, columns].std(axis=0)
    goal = (y - y.mean()) / max(float(y.std()), 1e-300)
    weights = np.linalg.lstsq(Z, goal, rcond=1e-9)[0]
    if np.mean((goal - Z @ weights) ** 2) > EXACT + _rounding(y):
        return []
    used = [repr(names[columns[i]]) for i in np.flatnonzero(np.abs(weights) > 1e-3)]
    return [f"a weighted sum of {listed(used)}"]


def _rounding(
    y: NDArray[np.float64], goal: NDArray[np.float64] | None = None, slopes: NDArray[np.float64] | None = None
) -> float:
    """The share of the variance of y, or of a function of it with these slopes, that its rounding leaves."""
    step = next((10.0**-d for d in range(7) if np.allclose(y * 10**d, np.rint(y * 10**d), 0, 1e-6)), 0.0)
    goal, slopes = (y if goal is None else goal), (np.ones(1) if slopes is None else slopes)
    # twice that of even spread, for columns are rounded too
    return min(2 * step**2 / 12 * float(np.mean(slopes**2)) / max(float(np.var(goal)), 1e-300), ROUNDED)


def _sums(
    X: NDArray[np.float64], y: NDArray[np.float64], rounding: float, slope: float = 0.0
) -> list[tuple[int, int, int]]:
    """Which columns' sums (1) or differences (-1) are y up to shift and scale; slope: 0 for any scale."""
    with np.errstate(all="ignore"):
        Z = (X - X.mean(axis=0)) / max(float(y.std()), 1e-300)
        goal = (y - y.mean()) / max(float(y.std()), 1e-300)
        shared, own = Z.T @ Z / len(y), Z.T @ goal / len(y)
        found = []
        for sign in (1, -1):
            with_goal = own[:, None] + sign * own[None, :]
            spread = np.diag(shared)[:, None] + np.diag(shared)[None, :] + 2 * sign * shared
            fit = with_goal**2 / np.maximum(spread, 1e-300)
            found += [(int(i), int(j), sign) for i, j in np.argwhere(np.triu(fit > 1 - 1e-6 - rounding, 1))]
    return [one for one in itertools.islice(found, 50) if _is_exact(Z, goal, one, rounding, slope)]


def _is_exact(
    Z: NDArray[np.float64],
    goal: NDArray[np.float64],
    pair: tuple[int, int, int],
    rounding: float,
    slope: float,
) -> bool:
    """Is nothing left but rounding?"""
    i, j, sign = pair
    made = Z[:, i] + sign * Z[:, j]
    scale = (made @ goal) / max(float(made @ made), 1e-300)
    rest = float(np.mean((goal - scale * made) ** 2))
    return bool(rest <= EXACT + rounding and (not slope or abs(abs(scale) - slope) < 1e-6 + rounding**0.5))
