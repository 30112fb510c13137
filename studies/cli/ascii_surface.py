"""A surface and the walks over it in plain characters, for a terminal."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
WIDE, HIGH = 64, 20  # characters
SHADES = " .:-=+*#"  # from the lowest eighth of the window to the highest
FAR = 6.0  # what walks farther leaves the picture: all surfaces have theirs within


def draw(landscape: Any, walks: Doubles, names: Sequence[str]) -> str:
    """The window that holds all walks: darker is higher, a letter is where a walk was, a capital its end.

    walks: (steps + 1, K, 2). names: of the K walks. "" for a surface that is no plane one.
    """
    if walks.shape[2] != 2:
        return ""
    near = np.abs(walks).max(axis=2) <= FAR  # and finite
    low, high = walks[near].min(axis=0), walks[near].max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2 * 1.15, 0.5)
    low, high = middle - half, middle + half
    x, y = (np.linspace(low[i], high[i], n) for i, n in ((0, WIDE), (1, HIGH)))
    heights = landscape.value(np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1))
    ranks = np.searchsorted(np.sort(heights), heights, side="left") * len(SHADES) // heights.size
    cells = np.array(list(SHADES))[ranks].reshape(HIGH, WIDE)
    letters = string.ascii_lowercase[: len(names)]
    for k, letter in enumerate(letters):
        here = walks[near[:, k], k]
        columns, rows = (np.rint((here - low) / (high - low) * (WIDE - 1, HIGH - 1)).astype(int)).T
        cells[rows, columns] = letter
        cells[rows[-1], columns[-1]] = letter.upper()
    lines = "\n".join("".join(row).rstrip() for row in cells[::-1])  # y grows upwards
    keys = ", ".join(f"{letter} {name}" for letter, name in zip(letters, names, strict=False))
    window = f"x {low[0]:.3g} to {high[0]:.3g}, y {low[1]:.3g} to {high[1]:.3g}"
    return f"{lines}\n\n{keys}; a capital is where a walk ends; darker is higher; {window}.\n\n"
