"""What a block fits on its training rows: columns at rest become features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from datasets.columns import Column


class OneHot(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's OneHotEncoder with the same number of features whatever it is fitted on.

    The most frequent categories of the training rows have a feature each, all others share the last one;
    where training rows have fewer categories than width, the features left over are 0.
    """

    def __init__(self, width: int) -> None:
        self.width = width

    def fit(self, X: NDArray[Any], y: object = None) -> OneHot:
        """Find the categories of training rows. X: (n, 1)."""
        self.encoder_ = OneHotEncoder(
            max_categories=self.width, handle_unknown="infrequent_if_exist", sparse_output=False
        ).fit(X)
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Encode X, (n, 1), as (n, width)."""
        found = self.encoder_.transform(X)
        return np.pad(found, ((0, 0), (0, self.width - found.shape[1])))


def encoder(columns: Sequence[Column]) -> ColumnTransformer:
    """What a block fits on its training rows: (n, columns) at rest becomes (n, `n_features`)."""
    of = {
        kind: [i for i, c in enumerate(columns) if c.kind == kind]
        for kind in ("number", "boolean", "category")
    }
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    usual = SimpleImputer(strategy="most_frequent", keep_empty_features=True)
    steps: list[Any] = [
        ("numbers", make_pipeline(impute, StandardScaler()), of["number"]),
        ("booleans", usual, of["boolean"]),
        ("missing", MissingIndicator(features="all"), [i for i, c in enumerate(columns) if c.holes]),
        *((f"category {i}", OneHot(columns[i].width), [i]) for i in of["category"]),
    ]
    return ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0)
