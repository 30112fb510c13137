"""What a user would write into an Optuna objective with scikit-learn: one trial's training.

It has SGD, heavy ball, Nesterov's momentum and Adam. `partial_fit` goes on from one record to the next.
"""

from __future__ import annotations

import copy
import itertools
import warnings
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tests.bench.sklearn_side import score, started

NESTEROV = {"sgd": False, "heavyball": False, "nesterov": True}


def knows(optimizer: str, dataset: str) -> bool:
    """Is it asked to train this? Two datasets are enough to see; two classes would be another network."""
    return optimizer in {*NESTEROV, "adam"} and dataset in ("digits", "wine")


def estimator(task: Any, name: str, hyper: dict[str, float], size: int) -> Any:
    """An MLPClassifier or MLPRegressor with our initial weights."""
    how: dict[str, Any] = {
        "hidden_layer_sizes": tuple(len(W) for W in task.start[:-1]),
        "alpha": 0.0,
        "batch_size": size,
        "learning_rate_init": hyper["lr"],
        "shuffle": False,  # the batches come in order
    }
    if name == "adam":
        how |= {"beta_1": hyper["beta1"], "beta_2": hyper["beta2"], "epsilon": hyper["eps"]}
    else:
        momentum = hyper.get("beta", 0.0)
        how |= {"solver": "sgd", "momentum": momentum, "nesterovs_momentum": NESTEROV[name]}
    return started(task.classes, task.start, how)


def train(task: Any, name: str, hyper: dict[str, float], size: int) -> tuple[float, float]:
    """Best validation loss (inf where it diverged), and the test error of the parameters that had it."""
    with warnings.catch_warnings(), threadpool_limits(1), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # that it has not converged, that a batch is short
        try:
            return _train(task, estimator(task, name, hyper, size), hyper, size)
        except ValueError:  # "Solver produced non-finite parameter weights"
            return np.inf, 1.0


def _train(task: Any, model: Any, hyper: dict[str, float], size: int) -> tuple[float, float]:
    X, y = task.data["X_train"], task.data["y_train"]
    held = task.data["X_validation"], task.data["y_validation"]
    rng = np.random.default_rng([task.seed, 1])
    per_epoch = -(-len(X) // size)
    ends = sorted({*task.records[size], *range(0, per_epoch * task.epochs + 1, per_epoch)})
    how = {"classes": np.arange(task.classes)} if task.classes else {}
    best, kept = start_loss(task), None
    for a, b in itertools.pairwise(ends):
        if a % per_epoch == 0:
            order = rng.permutation(len(X))
            if a and "gamma" in hyper:
                slow_down(model, hyper["gamma"])
        rows = order[a % per_epoch * size : (a % per_epoch + b - a) * size]
        model.partial_fit(X[rows], y[rows], **how)
        if b in task.records[size]:
            loss = score(model, *held)[0]
            if loss < best or kept is None:
                best, kept = min(loss, best), copy.deepcopy((model.coefs_, model.intercepts_))
    model.coefs_, model.intercepts_ = kept
    return best, score(model, task.data["X_test"], task.data["y_test"])[1]


def start_loss(task: Any) -> float:
    """Validation loss before the first step, which scikit-learn cannot say."""
    a, y = task.data["X_validation"], task.data["y_validation"]
    for i, W in enumerate(task.start):
        a = (np.maximum(a, 0) if i else a) @ W[:, :-1].T + W[:, -1]
    if not task.classes:
        return float(np.mean((a[:, 0] - y) ** 2) / 2)
    a = a - a.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(a).sum(axis=1)) - a[np.arange(len(y)), y]))


def slow_down(model: Any, gamma: float) -> None:
    """The decay of the rate after an epoch; its velocity holds the rate, others' do not."""
    solver = model._optimizer
    if hasattr(solver, "velocities"):
        solver.learning_rate *= gamma
        for velocity in solver.velocities:
            velocity *= gamma
    else:
        solver.learning_rate_init *= gamma
