"""The honest baselines on the same splits: majority class or mean, and a linear model."""

from __future__ import annotations

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


def baselines(study: Study, name: str) -> pd.DataFrame:
    """Median test error of each baseline on a dataset, with its order-statistic interval.

    Over the fresh blocks in which the picks are confirmed, so that both stand on the same splits.
    """
    dataset, lines = datasets.load(name), []
    blocks = [dataset.block(i, seed=study.seed) for i in confirming_blocks(study)]
    models: dict[str, Any] = (
        {"majority class": DummyClassifier, "linear model": lambda: LogisticRegression(max_iter=2_000)}
        if dataset.n_classes
        else {"mean": DummyRegressor, "linear model": Ridge}
    )
    if isinstance(dataset, datasets.Table):  # what a practitioner would use instead
        models["gradient boosting"] = (
            HistGradientBoostingClassifier if dataset.n_classes else HistGradientBoostingRegressor
        )
    for label, make in models.items():
        errors = [_score(make(), block, study.metric) for block in blocks]
        lines.append((name, label, *order_interval(errors), len(errors)))
    columns = ["dataset", "model", "estimate", "low", "high", "level", "blocks"]
    return pd.DataFrame(lines, columns=columns)
