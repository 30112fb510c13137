"""What β, ρ, β₁ and β₂ change when the rest is searched in each cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data import words
from reports.data.arms import column, families, family
from reports.data.run import Run
from reports.draw import cells, looks, style
from reports.parts import Key, Look, Panel, Part, blocks_basis, part
from studies.analysis.statistics import order_interval

COLUMNS = ["dataset", "uses", "optimizer", "median", "low", "high", "blocks", "called_worse", "dot"]
TIMES = (1.0, 1.05, 1.1, 1.2, 1.4, 1.7, 2.5)  # borders of the colours: error ÷ lowest of the panel


def fixed(run: Run) -> dict[str, dict[str, dict[str, float]]]:
    """Arms that differ in one or two fixed hyperparameters alone, by optimizer: what each arm fixes."""
    said = {arm: words.settings(text) for arm, text in column(run, "fixed").items()}
    found = {}
    for uses, arms in families(run).items():
        held = {arm: said[arm] for arm in arms if said[arm]}
        names = {tuple(sorted(one)) for one in held.values()}
        values = {tuple(sorted(one.items())) for one in held.values()}
        if len(names) == 1 and len(next(iter(names))) <= 2 and len(values) == len(held) > 1:
            found[uses] = held
    return found


def values(run: Run, uses: str, held: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Median error of each cell with its interval, and whether it is called worse than the best."""
    lines = []
    for dataset in run.datasets:
        here = run["readings"].query("dataset == @dataset")
        reads = {arm: here.search_error[here.optimizer == arm] for arm in held}
        known = {arm: order_interval(values)[:3] for arm, values in reads.items()}
        best = min(known, key=lambda arm: known[arm][0])
        for arm, (median, low, high) in known.items():
            one = run.against("error", dataset, arm, best)
            worse = one is not None and one["verdict"] == "b"
            dot = not worse and not run.too_few("error", dataset)
            lines.append((dataset, uses, arm, median, low, high, len(reads[arm]), worse, dot))
    frame = pd.DataFrame(lines, columns=COLUMNS)
    for name in next(iter(held.values())):
        frame.insert(3, name, [held[arm][name] for arm in frame.optimizer])
    return frame


@part("betas")
def maps(run: Run) -> Part | None:
    """Two fixed hyperparameters: a map of errors."""
    groups = {uses: held for uses, held in fixed(run).items() if len(next(iter(held.values()))) == 2}
    if not groups:
        return None
    frames = {uses: values(run, uses, held) for uses, held in groups.items()}
    names = words.join(dict.fromkeys(s for h in groups.values() for s in symbols(h)))
    return Part(
        name="beta-map",
        question=f"What do {names} change?",
        answer=_answer(run, groups, frames),
        how=(
            f"The number is the median over blocks of the expected test error of {run.search}, in "
            f"{run.units}, with the learning rate and the rest searched anew in each cell. "
            "Colour: how many times the lowest cell of the panel. A dot: not called "
            f"worse than the lowest. {_holm(run)}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_maps(run, groups, frames),
        legend=cells.legend(TIMES),
        describe="Maps of test error over two decay rates, one panel per dataset.",
        data=pd.concat(frames.values(), ignore_index=True),
        csv=("readings", "comparisons"),
    )


@part("betas")
def dots(run: Run) -> Part | None:
    """One fixed hyperparameter: medians with intervals."""
    groups = {uses: held for uses, held in fixed(run).items() if len(next(iter(held.values()))) == 1}
    if not groups:
        return None
    frames = {uses: values(run, uses, held) for uses, held in groups.items()}
    names = words.join(f"{family(run, list(h))}'s {symbols(h)[0]}" for h in groups.values())
    return Part(
        name="beta-dots",
        question=f"What {'does' if len(groups) == 1 else 'do'} {names} change?",
        answer=_answer(run, groups, frames),
        how=(
            f"A mark is the median over blocks of the expected test error of {run.search}, with the learning "
            "rate and the rest searched anew at each value; the bar its order-statistic interval. Values "
            "are evenly spaced, whatever their distance. Filled: not called worse than the lowest of its "
            f"panel; hollow: called worse. {_holm(run)} Bars that overlap say nothing about the paired calls."
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_dots(run, groups, frames),
        legend=_dots_legend(run, groups),
        describe="Test error against a decay rate with intervals, one panel per dataset.",
        data=pd.concat(frames.values(), ignore_index=True),
        csv=("readings", "comparisons"),
    )


def symbols(held: dict[str, dict[str, float]]) -> list[str]:
    """The names in words of what arms fix."""
    return [words.symbol(name) for name in next(iter(held.values()))]


def _holm(run: Run) -> str:
    """What Holm covers, and whether it can reach a call."""
    over = f"Holm covers all {run.tested()} of the run"
    if len(run.datasets) > 1:
        over += f" × {len(run.datasets)} datasets"
    few = any(run.too_few("error", dataset) for dataset in run.datasets)
    return f"{over}{'; the blocks are too few for any call' if few else ''}."


def _answer(run: Run, groups: dict[str, dict[str, dict[str, float]]], frames: dict[str, pd.DataFrame]) -> str:
    """How many values are called worse than the lowest, and the lowest of each panel where there are few."""
    every = pd.concat(frames.values())
    panels = every.groupby(["uses", "dataset"], sort=False).ngroups
    if any(run.too_few("error", dataset) for dataset in run.datasets):
        return f"Too few blocks to tell any two values apart in {words.plural(panels, 'panel')}."
    worse, others = int(every.called_worse.sum()), len(every) - panels
    return (
        f"{worse} of {words.plural(others, 'value')} {'is' if worse == 1 else 'are'} called worse than the "
        "lowest of a panel."
    )


def _draw_maps(
    run: Run, groups: dict[str, dict[str, dict[str, float]]], frames: dict[str, pd.DataFrame]
) -> list[Panel]:
    panels = []
    for uses, held in groups.items():
        for dataset in run.datasets:
            here = frames[uses][frames[uses].dataset == dataset]
            fig = _map(run, here, list(next(iter(held.values()))), style.tag(uses))
            title = f"{family(run, list(held))}, {run.shown(dataset)}, {run.unit(dataset).short}"
            panels.append(Panel(f"{uses} {dataset}", title, fig, dataset))
    return panels


def _map(run: Run, here: pd.DataFrame, names: list[str], tag: str) -> Figure:
    unit = run.unit(str(here.dataset.iloc[0]))
    lowest = max(float(here["median"].min()), 1e-9)
    across, up = (sorted(here[name].unique()) for name in names)
    fig, ax = style.panel(44 + 22 * len(up))
    lines = here.to_dict("records")
    squares = dict[str, list[cells.Square]]()
    for r, colour in zip(lines, cells.colours([r["median"] / lowest for r in lines], TIMES), strict=True):
        x, y = across.index(r[names[0]]), up.index(r[names[1]])
        squares.setdefault(colour, []).append(cells.Square(x, y, 0.96))
        ax.text(x, y, _cell(r, unit), ha="center", va="center", fontsize=9.5, color=style.INK)
    cells.fill(ax, squares, tag)
    ax.set_xticks(range(len(across)), [words.plain(v) for v in across])
    ax.set_yticks(range(len(up)), [words.plain(v) for v in up])
    ax.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5))
    ax.set(xlabel=words.symbol(names[0]), ylabel=words.symbol(names[1]))
    ax.tick_params(labelcolor=style.INK)
    cells.bare(ax)
    return fig


