"""The datasets of scikit-learn: one short declaration each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sklearn.datasets

Arrays = tuple[Any, Any]

CLASSIFICATION: dict[str, Callable[[], Arrays]] = {
    "digits": lambda: sklearn.datasets.load_digits(return_X_y=True),
    "breast_cancer": lambda: sklearn.datasets.load_breast_cancer(return_X_y=True),
    "wine": lambda: sklearn.datasets.load_wine(return_X_y=True),
}

REGRESSION: dict[str, Callable[[], Arrays]] = {
    "diabetes": lambda: sklearn.datasets.load_diabetes(return_X_y=True, scaled=False),
}
