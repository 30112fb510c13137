"""What is the same on every machine is also right."""

from fractions import Fraction

import numpy as np
import pytest

from dlopt.exact import complement, power, rounded

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


@pytest.mark.parametrize("digits", [1, 4])
def test_what_is_rounded_has_so_many_digits_and_is_near(digits):
    for value in np.exp(np.random.default_rng(0).uniform(-30, 5, 500)).tolist():
        near = rounded(value, 0.0, np.inf, digits)
        assert len(repr(float(f"{near:e}")).replace(".", "").strip("0").split("e")[0]) <= digits
        assert abs(near - value) <= 0.51 * 10 ** (1 - digits) * value
        assert rounded(near, 0.0, np.inf, digits) == near
        assert rounded(float(np.nextafter(value, 1)), 0.0, np.inf, digits) == near


def test_no_value_is_rounded_out_of_its_range():
    low, high = 0.01234321, 0.08765432
    assert (rounded(low, low, high), rounded(high, low, high)) == (low, 0.08765)
    assert (rounded(low + 1e-9, low, high), rounded(0.0876789, low, 0.08767891)) == (low, 0.08767891)
    assert rounded(2.00049, 0.0, 1.0) == 2.0  # what is outside already is somebody's own choice


def test_a_complement_is_that_of_the_decimal_numbers():
    for i in range(1, 10_000, 7):
        for scale in (4, 6, 9):
            searched, value = float(f"{i}e-{scale}"), complement(float(f"{i}e-{scale}"))
            assert Fraction(repr(value)) == 1 - Fraction(repr(searched))
            assert complement(value) == searched
