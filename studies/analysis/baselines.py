"""The honest baselines on the same splits: majority class or mean, a linear model, gradient boosting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import threadpoolctl
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

import datasets
from studies.analysis.verdicts import FLOOR
from studies.question.plan import Facts, Plan
from studies.question.study import Study
from studies.training.rows import confirming_blocks


def _score(model: Any, block: datasets.Block, metric: str) -> float:
    """What the study reads, of a baseline on one block."""
    model.fit(block.X_train, block.y_train)
    predicted, y = model.predict(block.X_test), block.y_test
    if not block.n_classes:
        mean_square = float(np.mean((predicted - y) ** 2))
        return mean_square / 2 if metric == "loss" else float(np.sqrt(mean_square))
    if metric == "loss":
        shares = model.predict_proba(block.X_test)[np.arange(len(y)), y]
        return float(-np.mean(np.log(np.maximum(shares, FLOOR))))
    wrong = predicted != y
    if metric == "balanced-error":
        return float(np.mean([wrong[y == c].mean() for c in np.unique(y)]))
    return float(wrong.mean())


MOST_SECONDS = 10.0  # of one fit, as `seconds` has them; what would take longer is left out
TREES = 100  # a class, or in all for two classes and in regression
LEAVES, IN_A_LEAF = 31, 20  # of a tree at most; rows at least
ITERATIONS = 100  # of a linear model's solver; easy tables take ten, hard ones a thousand


def seconds(model: str, dataset: Facts) -> float:
    """About how long one fit of a baseline takes on a usual core: by sizes alone, the same everywhere.

    Measured from 100 × 10 to 30,000 × 100, with 2 to 100 classes: within a factor of three.
    """
    rows, features, classes = dataset.n_train, dataset.n_features, max(dataset.n_classes, 1)
    if model == "gradient boosting":
        trees = TREES * (classes if classes > 2 else 1)
        leaves = min(LEAVES, rows / IN_A_LEAF)
        return trees * (leaves * (7e-5 + 1e-6 * features) + 1.1e-8 * rows * features)
    if model == "linear model":
        solved = 2e-9 * rows * features * classes * ITERATIONS if dataset.n_classes else 0.0
        return solved + 1e-9 * rows * features * min(features, rows) * (not dataset.n_classes)
    return 0.0


def models(dataset: Facts) -> dict[str, Any]:
    """What makes each baseline of a dataset that is not left out, by what it is called."""
    return {name: make for name, make in _models(dataset).items() if seconds(name, dataset) <= MOST_SECONDS}


def left_out(dataset: Facts) -> str:
    """Which baselines would take too long, in a sentence; "" for none."""
    long = {name: spent for name in _models(dataset) if (spent := seconds(name, dataset)) > MOST_SECONDS}
    if not long:
        return ""
    classes = f", {dataset.n_classes:,} classes" if dataset.n_classes else ""
    what = " and ".join(f"{name} (about {spent:,.0f} s a fit)" for name, spent in long.items())
    return (
        f"Left out: {what}; a fit may take {MOST_SECONDS:g} s, and there are {dataset.n_train:,} rows, "
        f"{dataset.n_features:,} features{classes}."
    )


def _models(dataset: Facts) -> dict[str, Any]:
    """What makes each baseline of a dataset, by what it is called."""
    made: dict[str, Any] = {"mean": DummyRegressor, "linear model": Ridge}
    boosting: Any = HistGradientBoostingRegressor
    if dataset.n_classes:
        linear, boosting = partial(LogisticRegression, max_iter=2_000), HistGradientBoostingClassifier
        made = {"majority class": DummyClassifier, "linear model": linear}
    # what a practitioner would use instead; seeded, for of more than 10,000 rows it sets some aside by chance
    made["gradient boosting"] = partial(boosting, random_state=0)
    return made


def scores(study: Study, dataset: Facts, block: int) -> list[float]:
    """The test error of each baseline on one block of a dataset.

    By one thread of every library: several of OpenMP, beside other processes, wait for each other most of
    the time.
    """
    split = dataset.data.block(block, seed=study.seed)
    with threadpoolctl.threadpool_limits(1):  # boosting has loaded OpenMP after the worker began
        return [_score(make(), split, study.metric) for make in models(dataset).values()]


def trainings(plan: Plan, names: Sequence[str]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """The calls of `scores` that `baselines` asks for, of these datasets.

    In the fresh blocks in which the picks are confirmed, so that both stand on the same splits.
    """
    return {
        ("baselines", name, block): (scores, plan.study, plan.facts[name], block)
        for name in names
        for block in confirming_blocks(plan.study)
    }


def baselines(plan: Plan, names: Sequence[str], found: Mapping[Any, list[float]]) -> pd.DataFrame:
    """The test error of each baseline in each of these blocks.

    found: the answers to `trainings`.
    """
    lines = [
        (name, label, block, error)
        for name in names
        for block in confirming_blocks(plan.study)
        for label, error in zip(models(plan.facts[name]), found["baselines", name, block], strict=True)
    ]
    return pd.DataFrame(lines, columns=["dataset", "model", "block", "test_error"])
