"""Closed forms that the optimizers must meet, and what their hyperparameters may be."""

import math

import numpy as np
import pytest

import dlopt
from dlopt import SGD, Adam, Constant, Exponential, Momentum, Optimizer, RMSprop, debias, decay, ewa, rate


class Uncorrected(Optimizer):
    """Adam without its two corrections and without ε."""

    lr: float = rate(1e-3)
    beta1: float = decay(0.9)
    beta2: float = decay(0.999)
    state = ("mean", "square")

    def update(self, grad, state, lr):
        mean, square = ewa(state.mean, grad, self.beta1), ewa(state.square, grad**2, self.beta2)
        return lr * mean / np.sqrt(square)


class Corrected(Optimizer):
    """The step is the gradient over the correction of an average, nothing else."""

    lr: float = rate(1.0)
    beta: float = decay(0.9)

    def update(self, grad, state, lr):
        return lr * debias(grad, self.beta, state.t)


def steps_taken(optimizer, gradients, params):
    """What each step subtracted from the parameters, one row per step."""
    state, taken = None, []
    for grad in gradients:
        moved, state = optimizer.step(params, grad, state)
        taken.append(params - moved)
        params = moved
    return np.array(taken)


# Exponentially weighted averages


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99, 0.9999])
def test_average_of_a_constant_is_its_share_and_debias_completes_it(beta):
    constant, mean = np.array([3.0, -0.25]), np.zeros(2)
    for t in range(1, 201):
        ewa(mean, constant, beta)
        share = -math.expm1(t * math.log(beta)) if beta else 1.0  # 1 - βᵗ without cancellation
        np.testing.assert_allclose(mean, share * constant, rtol=1e-12)
        np.testing.assert_allclose(debias(mean, beta, t), constant, rtol=1e-12)


def test_debias_is_exact_where_floating_point_is():
    constant, mean = np.array([3.0, -0.25]), np.zeros(2)
    for t in range(1, 51):
        ewa(mean, constant, 0.5)
        np.testing.assert_array_equal(debias(mean, 0.5, t), constant)


def test_float32_average_takes_one_minus_beta_from_float64():
    optimizer = Momentum(lr=1.0, beta=[0.9999, 0.999])
    moved, _ = optimizer.step(np.zeros((2, 1), np.float32), np.ones((2, 1), np.float32))
    exact = np.array([[1 - 0.9999], [1 - 0.999]]).astype(np.float32)
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(-moved, exact)
    assert exact[0, 0] != 1 - np.float32(0.9999)  # else this test could not fail


@pytest.mark.parametrize("t", [1, 2, 100])
def test_float32_correction_takes_its_power_from_float64(t):
    optimizer = Corrected(beta=[0.9999, 0.999])
    gradients = np.ones((t, 2, 1), np.float32)
    state, params = None, np.zeros((2, 1), np.float32)
    for grad in gradients:
        moved, state = optimizer.step(params, grad, state)
    exact = np.array([[1 - 0.9999**t], [1 - 0.999**t]]).astype(np.float32)
    np.testing.assert_array_equal(-moved, 1 / exact)


# First steps


@pytest.mark.parametrize("lr", [1e-3, 0.25])
def test_first_adam_step_is_lr_times_sign(lr):
    grad = np.array([1.0, -3.0, 1e3, -1e6])
    (step,) = steps_taken(Adam(lr=lr), [grad], np.zeros(4))
    np.testing.assert_allclose(step, lr * np.sign(grad), rtol=2e-8)


def test_uncorrected_adam_starts_at_3_lr_and_peaks_at_6_lr_in_step_12():
    steps = steps_taken(Uncorrected(lr=1.0), np.full((40, 1), 7.0), np.zeros(1))[:, 0]
    assert steps[0] == pytest.approx(3.1623, abs=5e-5)
    assert steps.argmax() + 1 == 12
    assert steps.max() == pytest.approx(6.5685, abs=5e-5)


@pytest.mark.parametrize(("rho", "times"), [(0.9, 3.162), (0.99, 10.0)])
def test_first_rmsprop_step_is_lr_over_the_root_of_one_minus_rho(rho, times):
    (step,) = steps_taken(RMSprop(lr=0.01, rho=rho), [np.array([5.0, -40.0])], np.zeros(2))
    np.testing.assert_allclose(step, [times * 0.01, -times * 0.01], rtol=1e-4)


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99])
def test_second_rmsprop_step_under_a_constant_gradient_is_smaller_by_the_root_of_one_plus_rho(rho):
    first, second = steps_taken(RMSprop(rho=rho), np.full((2, 1), 5.0), np.zeros(1))[:, 0]
    assert first / second == pytest.approx(math.sqrt(1 + rho), rel=1e-6)


# Inclusions


