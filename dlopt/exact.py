"""Functions that are the same to the last bit on every machine, where libraries and processors differ."""

from __future__ import annotations

import decimal
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

DECIMALS = decimal.Context(prec=34, Emin=-9999, Emax=9999)  # whatever context the caller has set


def power(base: NDArray[np.float64] | float, exponent: int | NDArray[np.int64]) -> NDArray[np.float64]:
    """Base to a whole exponent >= 0, elementwise: the arrays are broadcast.

    By repeated squaring, since products are fixed by IEEE 754 and `**` is not. What an element becomes
    does not depend on its neighbours. Off by less than one rounding for each factor.

    >>> float(power(0.5, 10))
    0.0009765625
    """
    square, left = np.asarray(base, np.float64), np.asarray(exponent)
    found = np.ones(np.broadcast_shapes(square.shape, left.shape))
    while True:
        np.multiply(found, square, out=found, where=(left & 1).astype(bool))
        left = left >> 1
        if not left.any():
            return found
        square = square * square


def rounded(value: float, low: float, high: float, digits: int = 4) -> float:
    """The value to so many significant digits, which take it across neither low nor high.

    What a logarithm and an exponential went into differs in its last digits between machines: these are
    enough to tell settings apart, and few enough to be the same everywhere and read.

    >>> rounded(0.0035159345674627684, 1e-5, 1.0)
    0.003516
    """
    near = float(f"{value:.{digits}g}")
    return min(max(near, low), high) if low <= value <= high else near


def complement(value: float) -> float:
    """1 - value of the numbers as they are written: floats would make 0.9987659999999999 of it.

    >>> complement(0.001234), complement(0.998766)
    (0.998766, 0.001234)
    """
    return float(DECIMALS.subtract(Decimal(1), Decimal(repr(float(value)))))
