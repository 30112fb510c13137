"""Functions that are the same to the last bit on every machine, where libraries and processors differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