def test_momentum_without_memory_is_sgd_bit_for_bit():
    gradients, params = np.random.default_rng(0).normal(size=(50, 3)), np.array([1.0, -2.0, 0.5])
    np.testing.assert_array_equal(
        steps_taken(Momentum(lr=0.3, beta=0.0), gradients, params),
        steps_taken(SGD(lr=0.3), gradients, params),
    )


def test_adam_with_a_constant_schedule_is_adam_in_every_epoch():
    gradients = np.random.default_rng(0).normal(size=(50, 3))
    plain, scheduled = (np.ones(3), None), (np.ones(3), None)
    for epoch, grad in enumerate(gradients):
        plain = Adam().step(plain[0], grad, plain[1])
        scheduled = Adam(schedule=Constant()).step(scheduled[0], grad, scheduled[1], epoch=epoch)
        np.testing.assert_array_equal(plain[0], scheduled[0])


# Quadratics: eigenvalues 1..κ at the optimal learning rate


@pytest.mark.parametrize(("kappa", "factor"), [(10, 0.81818), (100, 0.98020), (1000, 0.99800)])
def test_gradient_descent_on_a_quadratic_contracts_by_its_rate_in_every_step(kappa, factor):
    curvature = np.geomspace(1, kappa, 9)
    optimizer, w = SGD(lr=2 / (1 + kappa)), np.ones(9)
    for _ in range(100):
        moved, _ = optimizer.step(w, curvature * w)
        assert np.abs(moved).max() / np.abs(w).max() == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)
        w = moved
    assert (kappa - 1) / (kappa + 1) == pytest.approx(factor, abs=5e-6)


@pytest.mark.parametrize(("kappa", "radius"), [(10, 0.51949), (100, 0.81818), (1000, 0.93869)])
def test_momentum_on_a_quadratic_has_the_spectral_radius_of_heavy_ball(kappa, radius):
    beta = ((math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)) ** 2
    lr = 4 / (1 + math.sqrt(kappa)) ** 2
    optimizer = Momentum(lr=lr / (1 - beta), beta=beta)
    radii = []
    for curvature in np.geomspace(1, kappa, 9):
        # One step is linear in (w, v): taken from both unit vectors at once it gives its 2×2 matrix.
        w, v = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        _, state = optimizer.step(w, np.zeros(2))
        state.mean[:] = v
        moved, state = optimizer.step(w, curvature * w, state)
        radii.append(np.abs(np.linalg.eigvals([moved, state.mean])).max())
    # The matrices at both ends have a double eigenvalue: half of the digits are lost.
    assert max(radii) == pytest.approx(radius, abs=1e-5)


# An optimizer inside another


def assert_one_path(one, other, *, rtol=1e-12, steps=60):
    """Both walk through the same noisy gradients of growing size."""
    gradients = np.random.default_rng(3).normal(size=(steps, 5)) * np.geomspace(1e-3, 10, steps)[:, None]
    start = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(
        np.cumsum(steps_taken(one, gradients, start), axis=0),
        np.cumsum(steps_taken(other, gradients, start), axis=0),
        rtol=rtol,
        atol=1e-13,
    )


class Debiased(Optimizer):
    """RMSprop with its average corrected, written without any of dlopt's primitives."""

    lr: float = rate(1e-3)
    rho: float = decay(0.99)
    eps: float = dlopt.positive(1e-8)
    state = ("square",)

    def update(self, grad, state, lr):
        rho = float(np.asarray(self.rho))
        state.square[:] = rho * state.square + (1 - rho) * grad**2
        return lr * grad / (np.sqrt(state.square / (1 - rho**state.t)) + self.eps)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_heavy_ball_and_averaged_momentum_walk_one_path(beta):
    assert_one_path(dlopt.HeavyBall(lr=0.1 * (1 - beta), beta=beta), Momentum(lr=0.1, beta=beta))


def test_adamw_without_decay_is_adam():
    how = {"lr": 0.02, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6}
    assert_one_path(dlopt.AdamW(**how, weight_decay=0), Adam(**how), rtol=0)


def test_adam_without_first_average_is_debiased_rmsprop():
    assert_one_path(Adam(lr=0.02, beta1=0, beta2=0.97, eps=1e-3), Debiased(lr=0.02, rho=0.97, eps=1e-3))


