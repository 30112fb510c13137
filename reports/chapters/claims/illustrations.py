"""What the chapter draws: an average of a noisy series, and walks over surfaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports.data import words
from reports.data.run import Run
from reports.draw import looks, style
from reports.parts import Key, Look, Panel, Part, part

LEVELS = 12  # contour lines of a surface
Looks = dict[str, Look]
SERIES = {"corrected": looks.plain(0), "not corrected": looks.plain(1)}


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
        legend=[Key(name, look._replace(marker="")) for name, look in SERIES.items()],
        describe="A noisy series with its exponentially weighted average.",
        data=frame,
        csv=("series",),
    )


def _starts(frame: pd.DataFrame) -> str:
    days = {}
    for beta, here in frame.groupby("beta"):
        wide = here.pivot(index="day", columns="corrected", values="average")
        near = ((wide[False] / wide[True] - 1).abs() <= 0.01).to_numpy()
        days[beta] = int(wide.index[near.argmax()]) if near.any() else None
    largest = max(days)
    when = f"day {days[largest]}" if days[largest] is not None else "the end of the year"
    return (
        f"An average without correction starts too low: with β {words.plain(largest)} it takes until "
        f"{when} to come within 1{words.THIN}% of the corrected one."
    )


def _draw_series(frame: pd.DataFrame) -> list[Panel]:
    panels = []
    for beta in sorted(frame.beta.unique()):
        fig, ax = style.panel(185)
        here = frame[frame.beta == beta]
        days = here[here.corrected]
        ax.plot(days.day, days.value, ls="none", marker="o", ms=1.6, color=style.GREY, mec="none")
        for look, corrected in zip(SERIES.values(), (True, False), strict=True):
            line = here[here.corrected == corrected]
            ax.plot(line.day, line.average, color=look.colour, ls=look.dash, lw=1.6)
        low, high = frame.value.min(), frame.value.max()
        ax.set_ylim(min(low, 0.0) - 0.04 * (high - low), high + 0.04 * (high - low))
        style.linear_axis(ax, "x", 6)
        style.linear_axis(ax, "y", 5)
        ax.set(xlabel="day", ylabel="degrees")
        ax.grid(color=style.LINE, lw=0.6)
        panels.append(Panel(f"beta {beta:g}", f"β = {words.plain(beta)}", fig))
    return panels


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
        legend=_legend(walks),
        describe="Contours of a surface with the path of each method.",
        data=walks,
        csv=("walks", "heights"),
    )


def _ground(surface: object) -> str:
    """A surface's name in words."""
    return words.clean(surface).replace("-", " ")


def _looks(walks: pd.DataFrame) -> Looks:
    """The look of each method: that of the optimizer it is named after."""
    methods = list(dict.fromkeys(map(str, walks.method)))
    known = looks.of_optimizers(method.lower() for method in methods)
    return {method: known[method.lower()] for method in methods}


def _legend(walks: pd.DataFrame) -> list[Key]:
    return [Key(words.clean(method), look, method.lower()) for method, look in _looks(walks).items()]


def _ways(ax: Axes, here: pd.DataFrame, known: Looks, x: pd.Series, y: pd.Series) -> None:
    """Each method's way, marked at its end."""
    for method, look in known.items():
        mine = here.method == method
        tag = style.tag(method.lower())
        ax.plot(x[mine], y[mine], color=look.colour, ls=look.dash, lw=1.5, gid=tag)
        told = f"{method}, {_ground(here.surface.iloc[0])}: {words.plural(here.step[mine].max(), 'step')}"
        style.marks(ax, x[mine].iloc[-1:], y[mine].iloc[-1:], look, style.tag(method.lower(), [told]))


def _fewest(walks: pd.DataFrame) -> str:
    ends = walks.groupby(["surface", "method"], sort=False).step.max().unstack("method")
    return f"Each at its best rate, {_leads(ends)} the fewest steps to arrive."


def _leads(steps: pd.DataFrame) -> str:
    """Who is first on most surfaces, a row each, ties for all who share the lowest."""
    first = steps.eq(steps.min(axis=1), axis=0).sum()
    names = [str(name) for name in first.index[first == first.max()]]
    verb = "needs" if len(names) == 1 else "need"
    return f"{words.join(map(words.clean, names))} {verb} on {first.max()} of {len(steps)} surfaces"


def _draw_paths(walks: pd.DataFrame, heights: pd.DataFrame) -> list[Panel]:
    known, panels = _looks(walks), []
    steps = np.linspace(0, 1, LEVELS + 1)[1:] ** 3  # closer together near the ground
    for surface, here in walks.groupby("surface", sort=False):
        fig, ax = style.panel(215)
        ground = heights[heights.surface == surface].pivot(index="y", columns="x", values="height")
        z = ground.to_numpy()
        levels = z.min() + np.ptp(z) * steps
        thin: dict[str, Any] = {"colors": style.GREY, "linewidths": 0.5, "linestyles": "solid"}
        ax.contour(ground.columns, ground.index, z, levels=levels, **thin)
        _ways(ax, here, known, here.x, here.y)
        ax.set_xlim(ground.columns.min(), ground.columns.max())
        ax.set_ylim(ground.index.min(), ground.index.max())
        style.linear_axis(ax, "x", 4)
        style.linear_axis(ax, "y", 4)
        panels.append(Panel(_ground(surface), _ground(surface), fig))
    return panels


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
            "The height by step, on the same walks as above; steps are on a log scale from 1. A level "
            "stretch is a plateau: many steps, little gain."
        ),
        basis="Exact: no noise, nothing is drawn at random.",
        draw=lambda: _draw_descents(walks),
        legend=_legend(walks),
        describe="Height against steps for each method.",
        data=walks,
        csv=("walks",),
    )


def _flattest(walks: pd.DataFrame) -> str:
    halves: dict[str, dict[str, float]] = {}
    for surface, here in walks.groupby("surface", sort=False):
        halves[str(surface)] = {}
        for method, way in here.groupby("method", sort=False):
            half = (way.height.iloc[0] + here.height.min()) / 2
            below = way[way.height <= half]
            halves[str(surface)][str(method)] = float(below.step.iloc[0]) if len(below) else np.inf
    return f"Half of the way down, {_leads(pd.DataFrame(halves).T)} the fewest steps."


def _draw_descents(walks: pd.DataFrame) -> list[Panel]:
    known, panels = _looks(walks), []
    for surface, here in walks.groupby("surface", sort=False):
        fig, ax = style.panel(175)
        _ways(ax, here, known, here.step + 1, here.height)
        style.log_axis(ax, "x", 1, here.step.max() * 1.3 + 1, 4)
        style.linear_axis(ax, "y", 4)
        ax.set(xlabel="step + 1 (log)", ylabel="height")
        ax.grid(color=style.LINE, lw=0.6)
        panels.append(Panel(_ground(surface), _ground(surface), fig))
    return panels
