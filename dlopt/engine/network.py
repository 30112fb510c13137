"""One row's network on one batch: outputs, loss, gradient.

Batches come last: activations (width, B) of a layer begin at `starts[layer]`·B of a flat array; B is padded
to whole tiles with data of weight 0. A row's parameters w (P,) are those of `dlopt.models`: [W | b] of each
layer, (outputs, inputs + 1), which begins at its `offsets`; sizes are the widths from the features on.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from dlopt.activations import ACTIVATIONS
from dlopt.engine.functions import exp, log, sigmoid, tanh
from dlopt.engine.products import INNER, product, product_of_rows
from dlopt.engine.vectors import choose, total

single = np.float32
ZERO, LOWEST = single(0), single(-np.inf)
NAMES = list(ACTIVATIONS)
KINDS = list(ACTIVATIONS.values())
RELU, TANH, SIGMOID, GELU = (NAMES.index(name) for name in ("relu", "tanh", "sigmoid", "gelu"))
STEEP, CUBIC, FAR = (single(getattr(ACTIVATIONS["gelu"], name)) for name in ("INNER", "CUBIC", "FAR"))


@njit(**INNER)
def activate(kind, a, slopes):
    """Turn sums in place into activations, but for ReLU; GELU's slopes, which they do not tell, are kept."""
    if kind == TANH:
        for i in range(len(a)):
            a[i] = tanh(a[i])
    elif kind == SIGMOID:
        for i in range(len(a)):
            a[i] = sigmoid(a[i])
    elif kind == GELU:
        for i in range(len(a)):
            x = a[i]
            # farther out tanh is ±1 to the last bit, and the powers of z would overflow
            z = choose(x < -FAR, -FAR, choose(x > FAR, FAR, x))
            t = tanh(STEEP * (z * (single(1) + CUBIC * (z * z))))
            steep = single(1) + single(3) * CUBIC * (z * z)
            slopes[i] = (single(1) + t + z * (single(1) - t * t) * (STEEP * steep)) / single(2)
            a[i] = x * ((single(1) + t) / single(2))


@njit(**INNER)
def turn_back(kind, a, delta, slopes):
    """Turn activations in place into the gradients of their sums; delta: their own gradients."""
    if kind == RELU:
        for i in range(len(a)):
            a[i] = choose(a[i] > ZERO, delta[i], ZERO)
    elif kind == TANH:
        for i in range(len(a)):
            a[i] = delta[i] * (single(1) - a[i] * a[i])
    elif kind == SIGMOID:
        for i in range(len(a)):
            a[i] = delta[i] * (a[i] * (single(1) - a[i]))
    else:
        for i in range(len(a)):
            a[i] = delta[i] * slopes[i]


@njit(**INNER)
def outputs(w, sizes, offsets, starts, kind, x, xo, B, act, slopes):
    """Fill the activations of all layers; those of the last are the outputs (C, B)."""
    n = len(offsets)
    for layer in range(n):
        F, H, o, a = sizes[layer], sizes[layer + 1], offsets[layer], starts[layer] * B
        floor = ZERO if layer < n - 1 and kind == RELU else LOWEST  # ReLU is done with it
        product(w, o, F + 1, 1, x, xo, B, F, w, o + F, F + 1, act, a, B, H, B, floor)
        if layer < n - 1:
            activate(kind, act[a : a + H * B], slopes[a : a + H * B])
        x, xo = act, a


@njit(**INNER)
def cross_entropy(z, C, B, y, scale, highest, true, summed):
    """Turn outputs z (C, B) in place into the gradient of the mean loss; return that loss.

    y: class numbers, -1 where there is none. scale: 1 / the true number of rows, 0 where there is none.
    """
    for b in range(B):
        highest[b] = z[b]
        summed[b] = true[b] = ZERO
    for c in range(1, C):
        r = z[c * B : c * B + B]
        for b in range(B):
            highest[b] = choose(r[b] > highest[b], r[b], highest[b])
    for c in range(C):
        r = z[c * B : c * B + B]
        for b in range(B):
            less = r[b] - highest[b]
            e = exp(less)
            true[b] += choose(y[b] == single(c), less, ZERO)
            summed[b] += e
            r[b] = e
    for b in range(B):
        true[b] = (log(summed[b]) - true[b]) * scale[b]
        summed[b] = scale[b] / summed[b]
    for c in range(C):
        r = z[c * B : c * B + B]
        for b in range(B):
            r[b] = r[b] * summed[b] - choose(y[b] == single(c), scale[b], ZERO)
    return total(true, 0, B)


