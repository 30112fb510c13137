"""The honest baselines on the same splits: majority class or mean, and a linear model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge

import datasets
from studies.protocol import Study
from studies.statistics import order_interval


def _error(model: object, block: datasets.Block) -> float:
    model.fit(block.X_train, block.y_train)  # type: ignore[attr-defined]  # scikit-learn ships no types
    predicted = model.predict(block.X_test)  # type: ignore[attr-defined]
    if block.n_classes:
        return float(np.mean(predicted != block.y_test))
    return float(np.sqrt(np.mean((predicted - block.y_test) ** 2)))


def baselines(study: Study) -> pd.DataFrame:
    """Median test error over the search blocks of each baseline, with its order-statistic interval."""
    lines = []
    for name in study.datasets:
        dataset = datasets.load(name)
        blocks = [dataset.block(i, seed=study.seed) for i in range(study.blocks)]
        models = (
            {"majority class": DummyClassifier, "linear model": lambda: LogisticRegression(max_iter=2_000)}
            if dataset.n_classes
            else {"mean": DummyRegressor, "linear model": Ridge}
        )
        for label, make in models.items():
            errors = [_error(make(), block) for block in blocks]
            lines.append((name, label, *order_interval(errors), len(errors)))
    columns = ["dataset", "model", "estimate", "low", "high", "level", "blocks"]
    return pd.DataFrame(lines, columns=columns)
