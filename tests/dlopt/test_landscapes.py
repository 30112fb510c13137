"""Landscapes whose heights, noise and paths are known."""

import dataclasses
import math

import numpy as np
import pytest

import dlopt
from dlopt import SGD, Adam, HeavyBall, Momentum, Nesterov
from dlopt.landscapes import Quadratic, descend, quadratic_deep, strict_saddle


def some(rows=4, dimensions=5, **how):
    rng = np.random.default_rng(1)
    root = rng.normal(size=(dimensions, dimensions))
    how = {"samples": rng.normal(size=(7, dimensions))} | how
    return Quadratic(root + root.T, rng.normal(size=dimensions), **how), rng.normal(size=(rows, dimensions))


def test_value_is_the_mean_over_samples():
    landscape, params = some()
    for row, value in zip(params, landscape.value(params), strict=True):
        each = [(row - x) @ landscape.hessian @ (row - x) / 2 for x in landscape.samples]
        assert value == pytest.approx(np.mean(each), rel=1e-12)


def test_gradient_of_all_samples_is_the_slope_of_the_value():
    landscape, params = some()
    (batch,) = landscape.batches(np.random.default_rng(0), 7, shuffle=True)
    found = landscape.gradient(params, batch)
    for i in range(5):
        ahead = np.eye(5)[i] * 1e-5
        slope = (landscape.value(params + ahead) - landscape.value(params - ahead)) / 2e-5
        np.testing.assert_allclose(found[:, i], slope, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_shows_every_sample_once(shuffle):
    landscape, params = some()
    batches = list(landscape.batches(np.random.default_rng(0), 3, shuffle=shuffle))
    sizes = np.array([3, 3, 1])
    total = sum(size * landscape.gradient(params, batch) for size, batch in zip(sizes, batches, strict=True))
    (whole,) = landscape.batches(np.random.default_rng(0), 7, shuffle=False)
    np.testing.assert_allclose(total / 7, landscape.gradient(params, whole), rtol=1e-10, atol=1e-12)


def test_samples_are_shuffled_anew_in_each_epoch_or_never():
    landscape, _ = some()
    seen = {True: [], False: []}
    for shuffle, found in seen.items():
        rng = np.random.default_rng(0)
        found += [next(iter(landscape.batches(rng, 3, shuffle=shuffle)))[0].tobytes() for _ in range(8)]
    assert len(set(seen[True])) > 4
    assert len(set(seen[False])) == 1


@pytest.mark.parametrize("batch_size", [1, 16])
def test_noise_has_the_asked_variance_over_the_batch_size(batch_size):
    landscape = Quadratic(np.ones(40_000), np.zeros(40_000), noise=2.0)
    (batch,) = landscape.batches(np.random.default_rng(0), batch_size, shuffle=True)
    seen = landscape.gradient(np.zeros((1, 40_000)), batch)
    assert seen.var() == pytest.approx(2.0 / batch_size, rel=5 * math.sqrt(2 / 40_000))


def test_a_row_walks_as_it_does_alone():
    landscape, _ = some(noise=0.3)
    together = [Adam(lr=[0.01, 0.1]), SGD(lr=[0.01, 50.0, 0.02]), Nesterov(lr=0.01)]
    all_walks = descend(landscape, together, steps=30, batch_size=2)
    alone = [Adam(lr=0.01), Adam(lr=0.1), SGD(lr=0.01), SGD(lr=50.0), SGD(lr=0.02), Nesterov(lr=0.01)]
    for k, optimizer in enumerate(alone):
        one = descend(landscape, optimizer, steps=30, batch_size=2)
        assert one.params[:, 0].tobytes() == all_walks.params[:, k].copy().tobytes()
        assert one.values[:, 0].tobytes() == all_walks.values[:, k].copy().tobytes()


def test_a_schedule_counts_passes_through_the_samples():
    landscape, _ = some()  # 7 samples, so 3 steps an epoch
    halved = dlopt.Exponential(gamma=0.5)
    walk = descend(landscape, SGD(lr=0.01, schedule=halved), steps=7, batch_size=3, shuffle=False).params[
        :, 0
    ]
    batches = list(landscape.batches(np.random.default_rng(0), 3, shuffle=False))
    for step in range(7):
        slope = landscape.gradient(walk[step : step + 1], batches[step % 3])[0]
        rate = 0.01 * 0.5 ** (step // 3)
        np.testing.assert_allclose(walk[step] - walk[step + 1], rate * slope, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [
        pytest.param(SGD(lr=0.01), 1389, id="gradient descent"),
        pytest.param(HeavyBall(lr=0.01, beta=0.9), 226, id="heavy ball"),
        pytest.param(Momentum(lr=0.01 / (1 - 0.9), beta=0.9), 226, id="averaged momentum"),
    ],
)
def test_steps_to_leave_a_strict_saddle(optimizer, steps):
    walk = descend(strict_saddle(), optimizer, steps=1500)
    assert np.argmax(np.abs(walk.params[:, 0, 1]) >= 1) == steps


# The noisy quadratic

RATES = np.array([0.1, 0.4, 0.8, 1.2])
BETAS = np.array([0.0, 0.5, 0.9, 0.8])
CURVATURE, NOISE, BATCH = 1.5, 2.0, 4


@pytest.mark.parametrize(
    ("optimizer", "risk"),
    [
        pytest.param(
            SGD(lr=RATES),
            RATES * NOISE / (2 * BATCH * (2 - RATES * CURVATURE)),
            id="SGD",
        ),
        pytest.param(
            HeavyBall(lr=RATES, beta=BETAS),
            RATES * NOISE * (1 + BETAS) / (2 * BATCH * (1 - BETAS) * (2 * (1 + BETAS) - RATES * CURVATURE)),
            id="heavy ball",
        ),
    ],
)
def test_steady_risk_on_a_noisy_quadratic(optimizer, risk):
    # a direction is a replica; at the end 0.9^150 of the steady variance is missing in the slowest row
    landscape = Quadratic(np.full(10_000, CURVATURE), np.zeros(10_000), noise=NOISE)
    walks = [descend(landscape, optimizer, steps=150, batch_size=BATCH, seed=seed) for seed in range(4)]
    seen = np.concatenate([CURVATURE * walk.params[-1] ** 2 / 2 for walk in walks], axis=1)
    error = seen.std(axis=1) / math.sqrt(seen.shape[1])
    assert np.all(error < 0.01 * risk)
    assert np.all(np.abs(seen.mean(axis=1) - risk) < 4 * error)


CURVATURES = np.geomspace(0.01, 1.0, 12)  # and a noise of the same covariance (Zhang et al. 2019)
TARGET, MOST = 0.1, 4000


def expected_steps(rates, betas, batch_size):
    """Steps until the expected loss of heavy ball falls below the target, by its moments' recursion.

    Of (w, v) in one direction: E w², E wv, E v² after v ← βv + hw + n, w ← w - αv.
    """
    h, a, b = CURVATURES, rates[:, None], betas[:, None]
    ww, wv, vv = np.tile(1 / h, (len(rates), 1)), 0.0, 0.0  # each direction costs as much
    found = np.full(len(rates), np.inf)
    for step in range(1, MOST):
        v2 = b * b * vv + 2 * b * h * wv + h * h * ww + h / batch_size
        wv2 = b * wv + h * ww - a * v2
        ww = ww - 2 * a * (b * wv + h * ww) + a * a * v2
        vv, wv = v2, wv2
        below = (ww * h).sum(axis=1) / 2 < TARGET
        found[below & np.isinf(found)] = step
        if not np.isinf(found).any():
            break
    return found


def best(betas, batch_size):
    """The setting that needs fewest steps, and how many: over a grid of learning rates for each β."""
    rates = np.tile(np.geomspace(0.002, 1.9, 60), len(betas))
    grid = np.repeat(betas, 60)
    with np.errstate(all="ignore"):
        steps = expected_steps(rates, grid, batch_size)
    first = np.argmin(steps)
    return rates[first], grid[first], steps[first]


@pytest.fixture(scope="module")
def gains():
    """By batch size: the best learning rate, β and steps, of SGD and of heavy ball."""
    sizes = (1, 8, 64, 4096)
    return {size: (best([0.0], size), best([0.0, 0.5, 0.8, 0.9, 0.95], size)) for size in sizes}


def test_momentum_helps_at_large_batches_and_not_at_small_ones(gains):
    ratios = {size: sgd[2] / ball[2] for size, (sgd, ball) in gains.items()}
    assert 1 <= ratios[1] < 1.1
    assert ratios[4096] > 3
    assert list(ratios.values()) == sorted(ratios.values())


@pytest.mark.parametrize("batch_size", [1, 4096])
@pytest.mark.parametrize("which", [0, 1], ids=["SGD", "heavy ball"])
def test_simulated_loss_is_the_target_at_the_predicted_step(gains, batch_size, which):
    lr, beta, steps = gains[batch_size][which]
    replicas = 1000
    curvatures = np.repeat(CURVATURES, replicas)
    landscape = Quadratic(curvatures, 1 / np.sqrt(curvatures), noise=curvatures)
    walk = descend(landscape, HeavyBall(lr=lr, beta=beta), steps=int(steps), batch_size=batch_size)
    losses = walk.values[-2:, 0] / replicas
    assert losses[0] > 0.95 * TARGET
    assert losses[1] < 1.05 * TARGET


# DeepOBS: quadratic_deep (Schneider, Balles & Hennig 2019)

PUBLISHED = {
    ("sgd", 1e-5): 236.093,
    ("sgd", 1e-4): 106.628,
    ("heavyball", 1e-5): 96.755,
    ("adam", 1e-5): 345.211,
    ("adam", 1e-4): 280.310,
}


@pytest.fixture(scope="module")
def deep():
    return quadratic_deep()


def test_quadratic_deep_starts_at_the_published_loss_and_never_changes(deep):
    train, test = deep
    assert test.value(test.start[None])[0] == pytest.approx(353.44676, abs=1e-4)
    again = quadratic_deep()
    for one, other in zip(deep, again, strict=True):
        assert one.hessian.tobytes() == other.hessian.tobytes()
        assert one.samples.tobytes() == other.samples.tobytes()
    assert train.hessian.tobytes() == test.hessian.tobytes()
    assert np.sum(np.linalg.eigvalsh(train.hessian) > 30) == 10


def test_quadratic_deep_ends_at_the_published_losses(deep):
    train, test = deep
    optimizers = [SGD(lr=[1e-5, 1e-4]), HeavyBall(lr=1e-5, beta=0.99), Adam(lr=[1e-5, 1e-4])]
    # 100 epochs of 7 batches there; their samples keep one order, so half a percent is the noise of it
    ends = [
        test.value(descend(train, optimizers, steps=700, batch_size=128, seed=seed).params[-1])
        for seed in range(3)
    ]
    np.testing.assert_allclose(np.mean(ends, axis=0), list(PUBLISHED.values()), rtol=2e-3)


def test_batches_that_are_never_shuffled_double_the_best_learning_rate_of_momentum(deep):
    # one order again and again has a limit of its own, whose noise momentum averages away
    train, test = deep
    rates = 0.1 * np.geomspace(2e-3, 3.2e-2, 13)

    def end(seed, shuffle):
        optimizer = HeavyBall(lr=rates, beta=0.9)
        walk = descend(train, optimizer, steps=1600, batch_size=128, shuffle=shuffle, seed=seed)
        return test.value(walk.params[-1])

    shuffled = np.mean([end(seed, True) for seed in range(6)], axis=0)
    assert rates[np.argmin(end(0, False))] > 1.5 * rates[np.argmin(shuffled)]


# What is refused


@pytest.mark.parametrize(
    "wrong",
    [
        {"hessian": np.ones(3)},
        {"hessian": np.ones((2, 3))},
        {"start": np.ones((1, 2))},
        {"samples": np.ones((4, 3))},
        {"samples": np.ones((0, 2))},
        {"noise": -1.0},
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    right = {"hessian": np.ones(2), "start": np.zeros(2)}
    with pytest.raises(ValueError, match=r"\. Give "):
        Quadratic(**right | wrong)


@pytest.mark.parametrize("wrong", [{"steps": -1}, {"steps": 1.5}, {"steps": True}, {"batch_size": 0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must be a whole number >= [01], not .*\. Choose another one"):
        descend(strict_saddle(), SGD(), **{"steps": 1} | wrong)


def test_no_optimizer_is_refused():
    with pytest.raises(ValueError, match="no optimizers"):
        descend(strict_saddle(), [], steps=1)


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        strict_saddle().noise = 1.0
