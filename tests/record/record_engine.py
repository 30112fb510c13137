"""Record the bytes of compiled trainings, as the truth for `tests/dlopt/engine/test_recorded_bytes.py`.

Run it after the compiled arithmetic was meant to change: .venv/bin/python -m tests.record.record_engine
"""

import json
import sys
from pathlib import Path

import numpy as np

import dlopt
from dlopt import MLP, Exponential, Split
from dlopt.engine.processor import LANES
from tests.record.record_inputs import digest
from tests.support import users

RECORD = Path(__file__).with_name("engine.json")
OWN = (
    "sgd",
    "momentum",
    "heavyball",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
)  # a new one moves no byte
KINDS = [*(dlopt.OPTIMIZERS[name] for name in OWN), users.Lion, users.AMSGrad, users.Everything]
CASES = {  # model, features, classes, training rows, batch size
    "softmax": (MLP(), 9, 3, 75, 16),
    "linear": (MLP(), 40, 0, 64, 64),
    "relu": (MLP(64), 12, 10, 130, 64),
    "relu, many features": (MLP(33, 5, weight_decay=0.01), 70, 2, 101, 33),
    "tanh": (MLP(7, 31, activation="tanh"), 5, 3, 70, 32),
    "gelu": (MLP(17, activation="gelu"), 33, 0, 66, 8),
    "sigmoid": (MLP(9, 3, 2, activation="sigmoid", init="glorot"), 1, 2, 40, 1),
}


def block(features, n_classes, n, seed):
    """Data on a grid: the same on every machine."""
    rng = np.random.default_rng([seed, 3])
    X = rng.integers(-2048, 2049, (n + 300, features)) / 1024
    told = X @ (rng.integers(-8, 9, (features, max(n_classes, 1))) / 8)
    y = np.argmax(told, axis=1) if n_classes else told[:, 0]
    ends = slice(n), slice(n, n + 270), slice(n + 270, None)
    return Split(*(part[end] for end in ends for part in (X, y)), n_classes=n_classes, seed=seed)


def trained(model, features, n_classes, n, batch_size):
    """The digest of all that comes out of a short training, on two blocks."""
    optimizers = [kind(lr=[0.003, 0.1, 30.0], schedule=Exponential(gamma=0.75)) for kind in KINDS]
    blocks = [block(features, n_classes, n, seed) for seed in (0, 1)]
    how = {"batch_size": batch_size, "epochs": 4, "progress": False, "engine": "compiled"}
    arrays = []
    for run in dlopt.train(model, blocks, optimizers, **how):
        assert not run.in_numpy
        curves = run.curves
        arrays += [run.best_params, run.test_losses, run.test_errors, run.best_step, run.diverged_step]
        arrays += [curves.validation_loss, curves.validation_error, curves.training_loss]
    # which bits no number has is not fixed
    return digest(
        *(
            np.where(np.isnan(one), one.dtype.type(np.nan), one) if one.dtype.kind == "f" else one
            for one in arrays
        )
    )


def trainings():
    """All of them, by name."""
    return {name: trained(*case) for name, case in CASES.items()}


if __name__ == "__main__":
    if "--show" in sys.argv:
        print(json.dumps({"lanes": LANES, "bytes": trainings()}))
    else:
        RECORD.write_text(json.dumps(trainings(), indent=1) + "\n")
