"""How pictures look: one palette for light and dark, markers and dashes, SVG and PNG with stable bytes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from reports.data import words
from reports.parts import Look

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
    "sgd": ("#104cb2", "#6769ec"),
    "momentum": ("#32a29b", "#7ee7d8"),
    "heavyball": ("#54254c", "#906996"),
    "nesterov": ("#0a6348", "#36936c"),
    "adagrad": ("#a8920c", "#aba22f"),
    "rmsprop": ("#8e85f4", "#c1b1fd"),
    "adam": ("#9a5a12", "#fabe91"),
    "adamw": ("#4b3103", "#9e6827"),
    "newcomer": ("#c65775", "#f7809f"),
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
SALT = "dlopt"  # of ids in an SVG
MARKS = 500  # above so many marks a panel is drawn as pixels
WIDTH = 288 / 72  # inches; a panel's 288 points are as many pixels of the page


@contextmanager
def drawing() -> Iterator[None]:
    """Settings under which every picture is drawn and saved; within themselves they stand already."""
    if mpl.rcParams["svg.hashsalt"] == SALT:
        yield
        return
    rc = {
        **sns.axes_style("ticks"),
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "savefig.dpi": 100,  # of what an SVG shows as pixels
        "font.family": "DejaVu Sans",
        "font.size": 10.5,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titley": 1.0,  # there are no ticks on top to get out of the way of
        "axes.labelsize": 10,
        "axes.linewidth": 0.8,
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.labelsize": 10,
        "ytick.labelsize": 10,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 3,
        "xtick.major.pad": 2.5,
        "ytick.major.pad": 2.5,
        "axes.labelpad": 2.5,
        "ytick.major.size": 3,
        "text.color": INK,
        "grid.color": LINE,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "legend.fontsize": 9.5,
        "lines.linewidth": 1.5,
        "svg.fonttype": "none",
        "svg.hashsalt": SALT,
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


def panel(height: float, width: float = WIDTH * 72) -> tuple[Figure, Axes]:
    """A figure of one panel. height, width: of all of it with its labels, in points."""
    fig = Figure(figsize=(width / 72, height / 72))
    return fig, fig.subplots()


def tag(optimizer: str, titles: Sequence[str] = ()) -> str:
    """The id of what is drawn of a series, which says whose it is, and what each of its marks shows."""
    told = {"optimizer": words.clean(optimizer)} if optimizer else {}
    return json.dumps({**told, **({"titles": [words.clean(one) for one in titles]} if titles else {})})


def marks(
    ax: Axes, x: ArrayLike, y: ArrayLike, look: Look, gid: str | None = None, hollow: bool = False
) -> None:
    """Markers, so that a series is known without its colour; hollow ones say what the legend says of them."""
    edge: dict[str, Any] = {"mec": CARD, "mew": 0.5}
    if hollow:
        edge = {"mfc": CARD, "mec": look.colour, "mew": 1.3}
    ax.plot(x, y, ls="none", marker=look.marker, ms=6.5, color=look.colour, gid=gid, zorder=4, **edge)


def crosses(ax: Axes, x: ArrayLike, row: int, look: Look, gid: str | None = None) -> None:
    """Crosses on top of a panel where a series is infinite. row: of the series, so that they stay apart."""
    x = np.asarray(x, float)
    if len(x):
        y = np.full(len(x), 0.985 - 0.05 * row)
        up = ax.get_xaxis_transform()
        ax.plot(x, y, ls="none", marker="x", ms=4.5, color=look.colour, transform=up, gid=gid, zorder=4)


def rows(ax: Axes, labels: Sequence[str]) -> None:
    """Rows from the top, each with its label at the left."""
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="x", color=LINE)
    ax.set_axisbelow(True)


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
