"""What is the same on every machine is also right."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from dlopt.average import Factor, debias
from dlopt.exact import complement, half_wave, power, real_power, rounded

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


def nearest(found, true):
    """Is no other float nearer to the true number, a bound of whose own error is small beside an ulp?"""
    below, above = (Fraction(float(np.nextafter(found, end))) for end in (-np.inf, np.inf))
    return abs(Fraction(found) - true) <= min(abs(below - true), abs(above - true))


def test_real_powers_are_the_floats_next_to_the_exact_ones():
    for base, exponent in itertools.product((0.0, 0.05, 0.3, 0.999, 1.0), (0.0, 0.5, 1.0, 1.75, 3.0, 40.0)):
        found, (over, under) = float(real_power(base, exponent)), exponent.as_integer_ratio()
        below, above = ((Fraction(found) + Fraction(float(np.nextafter(found, e)))) / 2 for e in (-1, 2))
        assert max(below, 0) ** under <= Fraction(base) ** over <= above**under


def test_half_a_cosine_wave_has_the_values_of_the_halved_angles():
    def halved(count):
        """(1 + cos(π / 2**count)) / 2, by square roots of fractions to 60 digits."""
        found = Fraction(1, 2)  # of π / 2
        for _ in range(count - 1):
            found = (1 + Fraction(math.isqrt(int(found * 10**120)), 10**60)) / 2
        return found

    for count in range(1, 20):
        assert nearest(float(half_wave(0.5**count)), halved(count))
        assert nearest(float(half_wave(1 - 0.5**count)), 1 - halved(count))
    assert half_wave(np.array([[0.0], [1.0]])).tolist() == [[1.0], [0.0]]
    shares = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(half_wave(shares), (1 + np.cos(np.pi * shares)) / 2, rtol=0, atol=3e-16)


def test_columns_and_rows_are_broadcast():
    assert real_power(np.full((3, 1), 0.5), np.arange(4.0)).tolist() == [[1, 0.5, 0.25, 0.125]] * 3


@pytest.mark.parametrize("exponent", [-1, 0.5, np.array([2, -3])])
def test_a_power_that_is_none_of_its_own_is_refused_and_never_sought_for_ever(exponent):
    with pytest.raises(ValueError, match="whole exponents >= 0"):
        power(0.5, exponent)


def test_a_decay_takes_any_power():
    beta = Factor(np.asarray(0.9), np.dtype(np.float32))
    assert float(beta**-1) == pytest.approx(1 / 0.9, rel=1e-15)
    assert float(beta**0.5) == pytest.approx(0.9**0.5, rel=1e-15)
    assert float(beta**3) == pytest.approx(0.729, rel=1e-15)


def test_a_plain_decay_keeps_the_dtype_of_its_average():
    assert debias(np.ones(3, np.float32), 0.9, 3).dtype == np.float32
