"""The engine that a study trains with, and what its bytes depend on then."""

from __future__ import annotations

import contextlib
import functools
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import dlopt
from dlopt import engine
from dlopt.training import ENGINES
from studies.errors import UsageError
from studies.question.foreign import Foreign
from studies.system.machine import arithmetic

AUTO, COMPILED, NUMPY = ENGINES
MENDED = 'Install Numba (make setup, or pip install "dlopt[fast]"), or choose another folder with --out.'


def chosen(name: str) -> str:
    """Which one it is, "auto" as this machine can."""
    if name != AUTO:
        return name
    return NUMPY if engine.missing() else COMPILED


def bytes_of(name: str) -> dict[str, str]:
    """What a training's bytes depend on beside the seed: the engine; in NumPy also libraries and kernels."""
    name = chosen(name)
    return {"engine": name, **({} if name == COMPILED else arithmetic())}


def bytes_of_update(name: str, kind: Any) -> dict[str, str]:
    """What the steps of an optimizer's class depend on beside that: nothing where they are compiled."""
    return arithmetic() if chosen(name) == COMPILED and _refusal(kind) else {}


def in_numpy(name: str, kind: Any) -> str:
    """Why the steps of an optimizer's class are taken in NumPy, in words; "" where they are compiled."""
    if name == NUMPY:  # and nothing is compiled to know whether it could be
        return "NumPy was chosen."
    return engine.missing() or _refusal(kind)


@functools.cache
def _refusal(kind: Any) -> str:
    if issubclass(kind, Foreign):
        return f"its steps are {kind.call.library}'s, row by row, and slower"
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
        try:
            return engine.refusal(kind()) or _tried(kind)
        except (Exception, SystemExit) as error:  # of somebody's own: its trainings will tell
            return type(error).__name__


def _tried(kind: Any) -> str:
    """What a short training says of somebody's own class, which is held against its formula there."""
    if kind.__module__.startswith("dlopt."):
        return ""
    X, y = np.eye(4), np.arange(4) % 2
    with warnings.catch_warnings(action="ignore"):
        split = dlopt.Split(X, y, X, y, X, y, n_classes=2)
        tried = dlopt.train(
            dlopt.MLP(2), split, kind(), batch_size=2, epochs=2, progress=False, engine=COMPILED
        )
    return tried.in_numpy.get(kind.__name__, "")


def ready(asked: str, had: str, tell: Callable[[str], None]) -> str:
    """The engine of a call, its run folder's where it asks for none; compiled before any worker begins.

    had: that of the folder, "" where there is none. tell: hears of what takes long, and of NumPy. Raises
    UsageError where it is to be compiled and nothing can be.
    """
    if asked == NUMPY:
        return NUMPY
    if not engine.cached():
        tell("Compiling the engine, once: about ten seconds.")
    if not (why := engine.missing()):
        return NUMPY if asked == AUTO and had == NUMPY else asked
    if COMPILED in (asked, had):
        raise UsageError(f"This run is trained by the compiled engine. {why}", MENDED)
    tell(f"{why} All is trained in NumPy.")
    return AUTO
