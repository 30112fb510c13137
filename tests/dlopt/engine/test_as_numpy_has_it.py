"""Small print of NumPy that a loop must have too: signs of zeros, float64 unasked, what a step keeps."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlopt import MLP, Optimizer, Split, debias, decay, positive, rate, train
from dlopt.engine import loops
from dlopt.engine.formula import Unreadable, read
from tests.support.drawn import updates, written
from tests.support.loops import SINGLE, by_loop, by_numpy, gradients, same, start
from tests.support.users import made

FIXED_MASK = np.ones((1, 37), np.float32)
FIXED_MASK[:, ::2] = 0


def refused_or_same(kind):
    params, grads = start(1, 37, 3), gradients(1, 37, 3)
    grads[:, :, :4], grads[:, :, 4:8], params[:, :8:2] = 0.0, -0.0, -0.0
    try:
        found = by_loop(kind(), params, grads)
    except Unreadable:
        return True
    return same(found, by_numpy(kind(), params, grads))


TIES = {
    "maximum": lambda self, grad, state, lr: lr / np.maximum(grad, 0.0),
    "minimum": lambda self, grad, state, lr: lr / np.minimum(0.0, grad),
    "clip by an array": lambda self, grad, state, lr: lr / np.clip(state.params, grad, 0.5),
    "of arrays": lambda self, grad, state, lr: lr / np.maximum(grad, state.params),
}


@pytest.mark.parametrize("name", TIES)
def test_of_zeros_of_either_sign_the_second_is_the_larger_and_the_smaller_as_in_numpy(name):
    assert refused_or_same(made(TIES[name]))


def test_a_constant_of_minus_zero_has_a_loop_of_its_own():
    plus, minus = (
        read(made(lambda self, grad, state, lr, zero=zero: grad + zero)().bind(SINGLE), np.float32(0.1))[0]
        for zero in (0.0, -0.0)
    )
    assert loops.address(plus) != loops.address(minus)


def test_one_minus_a_power_of_a_decay_keeps_its_digits():
    assert refused_or_same(made(lambda self, grad, state, lr: lr * grad / (1 - self.beta**state.t)))


OTHER_STEPS = {
    "t + 1, as in Nadam": lambda self, grad, state, lr: lr * debias(grad, self.beta, state.t + 1),
    "always 5": lambda self, grad, state, lr: lr * debias(grad, self.beta, 5),
}


@pytest.mark.parametrize("name", OTHER_STEPS)
def test_a_correction_is_that_of_the_step_that_is_asked_for(name):
    assert refused_or_same(made(OTHER_STEPS[name]))


BY_STEP = {
    "==": lambda self, grad, state, lr: lr * grad * (2.0 if state.t == 5 else 1.0),
    "!=": lambda self, grad, state, lr: lr * grad * (2.0 if state.t != 5 else 1.0),
    "in": lambda self, grad, state, lr: lr * grad * (2.0 if state.t in (5, 6) else 1.0),
    "a table": lambda self, grad, state, lr: lr * grad * {5: 2.0}.get(state.t, 1.0),
}


@pytest.mark.parametrize("name", BY_STEP)
def test_a_comparison_with_the_step_count_is_no_false(name):
    assert refused_or_same(made(BY_STEP[name]))


DOUBLES = {
    "truth over t": lambda self, grad, state, lr: lr * grad * ((grad > 0) / state.t),
    "t times truth": lambda self, grad, state, lr: lr * (state.t * (grad > 0)) * grad,
    "where of 1/t": lambda self, grad, state, lr: grad * np.where(grad > 0, 1 / state.t, 0.1),
}


@pytest.mark.parametrize("name", DOUBLES)
def test_truth_values_beside_a_plain_number_of_the_step_are_float64_in_numpy(name):
    assert refused_or_same(made(DOUBLES[name]))


def split(features=36, n=64):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, features)), rng.normal(size=n)
    return Split(X, y, X[:8], y[:8], X[:8], y[:8])


def test_a_fixed_array_of_the_parameters_shape_trains_as_in_numpy():
    kind = made(lambda self, grad, state, lr: lr * grad * FIXED_MASK)
    how = {"batch_size": 16, "epochs": 2, "progress": False}
    expected = train(MLP(), split(), kind(), engine="numpy", **how)
    found = train(MLP(), split(), kind(), **how)
    np.testing.assert_allclose(found.best_params, expected.best_params, rtol=1e-5, atol=1e-6)


NOW = [0]


class Late(Optimizer):
    """Something outside changes before the last epoch."""

    lr: float = rate(0.01)

    def update(self, grad, state, lr):
        return lr * grad * (1.0 if NOW[0] < 19 else 100.0)


def test_a_check_before_a_record_also_comes_after_as_many_steps_as_are_taken_at_once():
    NOW[0] = 0

    def said(done, epochs):
        NOW[0] = done

    with pytest.warns(UserWarning, match=r"Late.update runs in NumPy"):
        train(MLP(), split(5, 640), Late(), batch_size=32, epochs=20, progress=said)


class Counts(Optimizer):
    """A counter of its own, on itself."""

    lr: float = rate(0.01)
    n = 0

    def update(self, grad, state, lr):
        object.__setattr__(self, "n", self.n + 1)
        return lr * grad * (1.0 if self.n < 200 else 0.01)


class Undeclared(Optimizer):
    """A state that it does not declare."""

    lr: float = rate(0.01)

    def update(self, grad, state, lr):
        before = vars(state).get("before", 0.0)
        state.before = grad.copy()
        return lr * (grad + 0.5 * before)


@pytest.mark.parametrize("kind", [Counts, Undeclared])
def test_what_an_update_keeps_on_itself_or_in_the_state_is_not_forgotten(kind):
    how = {"batch_size": 32, "epochs": 20, "progress": False}
    expected = train(MLP(), split(5, 640), kind(), engine="numpy", **how).curves.training_loss[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = train(MLP(), split(5, 640), kind(), **how).curves.training_loss[1:]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_exp_is_within_the_two_ulp_that_it_says_where_it_is_worst():
    from numba import njit

    from dlopt.engine.functions import exp
    from dlopt.engine.products import FIXED

    @njit(**FIXED)
    def each(x, y):
        for i in range(len(x)):
            y[i] = exp(x[i])

    x = np.array([-28.027515, -59.28184, -71.65665], np.float32)
    y = np.empty_like(x)
    each(x, y)
    true = np.exp(x.astype(float))
    assert (np.abs(y - true) <= 2 * np.spacing(true.astype(np.float32))).all()


FLOAT64 = """
import sys, numpy as np, dlopt
X, y = np.eye(8), np.arange(8.0)
dlopt.train(dlopt.MLP(3), dlopt.Split(X, y, X, y, X, y), dlopt.Adam(), batch_size=4, epochs=1, dtype=float)
assert "numba" not in sys.modules
"""


def test_a_training_in_float64_does_not_wait_for_numba():
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", FLOAT64], cwd=root, env=os.environ, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


NO_JIT = """
import numpy as np, dlopt
X, y = np.eye(8), np.arange(8.0)
dlopt.train(dlopt.MLP(3), dlopt.Split(X, y, X, y, X, y), dlopt.Adam(), batch_size=4, epochs=1)
"""


def test_where_numba_is_told_to_compile_nothing_numpy_trains():
    root = Path(__file__).parents[3]
    more = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", NO_JIT], cwd=root, env=more, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(lines=updates(ties=True), seed=st.integers(0, 5))
def test_a_drawn_update_with_maxima_and_minima_has_a_loop_with_numpys_bytes(lines, seed):
    assert refused_or_same(written(lines))


class Tempered(Optimizer):
    lr: float = rate(0.01)
    tau: float = positive(0.3)
    rho: float = decay(0.9)


LIBM = {
    "exp": lambda self, grad, state, lr: lr * np.exp(-self.tau) * grad,
    "log": lambda self, grad, state, lr: lr * np.log(1 + self.tau) * grad,
    "exp of a decay": lambda self, grad, state, lr: lr * np.exp(self.rho) * grad,
    "a power": lambda self, grad, state, lr: lr * 2.0**self.tau * grad,
    "its square": lambda self, grad, state, lr: lr**2 * grad,
    "a decay as a number": lambda self, grad, state, lr: lr * float(self.rho) * grad,
    "a decision": lambda self, grad, state, lr: lr * grad if self.tau > 0 else grad,
    "a decision by a decay": lambda self, grad, state, lr: lr * grad if self.rho else grad,
}


@pytest.mark.parametrize("name", LIBM)
def test_no_function_of_a_hyperparameter_gets_into_a_loop(name):
    kind = type(
        "Own", (Tempered,), {"update": lambda self, grad, state, lr: LIBM[name](self, grad, state, lr)}
    )
    with pytest.raises(Unreadable):
        read(kind().bind(SINGLE), np.float32(0.1))


KEPT = {}


def test_an_array_of_another_reading_is_refused():
    def step(self, grad, state, lr):
        before = KEPT.get("grad", grad)
        KEPT["grad"] = grad
        return lr * (grad + before)

    kind = made(step)
    read_once = [kind().bind(SINGLE) for _ in range(2)]
    for one in read_once:
        with pytest.raises(Unreadable):
            read(one, np.float32(0.1))


@pytest.mark.parametrize("name", ["k", "lr"])
def test_no_update_changes_the_numbers_of_its_optimizer(name):
    class Grows(Optimizer):
        lr: float = rate(0.01)
        k: float = positive(1.0)

        def update(self, grad, state, lr):
            number = lr if name == "lr" else self.k
            number *= 1.5
            return lr * number * grad

    one = Grows(lr=[0.1, 0.2], k=[1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        one.step(np.ones((2, 3)), np.ones((2, 3)))
    assert one.bind(np.dtype(np.float32)).k.ravel().tolist() == [1.0, 2.0]
