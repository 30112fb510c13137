"""Matrix products of one row's network, whose matrices are a few dozen wide."""

from __future__ import annotations

from typing import Any

from numba import njit

from dlopt.engine.vectors import BESIDE, DOTS, ROWS, WIDE, dot, dots, low, tile

FIXED: dict[str, Any] = {"_nrt": False, "boundscheck": False, "error_model": "numpy"}  # no fastmath, ever
INNER = FIXED | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # what Python does not call


@njit(**INNER)
def product(A, a0, ar, ak, X, x0, xk, n, b, b0, br, C, c0, cr, rows, columns, floor):
    """C (rows, columns) = max(floor, b + A (rows, n) · X (n, columns)); the rows of X and C are contiguous.

    Each array is flat: its matrix begins at its 0, a row on is its r, a term of the sum on is its k. There
    are at least WIDE columns; where WIDE does not divide them, some are made twice.
    """
    for j in range(0, columns, WIDE):
        j = min(j, columns - WIDE)
        for i in range(0, rows, ROWS):
            if rows - i > 4:
                tile(A, a0, ar, ak, X, x0 + j, xk, n, b, b0, br, C, c0 + j, cr, floor, i, rows - 1)
            else:
                low(A, a0, ar, ak, X, x0 + j, xk, n, b, b0, br, C, c0 + j, cr, floor, i, rows - 1)


@njit(**INNER)
def product_of_rows(D, d0, ds, X, x0, xs, n, C, c0, cr, rows, columns):
    """C (rows, columns) = D (rows, n) · X (columns, n)ᵀ."""
    if columns < BESIDE:
        for j in range(columns):
            for i in range(0, rows, DOTS):
                dot(D, d0, ds, X, x0 + j * xs, xs, n, C, c0 + j, cr, i, rows - 1)
        return
    for j in range(0, columns, BESIDE):
        j = min(j, columns - BESIDE)
        for i in range(0, rows, DOTS):
            dots(D, d0, ds, X, x0 + j * xs, xs, n, C, c0 + j, cr, i, rows - 1)
