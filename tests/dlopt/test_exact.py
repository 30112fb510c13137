"""What is the same on every machine is also right."""

from fractions import Fraction

import numpy as np

from dlopt.exact import power

ULP = Fraction(1, 2**53)  # the largest relative error of one rounding


def test_whole_powers_are_off_by_less_than_one_rounding_for_each_factor():
    for base in (0.0, 0.1, 0.9, 0.999, 0.9999, 1.0, 1.5):
        for exponent in (0, 1, 2, 3, 7, 64, 100, 300):
            found, true = Fraction(float(power(base, exponent))), Fraction(base) ** exponent
            assert abs(found - true) <= ((1 + ULP) ** max(exponent - 1, 0) - 1) * true, (base, exponent)


def test_a_power_does_not_depend_on_its_neighbours():
    bases, exponents = np.linspace(0, 1, 37)[:, None], np.arange(300)
    table = power(bases, exponents)
    assert table.shape == (37, 300)
    for i, j in np.ndindex(table.shape):
        if (i + j) % 7 == 0:
            assert table[i, j] == power(float(bases[i, 0]), j)
    assert np.array_equal(power(bases, 12), table[:, 12:13])
