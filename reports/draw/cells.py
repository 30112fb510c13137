"""Maps of coloured cells: how many times the lowest value each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike

from reports.draw import style
from reports.parts import Key, Look


class Square(NamedTuple):
    """A cell: its middle, and its side, of which 1 leaves no air."""

    x: float
    y: float
    side: float


def colours(times: ArrayLike, borders: Sequence[float]) -> list[str]:
    """A colour for each multiple of the lowest. borders: of the colours, from 1 up; beyond all, grey."""
    many = np.asarray(times, float)
    level = np.clip(np.searchsorted(borders, many, side="right") - 1, 0, len(style.HEAT) - 1)
    return [str(one) for one in np.where(np.isfinite(many), np.array(style.HEAT)[level], style.GREY)]


def legend(borders: Sequence[float]) -> list[Key]:
    """The colours by their multiple of the lowest."""
    ends = [f"{low:g}× to {high:g}×" for low, high in pairwise(borders)][: len(style.HEAT) - 1]
    texts = [*ends, f"{borders[len(ends)]:g}× or more"]
    keys = [
        Key(text, Look(colour, "s", "-"), line=False) for text, colour in zip(texts, style.HEAT, strict=True)
    ]
    return [*keys, Key("infinite", Look(style.GREY, "s", "-"), line=False)]


def fill(ax: Axes, squares: Mapping[str, Sequence[Square]], tag: str) -> None:
    """Squares by colour; one path for each colour keeps the page small."""
    for colour, some in squares.items():
        ax.add_patch(PathPatch(_path(some), facecolor=colour, lw=0, gid=tag))


def frame(ax: Axes, squares: Sequence[Square]) -> None:
    """A line around squares."""
    if squares:
        ax.add_patch(PathPatch(_path(squares), fill=False, lw=1.3, ec=style.INK))


def bare(ax: Axes) -> None:
    """No ticks and no lines beside the cells."""
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _path(squares: Sequence[Square]) -> Path:
    corners = [
        Path.unit_rectangle().transformed(
            Affine2D().scale(one.side).translate(one.x - one.side / 2, one.y - one.side / 2)
        )
        for one in squares
    ]
    return Path.make_compound_path(*corners)
