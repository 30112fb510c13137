"""An update that hangs on what is no argument of it is found, and NumPy takes its steps."""

import warnings

import numpy as np
import pytest

from dlopt import MLP, SGD, Optimizer, rate, train
from dlopt.engine import HIDDEN, refusal
from tests.support.blocks import assert_close, block, row_bytes
from tests.support.users import Lion

BLOCK = block(n=96, n_classes=0)
HOW = {"batch_size": 8, "epochs": 4, "progress": False}


class Cools(Optimizer):
    """Smaller steps after some, by a counter of its own."""

    lr: float = rate(0.05)
    after = 3
    n = 0

    def update(self, grad, state, lr):
        object.__setattr__(self, "n", self.n + 1)
        return lr * grad * (1.0 if self.n <= self.after else 0.1)


class Buffers(Optimizer):
    """A momentum that it keeps on itself, and not in its state."""

    lr: float = rate(0.05)

    def update(self, grad, state, lr):
        if not hasattr(self, "buffer"):
            object.__setattr__(self, "buffer", np.zeros_like(grad))
        kept = self.buffer
        kept *= 0.9
        kept += grad
        return lr * kept


class Moves(Optimizer):
    """Weights that decay outside of `update`."""

    lr: float = rate(0.05)

    def update(self, grad, state, lr):
        return lr * grad

    def move(self, params, grad, state, lr):
        super().move(params, grad, state, lr)
        params *= np.float32(0.99)


CLOCK = [0]


class Timed(Optimizer):
    """Steps that hang on the outside, which changes as the last epoch begins."""

    lr: float = rate(0.05)

    def update(self, grad, state, lr):
        return lr * grad * (0.1 if CLOCK[0] == HOW["epochs"] - 1 else 1.0)


def tell(done, epochs):
    CLOCK[0] = done % epochs


class Random(Optimizer):
    lr: float = rate(0.05)

    def update(self, grad, state, lr):
        return lr * grad * (1 + np.random.default_rng().random())


class RandomColumn(Optimizer):
    lr: float = rate(0.05)

    def update(self, grad, state, lr):
        return lr * grad * np.float32(1 + np.random.default_rng().random())


class MovesMore(Moves):
    """Likewise."""


FOUND = [Moves, MovesMore]


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("kind", FOUND)
def test_a_hidden_change_is_found_and_the_result_is_numpys(kind, rows):
    optimizers = [SGD(lr=0.1), kind(lr=[0.05, 0.1, 0.02][:rows]), Lion(lr=0.01)]
    expected = train(MLP(6), BLOCK, optimizers, engine="numpy", **HOW)
    assert not refusal(optimizers[1])  # read alone it looks like any other
    with pytest.warns(UserWarning, match=f"^{kind.__name__}.update runs in NumPy: {HIDDEN}.$") as told:
        found = train(MLP(6), BLOCK, optimizers, **HOW)
    assert [one.filename for one in told] == [__file__]
    assert dict(found.in_numpy) == {kind.__name__: HIDDEN}
    assert found.engine == "compiled"
    assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert row_bytes(found, 0) == row_bytes(train(MLP(6), BLOCK, SGD(lr=0.1), **HOW), 0)


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("kind", [Cools, Buffers])
def test_what_an_update_keeps_on_itself_is_seen_when_it_is_read(kind, rows):
    optimizers = [SGD(lr=0.1), kind(lr=[0.05, 0.1, 0.02][:rows]), Lion(lr=0.01)]
    expected = train(MLP(6), BLOCK, optimizers, engine="numpy", **HOW)
    why = refusal(kind())
    assert "its state's own arrays" in why
    found = train(MLP(6), BLOCK, [SGD(lr=0.1), kind(lr=[0.05, 0.1, 0.02][:rows]), Lion(lr=0.01)], **HOW)
    assert dict(found.in_numpy) == {kind.__name__: why}
    assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_two_that_are_found_are_told_of_one_after_the_other():
    with pytest.warns(UserWarning, match="runs in NumPy") as told:
        found = train(MLP(), BLOCK, [MovesMore(), Lion(), Moves()], **HOW)
    assert len(told) == 2
    assert dict(found.in_numpy) == {"MovesMore": HIDDEN, "Moves": HIDDEN}
    whole = train(MLP(), BLOCK, [MovesMore(), Lion(), Moves()], engine="numpy", **HOW)
    assert_close(found, whole, 1e-4, 1e-5)


def test_what_changes_outside_is_found_before_the_next_record():
    CLOCK[0] = 0
    with pytest.warns(UserWarning, match=r"Timed.update runs in NumPy"):
        found = train(MLP(), BLOCK, Timed(), **HOW | {"progress": tell, "batch_size": 2})
    counts = np.diff(found.curves.steps)
    assert counts[-6:].min() > 1  # a step that is alone between two records is checked anyhow
    assert dict(found.in_numpy) == {"Timed": HIDDEN}


@pytest.mark.parametrize("kind", [Random, RandomColumn])
def test_what_differs_between_two_readings_is_never_compiled(kind):
    assert refusal(kind()) == HIDDEN
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # there was nothing to begin again
        assert dict(train(MLP(), BLOCK, kind(), **HOW).in_numpy) == {kind.__name__: HIDDEN}


def test_an_optimizer_that_keeps_to_its_arguments_is_compiled_and_nothing_is_said():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dict(train(MLP(6), BLOCK, [Lion(lr=[0.01, 0.1])], **HOW).in_numpy) == {}