def test_adam_with_a_huge_epsilon_is_momentum_once_the_correction_has_gone():
    lr, eps, beta = 0.1, 1e9, 0.8
    gradients = np.random.default_rng(4).normal(size=(120, 3))
    adam = steps_taken(Adam(lr=lr * eps, beta1=beta, eps=eps), gradients, np.zeros(3))
    momentum = steps_taken(Momentum(lr=lr, beta=beta), gradients, np.zeros(3))
    ball = steps_taken(dlopt.HeavyBall(lr=lr * (1 - beta), beta=beta), gradients, np.zeros(3))
    corrected = momentum / (1 - beta ** np.arange(1, 121))[:, None]
    np.testing.assert_allclose(adam, corrected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(adam[80:], ball[80:], rtol=1e-6, atol=1e-8)


# What a step leaves alone


@pytest.mark.parametrize("optimizer", [cls() for cls in dlopt.OPTIMIZERS.values()], ids=dlopt.OPTIMIZERS)
def test_step_changes_neither_params_nor_grad_and_counts(optimizer):
    params, grad = np.array([1.0, -2.0]), np.array([0.5, 0.25])
    params.flags.writeable = grad.flags.writeable = False  # writing into them would raise
    _, state = optimizer.step(params, grad, again=np.copy)
    assert state.t == 1
    moved, state = optimizer.step(params, grad, state, again=np.copy)
    assert state.t == 2
    assert not np.shares_memory(moved, params)


@pytest.mark.parametrize("optimizer", [cls() for cls in dlopt.OPTIMIZERS.values()], ids=dlopt.OPTIMIZERS)
def test_state_does_not_alias_the_gradient(optimizer):
    grad = np.array([0.5, 0.25])
    _, state = optimizer.step(np.zeros(2), grad, again=lambda point: grad)
    assert not any(np.shares_memory(getattr(state, name), grad) for name in optimizer.state)


# Hyperparameters out of range

WRONG = [
    (SGD, "lr", 0.0),
    (SGD, "lr", -0.1),
    (SGD, "lr", math.inf),
    (SGD, "lr", math.nan),
    (Momentum, "beta", 1.0),
    (Momentum, "beta", -0.1),
    (RMSprop, "rho", math.nan),
    (RMSprop, "eps", -1e-8),
    (Adam, "beta1", 1.0),
    (Adam, "beta2", 1.5),
    (Adam, "eps", math.inf),
    (Exponential, "gamma", 0.0),
    (Exponential, "gamma", 1.01),
]


@pytest.mark.parametrize(("owner", "field", "bad"), WRONG)
def test_value_out_of_range_is_named_with_its_field(owner, field, bad):
    with pytest.raises(ValueError, match=rf"^{owner.__name__}\.{field} must .*; it is {bad:g}\. "):
        owner(**{field: bad})


@pytest.mark.parametrize(("owner", "field", "bad"), WRONG)
def test_value_out_of_range_in_a_list_is_named_with_its_trial(owner, field, bad):
    with pytest.raises(ValueError, match=rf"^{owner.__name__}\.{field} must .*; trial 2 has {bad:g}\. "):
        owner(**{field: [0.5, 0.25, bad, bad]})


@pytest.mark.parametrize("value", ["fast", None, [0.1, "fast"]])
def test_value_that_is_no_number_is_named_with_its_field(value):
    with pytest.raises(TypeError, match=r"^SGD\.lr must be a number or a list of numbers, not"):
        SGD(lr=value)


@pytest.mark.parametrize("value", [[], [[0.1, 0.2]], [[[0.1]]]])
def test_value_of_another_shape_is_named_with_its_field(value):
    with pytest.raises(ValueError, match=r"^SGD\.lr must be one number or a list with one per trial"):
        SGD(lr=value)


@pytest.mark.parametrize(
    ("lr", "beta", "lengths"),
    [
        ([0.1, 0.2], [0.5, 0.6, 0.7], "has 3 values .* has 2"),
        ([0.1, 0.2, 0.3], [0.5, 0.6], "has 2 values .* has 3"),
    ],
)
def test_two_lists_of_different_length_raise(lr, beta, lengths):
    with pytest.raises(ValueError, match=rf"^Momentum\.beta {lengths}\. "):
        Momentum(lr=lr, beta=beta)


@pytest.mark.parametrize(
    "schedule", [[Constant(), Constant()], Exponential(gamma=[0.9, 0.8])], ids=["list", "column"]
)
def test_schedules_for_another_number_of_trials_raise(schedule):
    with pytest.raises(ValueError, match=r"^SGD has hyperparameters for 3 trials and schedules for 2\. "):
        SGD(lr=[0.1, 0.2, 0.3], schedule=schedule)


@pytest.mark.parametrize("schedule", [[Constant(), 0.9], [0.9], 0.9])
def test_something_else_than_a_schedule_raises(schedule):
    with pytest.raises(TypeError, match=r"^SGD\.schedule must be a schedule, or a list with one per trial"):
        SGD(schedule=schedule)


@pytest.mark.parametrize(
    ("params", "grad"), [((2, 4), (2, 4)), ((4,), (4,)), ((3, 4), (4,)), ((3, 4), (3, 1))]
)
def test_arrays_that_do_not_fit_the_trials_raise(params, grad):
    with pytest.raises(ValueError, match=r"^SGD of 3 trial\(s\) got params .* and grad "):
        SGD(lr=[0.1, 0.2, 0.3]).step(np.zeros(params), np.zeros(grad))
