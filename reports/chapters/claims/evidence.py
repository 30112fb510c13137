"""The evidence of a claim as a panel: curves over x with what was expected, or dots where x says nothing."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data import words
from reports.draw import style

ROW = 0.21  # inches of a line of dots or of a legend
PANEL = 1.9  # inches of what is drawn
DOTS = 18  # of a panel without an x; more are left to the table
EXPECTED = style.Look(style.MUTED, "", (0, (1, 1.5)))


def figure(claims: pd.DataFrame, evidence: pd.DataFrame) -> Figure:
    """A panel for each claim, two to a row."""
    panels = [(one, _shown(evidence[evidence.number == one.number])) for one in claims.itertuples()]
    rows = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    heights = [max(_height(lines) for _, lines in row) for row in rows]
    fig = Figure(figsize=(style.WIDTH, sum(heights)), layout="constrained")
    axes = fig.subplots(len(rows), 2, squeeze=False, height_ratios=heights)
    for row, places in zip(rows, axes, strict=True):
        for ax in places[len(row) :]:
            ax.set_axis_off()
        for (one, lines), ax in zip(row, places, strict=False):
            ax.set_title(f"Claim {one.number}: {words.clean(one.verdict)}")
            (_curves if _over_x(lines) else _dots)(ax, one, lines)
            ax.grid(color=style.LINE, lw=0.6)
    return fig


def _shown(lines: pd.DataFrame) -> pd.DataFrame:
    """In order; where some have an x, those without it are in other units and stay in the table."""
    placed = lines.x.notna()
    return (lines[placed] if placed.any() else lines).sort_values("line")


def _over_x(lines: pd.DataFrame) -> bool:
    return bool(lines.groupby("what").x.nunique().max() > 1)


def _height(lines: pd.DataFrame) -> float:
    names = lines.what.nunique() + 1
    return PANEL + 0.7 + ROW * names if _over_x(lines) else 0.8 + max(ROW * min(len(lines), DOTS), 0.9)


def _curves(ax: Axes, one: Any, lines: pd.DataFrame) -> None:
    names = list(dict.fromkeys(lines.what))
    looks = style.looks(names, names)
    for i, name in enumerate(names):
        here, look = lines[lines.what == name].sort_values("x"), looks[name]
        shown = here[np.isfinite(here.value)]
        ax.vlines(shown.x, *_ends(shown, lines), color=look.colour, lw=1)
        ax.plot(shown.x, shown.value, color=look.colour, ls=look.dash, lw=1.3)
        few = shown if len(shown) <= 12 else shown.iloc[:: -(-len(shown) // 10)]
        style.marks(ax, few.x, few.value, look)
        told = here[np.isfinite(here.expected)]
        ax.plot(told.x, told.expected, color=EXPECTED.colour, lw=0.9, ls=EXPECTED.dash, zorder=1)
        style.crosses(ax, here[np.isinf(here.value)].x, i, look)
    log = str(one.log)
    _scale(ax, "x", lines.x, "x" in log)
    _scale(ax, "y", pd.concat([lines.value, lines.low, lines.high, lines.expected]), "y" in log)
    ax.set_xlabel(_folded(one.x))
    ax.set_ylabel(_folded(one.y))
    handles = [style.handle(looks[name]) for name in names]
    labels = [words.short(words.clean(name), 46) for name in names]
    if np.isfinite(lines.expected).any():
        handles.append(style.handle(EXPECTED))
        labels.append("expected")
    where: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (-0.02, -0.3), "borderaxespad": 0}
    ax.legend(handles, labels, fontsize=7.5, handlelength=3, **where)


def _dots(ax: Axes, one: Any, lines: pd.DataFrame) -> None:
    some = lines.iloc[:DOTS]
    places = np.arange(len(some))[::-1]
    finite = np.isfinite(some.value).to_numpy()
    low, high = _ends(some, some)
    ax.hlines(places[finite], low[finite], high[finite], color=style.INK, lw=1.2)
    ax.plot(some.value[finite], places[finite], ls="none", marker="o", ms=5, color=style.LIGHT["accent"])
    told = np.isfinite(some.expected).to_numpy()
    ax.plot(some.expected[told], places[told], ls="none", marker="|", ms=11, mew=1.4, color=style.MUTED)
    edge: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ls": "none", "marker": "x", "ms": 5}
    ax.plot(np.full((~finite).sum(), 0.985), places[~finite], color=style.BAD, **edge)
    ax.set_yticks(places, [words.short(words.clean(name), 34) for name in some.what], fontsize=7.5)
    ax.set_ylim(-0.6, len(some) - 0.4)
    _scale(ax, "x", pd.Series(np.concatenate([some.value, low, high, some.expected])), "y" in str(one.log))
    ax.set_xlabel(_folded(one.y))


def _ends(lines: pd.DataFrame, panel: pd.DataFrame) -> tuple[Any, Any]:
    """Ends of the bars: those of exact values are the values, infinite ones reach to the panel's edge."""
    known = pd.concat([panel.value, panel.low, panel.high, panel.expected])
    known = known[np.isfinite(known)]
    low, high = (np.where(ends.isna(), lines.value, ends) for ends in (lines.low, lines.high))
    if known.empty:
        return low, high
    return np.where(np.isneginf(low), known.min(), low), np.where(np.isposinf(high), known.max(), high)


def _folded(text: object) -> str:
    """An axis' label in lines that fit beside it."""
    return textwrap.fill(words.clean(text), 32)


def _scale(ax: Axes, which: str, values: pd.Series, log: bool) -> None:
    here = values[np.isfinite(values)]
    if log and (here > 0).any():
        low, high = here[here > 0].min(), here[here > 0].max()
        room = max((high / low) ** 0.06, 1.05)
        style.log_axis(ax, which, low / room, high * room, 4)
    else:
        style.linear_axis(ax, which, 5)
