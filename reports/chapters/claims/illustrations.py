"""What the chapter draws: an average of a noisy series, and walks over surfaces."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run
from reports.draw import style
from reports.parts import Part, part

LEVELS = 12  # contour lines of a surface
Looks = dict[str, style.Look]


@part("claims", 2)
def averages(run: Run) -> Part | None:
    """A noisy daily series and its average, with and without correction."""
    frame = run["series"]
    if frame.empty:
        return None
    return Part(
        name="average-series",
        question="What does β do to an average?",
        answer=_starts(frame),
        how=(
            "Dots: a made-up year of daily temperatures in degrees, a wave with noise. Solid: the corrected "
            "average; dashed: the same without correction, which starts at 0. A larger β is smoother and "
            "comes later."
        ),
        basis="The series is drawn once, with a fixed seed; the averages of it are exact.",
        draw=lambda: _draw_series(frame),
        describe="A noisy series with its exponentially weighted average for four values of β.",
        data=frame,
        csv=("series",),
    )


def _starts(frame: pd.DataFrame) -> str:
    clauses = []
    for beta, here in frame.groupby("beta"):
        wide = here.pivot(index="day", columns="corrected", values="average")
        near = (wide[False] / wide[True] - 1).abs() <= 0.01
        first = wide.index[near.to_numpy().argmax()] if near.any() else None
        when = f"from day {int(first)} on" if first is not None else "never in this year"
        clauses.append(
            f"β {words.plain(beta)}: {words.number(wide[False].iloc[0] / wide[True].iloc[0], 2)}, {when}"
        )
    return (
        "Without correction the first average is a share 1-β of the corrected one, and they are first within "
        f"1{words.THIN}% of each other as late as β is large ({'; '.join(clauses)})."
    )


def _draw_series(frame: pd.DataFrame) -> Figure:
    betas = sorted(frame.beta.unique())
    looks = style.looks(["corrected", "not corrected"], ["corrected", "not corrected"])
    fig, axes = style.grid(len(betas), 2.0, sharey=True)
    for ax, beta in zip(axes, betas, strict=True):
        here = frame[frame.beta == beta]
        days = here[here.corrected]
        ax.plot(days.day, days.value, ls="none", marker="o", ms=1.6, color=style.GREY, mec="none")
        for name, corrected in (("corrected", True), ("not corrected", False)):
            line, look = here[here.corrected == corrected], looks[name]
            ax.plot(line.day, line.average, color=look.colour, ls=look.dash, lw=1.4)
        ax.set_title(f"β = {words.plain(beta)}")
        ax.set_xlabel("day")
        style.linear_axis(ax, "x", 6)
        style.linear_axis(ax, "y", 5)
        ax.grid(color=style.LINE, lw=0.6)
    style.legend(fig, list(looks), looks, list(looks))
    return fig


@part("claims", 2)
def paths(run: Run) -> Part | None:
    """Contours of each surface with the way of each method."""
    walks, heights = run["walks"], run["heights"]
    if walks.empty:
        return None
    return Part(
        name="paths",
        question="Which way does each method go?",
        answer=_fewest(walks),
        how=(
            "Contour lines and the way from the common start, which ends where the method has arrived; each "
            "method has the rate of one grid with which it needs the fewest steps, none of them longer than "
            "a quarter (a jump that lands well shows nothing). A single start proves "
            "little: the claim on plateaus counts steps in a network over many."
        ),
        basis="Exact: no noise, nothing is drawn at random.",
        draw=lambda: _draw_paths(walks, heights),
        describe="Contours of seven surfaces with the paths of four methods.",
        data=walks,
        csv=("walks", "heights"),
    )


def _ground(surface: object) -> str:
    """A surface's name in words."""
    return words.clean(surface).replace("-", " ")


def _panels(walks: pd.DataFrame, height: float) -> tuple[Figure, list[tuple[Axes, str, pd.DataFrame]], Looks]:
    """A panel a surface, with its walks, and how each method looks."""
    surfaces, methods = list(dict.fromkeys(walks.surface)), list(dict.fromkeys(walks.method))
    looks = style.looks(methods, methods)
    fig, axes = style.grid(len(surfaces), height)
    style.legend(fig, methods, looks, methods)
    panels = [(ax, name, walks[walks.surface == name]) for ax, name in zip(axes, surfaces, strict=True)]
    for ax, surface, _ in panels:
        ax.set_title(_ground(surface))
    return fig, panels, looks


