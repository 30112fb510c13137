"""Estimates with their intervals in rows: filled or hollow, cut with an arrow at the panel's edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from reports.data import words
from reports.draw import style, svg
from reports.draw.style import INK, MUTED
from reports.parts import Key, Look, Panel

ROW, TALL = 17.0, 28.0  # points of a row, and of one with its label above
MORE = 8.0  # points of a further line in a row
NARROW, WIDE = 17, 50  # characters of a label that stands beside its row, and above
CALLED = Look(INK, "o", "-")
KEYS = (
    Key("called after Holm", CALLED),
    Key("not called: as good as each other, or not decided", CALLED, hollow=True),
)


class Line(NamedTuple):
    """One interval. told: all of it in words. hollow: what the legend says of it."""

    label: str
    estimate: float
    low: float
    high: float
    look: Look
    told: str
    optimizer: str = ""
    hollow: bool = False


class Scale(NamedTuple):
    """The axis of a panel. band: differences around 0 that are too small to matter. log: of a ratio."""

    label: str
    low: float
    high: float
    band: float = 0.0
    log: bool = False
    zero: float = 0.0  # where the line of no difference stands


def reach(lines: Sequence[Line], least: float) -> float:
    """How far an axis goes: all estimates, and intervals as long as they do not dwarf them."""
    marks = [abs(line.estimate) for line in lines if math.isfinite(line.estimate)]
    ends = [abs(x) for line in lines for x in (line.low, line.high) if math.isfinite(x)]
    return 1.08 * max(least, min(max([*ends, *marks], default=0), 3 * max([*marks, least])))


def panel(name: str, title: str, lines: Sequence[Line], scale: Scale, dataset: str = "") -> Panel:
    """The lines from the top. Lines with the same label share a row."""
    labels = list(dict.fromkeys(line.label for line in lines))
    sharing = {label: [one for one in lines if one.label == label] for label in labels}
    tall = max(map(len, labels), default=0) > NARROW
    pitch = (TALL if tall else ROW) + MORE * (max(map(len, sharing.values()), default=1) - 1)
    fig, ax = style.panel(50 + pitch * len(labels))
    style.rows(ax, [""] * len(labels) if tall else labels)
    if tall:
        above(ax, labels, pitch)
    places = [row - 0.5 + 19 / pitch if tall else float(row) for row in range(len(labels))]
    if scale.band:
        ax.axvspan(-scale.band, scale.band, color=style.BAND, lw=0, zorder=0)
    if scale.low <= scale.zero <= scale.high:
        if tall:  # not through the labels
            ends = [(y - 6 / pitch, row + 0.46) for row, y in enumerate(places)]
            ax.vlines([scale.zero] * len(ends), *zip(*ends, strict=True), color=INK, lw=0.9, zorder=1)
        else:
            ax.axvline(scale.zero, color=INK, lw=0.9, zorder=1)
    told = len(svg.marks_told([line.told for line in lines])) > 0
    for y, same in zip(places, sharing.values(), strict=True):
        for i, line in enumerate(same):
            _line(ax, line, y + i * MORE / pitch, scale, told)
    ax.set_xlim(scale.low, scale.high)
    if scale.log:
        _ratios(ax, scale)
    else:
        style.linear_axis(ax, "x", 5)
    ax.set_xlabel(scale.label)
    return Panel(name, title, fig, dataset)


def above(ax: Axes, labels: Sequence[str], pitch: float) -> None:
    """Labels above their rows, where they are too long to stand beside them. pitch: points of a row."""
    ax.grid(visible=False)
    for row, label in enumerate(labels):
        text = words.short(label, WIDE)
        ax.text(0, row - 0.5 + 10 / pitch, text, transform=ax.get_yaxis_transform(), fontsize=9.5, color=INK)


def _ratios(ax: Axes, scale: Scale) -> None:
    every = [4.0**i for i in range(-9, 10)]
    if scale.high - scale.low < math.log(40):
        every = [2.0**i for i in range(-9, 10)]
    ticks = [t for t in every if scale.low <= math.log(t) <= scale.high]
    ticks = ticks[:: -(-len(ticks) // 6)]
    ax.set_xticks(np.log(ticks), [f"{t:g}×" if t >= 1 else f"1/{round(1 / t)}×" for t in ticks])


def _line(ax: Axes, line: Line, y: float, scale: Scale, told: bool) -> None:
    gid = style.tag(line.optimizer)
    if math.isnan(line.estimate):
        ax.text(0.99, y, "not known", transform=ax.get_yaxis_transform(), **_RIGHT)
        return
    if math.isinf(line.estimate):
        x = scale.high if line.estimate > 0 else scale.low
        mark = style.tag(line.optimizer, [line.told] if told else [])
        ax.plot([x], [y], "x", ms=6, mew=1.5, color=line.look.colour, clip_on=False, gid=mark, zorder=4)
        return
    low, high = (min(max(x, scale.low), scale.high) for x in (line.low, line.high))
    if low < high:
        ax.plot([low, high], [y, y], color=line.look.colour, lw=1.6, solid_capstyle="butt", gid=gid)
    for cut, end, marker in ((line.low < scale.low, low, "<"), (line.high > scale.high, high, ">")):
        if cut:
            arrow: dict[str, Any] = {"marker": marker, "ms": 4.5, "clip_on": False, "gid": gid}
            ax.plot([end], [y], color=line.look.colour, mec="none", **arrow)
    if scale.low <= line.estimate <= scale.high:
        mark = style.tag(line.optimizer, [line.told] if told else [])
        style.marks(ax, [line.estimate], [y], line.look, mark, line.hollow)


_RIGHT: dict[str, Any] = {"ha": "right", "va": "center", "color": MUTED, "fontsize": 9}
