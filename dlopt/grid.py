"""Grids that are the same to the last bit on every machine."""

from __future__ import annotations

import decimal
import functools
from decimal import Decimal

from dlopt.exact import DECIMALS


@functools.lru_cache(maxsize=256)
def geometric(low: float | Decimal, high: float | Decimal, points: int) -> tuple[float, ...]:
    """So many numbers from low to high, evenly on the log scale.

    Processors and libraries differ in the last bit of powers and exponentials. In a grid that would merge,
    split or move points, so they are found in decimal arithmetic.

    >>> geometric(1e-6, 1, 4)
    (1e-06, 0.0001, 0.01, 1.0)
    """
    first, last = Decimal(str(low)), Decimal(str(high))
    with decimal.localcontext(DECIMALS):
        return tuple(float(first * (last / first) ** (Decimal(i) / (points - 1))) for i in range(points))
