"""Exponential functions of one float32, made of what IEEE 754 fixes to the last bit."""

from __future__ import annotations

import numpy as np
from numba import njit

from dlopt.engine.products import INNER
from dlopt.engine.vectors import bits, choose, fma, number

single, whole = np.float32, np.int32
INLINE = {"forceinline": True, **INNER}


@njit(**INLINE)
def exp(x):
    """e^x for x <= 0, within 2 ulp (the polynomial of Cephes' expf); below -87 it is 0."""
    near = x > single(-87)
    c = choose(near, x, single(-87))
    k = fma(c, single(1.44269504088896341), single(12582912.0))  # 1.5·2²³ rounds to whole numbers
    n = k - single(12582912.0)
    r = fma(n, single(2.12194440e-4), fma(n, single(-0.693359375), c))
    y = fma(single(1.9875691500e-4), r, single(1.3981999507e-3))
    y = fma(y, r, single(8.3334519073e-3))
    y = fma(y, r, single(4.1665795894e-2))
    y = fma(y, r, single(1.6666665459e-1))
    y = fma(y, r, single(5.0000001201e-1))
    y = fma(y, r * r, r + single(1))
    y = number(whole(bits(y) + whole(bits(k) << whole(23))))
    return choose(near, y, choose(x != x, x, single(0)))


@njit(**INLINE)
def log(x):
    """ln x for normal x > 0, within 1 ulp (Cephes' logf)."""
    i = bits(x)
    e = whole(whole(i - whole(0x3F3504F3)) >> whole(23))
    r = number(whole(i - whole(e << whole(23)))) - single(1)
    n = single(e)
    y = fma(single(7.0376836292e-2), r, single(-1.1514610310e-1))
    y = fma(y, r, single(1.1676998740e-1))
    y = fma(y, r, single(-1.2420140846e-1))
    y = fma(y, r, single(1.4249322787e-1))
    y = fma(y, r, single(-1.6668057665e-1))
    y = fma(y, r, single(2.0000714765e-1))
    y = fma(y, r, single(-2.4999993993e-1))
    y = fma(y, r, single(3.3333331174e-1))
    s = r * r
    y = fma(n, single(-2.12194440e-4), y * r * s)
    y = fma(s, single(-0.5), y)
    y = fma(n, single(0.693359375), r + y)
    return choose(x == x, y, x)


@njit(**INLINE)
def tanh(x):
    """The hyperbolic tangent, within 2 ulp (near 0 the polynomial of Cephes' tanhf)."""
    size = abs(x)
    z = x * x
    y = fma(single(-5.70498872745e-3), z, single(2.06390887954e-2))
    y = fma(y, z, single(-5.37397155531e-2))
    y = fma(y, z, single(1.33314422036e-1))
    y = fma(y, z, single(-3.33332819422e-1))
    near = fma(y * z, x, x)
    e = exp(single(-2) * size)
    far = (single(1) - e) / (single(1) + e)
    return choose(size < single(0.625), near, choose(x > single(0), far, -far))


@njit(**INLINE)
def sigmoid(x):
    """1 / (1 + e^-x)."""
    e = exp(-abs(x))
    return choose(x > single(0), single(1), e) / (single(1) + e)
