"""Batch size: steps saved, what is best at equal epochs and steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.data import words
from reports.data.arms import families, family
from reports.data.run import Run, ordered
from reports.draw import style
from reports.parts import Part, blocks_basis, part

NEAR = 1.25  # times the examples of the smallest size: near perfect scaling
ENDS = ("", "_low", "_high")


def sizes(run: Run, name: str = "batch_sizes") -> pd.DataFrame | None:
    """A table of batch sizes, by dataset, optimizer in the study's order, and size; None for none."""
    frame = ordered(run, run[name])
    if frame.empty:
        return None
    order = list(families(run))
    return frame.sort_values(
        ["dataset", "uses", "batch_size"],
        key=lambda s: s if s.name == "batch_size" else s.map((run.datasets + order).index),
        kind="stable",
        ignore_index=True,
    )


def cases(run: Run, frame: pd.DataFrame) -> list[tuple[str, str, str, pd.DataFrame]]:
    """Every dataset and optimizer: (dataset, optimizer, "SGD on digits", its lines by size)."""
    found = []
    for (dataset, uses), here in frame.groupby(["dataset", "uses"], sort=False):
        name = f"{family(run, list(here.optimizer))} on {run.shown(dataset)}"
        found.append((str(dataset), str(uses), name, here))
    return found


@part("batch", 1)
def steps(run: Run) -> Part | None:
    """Steps to the same losses by batch size, beside perfect scaling."""
    frame = sizes(run)
    if frame is None or frame.steps.notna().sum() < 2:
        return None
    columns = [f"{name}{end}" for name in ("steps", "examples") for end in ENDS]
    frame = frame[["dataset", "uses", "batch_size", "optimizer", *columns, "reached", "blocks"]]
    lost = int((frame.blocks - frame.reached).groupby([frame.dataset, frame.uses]).max().sum())
    return Part(
        name="steps",
        question="Do larger batches save steps?",
        answer=_steps_answer(run, frame),
        how=(
            "Steps to the losses that all sizes reach within a block, at eight targets on the way to the "
            "worst end of them. A mark is the median over blocks, the bar its order-statistic interval; "
            "both axes are logarithmic. Thin line: perfect scaling, half the steps when the batch doubles, "
            f"from the smallest size. The rule: a size scales near perfectly while the whole interval of its "
            f"examples (steps × size) stays within {NEAR:g} times the median of the smallest size, and "
            f"scaling has ended where the whole interval lies above {NEAR:g} times; in between it cannot be "
            "told. A description, not a test: the smallest size's own spread is left out of it."
        ),
        basis=(
            f"{blocks_basis(run)} Left out, because some size never fell below the start: "
            f"{words.plural(lost, 'block')}."
        ),
        draw=lambda: draw_by_size(run, frame, "steps", "steps to the same losses (log)", scaling_line=True),
        describe="Steps against batch size with the line of perfect scaling, one panel per dataset.",
        data=frame,
        csv=("batch_sizes",),
    )


def scaling(here: pd.DataFrame) -> tuple[Any, Any, Any]:
    """The last size of a near perfect run from the smallest on, the first after it that has ended.

    here: the lines of one case by size. Returns the smallest, and the two others or None.
    """
    here = here[here.examples.notna()]
    if here.empty:
        return None, None, None
    smallest, *rest = here.itertuples()
    limit, last, ended = NEAR * smallest.examples, None, None
    for one in rest:
        if one.examples_high > limit:
            break
        last = one
    for one in rest:
        if one.examples_low > limit:
            ended = one
            break
    return smallest, last, ended