def _ways(ax: Axes, here: pd.DataFrame, looks: Looks, x: pd.Series, y: pd.Series) -> None:
    """Each method's way, marked at its end."""
    for method, look in looks.items():
        mine = here.method == method
        ax.plot(x[mine], y[mine], color=look.colour, ls=look.dash, lw=1.3)
        style.marks(ax, x[mine].iloc[-1:], y[mine].iloc[-1:], look)


def _fewest(walks: pd.DataFrame) -> str:
    ends = walks.groupby(["surface", "method"], sort=False).step.max().unstack("method")
    longest, clauses = walks.step.max(), []
    for surface, line in ends.iterrows():
        arrived = line[line < longest].sort_values(kind="stable")
        slow = "" if len(arrived) == len(line) else " or more"
        last = "SGD" if "SGD" in line else str(line.index[-1])
        clauses.append(
            f"{_ground(surface)}: {words.clean(arrived.index[0])} in "
            f"{words.count(arrived.iloc[0])}, {last} in {words.count(line[last])}{slow}"
        )
    return f"Fewest steps to arrive, each method at its best rate: {'; '.join(clauses)}."


def _draw_paths(walks: pd.DataFrame, heights: pd.DataFrame) -> Figure:
    fig, panels, looks = _panels(walks, 2.3)
    steps = np.linspace(0, 1, LEVELS + 1)[1:] ** 3  # closer together near the ground
    for ax, surface, here in panels:
        ground = heights[heights.surface == surface].pivot(index="y", columns="x", values="height")
        z = ground.to_numpy()
        levels = z.min() + np.ptp(z) * steps
        drawn = ax.contour(ground.columns, ground.index, z, levels=levels, colors=style.GREY, linewidths=0.5)
        drawn.set_rasterized(True)
        _ways(ax, here, looks, here.x, here.y)
        ax.set_xlim(ground.columns.min(), ground.columns.max())
        ax.set_ylim(ground.index.min(), ground.index.max())
        style.linear_axis(ax, "x", 4)
        style.linear_axis(ax, "y", 4)
    return fig


@part("claims", 2)
def descents(run: Run) -> Part | None:
    """Height by step on each surface."""
    walks = run["walks"]
    if walks.empty:
        return None
    return Part(
        name="descents",
        question="How fast does each method come down?",
        answer=_flattest(walks),
        how=(
            "The height by step, on the same walks as above; steps are "
            "on a log scale from 1. A level stretch is a plateau: many steps, little gain."
        ),
        basis="Exact: no noise, nothing is drawn at random.",
        draw=lambda: _draw_descents(walks),
        describe="Height against steps on seven surfaces for four methods.",
        data=walks,
        csv=("walks",),
    )


def _flattest(walks: pd.DataFrame) -> str:
    clauses = []
    for surface, here in walks.groupby("surface", sort=False):
        halves = {}
        for method, way in here.groupby("method", sort=False):
            half = (way.height.iloc[0] + here.height.min()) / 2
            below = way[way.height <= half]
            halves[method] = int(below.step.iloc[0]) if len(below) else None
        known = {method: steps for method, steps in halves.items() if steps is not None}
        first, last = min(known, key=lambda m: known[m]), max(known, key=lambda m: known[m])
        clauses.append(
            f"{_ground(surface)} {words.count(known[first])} ({words.clean(first)}) to "
            f"{words.count(known[last])} ({words.clean(last)})"
        )
    return f"Half of the way down takes these steps, fastest to slowest: {'; '.join(clauses)}."


def _draw_descents(walks: pd.DataFrame) -> Figure:
    fig, panels, looks = _panels(walks, 1.9)
    for ax, _, here in panels:
        _ways(ax, here, looks, here.step + 1, here.height)
        style.log_axis(ax, "x", 1, here.step.max() * 1.3 + 1, 4)
        style.linear_axis(ax, "y", 4)
        ax.set_xlabel("step + 1")
        ax.grid(color=style.LINE, lw=0.6)
    panels[0][0].set_ylabel("height")
    return fig
