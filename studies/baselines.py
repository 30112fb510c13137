"""The honest baselines on the same splits: majority class or mean, and a linear model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

import datasets
from studies.protocol import Study, confirming_blocks
from studies.readings import FLOOR
from studies.statistics import order_interval


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


def models(dataset: datasets.Data) -> dict[str, Any]:
    """What makes each baseline of a dataset, by what it is called."""
    made: dict[str, Any] = {"mean": DummyRegressor, "linear model": Ridge}
    boosting: Any = HistGradientBoostingRegressor
    if dataset.n_classes:
        linear, boosting = partial(LogisticRegression, max_iter=2_000), HistGradientBoostingClassifier
        made = {"majority class": DummyClassifier, "linear model": linear}
    if isinstance(dataset, datasets.Table):  # what a practitioner would use instead
        made["gradient boosting"] = boosting
    return made


def scores(study: Study, name: str, block: int) -> list[float]:
    """The test error of each baseline on one block of a dataset."""
    dataset = datasets.load(name)
    split = dataset.block(block, seed=study.seed)
    return [_score(make(), split, study.metric) for make in models(dataset).values()]


def trainings(study: Study, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The calls of `scores` that `baselines` asks for, of these datasets.

    In the fresh blocks in which the picks are confirmed, so that both stand on the same splits.
    """
    return [(scores, study, name, block) for name in names for block in confirming_blocks(study)]


def baselines(study: Study, names: Sequence[str], found: Sequence[list[float]]) -> pd.DataFrame:
    """Median test error of each baseline on each dataset, with its order-statistic interval.

    found: the answers to `trainings`.
    """
    blocks, lines = confirming_blocks(study), []
    for i, name in enumerate(names):
        mine = found[i * len(blocks) : (i + 1) * len(blocks)]
        for label, errors in zip(models(datasets.load(name)), zip(*mine, strict=True), strict=True):
            lines.append((name, label, *order_interval(list(errors)), len(errors)))
    columns = ["dataset", "model", "estimate", "low", "high", "level", "blocks"]
    return pd.DataFrame(lines, columns=columns)
