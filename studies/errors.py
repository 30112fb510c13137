"""What a user did wrong, in one sentence with the value and the rule, and a second with the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


class UsageError(ValueError):
    """Bad input: exit code 2."""

    def __init__(self, sentence: str, remedy: str) -> None:
        super().__init__(f"{sentence}\n{remedy}")


def nearest(name: str, known: Sequence[str]) -> str:
    """The remedy for an unknown name: the nearest known one, else all of them."""
    near = difflib.get_close_matches(name.lower(), known, 1)
    return f"Did you mean {near[0]}?" if near else f"Choose from: {', '.join(known)}."


def whole_number(name: str, value: object, low: int, high: int) -> None:
    """Raise UsageError unless the value is a whole number from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UsageError(f"{name} must be a whole number >= {low}, not {value!r}.", f"Give {low} or more.")
    if value > high:
        shown = str(value) if value < 10**15 else "a number with more than 15 digits"
        raise UsageError(f"{name} must be a whole number <= {high}, not {shown}.", f"Give {high} or less.")
