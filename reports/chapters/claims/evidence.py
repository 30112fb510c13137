"""The evidence of a claim as a panel: curves over x with what was expected, or dots where x says nothing."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data import words
from reports.draw import intervals, looks, style, svg
from reports.parts import Key, Look, Panel

ROW = 14.0  # points of a line of a legend
DOTS = 18  # of a panel without an x; more are left to the table
EXPECTED = Look(style.MUTED, "", (0, (1, 1.5)))


def panels(claims: pd.DataFrame, evidence: pd.DataFrame) -> list[Panel]:
    """A panel for each claim."""
    made = []
    for one in claims.itertuples():
        lines = _shown(evidence[evidence.number == one.number])
        title = f"Claim {one.number}: {words.clean(one.verdict)}"
        draw = _curves if _over_x(lines) else _dots
        made.append(Panel(f"claim {one.number}", title, draw(one, lines)))
    return made


def _shown(lines: pd.DataFrame) -> pd.DataFrame:
    """In order; where some have an x, those without it are in other units and stay in the table."""
    placed = lines.x.notna()
    return (lines[placed] if placed.any() else lines).sort_values("line")


def _over_x(lines: pd.DataFrame) -> bool:
    return bool(lines.groupby("what").x.nunique().max() > 1)


def _curves(one: Any, lines: pd.DataFrame) -> Figure:
    names = list(dict.fromkeys(lines.what))
    known = {name: _look(name, i) for i, name in enumerate(names)}
    fig, ax = style.panel(190 + ROW * (len(names) + 1))
    told = svg.marks_told([""] * len(lines)) != []
    for i, name in enumerate(names):
        here, (optimizer, look) = lines[lines.what == name].sort_values("x"), known[name]
        shown, tag = here[np.isfinite(here.value)], style.tag(optimizer)
        ax.vlines(shown.x, *_ends(shown, lines), color=look.colour, lw=1, gid=tag)
        ax.plot(shown.x, shown.value, color=look.colour, ls=look.dash, lw=1.5, gid=tag)
        few = shown if len(shown) <= 12 else shown.iloc[:: -(-len(shown) // 10)]
        titles = [f"{r.what}, {words.number(r.x)}: {_value(r)}" for r in few.itertuples()] if told else []
        style.marks(ax, few.x, few.value, look, style.tag(optimizer, titles))
        theory = here[np.isfinite(here.expected)]
        ax.plot(theory.x, theory.expected, color=EXPECTED.colour, lw=1.1, ls=EXPECTED.dash, zorder=1)
        style.crosses(ax, here[np.isinf(here.value)].x, i, look, tag)
    log = str(one.log)
    _scale(ax, "x", lines.x, "x" in log)
    _scale(ax, "y", pd.concat([lines.value, lines.low, lines.high, lines.expected]), "y" in log)
    ax.set(xlabel=_folded(one.x), ylabel=_folded(one.y, 26))
    ax.grid(color=style.LINE, lw=0.6)
    keys = [Key(words.short(words.clean(name), 38), look) for name, (_, look) in known.items()]
    if np.isfinite(lines.expected).any():
        keys.append(Key("expected", EXPECTED))
    where: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.04, 1.0), "borderaxespad": 0}
    handles = [svg.handle(key) for key in keys]
    ax.legend(handles, [key.title for key in keys], handlelength=2.6, labelspacing=0.2, **where)
    return fig


def _look(what: str, i: int) -> tuple[str, Look]:
    """Of a series: the optimizer that it is named after, with its look; else none, and one of the rest."""
    name = words.clean(what).lower()
    if name in looks.FIXED:
        return name, looks.of_optimizers([name])[name]
    return "", looks.plain(i)


def _value(r: Any) -> str:
    value = words.number(r.value) if np.isfinite(r.value) else words.INFINITY
    return value if np.isnan(r.low) else f"{value} [{words.number(r.low)}, {words.number(r.high)}]"


def _dots(one: Any, lines: pd.DataFrame) -> Figure:
    some = lines.iloc[:DOTS]
    labels = [words.clean(name) for name in some.what]
    tall = max(map(len, labels), default=0) > intervals.NARROW
    pitch = intervals.TALL if tall else intervals.ROW
    fig, ax = style.panel(60 + pitch * len(some))
    style.rows(ax, [""] * len(some) if tall else labels)
    places = np.arange(len(some), dtype=float)
    if tall:
        intervals.above(ax, labels, pitch)
        places += 19 / pitch - 0.5
    finite = np.isfinite(some.value).to_numpy()
    low, high = _ends(some, some)
    ax.hlines(places[finite], low[finite], high[finite], color=style.INK, lw=1.2)
    titles = [f"{r.what}: {_value(r)}" for r in some[finite].itertuples()]
    style.marks(ax, some.value[finite], places[finite], looks.plain(0), style.tag("", titles))
    told = np.isfinite(some.expected).to_numpy()
    ax.plot(some.expected[told], places[told], ls="none", marker="|", ms=11, mew=1.4, color=style.MUTED)
    edge: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "ls": "none", "marker": "x", "ms": 5}
    ax.plot(np.full((~finite).sum(), 0.985), places[~finite], color=style.BAD, **edge)
    _scale(ax, "x", pd.Series(np.concatenate([some.value, low, high, some.expected])), "y" in str(one.log))
    ax.set_xlabel(_folded(one.y))
    return fig


def _ends(lines: pd.DataFrame, panel: pd.DataFrame) -> tuple[Any, Any]:
    """Ends of the bars: those of exact values are the values, infinite ones reach to the panel's edge."""
    known = pd.concat([panel.value, panel.low, panel.high, panel.expected])
    known = known[np.isfinite(known)]
    low, high = (np.where(ends.isna(), lines.value, ends) for ends in (lines.low, lines.high))
    if known.empty:
        return low, high
    return np.where(np.isneginf(low), known.min(), low), np.where(np.isposinf(high), known.max(), high)


def _folded(text: object, most: int = 38) -> str:
    """An axis' label in lines that fit beside it."""
    return textwrap.fill(words.clean(text), most)


def _scale(ax: Axes, which: str, values: pd.Series, log: bool) -> None:
    here = values[np.isfinite(values)]
    if log and (here > 0).any():
        low, high = here[here > 0].min(), here[here > 0].max()
        room = max((high / low) ** 0.06, 1.05)
        style.log_axis(ax, which, low / room, high * room, 4)
    else:
        style.linear_axis(ax, which, 5)
