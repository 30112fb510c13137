"""An optimizer's compiled loop moves every parameter as NumPy does, to the last bit."""

import numpy as np
import pytest

import dlopt
from dlopt.engine import refusal
from dlopt.hyperparameters import declared
from tests.support import users
from tests.support.loops import by_loop, by_numpy, gradients, same, start

OWN = [kind for kind in dlopt.OPTIMIZERS.values() if not refusal(kind())]
KINDS = [*OWN, *users.KINDS]
FACTORS = (1.0, 0.5, 3.0)


def one(kind, schedule=False):
    more = {"schedule": dlopt.Exponential(gamma=0.7)} if schedule else {}
    return kind(lr=0.03, **more)


def stacked(kind):
    """Three trials, of which each has a value of its own of every hyperparameter, and a schedule."""
    columns = {}
    for name, field in declared(kind).items():
        usual = getattr(kind(), name)
        columns[name] = [1 - (1 - usual) / f if field.complement else usual * f for f in FACTORS]
        if field.complement:
            columns[name][1] = max(0.0, columns[name][1])
        elif field.whole:
            columns[name] = [usual, usual + 1, usual + 4]
        elif field.high == 1:
            columns[name] = [usual, usual / 2, (1 + usual) / 2]
    return kind(**columns, schedule=[dlopt.Exponential(gamma=gamma) for gamma in (0.5, 0.9, 1.0)])


@pytest.mark.parametrize("lanes", [8, 16])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_loop_has_the_bytes_of_numpy_whatever_the_gradients(kind, lanes):
    for size in (1, 7, 61):  # none a multiple of a register: some are within it, some beyond
        for seed, beyond in ((1, False), (2, True)):
            params, grads = start(1, size, seed), gradients(1, size, seed, beyond)
            for optimizer in (one(kind), one(kind, schedule=True)):
                assert same(by_loop(optimizer, params, grads, lanes), by_numpy(optimizer, params, grads))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_trial_has_its_own_numbers_in_every_step(kind):
    optimizer = stacked(kind)
    params, grads = np.repeat(start(1, 37, 5), 3, axis=0), np.repeat(gradients(1, 37, 5), 3, axis=1)
    found, expected = by_loop(optimizer, params, grads), by_numpy(optimizer, params, grads)
    assert same(found, expected)
    assert len({row.tobytes() for row in expected[0]}) == 3


def test_the_gradients_hold_what_could_go_wrong():
    grads = gradients(1, 61, 2)
    assert np.isnan(grads).any()
    assert np.isinf(grads).any()
    assert (np.signbit(grads) & (grads == 0)).any()
    assert ((grads != 0) & (np.abs(grads) < 1.17e-38)).any()
    assert (np.abs(grads[np.isfinite(grads)]) > 1e38).any()
