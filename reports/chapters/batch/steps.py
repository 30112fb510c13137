"""Batch size: steps saved, what is best at equal epochs and steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.data import words
from reports.data.arms import families, family
from reports.data.run import Run, ordered
from reports.draw import looks, style
from reports.parts import Key, Look, Panel, Part, blocks_basis, part

NEAR = 1.25  # times the examples of the smallest size: near perfect scaling
ENDS = ("", "_low", "_high")
BOTH = {"epochs_loss": "epochs", "steps_loss": "steps"}


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


@part("batch", 2)
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
        draw=lambda: draw_by_size(run, frame, "steps", "steps (log)", scaling_line=True),
        legend=family_legend(run, frame),
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
    """How far scaling is near perfect, and where it has ended, over all cases."""
    kept, ended = [], []
    every = cases(run, frame)
    for *_, here in every:
        _, last, end = scaling(here)
        kept += [int(last.batch_size)] if last is not None else []
        ended += [int(end.batch_size)] if end is not None else []
    n = words.plural(len(every), "case")
    parts = [
        f"scaling is near perfect up to {_sizes(kept)} in {len(kept)} of {n}"
        if kept
        else f"near perfect scaling is shown in none of {n}"
    ]
    parts.append(f"it has ended at {_sizes(ended)} in {len(ended)}" if ended else "its end is shown in none")
    return words.sentence(parts)


def _sizes(sizes: list[int]) -> str:
    low, high = words.count(min(sizes)), words.count(max(sizes))
    return f"batch {low}" if low == high else f"batch {low} to {high}"


def draw_by_size(
    run: Run, frame: pd.DataFrame, name: str, label: str, *, scaling_line: bool = False
) -> list[Panel]:
    """A value with its intervals by batch size, one panel a dataset."""
    panels = []
    for dataset in run.datasets:
        here = frame[(frame.dataset == dataset) & frame[name].notna()]
        panels.append(_by_size(run, here, name, here, run.shown(dataset), dataset, label, scaling_line))
    return panels


def _by_size(
    run: Run,
    here: pd.DataFrame,
    name: str,
    axis: pd.DataFrame,
    title: str,
    dataset: str,
    label: str,
    scaling_line: bool = False,
) -> Panel:
    """One panel. axis: what its axes have to hold, in columns named as those of `here` or as a loss."""
    known = family_looks(run, here)
    fig, ax = style.panel(205)
    for i, (uses, look) in enumerate(known.items()):
        one = here[here.uses == uses]
        tag = style.tag(uses)
        if len(one) and scaling_line:
            x = one.batch_size.to_numpy(float)
            ax.plot(x, one[name].iloc[0] * x[0] / x, color=look.colour, lw=0.8, alpha=0.6, gid=tag)
        _bars(run, ax, one, name, look, uses, i, len(known))
    _axes(ax, axis, name if f"{name}_low" in axis else "loss")
    ax.set(xlabel="batch size (log)", ylabel=label)
    return Panel(f"{dataset} {name}" if name in BOTH else dataset, title, fig, dataset)


def family_looks(run: Run, frame: pd.DataFrame) -> dict[str, Look]:
    """A look for each optimizer behind the arms of a table."""
    known, there = looks.of_families(run), set(frame.uses)
    return {name: look for name, look in known.items() if name in there}


def family_legend(run: Run, frame: pd.DataFrame) -> list[Key]:
    """The optimizers behind the arms, in words."""
    named = families(run)
    return [Key(family(run, named[name]), look, name) for name, look in family_looks(run, frame).items()]


def _bars(run: Run, ax: Axes, one: pd.DataFrame, name: str, look: Look, uses: str, i: int, n: int) -> None:
    """A line by batch size with intervals, moved aside a little so that optimizers stay apart."""
    x = one.batch_size.to_numpy(float) * 2 ** (0.09 * (i - (n - 1) / 2))
    y, low, high = (one[f"{name}{end}"].to_numpy(float) for end in ENDS)
    fine = np.isfinite(y)
    tag = style.tag(uses)
    ax.plot(x[fine], y[fine], color=look.colour, ls=look.dash, lw=1.2, gid=tag)
    tops = np.where(np.isfinite(high), high, 1e30)
    ax.vlines(x[fine], np.maximum(low, 1e-12)[fine], tops[fine], color=look.colour, lw=1, gid=tag)
    told = [
        f"{run.title(arm)}, {run.shown(dataset)}, batch {words.count(size)}: {words.number(value)} "
        f"[{words.number(least)}, {words.number(most)}]"
        for arm, dataset, size, value, least, most in zip(
            one.optimizer[fine],
            one.dataset[fine],
            one.batch_size[fine],
            y[fine],
            low[fine],
            high[fine],
            strict=True,
        )
    ]
    style.marks(ax, x[fine], y[fine], look, style.tag(uses, told))
    style.crosses(ax, x[np.isinf(y)], i, look, tag)


def _axes(ax: Axes, here: pd.DataFrame, name: str) -> None:
    """Both axes logarithmic, a tick at each batch size."""
    every = here[[f"{name}{end}" for end in ENDS]].to_numpy(float)
    every = every[np.isfinite(every) & (every > 0)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.5, 2.0)
    known = sorted({int(size) for size in here.batch_size}) or [1, 2]
    style.log_axis(ax, "y", low / 1.25, high * 1.25, 5)
    ax.set_xscale("log")
    ax.set_xlim(known[0] / 1.3, known[-1] * 1.3)
    ticks = known[:: -(-len(known) // 5)]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(style.plain))
    ax.grid(color=style.LINE)


@part("batch", 2)
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
        legend=family_legend(run, frame),
        describe="Validation loss against batch size at equal epochs and at equal steps, a row per dataset.",
        data=frame,
        csv=("batch_sizes",),
    )


def _best_answer(run: Run, frame: pd.DataFrame) -> str:
    return words.sentence(
        [
            f"the lowest median loss is at equal epochs at {lowest(run, frame, 'epochs_loss')}",
            f"at equal steps at {lowest(run, frame, 'steps_loss')}",
        ]
    )


def lowest(run: Run, frame: pd.DataFrame, name: str) -> str:
    """At which sizes a loss is lowest over all cases."""
    best = []
    for *_, here in cases(run, frame):
        known = here[np.isfinite(here[name])].sort_values(name, kind="stable")
        best += [int(known.batch_size.iloc[0])] if len(known) else []
    return _sizes(best) if best else "no size, for all are infinite"


def _draw_best(run: Run, frame: pd.DataFrame) -> list[Panel]:
    panels = []
    for dataset in run.datasets:
        here = frame[frame.dataset == dataset]
        both = pd.concat(
            here[["batch_size", *(f"{name}{end}" for end in ENDS)]].rename(
                columns={f"{name}{end}": f"loss{end}" for end in ENDS}
            )
            for name in BOTH
        )
        for name, what in BOTH.items():
            title = f"{run.shown(dataset)}, equal {what}"
            panels.append(_by_size(run, here, name, both, title, dataset, "lowest loss (log)"))
    return panels
