"""A trial's bytes in compiled code are its own: whatever its neighbours, their number, its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dlopt
from dlopt import MLP, SGD, Adam, Exponential, Optimizer, rate, train
from tests.support.blocks import block, row_bytes
from tests.support.users import Gentle, Lion


class Normed(Optimizer):
    """It runs in NumPy, on the compiled gradient."""

    lr: float = rate(0.01)

    def update(self, grad, state, lr):
        return lr * grad / (1 + np.sqrt((grad * grad).sum(axis=1, keepdims=True)))


KINDS = [*(kind for kind in dlopt.OPTIMIZERS.values() if kind.gradients == 1), Normed, Lion, Gentle]
MODELS = [MLP(), MLP(7), MLP(33, 5, activation="tanh"), MLP(8, activation="gelu"), MLP(3, 4, 2)]
RATES = st.sampled_from([1e-3, 0.1, 3.0, 1e5, 1e30])
MOST = 12
HOW = {"epochs": 2, "progress": False, "engine": "compiled"}


@st.composite
def trials(draw):
    kind = draw(st.sampled_from(KINDS))
    schedule = {"schedule": Exponential(gamma=0.8)} if draw(st.booleans()) else {}
    return kind(lr=draw(RATES), **schedule)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    optimizers=st.lists(trials(), min_size=1, max_size=9),
    model=st.sampled_from(MODELS),
    n_classes=st.sampled_from([0, 3]),
    features=st.sampled_from([3, 32, 33, 50, 200]),  # of many, fewer steps are taken at once
    n=st.sampled_from([40, 41, 63]),
    batch_size=st.sampled_from([1, 8, 32, 40]),
    blocks=st.integers(1, 3),
)
def test_a_trial_has_the_same_bytes_alone_and_in_any_company(
    optimizers, model, n_classes, features, n, batch_size, blocks
):
    made = [block(n, n_classes, features, seed=s) for s in range(blocks)]
    together = train(model, made, optimizers, batch_size=batch_size, **HOW)
    for one, run in zip(made, together, strict=True):
        for row, optimizer in enumerate(optimizers):
            alone = train(model, one, optimizer, batch_size=batch_size, **HOW)
            assert row_bytes(run, row) == row_bytes(alone, 0)


@pytest.mark.parametrize("kind", [SGD, Adam, Normed, Lion])
def test_a_trial_has_the_same_bytes_among_any_number_and_at_any_place(kind):
    one, rates = block(70), np.geomspace(1e-3, 1e6, 32)
    expected = {lr: row_bytes(train(MLP(9), one, kind(lr=lr), batch_size=16, **HOW), 0) for lr in rates[::5]}
    for shuffled in (rates[:2], rates[:7], rates, rates[::-1], np.roll(rates, 11)):
        run = train(MLP(9), one, kind(lr=shuffled), batch_size=16, **HOW)
        for row, lr in enumerate(shuffled):
            if lr in expected:
                assert row_bytes(run, row) == expected[lr]


def test_each_block_may_have_rates_of_its_own():
    made = [block(seed=s) for s in range(3)]
    mine = [[SGD(lr=0.1 * (s + 1)), Adam(lr=[0.01, 0.1 / (s + 1)])] for s in range(3)]
    for one, optimizers, run in zip(made, mine, train(MLP(9), made, mine, batch_size=16, **HOW), strict=True):
        alone = train(MLP(9), one, optimizers, batch_size=16, **HOW)
        assert [row_bytes(run, row) for row in range(3)] == [row_bytes(alone, row) for row in range(3)]


@pytest.mark.parametrize("optimizer", [Adam(lr=[0.01, 10.0]), Normed(lr=[0.1, 1.0]), Lion(lr=[0.01, 0.1])])
def test_looking_early_changes_no_byte(optimizer):
    how = HOW | {"epochs": 8, "batch_size": 16}
    plain = train(MLP(9), block(), optimizer, **how)
    looked = train(MLP(9), block(), optimizer, early=(0.1, 0.25, 0.5), **how)
    assert [row_bytes(looked, row) for row in range(2)] == [row_bytes(plain, row) for row in range(2)]
    assert len(looked.early) == 3


def test_the_same_again_has_the_same_bytes():
    optimizers = [kind(lr=0.03) for kind in KINDS]
    first, second = (train(MLP(33), block(), optimizers, batch_size=7, **HOW) for _ in range(2))
    for row in range(len(optimizers)):
        assert row_bytes(first, row) == row_bytes(second, row)
    assert len({row_bytes(first, row) for row in range(len(optimizers))}) == len(optimizers)


def test_the_number_of_epochs_ahead_changes_no_step():
    """Records come at other steps, and so do the calls into compiled code."""
    short, long = (
        train(MLP(9), block(96), Adam(lr=0.01), batch_size=8, **HOW | {"epochs": epochs}) for epochs in (3, 7)
    )
    common = sorted(set(short.curves.steps.tolist()) & set(long.curves.steps.tolist()))
    assert len(common) > 5
    at = [np.searchsorted(run.curves.steps, common) for run in (short, long)]
    np.testing.assert_array_equal(
        short.curves.validation_loss[at[0], 0], long.curves.validation_loss[at[1], 0]
    )
