"""A forest: lines with intervals in groups, read from top to bottom, numbers at the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.draw import style
from reports.draw.style import CARD, INK, LINE, MUTED, Look
from reports.parts import MANY


class Line(NamedTuple):
    """One interval: its label at the left, its numbers in words at the right."""

    label: str
    estimate: float
    low: float
    high: float
    text: str
    heavy: bool = False  # a pooled one


class Group(NamedTuple):
    """Lines under a heading, with a note beside it."""

    heading: str
    note: str
    look: Look
    lines: Sequence[Line]


def most(datasets: Sequence[str]) -> int:
    """How many optimizers a forest of so many datasets can hold and stay readable."""
    return max(5, min(MANY, int(60 / (len(datasets) + 1.35))))


def reach(groups: Sequence[Group], least: float) -> float:
    """How far the axis goes: all estimates, and intervals as long as they do not dwarf them."""
    every = [line for group in groups for line in group.lines]
    marks = [abs(line.estimate) for line in every if math.isfinite(line.estimate)]
    ends = [abs(x) for line in every for x in (line.low, line.high) if math.isfinite(x)]
    return 1.08 * max(least, min(max(ends, default=0), 3 * max([*marks, least])))


def draw(groups: Sequence[Group], label: str, span: float, band: float, log: bool = False) -> Figure:
    """The forest from -span to span around 0 (with log: values are logarithms of a ratio).

    band: differences below it are too small to matter. An interval that goes on is cut with an arrow.
    """
    n = sum(len(group.lines) + 1.35 for group in groups)
    fig = Figure(figsize=(style.WIDTH, 0.62 + 0.205 * n), layout="constrained")
    ax = fig.subplots()
    right, left = ax.get_yaxis_transform(), ax.get_yaxis_transform()
    y = 0.0
    for group in groups:
        y -= 1.0
        top = y + 0.5
        ax.text(-0.02, y, group.heading, transform=left, ha="right", va="center", fontweight="bold")
        ax.text(1.02, y, group.note, transform=right, va="center", color=INK)
        for line in group.lines:
            y -= 1.0
            weight = "bold" if line.heavy else "normal"
            ax.text(-0.02, y, line.label, transform=left, ha="right", va="center", color=MUTED, fontsize=8)
            ax.text(
                1.02, y, line.text, transform=right, va="center", color=MUTED, fontsize=8, fontweight=weight
            )
            _line(ax, line, y, group.look, span)
        ax.add_patch(Rectangle((-band, y - 0.45), 2 * band, top - y - 0.5, color=style.BAND, lw=0, zorder=0))
        ax.plot([0, 0], [y - 0.45, top - 0.95], color=INK, lw=0.9, zorder=1)
        y -= 0.35
    ax.set_ylim(y - 0.3, 0.0)
    ax.set_xlim(-span, span)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    if log:
        ticks = [
            t for t in (1 / 64, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 64) if abs(math.log(t)) <= span
        ]
        ticks = ticks if len(ticks) <= 7 else [t for t in ticks if t in (1 / 64, 1 / 16, 1 / 4, 1, 4, 16, 64)]
        ax.set_xticks([math.log(t) for t in ticks], [_fraction(t) for t in ticks])
    else:
        style.linear_axis(ax, "x", 7)
    ax.grid(axis="x", color=LINE, zorder=0)
    ax.set_axisbelow(True)
    ax.set_xlabel(label)
    return fig


def _fraction(t: float) -> str:
    return f"{t:g}×" if t >= 1 else f"1/{round(1 / t)}×"


def _line(ax: Axes, line: Line, y: float, look: Look, span: float) -> None:
    if math.isnan(line.estimate):
        return
    low, high = max(line.low, -span), min(line.high, span)
    wide = 2.4 if line.heavy else 1.5
    if low < high:
        ax.plot([low, high], [y, y], color=look.colour, lw=wide, solid_capstyle="butt", zorder=2)
    for cut, end, marker in ((line.low < -span, -span, "<"), (line.high > span, span, ">")):
        if cut:
            ax.plot([end], [y], marker=marker, ms=4.5, color=look.colour, clip_on=False, zorder=3)
    if abs(line.estimate) <= span:
        size = 7.5 if line.heavy else 5.5
        ax.plot(
            [line.estimate], [y], marker=look.marker, ms=size, color=look.colour, mec=CARD, mew=0.7, zorder=4
        )