def _steps_answer(run: Run, frame: pd.DataFrame) -> str:
    parts = []
    for _, _, name, here in cases(run, frame):
        smallest, last, ended = scaling(here)
        if smallest is None:
            parts.append(f"for {name} there is no block with a loss that all sizes reach")
            continue
        base = f"the examples of batch {words.count(smallest.batch_size)}"
        if last is not None:
            text = (
                f"for {name} scaling is near perfect up to batch {words.count(last.batch_size)} "
                f"({_relative(last, smallest)} {base})"
            )
        else:
            text = f"for {name} near perfect scaling cannot be shown for any size"
        if ended is not None:
            more = "" if last is not None else f" {base}"
            text += (
                f" and has ended at batch {words.count(ended.batch_size)} "
                f"({_relative(ended, smallest)}{more})"
            )
        else:
            text += ", and no size is shown to have ended it"
        parts.append(text)
    return words.sentence(parts)


def _relative(one: Any, smallest: Any) -> str:
    base = smallest.examples
    three = [
        words.ratio(x / base) if np.isfinite(x) else words.INFINITY
        for x in (one.examples, one.examples_low, one.examples_high)
    ]
    return f"{three[0]}× [{three[1]}, {three[2]}]"


def draw_by_size(
    run: Run, frame: pd.DataFrame, name: str, label: str, *, scaling_line: bool = False
) -> Figure:
    """A value with its intervals by batch size, one panel a dataset."""
    looks, titles = family_looks(run, frame)
    fig, panels = style.grid(len(run.datasets), 2.7)
    for ax, dataset in zip(panels, run.datasets, strict=True):
        here = frame[(frame.dataset == dataset) & frame[name].notna()]
        for i, (uses, look) in enumerate(looks.items()):
            one = here[here.uses == uses]
            if len(one) and scaling_line:
                x = one.batch_size.to_numpy(float)
                ax.plot(x, one[name].iloc[0] * x[0] / x, color=look.colour, lw=0.8, alpha=0.6)
            bars(ax, one, name, look, i, len(looks))
        _axes(ax, here, name)
        ax.set_title(words.short(run.shown(dataset)))
    fig.supxlabel("batch size (log)", color=style.MUTED, fontsize=8.5)
    fig.supylabel(label, color=style.MUTED, fontsize=8.5)
    style.legend(fig, list(looks), looks, titles)
    return fig


def family_looks(run: Run, frame: pd.DataFrame) -> tuple[dict[str, style.Look], list[str]]:
    """A look for each optimizer behind the arms, and their names in words."""
    names = [name for name in families(run) if name in set(frame.uses)]
    titles = [family(run, list(frame.optimizer[frame.uses == name])) for name in names]
    return style.looks(names, names), titles


def bars(ax: Axes, one: pd.DataFrame, name: str, look: style.Look, i: int, n: int) -> None:
    """A line by batch size with intervals, moved aside a little so that optimizers stay apart."""
    x = one.batch_size.to_numpy(float) * 2 ** (0.09 * (i - (n - 1) / 2))
    y, low, high = (one[f"{name}{end}"].to_numpy(float) for end in ENDS)
    fine = np.isfinite(y)
    ax.plot(x[fine], y[fine], color=look.colour, ls=look.dash, lw=1.2)
    tops = np.where(np.isfinite(high), high, 1e30)
    ax.vlines(x[fine], np.maximum(low, 1e-12)[fine], tops[fine], color=look.colour, lw=1)
    style.marks(ax, x[fine], y[fine], look)
    style.crosses(ax, pd.Series(x[np.isinf(y)]), i, look)


def _axes(ax: Axes, here: pd.DataFrame, name: str) -> None:
    """Both axes logarithmic, a tick at each batch size."""
    every = here[[f"{name}{end}" for end in ENDS]].to_numpy(float)
    every = every[np.isfinite(every) & (every > 0)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.5, 2.0)
    known = sorted({int(size) for size in here.batch_size}) or [1, 2]
    style.log_axis(ax, "y", low / 1.25, high * 1.25, 5)
    ax.set_xscale("log")
    ax.set_xlim(known[0] / 1.3, known[-1] * 1.3)
    ticks = known if len(known) <= 5 else known[::2]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(style.plain))
    ax.grid(color=style.LINE)
    ax.set(xlabel="", ylabel="")