@njit(**INNER)
def squared_error(z, B, y, scale, squares):
    """Turn outputs z (B,) in place into the gradient of half the mean squared error; return that loss."""
    for b in range(B):
        v = z[b] - y[b]
        z[b] = v * scale[b]
        squares[b] = choose(scale[b] > ZERO, v * v, ZERO)
    return total(squares, 0, B) / single(2) * scale[0]  # a sum that overflows is divergence


@njit(**INNER)
def gradient(
    w, g, sizes, offsets, starts, kind, classes, penalty,
    columns, co, rows, ro, stride, y, scale, B, act, slopes, delta, zeros, highest, true, summed,
):  # fmt: skip
    """Fill g (P,) with the gradient of the mean loss and the penalty on one batch; return the loss.

    columns: the batch (F, B) at co; rows: the same (B, F) at ro, a row every `stride`, or stride 0 and none:
    for few features a product of columns is as fast.
    """
    last = len(offsets) - 1
    outputs(w, sizes, offsets, starts, kind, columns, co, B, act, slopes)
    C, o = sizes[last + 1], starts[last] * B
    z = act[o : o + C * B]
    if classes:
        loss = cross_entropy(z, C, B, y, scale, highest, true, summed)
    else:
        loss = squared_error(z, B, y, scale, summed)
    do = o
    for layer in range(last, -1, -1):
        F, H, o = sizes[layer], sizes[layer + 1], offsets[layer]
        for h in range(H):
            g[o + h * (F + 1) + F] = total(act, do + h * B, B)
        if layer:
            a = starts[layer - 1] * B
            product_of_rows(act, do, B, act, a, B, B, g, o, F + 1, H, F)
            product(w, o, 1, F + 1, act, do, B, H, zeros, 0, 0, delta, 0, B, F, B, LOWEST)
            turn_back(kind, act[a : a + F * B], delta[: F * B], slopes[a : a + F * B])
            do = a
        elif stride:
            product(act, do, B, 1, rows, ro, stride, B, zeros, 0, 0, g, o, F + 1, H, F, LOWEST)
        else:
            product_of_rows(act, do, B, columns, co, B, B, g, o, F + 1, H, F)
    for i in range(len(penalty)):
        g[i] += penalty[i] * w[i]
    return loss


@njit(**INNER)
def measure(z, C, B, y, scale, classes, highest, true, summed, best):
    """Summed loss and summed wrong of B rows of data with outputs z (C, B); scale is 1, or 0 for no row.

    Of equal largest outputs the first class counts as the answer, and what is no number as the largest.
    """
    if not classes:
        for b in range(B):
            v = (z[b] - y[b]) * scale[b]
            summed[b] = v * v
        squares = total(summed, 0, B)
        return squares / single(2), squares
    for b in range(B):
        highest[b] = z[b]
        summed[b] = true[b] = best[b] = ZERO
    for c in range(1, C):
        r = z[c * B : c * B + B]
        for b in range(B):
            more = (not (r[b] <= highest[b])) & (highest[b] == highest[b])
            best[b] = choose(more, single(c), best[b])
            highest[b] = choose(more, r[b], highest[b])
    for c in range(C):
        r = z[c * B : c * B + B]
        for b in range(B):
            less = r[b] - highest[b]
            true[b] += choose(y[b] == single(c), less, ZERO)
            summed[b] += exp(less)
    for b in range(B):
        true[b] = (log(summed[b]) - true[b]) * scale[b]
    for b in range(B):
        best[b] = choose(best[b] != y[b], scale[b], ZERO)
    return total(true, 0, B), total(best, 0, B)
