"""What β, ρ, β₁ and β₂ change when the rest is searched in each cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from reports.data import words
from reports.data.arms import column, families, family
from reports.data.run import Run
from reports.draw import style
from reports.parts import Part, blocks_basis, part
from studies.analysis.statistics import order_interval

COLUMNS = ["dataset", "uses", "optimizer", "median", "low", "high", "blocks", "called_worse", "dot"]


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


def cells(run: Run, uses: str, held: dict[str, dict[str, float]]) -> pd.DataFrame:
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
    frames = {uses: cells(run, uses, held) for uses, held in groups.items()}
    names = words.join(dict.fromkeys(s for h in groups.values() for s in symbols(h)))
    return Part(
        name="beta-map",
        question=f"What do {names} change?",
        answer=_answer(run, groups, frames),
        how=(
            f"The number is the median over blocks of the expected test error of {run.search}, in "
            f"{run.units}, with the learning rate and the rest searched anew in each cell; below it the "
            "blocks of the cell. Colour: how many times the lowest cell of the panel. A dot: not called "
            f"worse than the lowest. {_holm(run)}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_maps(run, groups, frames),
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
    frames = {uses: cells(run, uses, held) for uses, held in groups.items()}
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
        describe="Test error against a decay rate with intervals, one panel per dataset.",
        data=pd.concat(frames.values(), ignore_index=True),
        csv=("readings", "comparisons"),
    )


def symbols(held: dict[str, dict[str, float]]) -> list[str]:
    """The names in words of what arms fix."""
    return [words.symbol(name) for name in next(iter(held.values()))]


def _holm(run: Run) -> str:
    """What Holm covers, and whether it can reach a call."""
    over = f"Holm covers all {words.count(len(run.pairs('error')))} pairs of the run"
    if len(run.datasets) > 1:
        over += f" × {len(run.datasets)} datasets"
    few = any(run.too_few("error", dataset) for dataset in run.datasets)
    return f"{over}{'; the blocks are too few for any call' if few else ''}."


def _answer(run: Run, groups: dict[str, dict[str, dict[str, float]]], frames: dict[str, pd.DataFrame]) -> str:
    parts = []
    for uses, held in groups.items():
        for dataset, here in frames[uses].groupby("dataset", sort=False):
            order = here.sort_values("median", kind="stable")
            best, worst, n = order.iloc[0], order.iloc[-1], len(order)
            text = (
                f"for {family(run, list(held))} on {run.shown(dataset)} the lowest median error is "
                f"{_value(run, best)} at {_at(held, best)}, the highest {_value(run, worst)} at "
                f"{_at(held, worst)}"
            )
            worse = int(here.called_worse.sum())
            if run.too_few("error", str(dataset)):
                text += f"; too few blocks to tell any two of the {n} apart"
            elif not worse:
                text += f"; none of the other {n - 1} is called worse"
            else:
                text += f"; {worse} of the other {n - 1} {'is' if worse == 1 else 'are'} called worse"
            parts.append(text)
    return words.sentence(parts)


def _value(run: Run, one: Any) -> str:
    return words.interval(one["median"], one.low, one.high, run.unit(one.dataset))


def _at(held: dict[str, dict[str, float]], one: Any) -> str:
    return ", ".join(f"{words.symbol(k)} {words.plain(v)}" for k, v in held[one.optimizer].items())


def _draw_maps(
    run: Run, groups: dict[str, dict[str, dict[str, float]]], frames: dict[str, pd.DataFrame]
) -> Figure:
    panels = [(uses, dataset) for uses in groups for dataset in run.datasets]
    columns = min(len(panels), 2)
    lines = -(-len(panels) // columns)
    most = max(frame.iloc[:, 3].nunique() for frame in frames.values())
    fig = Figure(figsize=(style.WIDTH, lines * (0.75 + 0.46 * most)), layout="constrained")
    axes = fig.subplots(lines, columns, squeeze=False).ravel()
    for ax, (uses, dataset) in zip(axes, panels, strict=False):
        frame = frames[uses]
        _map(run, ax, frame[frame.dataset == dataset], list(next(iter(groups[uses].values()))))
        name = family(run, list(groups[uses]))
        ax.set_title(f"{name}, {words.short(run.shown(dataset))}, {run.unit(dataset).short}")
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    return fig


def _map(run: Run, ax: Axes, here: pd.DataFrame, names: list[str]) -> None:
    unit = run.unit(str(here.dataset.iloc[0]))
    lowest = max(float(here["median"].min()), 1e-9)
    here = here.assign(
        times=np.where(np.isfinite(here["median"]), here["median"] / lowest, np.inf),
        text=[_cell(r, unit) for r in here.to_dict("records")],
    )
    shape = {"index": names[1], "columns": names[0]}
    wide = here.pivot(values="times", **shape).sort_index(ascending=False)
    text = here.pivot(values="text", **shape).loc[wide.index, wide.columns].fillna("")
    times = wide.to_numpy()
    top = float(np.clip(np.nanmax(times[np.isfinite(times)], initial=1.0), 1.35, 3.0))
    sns.heatmap(
        wide.clip(upper=top).to_numpy(),
        ax=ax,
        cmap=ListedColormap(style.HEAT),
        vmin=1.0,
        vmax=top,
        annot=text.to_numpy(),
        fmt="",
        annot_kws={"color": style.INK, "fontsize": 8},
        linewidths=2,
        linecolor=style.CARD,
        xticklabels=[words.plain(v) for v in wide.columns],
        yticklabels=[words.plain(v) for v in wide.index],
        cbar_kws={"label": "error ÷ lowest", "pad": 0.02, "aspect": 14},
    )
    ax.tick_params(length=0, labelcolor=style.INK, labelrotation=0)
    ax.set(xlabel=words.symbol(names[0]), ylabel=words.symbol(names[1]))
    bar = ax.figure.axes[-1]  # the colour bar, the newest
    bar.tick_params(length=0)
    bar.yaxis.label.set_color(style.MUTED)
    style.linear_axis(bar, "y", 4)


def _cell(r: dict[str, Any], unit: words.Unit) -> str:
    value = words.fixed(r["median"] * unit.factor, 1 if unit.factor == 100 else 3)
    return f"{value}{' ●' if r['dot'] else ''}\nn {r['blocks']}"


def _draw_dots(
    run: Run, groups: dict[str, dict[str, dict[str, float]]], frames: dict[str, pd.DataFrame]
) -> Figure:
    n = len(run.datasets)
    fig = Figure(figsize=(style.WIDTH, 1.95 * n + 0.3), layout="constrained")
    axes = fig.subplots(n, len(groups), squeeze=False, sharey="row")
    looks = style.looks(list(groups), list(groups))
    for row, dataset in zip(axes, run.datasets, strict=True):
        unit = run.unit(dataset)
        for ax, (uses, held) in zip(row, groups.items(), strict=True):
            name = next(iter(next(iter(held.values()))))
            here = frames[uses]
            here = here[here.dataset == dataset].sort_values(name, kind="stable")
            for i, one in enumerate(here.to_dict("records")):
                look = looks[uses]
                if not np.isfinite(one["median"]):
                    style.crosses(ax, pd.Series([float(i)]), 0, look)
                    continue
                ends = one["low"] * unit.factor, min(one["high"] * unit.factor, 1e30)
                ax.plot([i, i], ends, color=look.colour, lw=1.4, solid_capstyle="butt")
                face = style.CARD if one["called_worse"] else look.colour
                y = [one["median"] * unit.factor]
                ax.plot([i], y, marker=look.marker, ms=6, mfc=face, mec=look.colour, mew=1.3)
            ax.set_xticks(range(len(here)), [words.plain(v) for v in here[name]])
            ax.set_xlim(-0.5, len(here) - 0.5)
            ax.set_xlabel(words.symbol(name))
            ax.set_title(f"{family(run, list(held))}, {words.short(run.shown(dataset))}")
            ax.grid(axis="y", color=style.LINE)
        tops = [f[f.dataset == dataset][["low", "high", "median"]].to_numpy(float) for f in frames.values()]
        every = np.concatenate([top[np.isfinite(top)] for top in tops]) * unit.factor
        if len(every):
            gap = max(every.max() - every.min(), 1e-3) * 0.08
            row[0].set_ylim(every.min() - gap, every.max() + gap)
        style.linear_axis(row[0], "y", 5)
        row[0].set_ylabel(f"test error, {unit.short}")
    return fig
