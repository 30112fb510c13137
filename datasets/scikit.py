"""The datasets of scikit-learn: its own tables, generated ones, and those that it downloads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = tuple[Any, Any]
Loader = Callable[[], Arrays]
DECIMALS = 4  # of what is generated: no number of it is nearer than 1e-10 to where it would round otherwise


def _of(name: str, *arguments: Any, **options: Any) -> Loader:
    """A call of a function of sklearn.datasets, which takes a second to import: when it is needed."""

    def load(**more: Any) -> Arrays:
        import sklearn.datasets

        found: Arrays = getattr(sklearn.datasets, name)(*arguments, **options, **more)[:2]
        return found

    load.__name__ = name
    return load


def _rounded(load: Loader) -> Loader:
    """What it loads to 4 decimals, since generators take sines, logarithms and products of matrices.

    Their last bits differ between machines; of class numbers nothing is cut.
    """

    def loaded() -> Arrays:
        X, y = load()
        return np.round(X, DECIMALS), np.round(y, DECIMALS)

    return loaded


def _made(name: str, *arguments: Any, **options: Any) -> Loader:
    """A generator of sklearn.datasets, rounded."""
    return _rounded(_of(name, *arguments, **options))


def _words() -> Arrays:
    """2,000 sparse rows shaped like bags of 200 words: counts by Zipf's law, three topics."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 2_000)
    common = 1 / np.arange(1, 201)
    topics = np.array([common * rng.gamma(1.0, 1.0, 200) for _ in range(3)])
    rates = topics / topics.sum(axis=1, keepdims=True) * 30
    return np.log1p(rng.poisson(rates[y])), y


CLASSIFICATION: dict[str, Loader] = {
    "digits": _of("load_digits", return_X_y=True),
    "breast_cancer": _of("load_breast_cancer", return_X_y=True),
    "wine": _of("load_wine", return_X_y=True),
    "iris": _of("load_iris", return_X_y=True),
    "moons": _made("make_moons", 1_000, noise=0.3, random_state=0),
    "circles": _made("make_circles", 1_000, noise=0.15, factor=0.5, random_state=0),
    "easy": _made("make_blobs", 12_000, 20, centers=4, cluster_std=4.0, random_state=0),
    "hard": _made(
        "make_classification",
        12_000,
        20,
        n_informative=10,
        n_redundant=4,
        n_classes=4,
        n_clusters_per_class=2,
        class_sep=0.8,
        flip_y=0.05,
        random_state=0,
    ),
    "words": _rounded(_words),
}

REGRESSION: dict[str, Loader] = {
    "diabetes": _of("load_diabetes", return_X_y=True, scaled=False),
    "friedman1": _made("make_friedman1", 2_000, noise=1.0, random_state=0),
}

# Taken from scikit-learn's cache only: the suite itself never downloads.
CACHED: dict[str, tuple[bool, Callable[..., Arrays]]] = {  # is it a classification?
    "california_housing": (False, _of("fetch_california_housing")),
    "covtype": (True, _of("fetch_covtype")),
}
