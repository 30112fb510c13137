"""Learning rates that change with the epoch, wherever records and the cache cut the steps."""

import warnings

import numpy as np
import pytest

from dlopt import MLP, SGD, Adam, AdamW, Cosine, Exponential, Optimizer, Split, Step, rate, train
from tests.support.blocks import row_bytes


def split(n, features=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, features)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    return Split(X, y, X[:50], y[:50], X[:50], y[:50], n_classes=2, seed=seed)


class Mine(SGD):
    """A foreign one, which is held against its formula."""

    def update(self, grad, state, lr):
        return lr * grad


class Doubled(Optimizer):
    """Its numbers hang on the rate and on a constant."""

    lr: float = rate(0.1)

    def update(self, grad, state, lr):
        return 2.0 * lr * grad + lr * 0.01 * state.params


SCHEDULES = [Exponential(gamma=0.3), Step(every=2.0, gamma=0.1), Cosine(epochs=5.0)]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("kind", [SGD, AdamW, Mine, Doubled])
@pytest.mark.parametrize(("n", "batch_size", "epochs"), [(200, 10, 3), (130, 7, 5), (64, 64, 7), (90, 16, 4)])
def test_the_path_is_numpys(schedule, kind, n, batch_size, epochs):
    optimizers = [kind(lr=[0.05, 0.02], schedule=schedule), SGD(lr=0.1)]
    how = {"batch_size": batch_size, "epochs": epochs, "progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = train(MLP(4), split(n), optimizers, engine="compiled", **how)
    expected = train(MLP(4), split(n), optimizers, engine="numpy", **how)
    assert not found.in_numpy
    for name in ("validation_loss", "training_loss"):
        one, other = getattr(found.curves, name), getattr(expected.curves, name)
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("hold", [1, 2048, 9000, 1 << 19])
def test_the_bytes_do_not_hang_on_how_many_steps_are_taken_at_once(monkeypatch, hold):
    rows = pytest.importorskip("dlopt.engine.rows")
    how = {"batch_size": 10, "epochs": 5, "progress": False, "engine": "compiled"}
    optimizers = [Adam(lr=[0.1, 0.01, 0.02], schedule=SCHEDULES), Mine(lr=0.3, schedule=SCHEDULES[0])]
    expected = train(MLP(4), split(200), optimizers, **how)
    monkeypatch.setattr(rows, "HOLD", hold)
    found = train(MLP(4), split(200), optimizers, **how)
    assert [row_bytes(found, k) for k in range(4)] == [row_bytes(expected, k) for k in range(4)]


def test_the_bytes_do_not_hang_on_how_many_blocks_there_are():
    blocks = [split(400, features=20, seed=seed) for seed in range(8)]
    how = {"batch_size": 60, "epochs": 12, "progress": False, "engine": "compiled"}
    optimizer = Adam(lr=0.05, schedule=Exponential(gamma=0.5))
    together = train(MLP(4), blocks, optimizer, **how)
    alone = [train(MLP(4), one, optimizer, **how) for one in blocks]
    assert [row_bytes(one, 0) for one in together] == [row_bytes(one, 0) for one in alone]


def test_no_pattern_of_widths_is_kept_for_ever(monkeypatch):
    rows = pytest.importorskip("dlopt.engine.rows")
    how = {"batch_size": 7, "epochs": 5, "progress": False, "engine": "compiled"}
    expected = train(MLP(4), split(130), Adam(lr=0.05), **how)
    monkeypatch.setattr(rows, "PATTERNS", 1)
    found = train(MLP(4), split(130), Adam(lr=0.05), **how)
    assert row_bytes(found, 0) == row_bytes(expected, 0)