@part("batch", 1)
def best_size(run: Run) -> Part | None:
    """The lowest validation loss of each size at equal epochs and at equal steps."""
    frame = sizes(run)
    if frame is None:
        return None
    columns = [f"{name}{end}" for name in ("epochs_loss", "steps_loss") for end in ENDS]
    frame = frame[["dataset", "uses", "batch_size", "optimizer", *columns, "blocks"]]
    return Part(
        name="best-size",
        question="Which size is best at equal epochs, at equal steps?",
        answer=_best_answer(run, frame),
        how=(
            "The lowest validation loss that a search reaches, median over blocks with its order-statistic "
            "interval. Equal epochs: all sizes see the same examples, a smaller one takes more steps. Equal "
            "steps: all stop at the number of steps that the largest batch takes in all, so a smaller one "
            "sees fewer examples. Sizes whose intervals overlap the lowest one's are named with it: a "
            "description, not a test. Equal time depends on the machine: see “On this machine”."
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_best(run, frame),
        describe="Validation loss against batch size at equal epochs and at equal steps, a row per dataset.",
        data=frame,
        csv=("batch_sizes",),
    )


def _best_answer(run: Run, frame: pd.DataFrame) -> str:
    parts = []
    for name, what in (("epochs_loss", "epochs"), ("steps_loss", "steps")):
        parts.append(f"at equal {what} the lowest median loss is {lowest(run, frame, name)}")
    return f"{words.sentence(parts[:1])} {words.sentence(parts[1:])}"


def lowest(run: Run, frame: pd.DataFrame, name: str) -> str:
    """Where a loss is lowest, in words: "at batch 8 for SGD on digits (...)", every case."""
    clauses = []
    for _, _, case, here in cases(run, frame):
        known = here[np.isfinite(here[name])].sort_values(name, kind="stable")
        if known.empty:
            clauses.append(f"infinite everywhere for {case}")
            continue
        best = known.iloc[0]
        with_it = known[(known[f"{name}_low"] <= best[f"{name}_high"])].batch_size.iloc[1:]
        three = [words.number(best[f"{name}{end}"]) for end in ENDS]
        near = f"; overlapping: {words.join(map(words.count, sorted(with_it)))}" if len(with_it) else ""
        clauses.append(
            f"at batch {words.count(best.batch_size)} for {case} ({three[0]} [{three[1]}, {three[2]}]{near})"
        )
    return words.join(clauses)


def _draw_best(run: Run, frame: pd.DataFrame) -> Figure:
    looks, titles = family_looks(run, frame)
    n = len(run.datasets)
    fig = Figure(figsize=(style.WIDTH, 2.1 * n + 0.5), layout="constrained")
    panels = fig.subplots(n, 2, squeeze=False, sharey="row")
    for row, dataset in zip(panels, run.datasets, strict=True):
        here = frame[frame.dataset == dataset]
        both = pd.concat(
            here[["batch_size", *(f"{name}{end}" for end in ENDS)]].rename(
                columns={f"{name}{end}": f"loss{end}" for end in ENDS}
            )
            for name in ("epochs_loss", "steps_loss")
        )
        for ax, name, what in zip(row, ("epochs_loss", "steps_loss"), ("epochs", "steps"), strict=True):
            for i, (uses, look) in enumerate(looks.items()):
                bars(ax, here[here.uses == uses], name, look, i, len(looks))
            _axes(ax, both, "loss")
            ax.set_title(f"{words.short(run.shown(dataset))}, equal {what}")
    fig.supxlabel("batch size (log)", color=style.MUTED, fontsize=8.5)
    fig.supylabel("lowest validation loss (log)", color=style.MUTED, fontsize=8.5)
    style.legend(fig, list(looks), looks, titles)
    return fig
