"""Functions that are the same to the last bit on every machine, where libraries and processors differ."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

DECIMALS = decimal.Context(prec=34, Emin=-9999, Emax=9999)  # whatever context the caller has set
PI = Decimal("3.141592653589793238462643383279502884")


def power(base: NDArray[np.float64] | float, exponent: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Base to a whole exponent >= 0, elementwise: the arrays are broadcast.

    By repeated squaring, since products are fixed by IEEE 754 and `**` is not. What an element becomes
    does not depend on its neighbours. Off by less than one rounding for each factor.

    >>> float(power(0.5, 10))
    0.0009765625
    """
    square, left = np.asarray(base, np.float64), np.asarray(exponent)
    if left.dtype.kind not in "iu" or (left < 0).any():
        raise ValueError(f"power needs whole exponents >= 0, not {exponent}. Take real_power for others.")
    found = np.ones(np.broadcast_shapes(square.shape, left.shape))
    while True:
        np.multiply(found, square, out=found, where=(left & 1).astype(bool))
        left = left >> 1
        if not left.any():
            return found
        square = square * square


def _each(function: Callable[..., float], *values: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """A function of numbers, of arrays: they are broadcast."""
    arrays = np.broadcast_arrays(*(np.asarray(one, np.float64) for one in values))
    found = map(function, *(one.ravel().tolist() for one in arrays))
    return np.reshape(np.fromiter(found, np.float64), arrays[0].shape)[()]


@functools.lru_cache(maxsize=2**16)
def _real_power(base: float, exponent: float) -> float:
    if not base and not exponent:
        return 1.0  # a decimal 0 to the 0 is an error
    return float(DECIMALS.power(Decimal(base), Decimal(exponent)))


@functools.lru_cache(maxsize=2**16)
def _half_wave(share: float) -> float:
    with decimal.localcontext(DECIMALS):
        x = PI * (1 - Decimal(share)) / 2  # (1 + cos πs) / 2 is sin² of π(1-s) / 2, without a difference
        total = term = x
        for n in range(2, 36, 2):  # (π/2)³⁵ / 35! is 7e-34
            term *= -x * x / (n * (n + 1))
            total += term
        return float(total * total)


def real_power(
    base: NDArray[np.float64] | float, exponent: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Base > 0 to any exponent, or 0 to one >= 0, elementwise: the float next to it, by decimal arithmetic.

    A pair takes some 50 µs where it is new, 2 µs where the exponent is whole.
    """
    return _each(_real_power, base, exponent)


def half_wave(share: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """(1 + cos(π·share)) / 2 for shares in [0, 1], elementwise: the float next to it.

    >>> half_wave(np.array([0.0, 0.5, 1.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    return _each(_half_wave, share)


def rounded(value: float, low: float, high: float, digits: int = 4) -> float:
    """The value to so many significant digits, which take it across neither low nor high.

    What a logarithm and an exponential went into differs in its last digits between machines: these are
    enough to tell settings apart, and few enough to be the same everywhere and read.

    >>> rounded(0.0035159345674627684, 1e-5, 1.0)
    0.003516
    """
    near = float(f"{value:.{digits}g}")
    return float(min(max(near, low), high)) if low <= value <= high else near


def complement(value: float) -> float:
    """1 - value of the numbers as they are written: floats would make 0.9987659999999999 of it.

    >>> complement(0.001234), complement(0.998766)
    (0.998766, 0.001234)
    """
    return float(DECIMALS.subtract(Decimal(1), Decimal(repr(float(value)))))
