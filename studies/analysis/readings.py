"""What is compared, block by block: the expected result of a search, and the ratio of examples."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.analysis.statistics import expected_search, search_weights
from studies.analysis.verdicts import FLOOR

Doubles = NDArray[np.float64]
TARGETS = np.arange(1, 9) / 8  # the way down, in eighths


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a search from best to worst validation loss: diverged ones last, ties by draw number."""
    return rows.sort_values(["best_validation_loss", "draw"], kind="stable")


def search_readings(rows: pd.DataFrame, *, winner: bool = False) -> pd.DataFrame:
    """One line per (dataset, block, optimizer): what its search is worth, and its untuned row.

    search_error is the expected test error of a search of half of the draws (with winner=True, for draws
    that depend on each other, that of the best of all); winner_error the test error of the best of all;
    none_error and exponential_error the expected ones of the two halves of the draws, at a search size of
    half of the smaller half (NaN where a half is empty).
    """
    key = ["dataset", "block", "optimizer"]
    untuned = rows[rows.kind == "untuned"].set_index(key)[["test_error", "status"]].to_dict("index")
    lines = []
    for at, errors, decays, diverged in _searches(rows, "decay", "status"):
        halves = {name: errors[decays == name] for name in ("none", "exponential")}
        smaller = min(map(len, halves.values()))
        defaults = untuned.get(at, {"test_error": np.nan, "status": ""})
        lines.append(
            {
                **dict(zip(key, at, strict=True)),
                "search_error": _expected(errors, len(errors) if winner else max(1, len(errors) // 2)),
                "winner_error": errors[0],
                "untuned_error": defaults["test_error"],
                "untuned_diverged": defaults["status"] == "diverged",
                **{
                    f"{name}_error": _expected(half, max(1, smaller // 2)) if smaller else np.nan
                    for name, half in halves.items()
                },
                "diverged": int((diverged == "diverged").sum()),
                "rows": len(errors),
            }
        )
    return pd.DataFrame(lines)


def _searches(rows: pd.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Each search: (dataset, block, optimizer), then test errors and the columns, best row first."""
    best = ranked(rows[rows.kind == "search"])
    arrays = [best[name].to_numpy(object if name in columns else None) for name in ("test_error", *columns)]
    for at, index in best.groupby(["dataset", "block", "optimizer"]).indices.items():
        yield at, *(array[index] for array in arrays)


def _expected(errors: Doubles, size: int) -> float:
    return float(expected_search(errors, search_weights(len(errors), size)))


def best_of_k(rows: pd.DataFrame) -> pd.DataFrame:
    """Expected test error of the best of k draws by validation, for each block and k."""
    lines: list[tuple[object, ...]] = []
    for at, errors in _searches(rows):
        lines += [(*at, k, _expected(errors, k)) for k in range(1, len(errors) + 1)]
    return pd.DataFrame(lines, columns=["dataset", "block", "optimizer", "k", "test_error"])


def envelopes(rows: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The lowest best-so-far validation loss over an optimizer's draws in a block, by examples seen.

    A row's value at x examples is that of its last record at or before x; the positions are the union of
    all rows' records. A diverged row gives nothing but the shared start.
    """
    search = rows.loc[rows.kind == "search", ["dataset", "block", "optimizer", "draw", "status"]]
    points = curves[curves.kind == "search"].merge(search, on=["dataset", "block", "optimizer", "draw"])
    points = points[(points.status == "ok") | (points.examples == 0)]
    key = ["dataset", "block", "optimizer"]
    lowest = points.groupby([*key, "examples"]).validation_loss.min().rename("loss").reset_index()
    lowest["loss"] = lowest.groupby(key).loss.cummin()
    return lowest


def examples_at(examples: Doubles, depth: Doubles, targets: Doubles) -> Doubles:
    """The examples at which an envelope first reaches each depth, log loss linear between records.

    examples, depth: (n,), depth the fall of log loss since the start; targets: each in (0, depth[-1]].
    """
    after = np.searchsorted(depth, targets)
    before = after - 1
    share = (targets - depth[before]) / (depth[after] - depth[before])
    reached: Doubles = examples[before] + share * (examples[after] - examples[before])
    return reached


def descent(examples: Doubles, loss: Doubles) -> tuple[Doubles, Doubles]:
    """An envelope as `log_ratio` reads it: examples, and how far log loss has fallen since the start.

    loss: (n,) or with more axes before; a depth for each.
    """
    logs = np.log(np.maximum(loss, FLOOR))
    return examples, logs[..., :1] - logs  # depths, so that a fall of one bit stays one


def log_ratio(a: tuple[Doubles, Doubles], b: tuple[Doubles, Doubles]) -> float:
    """Mean over 8 targets of log(examples a needs / examples b needs), within one block.

    a, b: `descent`s from the same start. The targets lie at 1/8 .. 8/8 of the way in log loss from the
    shared start to the worse of the two ends. ±inf if one side never gets below the start, 0 if both.
    """
    falls = [depth[-1] > 0 for _, depth in (a, b)]
    if not all(falls):
        return 0.0 if not any(falls) else (np.inf if falls[1] else -np.inf)
    targets = TARGETS * min(a[1][-1], b[1][-1])
    return float(np.mean(np.log(examples_at(*a, targets)) - np.log(examples_at(*b, targets))))


def log_ratios(lowest: pd.DataFrame, optimizers: list[str]) -> pd.DataFrame:
    """`log_ratio` of every pair of optimizers, in the order given, in every block."""
    lines = []
    for (dataset, block), group in lowest.groupby(["dataset", "block"]):
        sides = {
            name: descent(side.examples.to_numpy(float), side.loss.to_numpy(float))
            for name, side in group.groupby("optimizer")
        }
        lines += [
            (dataset, block, a, b, log_ratio(sides[a], sides[b]))
            for a, b in itertools.combinations(optimizers, 2)
        ]
    return pd.DataFrame(lines, columns=["dataset", "block", "a", "b", "log_ratio"])
