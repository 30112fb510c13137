"""What the chapter draws: paths on surfaces, the surfaces' heights, and a noisy year with its averages."""

from __future__ import annotations

import numpy as np
import pandas as pd

import dlopt
from dlopt.grid import geometric
from dlopt.landscapes import Doubles, Walk
from dlopt.surfaces import SURFACES

METHODS = ("SGD", "Momentum", "RMSprop", "Adam")
RATES = geometric(1e-4, 10, 26)
STEPS = 2_000
LONGEST = 0.25  # no step of a path is longer: a jump that happens to land well shows nothing
POINTS = 85  # of a path, close together at its beginning; about 60 are left where they fall on one step
SIDE = 61  # of the grid of heights
SCENES: dict[str, tuple[float, tuple[float, float, float, float]]] = {
    # the height at which a path ends, and a window: x from, to, y from, to
    "ravine": (1e-3, (-1.2, 1.2, -1.2, 1.2)),
    "rosenbrock": (1e-2, (-1.8, 1.6, -0.8, 2.2)),
    "beale": (1e-3, (0.0, 4.0, -1.5, 1.5)),
    "himmelblau": (1e-3, (-5.0, 5.0, -5.0, 5.0)),
    "saddle": (-0.5, (-1.5, 1.5, -1.5, 1.5)),
    "monkey-saddle": (-0.5, (-1.5, 1.5, -1.5, 1.5)),
    "plateau": (1e-3, (-1.0, 4.0, -1.0, 4.0)),
}
BETAS = (0.1, 0.5, 0.9, 0.98)


def best_row(walk: Walk, target: float) -> tuple[int, int]:
    """The row that is first at the target's height and the step at which it is; ties go to the first row.

    Rows with a step longer than LONGEST on their way are left out. Where none arrives it is the row that
    is lowest in the end.
    """
    with np.errstate(all="ignore"):
        there = walk.values <= target
        ends = np.where(there.any(axis=0), there.argmax(axis=0), len(walk.values) - 1)
        lengths = np.sqrt(np.sum(np.diff(walk.params, axis=0) ** 2, axis=2))
        way = np.arange(len(lengths))[:, None] < ends
        fair = ~(way & ~(lengths <= LONGEST)).any(axis=0)
    rank = [
        (not fair[k], not there[:, k].any(), ends[k], walk.values[ends[k], k], k) for k in range(len(ends))
    ]
    best = min(rank)[-1]
    return best, int(ends[best])


def walks() -> pd.DataFrame:
    """Paths (surface, method, lr, step, x, y, height), each at the rate of RATES that arrives first."""
    parts = []
    for name, (target, _) in SCENES.items():
        surface = SURFACES[name]()
        stack = [getattr(dlopt, method)(lr=RATES) for method in METHODS]
        whole = dlopt.descend(surface, stack, steps=STEPS)
        for i, method in enumerate(METHODS):
            mine = slice(i * len(RATES), (i + 1) * len(RATES))
            walk = Walk(whole.values[:, mine], whole.params[:, mine])
            row, end = best_row(walk, target)
            steps = np.unique(np.r_[0, np.rint(geometric(1, max(end, 1), POINTS))].astype(int))
            part = {"surface": name, "method": method, "lr": RATES[row], "step": steps}
            x, y = walk.params[steps, row].T
            parts.append(pd.DataFrame(part | {"x": x, "y": y, "height": walk.values[steps, row]}))
    return pd.concat(parts, ignore_index=True)


def heights() -> pd.DataFrame:
    """The surfaces on a grid: surface, x, y, height."""
    parts = []
    for name, (_, (left, right, bottom, top)) in SCENES.items():
        x, y = (each.ravel() for each in np.meshgrid(*np.linspace([left, bottom], [right, top], SIDE).T))
        height = SURFACES[name]().value(np.stack([x, y], axis=1))
        parts.append(pd.DataFrame({"surface": name, "x": x, "y": y, "height": height}))
    return pd.concat(parts, ignore_index=True)


def year() -> Doubles:
    """The temperature of 365 days, made up: a wave, coldest in mid-January, and noise of 3 degrees."""
    days = np.arange(1, 366)
    noise: Doubles = np.random.default_rng(0).normal(0.0, 3.0, 365)
    return 20 - 10 * np.cos(2 * np.pi * (days - 15) / 365) + noise


def series() -> pd.DataFrame:
    """A year and its averages: day, beta, corrected, value, average."""
    values, parts = year(), []
    for beta in BETAS:
        mean, plain, corrected = np.zeros(1), np.empty(365), np.empty(365)
        for i, value in enumerate(values):
            plain[i] = dlopt.ewa(mean, np.full(1, value), beta)[0]
            corrected[i] = dlopt.debias(mean, beta, i + 1)[0]
        for flag, average in ((False, plain), (True, corrected)):
            line = {"day": np.arange(1, 366), "beta": beta, "corrected": flag}
            parts.append(pd.DataFrame(line | {"value": values, "average": average}))
    return pd.concat(parts, ignore_index=True)
