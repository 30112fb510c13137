"""What Python calls: mini-batches gathered, rows taken through some steps, rows measured.

A row goes alone through all steps before the next one begins, so what it needs stays in the processor's
cache, and no byte of it can depend on another row.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from dlopt.engine.network import gradient, measure, outputs
from dlopt.engine.products import FIXED
from dlopt.engine.vectors import STEP, call, transpose

single = np.float32
F1, F2, F3 = types.float32[::1], types.float32[:, ::1], types.float32[:, :, ::1]
I1, I2, INT, D1 = types.int64[::1], types.int64[:, ::1], types.int64, types.float64[::1]
NETWORK = (I1, I1, I1, INT, INT, F1)  # sizes, offsets, starts, activation, classes, penalty
BATCHES = (I1, F1, F1, INT, F1, F1)  # widths, columns, rows, stride, targets, scale
SPACE = (F1, F1, F1, F1, F1, F2)  # activations, slopes, deltas, gradient, zeros, four of a batch's width
KEPT = {"cache": True, **FIXED}


@njit(types.void(F3, F2, I2, I1, INT, *BATCHES), **KEPT)
def gather(X, y, orders, ends, keep, widths, columns, rows, stride, targets, scale):
    """Put mini-batches of some steps side by side, for each of S blocks, in both forms that products read.

    X (S, n, F), y (S, n). orders (S, m): the data in its order; a step's end in it is in ends (T,), its
    padded width in widths (T,). What pads a batch is its last row, of weight 0. A batch's rows
    overwrite those of the one before, unless they are to be kept.
    """
    blocks, _, F = X.shape
    co = ro = yo = a = 0
    for t in range(len(widths)):
        B, n = widths[t], ends[t] - a
        weight = single(1) / single(n)
        for s in range(blocks):
            for b in range(B):
                i = orders[s, a + min(b, n - 1)]
                real = b < n
                x, row = X[s, i], rows[ro + b * stride : ro + b * stride + F]
                targets[yo + b] = y[s, i] if real else single(-1)
                scale[yo + b] = weight if real else single(0)
                for f in range(F):
                    row[f] = x[f]
            for f in range(0, F - 7, 8):
                for b in range(0, B, 8):
                    transpose(rows, ro + b * stride + f, stride, columns, co + f * B + b, B)
            for f in range(F - F % 8, F):
                for b in range(B):
                    columns[co + f * B + b] = rows[ro + b * stride + f]
            co += F * B
            ro += B * stride if keep else 0
            yo += B
        a = ends[t]


@njit(types.void(I1, I1, F1, I1, F1, I1, I1, F2, F2, I1, INT, F2, INT, *NETWORK, *BATCHES, *SPACE), **KEPT)
def advance(
    which, loops, states, state_at, numbers, number_at, counts, params, grads, blocks, S, losses, first,
    sizes, offsets, starts, kind, classes, penalty,
    widths, columns, rows, stride, targets, scale, act, slopes, delta, scratch, zeros, wide,
):  # fmt: skip
    """Take some rows through some steps of gathered batches; fill losses (K, ..) from column `first` on.

    which: the rows. loops: the address of each row's optimizer; with 0 its gradient is left in grads and
    nothing is moved, which is for one step. states, numbers: of each row from its place on; numbers of one
    step after the other, `counts` each. blocks (K,): the block of each row.
    """
    F = sizes[0]
    highest, true, summed = wide[0], wide[1], wide[2]
    for k in which:
        w, s = params[k], blocks[k]
        g = scratch if loops[k] else grads[k]
        state, at, count = states[state_at[k] :], number_at[k], counts[k]
        co = ro = yo = 0
        for t in range(len(widths)):
            B = widths[t]
            losses[k, first + t] = gradient(
                w, g, sizes, offsets, starts, kind, classes, penalty,
                columns, co + s * F * B, rows, ro + s * B * stride, stride,
                targets[yo + s * B : yo + s * B + B], scale[yo + s * B : yo + s * B + B], B,
                act, slopes, delta, zeros, highest, true, summed,
            )  # fmt: skip
            if loops[k]:
                call(loops[k], w, g, state, numbers[at : at + count])
            at += count
            co += S * F * B
            ro += S * B * stride
            yo += S * B


@njit(types.void(F2, I1, INT, *NETWORK, I1, F1, F1, F1, F1, F1, F2, D1, D1), **KEPT)
def evaluate(
    params, blocks, S, sizes, offsets, starts, kind, classes, penalty,
    widths, columns, targets, scale, act, slopes, wide, loss, wrong,
):  # fmt: skip
    """Add to loss (K,) and wrong (K,) what all rows have on all chunks of data."""
    F, last = sizes[0], len(offsets) - 1
    C = sizes[last + 1]
    for k in range(len(params)):
        s = blocks[k]
        co = yo = 0
        for t in range(len(widths)):
            B = widths[t]
            outputs(params[k], sizes, offsets, starts, kind, columns, co + s * F * B, B, act, slopes)
            z, a = act[starts[last] * B : (starts[last] + C) * B], yo + s * B
            found = measure(
                z, C, B, targets[a : a + B], scale[a : a + B], classes, wide[0], wide[1], wide[2], wide[3]
            )
            loss[k] += found[0]
            wrong[k] += found[1]
            co += S * F * B
            yo += S * B


def padded(size: int) -> int:
    """The width of a batch of so many rows of data."""
    return -(-size // STEP) * STEP
