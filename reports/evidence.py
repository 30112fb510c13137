"""The evidence of a claim as a panel: curves over x with what was expected, or dots where x says nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from reports import style, words

PANEL = 3.1  # inches high, its legend included
DOTS = 8  # of a panel without an x; more are left to the table


def figure(claims: pd.DataFrame, evidence: pd.DataFrame) -> Figure:
    """A panel for each claim, two to a row."""
    rows = -(-len(claims) // 2)
    fig = Figure(figsize=(style.WIDTH, rows * PANEL), layout="constrained")
    axes = fig.subplots(rows, 2, squeeze=False).ravel()
    for ax in axes[len(claims) :]:
        ax.set_axis_off()
    for ax, one in zip(axes, claims.itertuples(), strict=False):
        lines = evidence[evidence.number == one.number].sort_values("line")
        ax.set_title(f"Claim {one.number}: {words.clean(one.verdict)}")
        (_curves if lines.groupby("what").x.nunique().max() > 1 else _dots)(ax, lines, str(one.log))
        if lines.groupby("what").x.nunique().max() > 1:
            ax.set_xlabel(words.clean(one.x))
            ax.set_ylabel(words.clean(one.y))
        else:
            ax.set_xlabel(words.clean(one.y))
    return fig


def _curves(ax: Axes, lines: pd.DataFrame, log: str) -> None:
    names = list(dict.fromkeys(lines.what))
    looks = style.looks(names, names)
    for i, name in enumerate(names):
        here, look = lines[lines.what == name].sort_values("x"), looks[name]
        shown = here[np.isfinite(here.value)]
        bars = shown[shown.low.notna()]
        high = np.where(np.isfinite(bars.high), bars.high, bars.value)
        ax.errorbar(
            bars.x,
            bars.value,
            [bars.value - np.where(np.isfinite(bars.low), bars.low, bars.value), high - bars.value],
            fmt="none",
            ecolor=look.colour,
            elinewidth=1,
        )
        few = shown if len(shown) <= 12 else shown.iloc[:: -(-len(shown) // 10)]
        ax.plot(shown.x, shown.value, color=look.colour, ls=look.dash, lw=1.3)
        style.marks(ax, few.x, few.value, look)
        told = here[np.isfinite(here.expected)]
        ax.plot(told.x, told.expected, color=style.MUTED, lw=0.9, ls=(0, (1, 1.5)), zorder=1)
        style.crosses(ax, here[np.isinf(here.value)].x, i, look)
    _scales(ax, log)
    labels = [words.short(words.clean(name), 40) for name in names]
    handles = [style.handle(looks[name]) for name in names]
    if lines.expected.map(np.isfinite).any():
        handles.append(style.handle(style.Look(style.MUTED, "", (0, (1, 1.5)))))
        labels.append("expected")
    ax.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.24),
        ncols=1 if max(map(len, labels)) > 16 else 2,
        fontsize=7.5,
        handlelength=3,
        borderaxespad=0,
    )


def _dots(ax: Axes, lines: pd.DataFrame, log: str) -> None:
    some = lines.iloc[:DOTS]
    places = np.arange(len(some))[::-1]
    finite = np.isfinite(some.value)
    low = np.where(np.isfinite(some.low), some.low, some.value)
    high = np.where(np.isfinite(some.high), some.high, some.value)
    ax.hlines(places[finite], low[finite], high[finite], color=style.INK, lw=1.2)
    ax.plot(some.value[finite], places[finite], ls="none", marker="o", ms=5, color=style.LIGHT["accent"])
    told = np.isfinite(some.expected)
    ax.plot(some.expected[told], places[told], ls="none", marker="|", ms=11, mew=1.4, color=style.MUTED)
    if not finite.all():
        ax.plot(
            np.full((~finite).sum(), 0.985),
            places[~finite],
            ls="none",
            marker="x",
            ms=5,
            color=style.BAD,
            transform=ax.get_yaxis_transform(),
        )
    ax.set_yticks(places, [words.short(words.clean(name), 30) for name in some.what], fontsize=7.5)
    ax.set_ylim(-0.6, len(some) - 0.4)
    _scales(ax, "x" if "y" in log else "")


def _scales(ax: Axes, log: str) -> None:
    for name, set_scale in (("x", ax.set_xscale), ("y", ax.set_yscale)):
        if name in log:
            set_scale("log")
            (ax.xaxis if name == "x" else ax.yaxis).set_minor_locator(NullLocator())
    ax.grid(color=style.LINE, lw=0.6)
