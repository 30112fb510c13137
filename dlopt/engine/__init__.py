"""Training in compiled code, faster than NumPy's and with the same bytes on every x86-64 machine.

Needs Numba (`pip install "dlopt[fast]"`); NumPy's form (`dlopt.models`, `dlopt.stepping`) is the reference,
and trains what is not compiled. Forward pass, loss and backward pass of one row are plain loops (`network`)
over a few small matrix products (`products`); an optimizer's `update` is read once (`formula`) and becomes
one fused loop (`loops`). Between the seed and a record stands nothing that IEEE 754 does not fix: no BLAS, no
libm, each fma written out, sums of one order (`vectors`), exponentials of our own (`functions`). (The rare
tail of NumPy's normal numbers takes a logarithm of libm's: in float32 it may differ once in 10¹³ weights.)
"""

from __future__ import annotations

import functools
import sys

import numpy as np

from dlopt.optimizer import Optimizer

HIDDEN = "it depends on something that is neither an argument nor in its state"


class FrozenError(Exception):
    """An `update` did what its formula does not: it depends on what is no argument of it."""


@functools.cache
def missing() -> str:
    """Why nothing can be compiled here, in a sentence; "" where it can."""
    try:
        import numba

        if numba.config.DISABLE_JIT:
            return "Numba is told to compile nothing (NUMBA_DISABLE_JIT)."
        from dlopt.engine import rows  # noqa: F401
    except ImportError:
        return "Numba is not installed."
    except Exception as error:  # whatever LLVM has against this machine
        return f"Numba cannot compile on this machine ({type(error).__name__})."
    return ""


def cached() -> bool:
    """Is nothing left to compile: has this state of the engine been compiled before, or can none be?"""
    if "dlopt.engine.passes" in sys.modules:
        return True
    try:
        from dlopt.engine import cache
    except Exception:  # NumPy trains, and `missing` says why
        return True
    return len(list(cache.folder().rglob("*.nbc"))) >= cache.FUNCTIONS


def refusal(optimizer: Optimizer) -> str:
    """Why this optimizer's `update` runs in NumPy, in words; "" where it is compiled.

    Only to be asked where nothing is `missing`.
    """
    from dlopt.engine.formula import Unreadable, read

    single = np.dtype(np.float32)
    try:
        with np.errstate(all="ignore"):
            read(optimizer.bind(single), np.asarray(optimizer.lr_at(0)).astype(single)[()])
    except Unreadable as why:
        return str(why)
    return ""
