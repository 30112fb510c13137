"""Grids evenly on the log scale, against exact fractions."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from dlopt.grid import geometric


@pytest.mark.parametrize(
    ("low", "high", "points"), [(1e-6, 1, 37), (1e-4, 100, 25), (64, 40_926, 21), (6, 640, 50), (3.7, 0.2, 8)]
)
def test_every_point_is_the_float_next_to_the_exact_one(low, high, points):
    first, last = Fraction(str(low)), Fraction(str(high))
    for i, point in enumerate(geometric(low, high, points)):
        exact = first ** (points - 1 - i) * last**i  # the point, raised to points - 1
        neighbours = (np.nextafter(point, 0.0), np.nextafter(point, np.inf))
        below, above = ((Fraction(point) + Fraction(float(one))) / 2 for one in neighbours)
        assert below ** (points - 1) <= exact <= above ** (points - 1)


def test_decades_of_a_grid_are_the_numbers_that_are_written():
    assert geometric(1e-6, 1, 37)[::6] == (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    assert all(a < b for a, b in pairwise(geometric(1e-300, 1e300, 7)))
