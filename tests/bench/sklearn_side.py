"""scikit-learn: MLPClassifier (MLPRegressor for regression) with our weights and our batches."""

from __future__ import annotations

import copy
import itertools
import warnings
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from threadpoolctl import threadpool_limits

from tests.bench.work import Outcome, Work, trials


class Estimator:
    """One trial of Adam: `partial_fit` on what lies between two records, at most an epoch."""

    library, mixed = "scikit-learn", False

    def __init__(self, work: Work) -> None:
        self.work, self.rows, self.name = work, 1, "scikit-learn"
        at = {field: float(values[0]) for field, values in trials("adam", 1).items()}
        how: dict[str, Any] = {
            "hidden_layer_sizes": work.shape.sizes[1:-1],
            "alpha": 0.0,
            "batch_size": work.batch,
            "learning_rate_init": at["lr"],
            "beta_1": at["beta1"],
            "beta_2": at["beta2"],
            "epsilon": at["eps"],
            "shuffle": False,  # the batches are in order already
        }
        self.make = lambda: started(work.shape.classes, work.start, how)
        per_epoch = work.steps // work.epochs
        ends = sorted({*work.records.tolist(), *range(0, work.steps + 1, per_epoch)})
        self.parts = [(a // per_epoch, a % per_epoch, b - a) for a, b in itertools.pairwise(ends)]
        self.ends = ends[1:]

    def run(self) -> Outcome:
        """Train."""
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")  # that it has not converged, that a batch is short
            return self._run()

    def _run(self) -> Outcome:
        work, model = self.work, self.make()
        X, y, classes = work.data["X_train"], work.data["y_train"], np.arange(work.shape.classes)
        wanted, best, kept = set(work.records.tolist()), np.inf, None
        validation, error = [], []

        def record() -> None:
            nonlocal best, kept
            loss, wrong = self.read(model, "validation")
            validation.append(loss)
            error.append(wrong)
            if loss < best:
                best, kept = loss, copy.deepcopy((model.coefs_, model.intercepts_))

        for end, (epoch, first, count) in zip(self.ends, self.parts, strict=True):
            rows = work.orders[epoch][first * work.batch : (first + count) * work.batch]
            how = {"classes": classes} if work.shape.classes else {}
            if not validation:  # the estimator has weights after its first call only
                validation.append(np.nan)
                error.append(np.nan)
            model.partial_fit(X[rows], y[rows], **how)
            if end in wanted:
                record()
        model.coefs_, model.intercepts_ = kept
        return Outcome(
            np.array(validation)[:, None],
            np.array(error)[:, None],
            None,
            np.array([self.read(model, "test")[0]]),
        )

    def read(self, model: Any, part: str) -> tuple[float, float]:
        """Loss and error."""
        return score(model, self.work.data[f"X_{part}"], self.work.data[f"y_{part}"])


def score(model: Any, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Loss and error from what an estimator predicts."""
    if not hasattr(model, "predict_proba"):
        squares = float(np.mean((model.predict(X) - y) ** 2))
        return squares / 2, squares**0.5
    p = model.predict_proba(X)
    return float(-np.log(p[np.arange(len(y)), y]).mean()), float(np.mean(p.argmax(1) != y))


def started(classes: int, start: list[np.ndarray], how: dict[str, Any]) -> Any:
    """An estimator whose initial weights are given, as [W | b] of each layer."""
    kind, given = MLPClassifier if classes else MLPRegressor, iter(start)

    class Started(kind):  # type: ignore[misc, valid-type]
        def _init_coef(self, fan_in: int, fan_out: int, dtype: Any) -> tuple[Any, Any]:
            W = next(given)
            return np.ascontiguousarray(W[:, :-1].T), W[:, -1].copy()

    return Started(**how)


def contenders(work: Work) -> list[Estimator]:
    """None for two classes: its network has one output there, and so walks another path than ours."""
    return [] if work.shape.classes == 2 else [Estimator(work)]
