"""Every surface: its gradient is its slope, its minima are minima, and every optimizer walks on it."""

import dataclasses
import math

import numpy as np
import pytest

import dlopt
from dlopt import SGD, Momentum, RMSprop, descend
from dlopt.landscapes import Quadratic
from dlopt.surfaces import (
    SURFACES,
    Surface,
    beale,
    bowl,
    himmelblau,
    monkey_saddle,
    plateau,
    rastrigin,
    rosenbrock,
    saddle,
)

EVERY = pytest.mark.parametrize("name", list(SURFACES))
SMOOTH = {"rosenbrock": rosenbrock, "beale": beale, "himmelblau": himmelblau, "plateau": plateau}
SMOOTH |= {"rastrigin": rastrigin, "monkey": monkey_saddle}


def gradient(surface, params):
    (batch,) = surface.batches(np.random.default_rng(0), 1, shuffle=True)
    return surface.gradient(np.asarray(params, float), batch)


@EVERY
def test_the_gradient_is_the_slope_of_the_value(name):
    surface = SURFACES[name]()
    rng = np.random.default_rng(0)
    params = np.asarray(surface.start) + rng.normal(scale=0.5, size=(5, len(surface.start)))
    found = gradient(surface, params)
    for i in range(params.shape[1]):
        ahead = np.eye(params.shape[1])[i] * 1e-5
        slope = (surface.value(params + ahead) - surface.value(params - ahead)) / 2e-5
        np.testing.assert_allclose(found[:, i], slope, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", SMOOTH.values(), ids=SMOOTH)
def test_minima_and_saddles_are_where_they_are_said_to_be(make):
    surface = make()
    for points, kind in ((surface.minima, "minimum"), (surface.saddles, "saddle")):
        for point in points:
            at = point[None]
            assert np.abs(gradient(surface, at)).max() < 1e-9
            around = point + 1e-3 * np.random.default_rng(0).normal(size=(500, len(point)))
            rises = surface.value(around) - surface.value(at)
            assert (rises > 0).all() if kind == "minimum" else (rises.min() < 0 < rises.max())
            if kind == "minimum":
                assert surface.value(at)[0] == pytest.approx(surface.least, abs=1e-9)


@pytest.mark.parametrize("make", [himmelblau, rastrigin, beale, rosenbrock])
def test_nothing_lies_lower_than_the_known_minima(make):
    surface = make()
    grid = np.stack(np.meshgrid(*[np.linspace(-5, 5, 401)] * 2), axis=-1).reshape(-1, 2)
    assert surface.value(grid).min() >= surface.least - 1e-12


@EVERY
@pytest.mark.parametrize("optimizer", list(dlopt.OPTIMIZERS))
def test_every_optimizer_walks_on_every_surface(name, optimizer):
    surface = SURFACES[name]()
    walk = descend(surface, dlopt.OPTIMIZERS[optimizer](lr=1e-3), steps=25)
    assert walk.values.shape == (26, 1)
    assert walk.values[-1, 0] < walk.values[0, 0]


def test_descent_on_a_bowl_contracts_by_its_condition_number():
    # (κ-1)/(κ+1) a step at the best rate 2/(1 + 1/κ), from the largest and the smallest curvature alike
    for condition in (10.0, 100.0):
        rate = 2 / (1 + 1 / condition)
        walk = descend(bowl(condition), SGD(lr=rate), steps=60).params[:, 0]
        factor = np.abs(walk[-1] / walk[-2])
        assert factor == pytest.approx((condition - 1) / (condition + 1), rel=1e-9)


def test_a_high_saddle_falls_in_as_many_directions_as_it_says():
    surface = saddle(30, 7)
    assert isinstance(surface, Quadratic)
    assert int(np.sum(np.asarray(surface.hessian) < 0)) == 7
    walk = descend(surface, SGD(lr=0.1), steps=200)
    assert (np.abs(walk.params[-1, 0, -7:]) > 1).all()
    # each grows by 1.1 a step, so |y| = 1 is passed after ln(10⁶)/ln 1.1 steps
    first = int(np.argmax(np.abs(walk.params[:, 0, -1]) >= 1))
    assert first == math.ceil(math.log(1e6) / math.log(1.1))


def test_on_a_plateau_the_first_step_is_as_small_as_its_slope():
    walk = descend(plateau(3.5), [SGD(lr=0.1), RMSprop(lr=0.1)], steps=1).params
    assert walk[0, 0, 0] - walk[1, 0, 0] == pytest.approx(0.1 * 3.5 * math.exp(-(3.5**2) / 2), rel=1e-12)
    assert walk[0, 1, 0] - walk[1, 1, 0] == pytest.approx(0.1 / math.sqrt(0.1), rel=1e-4)


def test_noise_is_that_of_one_example_over_the_batch_size():
    surface = Surface(lambda w: w[:, 0] * 0, lambda w: w * 0, np.zeros(40_000), noise=2.0)
    rng = np.random.default_rng(0)
    for size in (1, 16):
        (batch,) = surface.batches(rng, size, shuffle=True)
        assert np.var(batch) == pytest.approx(2.0 / size, rel=0.05)
    with pytest.raises(ValueError, match="variance >= 0, not -1"):
        dataclasses.replace(surface, noise=-1)
    seen = dataclasses.replace(rosenbrock(), noise=1e-3)
    walks = [descend(seen, Momentum(lr=1e-4), steps=9, seed=s).values for s in (0, 0, 1)]
    assert np.array_equal(walks[0], walks[1])
    assert not np.array_equal(walks[0], walks[2])


@pytest.mark.parametrize("wrong", [{"condition": 0.5}, {"dimensions": 1}])
def test_a_bowl_of_the_wrong_shape_is_refused(wrong):
    with pytest.raises(ValueError, match="condition number >= 1 and 2 dimensions"):
        bowl(**wrong)
