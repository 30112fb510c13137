"""What a block fits on its training rows: columns at rest become features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from datasets.columns.outliers import FAR
from datasets.columns.resting import Column
from datasets.columns.understanding import Source
from datasets.sentences import listed


class OneHot(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """scikit-learn's OneHotEncoder with the same number of features whatever it is fitted on.

    The most frequent categories of the training rows have a feature each, all others share the last one;
    where training rows have fewer categories than width, the features left over are 0. Features stay 0 and 1:
    standardised, the error of an untuned Adam was higher on 8 of 9 real tables and lower on none.
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


class Bounded(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Cut features at -limit and limit; one that is the same in all training rows is 0.

    What training rows do not vary in, no weight was trained for: a held-out row must not meet it.
    """

    def __init__(self, limit: float = FAR) -> None:
        self.limit = limit

    def fit(self, X: NDArray[Any], y: object = None) -> Bounded:
        """Find the features that vary. X: (n, F)."""
        X = np.asarray(X, np.float64)
        spread = np.ptp(X, axis=0)
        self.varies_ = spread > 1e-9  # of standardised features and of 0 and 1; rounding alone is below
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """X, (n, F), within the limits."""
        return np.where(self.varies_, np.clip(np.asarray(X, np.float64), -self.limit, self.limit), 0.0)


def encoder(columns: Sequence[Column]) -> Pipeline:
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
    made = ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0)
    return make_pipeline(made, Bounded())


class Encoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A raw frame, as pandas.read_csv gives it, as the features of a table's blocks; see `Table.transformer`.

    sources: how each column is read. columns: what the table knows of each at rest, without its values.
    Fit it on training rows; columns of the frame that it does not know are not looked at.
    """

    def __init__(self, sources: tuple[Source, ...], columns: tuple[Column, ...]) -> None:
        self.sources = sources
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: object = None) -> Encoder:
        """Find medians, scales and categories. X: (n, columns), training rows as a file has them."""
        self.encoder_ = encoder(self.columns).fit(self._at_rest(X))
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Features of rows, (n, F). Raises ValueError for a frame that lacks a column."""
        return np.asarray(self.encoder_.transform(self._at_rest(X)), np.float64)

    def _at_rest(self, X: pd.DataFrame) -> NDArray[np.float64]:
        X = X.rename(columns=lambda name: str(name).strip())  # as a table names them
        lacking = [one.column for one in self.sources if one.column not in X.columns]
        if lacking:
            raise ValueError(
                f"The frame lacks {listed([*map(repr, lacking)])}.\n"
                "Give the columns that the table was read from."
            )
        found = [part for one in self.sources for part in one.at_rest(X[one.column])]
        same = zip(found, self.columns, strict=True)
        return np.column_stack([values.astype(column.values.dtype) for values, column in same]).astype(
            np.float64
        )
