"""The exponential functions of compiled code, beside those of float64."""

import numpy as np
import pytest
from numba import njit

from dlopt.engine import functions
from dlopt.engine.products import FIXED

single = np.float32


def mapped(function):
    @njit(**FIXED)
    def each(x, y):
        for i in range(len(x)):
            y[i] = function(x[i])

    def over(values):
        x = np.asarray(values, single)
        y = np.empty_like(x)
        each(x, y)
        return y

    return over


exp, log, tanh, sigmoid = (mapped(getattr(functions, name)) for name in ("exp", "log", "tanh", "sigmoid"))


def every(low, high, step=7):
    """Every so many float32 from low to high, both >= 0."""
    first, last = (int(np.asarray(end, single).view(np.int32)) for end in (low, high))
    return np.arange(first, last, step, dtype=np.int32).view(single)


def ulps(found, x, function):
    """How far off, in distances between the float32 at the true value."""
    true = function(x.astype(np.float64))
    return np.max(np.abs(found - true) / np.spacing(np.abs(true).astype(single)))


def test_exp_is_within_one_and_a_third_ulp_wherever_it_is_not_zero():
    x = np.concatenate([-every(1e-30, 87, 601), -np.linspace(0, 87, 10**6).astype(single)])
    x = x[x > -87]
    assert ulps(exp(x), x, np.exp) < 4 / 3
    assert (exp(x) > 0).all()


def test_exp_has_its_ends():
    assert exp([0.0, -0.0]).tolist() == [1, 1]
    assert exp([-87, -87.1, -88, -104, -1e4, -3.4e38, -np.inf]).tolist() == [0] * 7
    assert exp([np.nextafter(single(-87), single(0))])[0] > 0
    assert np.isnan(exp([np.nan]))[0]


def test_log_is_within_one_ulp_of_all_normal_numbers():
    x = np.concatenate([every(1.1754944e-38, 3.4e38, 2003), every(0.5, 2, 11), every(1, 1e4, 501)])
    x = x[x != 1]
    assert ulps(log(x), x, np.log) < 1


def test_log_has_its_ends():
    assert log([1.0]).tolist() == [0]
    assert np.isnan(log([np.nan]))[0]


def test_tanh_is_within_two_ulp():
    x = np.concatenate([every(1e-30, 20, 601), every(0.5, 0.75, 3), np.linspace(0, 12, 10**6).astype(single)])
    x = x[x != 0]
    assert ulps(tanh(x), x, np.tanh) < 2
    assert (tanh(x) <= 1).all()


def test_tanh_is_odd_to_the_last_bit_and_has_its_ends():
    x = every(1e-40, 100, 1009)
    assert tanh(-x).tobytes() == (-tanh(x)).tobytes()
    assert tanh([0.0, 20, 1e30, np.inf, -np.inf, -50]).tolist() == [0, 1, 1, 1, -1, -1]
    assert np.isnan(tanh([np.nan]))[0]


def test_sigmoid_is_within_three_ulp_and_never_overflows():
    """One for each of its three roundings: e^-x, the sum, the quotient."""
    x = np.concatenate([-every(1e-30, 86, 601), every(1e-30, 100, 601)])
    assert ulps(sigmoid(x), x, lambda z: 1 / (1 + np.exp(-z))) < 3
    assert sigmoid([0.0, -0.0]).tolist() == [0.5, 0.5]
    assert sigmoid([40, 1e30, np.inf, -1e30, -np.inf]).tolist() == [1, 1, 1, 0, 0]
    assert np.isnan(sigmoid([np.nan]))[0]


@pytest.mark.parametrize(("function", "low", "high"), [(exp, -87, 0), (tanh, -12, 12), (sigmoid, -80, 80)])
def test_what_rises_never_falls_by_more_than_its_rounding(function, low, high):
    found = function(np.linspace(low, high, 10**6))
    assert (np.diff(found) >= -2 * np.spacing(np.abs(found[1:]))).all()


@pytest.mark.parametrize("function", [exp, tanh, sigmoid])
def test_a_value_is_the_same_in_a_register_and_alone(function):
    x = -np.abs(np.random.default_rng(0).normal(0, 10, 1003)).astype(single)
    assert function(x).tobytes() == b"".join(function(x[i : i + 1]).tobytes() for i in range(len(x)))
