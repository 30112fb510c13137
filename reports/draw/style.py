"""How pictures look: one palette for light and dark, markers and dashes, SVG and PNG with stable bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from reports.data import words

# CSS variable: (light, dark). Light is also the sentinel a picture is drawn in, so each is used once.
PALETTE: dict[str, tuple[str, str]] = {
    "ink": ("#1b2a34", "#e6ecf0"),
    "muted": ("#53616c", "#a9b6c0"),
    "line": ("#d5dce2", "#39454e"),
    "card": ("#ffffff", "#1a2127"),
    "page": ("#f4f6f8", "#12171b"),
    "accent": ("#005f8f", "#6fc3ee"),
    "band": ("#e3e8ec", "#2a343c"),
    "good": ("#00704d", "#5fd3a6"),
    "goodsoft": ("#dff2ea", "#173b2e"),
    "warn": ("#7a4a00", "#f0c27a"),
    "warnsoft": ("#fcf0dc", "#3a2d16"),
    "bad": ("#b3261e", "#ff8f86"),
    "badsoft": ("#fbe6e4", "#44211f"),
    "grey": ("#8a9299", "#7c868e"),
    "series0": ("#5a656f", "#8a94a0"),
    "series1": ("#b35c00", "#e08a2a"),
    "series2": ("#0aa67c", "#73e0aa"),
    "series3": ("#16278f", "#5b7cff"),
    "series4": ("#d862c8", "#fcc5f3"),
    "heat0": ("#fbf8f4", "#20282e"),
    "heat1": ("#f8eee0", "#2c2c2a"),
    "heat2": ("#f6e3cb", "#3a3126"),
    "heat3": ("#f3d7b4", "#493622"),
    "heat4": ("#f0ca9c", "#593c1f"),
    "heat5": ("#edbd83", "#6a421b"),
    "heat6": ("#e9af69", "#7b4817"),
}
LIGHT = {name: light for name, (light, _) in PALETTE.items()}
INK, MUTED, LINE, CARD, BAND = (LIGHT[n] for n in ("ink", "muted", "line", "card", "band"))
GOOD, BAD, GREY = LIGHT["good"], LIGHT["bad"], LIGHT["grey"]
HEAT = [LIGHT[f"heat{i}"] for i in range(7)]
COLOURED = 5  # series in colour; any more are grey, told apart by marker, dash and label
MARKERS = "osD^vPX<"
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.4, 1.2)),
    (0, (7, 1.6, 1.4, 1.6)),
    (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (9, 2)),
    (0, (2.5, 2.5)),
    (0, (5, 1, 1, 1)),
)
MARKS = 500  # above so many marks a panel is drawn as pixels
WIDTH = 7.6  # inches; a card shows it about 1.4 times as large


class Look(NamedTuple):
    """What tells a series apart, with or without colour."""

    colour: str
    marker: str
    dash: str | tuple[int, tuple[float, ...]]


def looks(names: Sequence[str], first: Sequence[str]) -> dict[str, Look]:
    """A look for each name, in their order; only the first few of `first` are in colour."""
    coloured = [name for name in names if name in list(first)[:COLOURED]]
    made = {}
    for i, name in enumerate(names):
        colour = LIGHT[f"series{coloured.index(name)}"] if name in coloured else GREY
        made[name] = Look(colour, MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)])
    return made


@contextmanager
def drawing() -> Iterator[None]:
    """Settings under which every picture is drawn and saved."""
    rc = {
        **sns.axes_style("ticks"),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "savefig.dpi": 100,  # of what an SVG shows as pixels
        "font.family": "DejaVu Sans",
        "font.size": 8.5,
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titley": 1.0,  # there are no ticks on top to get out of the way of
        "axes.labelsize": 8.5,
        "axes.linewidth": 0.8,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "text.color": INK,
        "grid.color": LINE,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "lines.linewidth": 1.5,
        "svg.fonttype": "none",
        "svg.hashsalt": "dlopt",
        "svg.image_inline": True,
        "text.parse_math": False,  # a name with two dollar signs is a name
        "text.usetex": False,
        "path.simplify": False,
        "axes.formatter.use_mathtext": False,
        "axes.unicode_minus": True,
    }
    # after a reset: somebody's own matplotlibrc draws no other picture
    with mpl.style.context(rc, after_reset=True), warnings.catch_warnings():
        # Matplotlib: a name may hold an emoji; the browser has its glyph, the PNG shows a box.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        yield


def grid(n: int, height: float, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure with n panels side by side, three to a row (four as two by two). height: of one row."""
    columns = {1: 1, 2: 2, 4: 2}.get(n, 3)
    rows = -(-n // columns)
    fig = Figure(figsize=(WIDTH, rows * height), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False, sharey=sharey).ravel()
    for ax in axes[n:]:
        ax.set_axis_off()
    return fig, list(axes[:n])


def legend(fig: Figure, names: Sequence[str], looks: dict[str, Look], titles: Sequence[str]) -> None:
    """One legend for all panels, above them, with colour, marker and dash."""
    handles = [handle(looks[name]) for name in names]
    labels = [words.short(title) for title in titles]
    columns = max(1, min(len(labels), 5, int(13 * fig.get_figwidth() / (7 + max(map(len, labels))))))
    fig.legend(handles, labels, loc="outside upper left", ncols=columns, handlelength=3.2)


def handle(look: Look) -> Line2D:
    """What stands for a series in a legend."""
    return Line2D([], [], color=look.colour, ls=look.dash, marker=look.marker, ms=5, mec=CARD, mew=0.5)


def marks(ax: Axes, x: ArrayLike, y: ArrayLike, look: Look) -> None:
    """Markers on some points of a curve, so that it is known without its colour."""
    ax.plot(x, y, ls="none", marker=look.marker, ms=4.5, color=look.colour, mec=CARD, mew=0.5)


def crosses(ax: Axes, x: pd.Series, row: int, look: Look) -> None:
    """Crosses on top of a panel where a series is infinite. row: of the series, so that they stay apart."""
    if len(x):
        y = np.full(len(x), 0.985 - 0.05 * row)
        ax.plot(x, y, ls="none", marker="x", ms=4, color=look.colour, transform=ax.get_xaxis_transform())


def plain(x: float, _: object = None) -> str:
    """A tick's label without an exponent as long as that reads well."""
    if x and not 1e-4 <= abs(x) < 1e5:
        mantissa, exponent = f"{x:.0e}".split("e")
        raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return ("" if mantissa == "1" else f"{mantissa}·") + f"10{raised}"
    return f"{x:_g}".replace("_", words.THIN).replace("-", words.MINUS)


def power(x: float, _: object = None) -> str:
    """A power of ten as such, where labels must be narrow."""
    raised = str(round(float(np.log10(x)))).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}"


def log_axis(ax: Axes, which: str, low: float, high: float, most: int = 6) -> None:
    """A logarithmic axis with a few plain labels: powers of ten, or as many steps between as it takes."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    exponents = np.arange(np.floor(np.log10(low)) - 1, np.ceil(np.log10(high)) + 1)
    steps: tuple[tuple[float, ...], ...] = (
        (1.0,),
        (1.0, 3.0),
        (1.0, 2.0, 5.0),
        (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
        (),
    )
    for mantissas in steps:
        tried = np.outer(10.0**exponents, mantissas).ravel()
        ticks = [
            t for t in (tried if mantissas else MaxNLocator(4).tick_values(low, high)) if low <= t <= high
        ]
        if len(ticks) >= 3:
            break
    ticks = ticks[:: -(-len(ticks) // most)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(plain))


def linear_axis(ax: Axes, which: str, most: int = 5) -> None:
    """A linear axis with few labels."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(MaxNLocator(most))
    axis.set_major_formatter(FuncFormatter(plain))
