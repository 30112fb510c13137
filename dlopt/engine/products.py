"""Matrix products of one row's network, whose matrices are a few dozen wide."""

from __future__ import annotations

from typing import Any

from numba import njit

from dlopt.engine.processor import LANES
from dlopt.engine.vectors import DOTS, PAIR, ROWS, dots, low, narrow, tile

FIXED: dict[str, Any] = {"_nrt": False, "boundscheck": False, "error_model": "numpy"}  # no fastmath, ever


@njit(**FIXED)
def product(A, a0, ar, ak, X, x0, xk, n, b, b0, br, C, c0, cr, rows, columns):  # type: ignore[no-untyped-def]
    """C (rows, columns) = b + A (rows, n) · X (n, columns); the rows of X and C are contiguous.

    Each array is flat: its matrix begins at its 0, a row on is its r, a term of the sum on is its k.
    """
    if columns <= LANES:
        for i in range(0, rows, ROWS):
            narrow(A, a0, ar, ak, X, x0, xk, n, b, b0, br, C, c0, cr, i, rows - 1, columns)
        return
    for j in range(0, columns, PAIR * LANES):
        for i in range(0, rows, ROWS):
            if rows - i > 4:
                tile(A, a0, ar, ak, X, x0 + j, xk, n, b, b0, br, C, c0 + j, cr, i, rows - 1, columns - j)
            else:
                low(A, a0, ar, ak, X, x0 + j, xk, n, b, b0, br, C, c0 + j, cr, i, rows - 1, columns - j)


@njit(**FIXED)
def product_of_rows(D, d0, ds, X, x0, xs, n, C, c0, cr, rows, columns):  # type: ignore[no-untyped-def]
    """C (rows, columns) = D (rows, n) · X (columns, n)ᵀ."""
    for j in range(0, columns, 2):
        for i in range(0, rows, DOTS):
            dots(D, d0, ds, X, x0, xs, n, C, c0, cr, i, rows - 1, j, columns - 1)
