"""The tables behind the chapter's pictures: paths, heights and averages, each by another way."""

import functools

import numpy as np
import pytest

import dlopt
from dlopt.landscapes import Walk
from dlopt.surfaces import SURFACES
from studies.claims import illustrations

EVERY = pytest.mark.parametrize("name", list(illustrations.SCENES))
walks, heights = functools.cache(illustrations.walks), functools.cache(illustrations.heights)


def paths(name):
    for (_, method), path in walks()[lambda table: table.surface == name].groupby(["surface", "method"]):
        yield method, path


@EVERY
def test_a_path_is_what_descend_walks(name):
    found = 0
    for method, path in paths(name):
        alone = dlopt.descend(
            SURFACES[name](), getattr(dlopt, method)(lr=path.lr.iloc[0]), steps=int(path.step.max())
        )
        np.testing.assert_array_equal(path[["x", "y"]], alone.params[path.step, 0])
        np.testing.assert_array_equal(path.height, alone.values[path.step, 0])
        assert path.step.iloc[0] == 0
        assert path.step.is_monotonic_increasing
        assert path.step.is_unique
        assert len(path) <= illustrations.POINTS
        lengths = np.linalg.norm(np.diff(alone.params[:, 0], axis=0), axis=1)
        assert lengths.max() <= illustrations.LONGEST
        target = illustrations.SCENES[name][0]
        assert (alone.values[:-1] > target).all()  # it ends where it arrives
        assert path.height.iloc[-1] <= target or path.step.max() == illustrations.STEPS
        found += 1
    assert found == 4


@pytest.mark.parametrize(("name", "method"), [("beale", "Adam"), ("ravine", "SGD"), ("rosenbrock", "SGD")])
def test_no_other_rate_of_the_grid_arrives_sooner(name, method):
    (path,) = (path for other, path in paths(name) if other == method)
    for rate in illustrations.RATES:
        steps = int(path.step.max()) - 1
        other = dlopt.descend(SURFACES[name](), getattr(dlopt, method)(lr=rate), steps=steps)
        with np.errstate(all="ignore"):
            lengths = np.linalg.norm(np.diff(other.params[:, 0], axis=0), axis=1)
            arrives = (other.values[:, 0] <= illustrations.SCENES[name][0]).any()
        assert not arrives or not lengths.max() <= illustrations.LONGEST


def test_rates_that_jump_diverge_or_never_arrive_are_not_chosen():
    values = np.array([[9.0, 9, 9, 9], [0, 2, 2, np.nan], [0, 0, 2, np.nan]])
    params = np.zeros((3, 4, 2))
    params[1:, 0] = 5.0
    params[1:, 3] = np.nan
    assert illustrations.best_row(Walk(values, params), 1.0) == (1, 2)
    assert illustrations.best_row(Walk(values[:, [3, 2]], params[:, [3, 2]]), 1.0) == (1, 2)


def test_paths_are_long_enough_to_be_seen():
    for _, path in walks().groupby(["surface", "method"]):
        most = min(int(path.step.max()) + 1, 40)
        assert len(path) >= most or path.step.max() < 100


@EVERY
def test_a_window_holds_paths_minima_and_saddles(name):
    left, right, bottom, top = illustrations.SCENES[name][1]
    surface, low, high = SURFACES[name](), [left, bottom], [right, top]
    known = [getattr(surface, part, ()) for part in ("minima", "saddles")]
    points = [path[["x", "y"]].to_numpy() for _, path in paths(name)]
    points += [np.asarray(part) for part in known if np.size(part)]
    points.append(np.zeros((1, 2)) if name in ("ravine", "saddle") else np.empty((0, 2)))
    everything = np.concatenate(points)
    assert ((low <= everything) & (everything <= high)).all()
    grid = heights()[lambda table: table.surface == name]
    assert (grid.x.min(), grid.x.max(), grid.y.min(), grid.y.max()) == (left, right, bottom, top)


@EVERY
def test_gradients_point_uphill_on_the_grid(name):
    grid = heights()[lambda table: table.surface == name].pivot(index="y", columns="x", values="height")
    along_y, along_x = np.gradient(grid.to_numpy(), grid.index.to_numpy(), grid.columns.to_numpy())
    x, y = np.meshgrid(grid.columns, grid.index)
    surface = SURFACES[name]()
    (batch,) = surface.batches(np.random.default_rng(0), 1, shuffle=False)
    slope = surface.gradient(np.stack([x.ravel(), y.ravel()], axis=1), batch).reshape(*x.shape, 2)
    rises = np.stack([along_x, along_y], axis=2)[1:-1, 1:-1]
    slope = slope[1:-1, 1:-1]
    sizes = np.linalg.norm(rises, axis=2) * np.linalg.norm(slope, axis=2)
    steep = sizes > 1e-3 * sizes.max()  # near a flat place a grid cannot tell
    angle = np.sum(rises * slope, axis=2)[steep] / sizes[steep]
    assert angle.min() > 0.9
    assert np.median(angle) > 0.999


def test_averages_are_the_weighted_sums():
    table = illustrations.series()
    assert len(table) == 365 * 2 * len(illustrations.BETAS)
    for (beta, corrected), part in table.groupby(["beta", "corrected"]):
        t = np.arange(1, 366)
        weights = np.tril((1 - beta) * beta ** np.abs(t[:, None] - t).astype(float))
        if corrected:
            weights /= weights.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(part.average, weights @ part.value.to_numpy(), rtol=1e-9)
        np.testing.assert_array_equal(part.value, illustrations.year())
        np.testing.assert_array_equal(part.day, t)


def test_a_year_is_a_wave_and_noise():
    days = np.arange(365)
    wave = np.stack([np.ones(365), np.cos(2 * np.pi * days / 365), np.sin(2 * np.pi * days / 365)], axis=1)
    (mean, *swing), rest, *_ = np.linalg.lstsq(wave, illustrations.year())
    assert mean == pytest.approx(20, abs=0.6)
    assert np.hypot(*swing) == pytest.approx(10, abs=0.8)
    assert np.sqrt(rest[0] / 362) == pytest.approx(3, abs=0.4)


@pytest.mark.slow
def test_the_same_tables_again():
    assert illustrations.series().equals(illustrations.series())
    assert illustrations.walks().equals(walks())
