"""What is asked of every argument, and how a refused one is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 200  # characters of a value in a sentence


def shown(value: object) -> str:
    """The repr in one line, cut in its middle where it is long."""
    try:
        text = repr(value)
    except Exception:  # an integer of thousands of digits has none, and somebody's class may raise anything
        return f"a value of {type(value).__name__} that cannot be shown"
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    return text if len(text) <= LONGEST else f"{text[:120]} … {text[-60:]}"


def is_whole(value: object) -> bool:
    """Is it an integer, Python's or NumPy's?"""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)


def array(name: str, value: Any) -> NDArray[Any]:
    """The value as an array. Raises ValueError for lists of unequal lengths."""
    try:
        return np.asarray(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be an array, not {shown(value)}. Give rows of one length.") from None


def numbers(name: str, value: Any) -> NDArray[Any]:
    """The value as an array of integers, floats or booleans. Raises ValueError where that is impossible."""
    found = array(name, value)
    if found.dtype.kind in "biuf":
        return found
    try:
        if found.dtype.kind in "cmMV":
            raise ValueError
        with np.errstate(over="ignore"):
            return found.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"{name} must hold real numbers, not {found.dtype} such as {shown(value)}. "
            "Encode words and dates as numbers first."
        ) from None
