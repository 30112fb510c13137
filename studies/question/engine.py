"""The engine that a study trains with, and what its bytes depend on then."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable
from typing import Any

from dlopt import engine
from dlopt.training import ENGINES
from studies.errors import UsageError
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
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            return engine.refusal(kind())
    except SystemExit:  # of somebody's own update, when it is read
        return "SystemExit"


def ready(asked: str, had: str, tell: Callable[[str], None]) -> str:
    """The engine of a call, its run folder's where it asks for none; compiled before any worker begins.

    had: that of the folder, "" where there is none. tell: hears of what takes long, and of NumPy. Raises
    UsageError where it is to be compiled and nothing can be.
    """
    if asked == NUMPY:
        return NUMPY
    if not getattr(engine, "cached", lambda: True)():
        tell("Compiling the engine, once: about ten seconds.")
    if not (why := engine.missing()):
        return NUMPY if asked == AUTO and had == NUMPY else asked
    if COMPILED in (asked, had):
        raise UsageError(f"This run is trained by the compiled engine. {why}", MENDED)
    tell(f"{why} All is trained in NumPy.")
    return AUTO
