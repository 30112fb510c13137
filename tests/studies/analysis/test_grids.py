"""The last bit of a power, an exponential or a logarithm merges, splits and moves nothing.

Processors and libraries differ in it: here NumPy's are wrong by one bit, either way.
"""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from studies.analysis import power, quadratic_deep, tuning
from studies.claims.optima import networks
from studies.training import draws
from tests.support.planted import frame

ROOT = Path(__file__).parents[3]
WRONG = ("power", "exp", "log", "log2", "log10", "geomspace", "logspace")
EITHER_WAY = pytest.mark.parametrize("towards", [-np.inf, np.inf])


def off_by_a_bit(monkeypatch, towards):
    for name in WRONG:
        right = getattr(np, name)
        monkeypatch.setattr(np, name, lambda *a, f=right, **more: np.nextafter(f(*a, **more), towards))


@EITHER_WAY
def test_rates_of_the_published_table_are_37_with_the_published_ones_among_them(monkeypatch, towards):
    off_by_a_bit(monkeypatch, towards)
    rates = importlib.reload(quadratic_deep).RATES
    assert len(rates) == 37
    assert {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0} <= set(rates)


@EITHER_WAY
def test_a_rate_at_the_end_of_a_quarter_decade_is_always_in_the_upper_one(monkeypatch, towards):
    ends = [1e-5, 1e-3, 0.1, 1.0]
    rows = frame("rows", [{"dataset": "d", "optimizer": "sgd", "kind": "search", "lr": lr} for lr in ends])
    before = tuning.learning_rates(rows, {"d": 0.001})
    assert before.lr_low.tolist() == ends
    assert before.lr_high.to_numpy() == pytest.approx(np.array(ends) * 10**0.25)
    off_by_a_bit(monkeypatch, towards)
    pd.testing.assert_frame_equal(tuning.learning_rates(rows, {"d": 0.001}), before, check_exact=True)


@EITHER_WAY
def test_numbers_of_blocks_and_of_draws_stay(monkeypatch, towards):
    d = np.random.default_rng(4).normal(3, 1, 30)  # so clear that the smallest number of blocks will do
    off_by_a_bit(monkeypatch, towards)
    assert power.needed(d, 0.05, np.random.default_rng(5)) == 6
    drawn = []
    monkeypatch.setattr(
        draws.qmc.Sobol, "random_base2", lambda _, m: drawn.append(2**m) or np.zeros((2**m, 8))
    )
    assert [len(draws._sobol(n, 0)) for n in (2, 8, 9, 16)] == [2, 8, 9, 16]
    assert drawn == [2, 8, 16, 16]


def test_copies_of_a_critical_point_count_once_though_their_losses_differ_in_the_last_bits(monkeypatch):
    def bowl(params, columns, targets):
        bits = np.where(np.arange(len(params)) % 2, 1e-13, -1e-13)  # around what eight digits would part
        return 0.123456785 + bits + np.sum(params**2, axis=1) / 2, params.copy()

    monkeypatch.setattr(networks, "slopes", bowl)
    losses, falling = networks.level_points(np.ones((3, 4)), np.ones(4), 1, 0)
    assert losses == pytest.approx([0.123456785])
    assert falling.tolist() == [0]


GRIDS = """
import numpy as np, dlopt
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from studies.analysis import quadratic_deep
from studies.claims import adam
from studies.claims.optima import saddles
print(*(x for n in range(50, 20_000, 397) for x in dlopt.checkpoints(n, 37).tolist()))
print(*(float(x).hex() for grid in (quadratic_deep.RATES, adam.GRID, saddles.GRID) for x in grid))
print(*(name for name in __cpu_dispatch__ if __cpu_features__[name]))
"""


def test_grids_are_the_same_whatever_of_the_processor_numpy_uses():
    def grids(**how):
        plain = {k: v for k, v in os.environ.items() if k != "NPY_DISABLE_CPU_FEATURES"}
        command = [sys.executable, "-W", "error", "-c", GRIDS]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=plain | how)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    *native, features = grids()
    *plain, left = grids(NPY_DISABLE_CPU_FEATURES=features)
    assert left == ""  # or nothing was switched off
    assert plain == native