def _cell(r: dict[str, Any], unit: words.Unit) -> str:
    value = words.fixed(r["median"] * unit.factor, 1 if unit.factor == 100 else 3)
    return f"{value}{' ●' if r['dot'] else ''}"


def _draw_dots(
    run: Run, groups: dict[str, dict[str, dict[str, float]]], frames: dict[str, pd.DataFrame]
) -> list[Panel]:
    panels, known = [], looks.of_families(run)
    for dataset in run.datasets:
        unit = run.unit(dataset)
        tops = [f[f.dataset == dataset][["low", "high", "median"]].to_numpy(float) for f in frames.values()]
        every = np.concatenate([top[np.isfinite(top)] for top in tops]) * unit.factor
        for uses, held in groups.items():
            fig, ax = style.panel(180)
            name = next(iter(next(iter(held.values()))))
            here = frames[uses][frames[uses].dataset == dataset].sort_values(name, kind="stable")
            for i, one in enumerate(here.to_dict("records")):
                _dot(run, ax, i, one, f"{words.symbol(name)} {words.plain(one[name])}", known[uses], unit)
            ax.set_xticks(range(len(here)), [words.plain(v) for v in here[name]])
            ax.set_xlim(-0.5, len(here) - 0.5)
            if len(every):
                gap = max(every.max() - every.min(), 1e-3) * 0.08
                ax.set_ylim(every.min() - gap, every.max() + gap)
            style.linear_axis(ax, "y", 5)
            ax.set(xlabel=words.symbol(name), ylabel=f"test error, {unit.short}")
            ax.grid(axis="y", color=style.LINE)
            title = f"{family(run, list(held))}, {run.shown(dataset)}"
            panels.append(Panel(f"{uses} {dataset}", title, fig, dataset))
    return panels


def _dot(run: Run, ax: Axes, i: int, one: dict[str, Any], at: str, look: Look, unit: words.Unit) -> None:
    tag = style.tag(one["uses"])
    if not np.isfinite(one["median"]):
        style.crosses(ax, [float(i)], 0, look, tag)
        return
    ends = one["low"] * unit.factor, min(one["high"] * unit.factor, 1e30)
    ax.plot([i, i], ends, color=look.colour, lw=1.4, solid_capstyle="butt", gid=tag)
    value = words.interval(one["median"], one["low"], one["high"], unit)
    told = f"{at}, {run.shown(one['dataset'])}: {value}"
    y = [one["median"] * unit.factor]
    style.marks(ax, [i], y, look, style.tag(one["uses"], [told]), hollow=one["called_worse"])


def _dots_legend(run: Run, groups: dict[str, dict[str, dict[str, float]]]) -> list[Key]:
    known = looks.of_families(run)
    keys = [Key(family(run, list(held)), known[uses], uses, line=False) for uses, held in groups.items()]
    plain = Look(style.INK, "o", "-")
    filled = Key("not called worse than the lowest", plain, line=False)
    return [*keys, filled, Key("called worse", plain, line=False, hollow=True)]
