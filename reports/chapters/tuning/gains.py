"""What tuning was worth, how many draws it takes, what decay does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.run import Run, ordered
from reports.draw import intervals, looks, style
from reports.parts import Panel, Part, blocks_basis, drawn, left_out, part


@part("tuning", 1)
def worth(run: Run) -> Part | None:
    """Defaults against a search, block by block."""
    frame = ordered(run, run["tuning"])
    return Part(
        name="worth",
        question="What was tuning worth?",
        answer=_worth_answer(run, frame),
        how=(
            f"A mark is the Hodges-Lehmann estimate of what {run.search} gains in test error over the "
            "optimizer's defaults (no decay, middle batch size), block by block, the bar its "
            f"95{words.THIN}% interval; left of zero the defaults were better. Defaults are what libraries "
            "ship; a cross at the edge: they diverged in most blocks. A description, not a test."
            f"{left_out(run, drawn(run), 'tuning')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_worth(run, frame),
        describe="Intervals of the error that a search saves, one panel per dataset.",
        data=frame,
        csv=("tuning", "readings"),
    )


def _worth_answer(run: Run, frame: pd.DataFrame) -> str:
    lost = frame.untuned_failed > frame.blocks / 2
    helped, hurt = int(((frame.low > 0) | lost).sum()), int(((frame.high < 0) & ~lost).sum())
    failed, cases = bool(frame.untuned_failed.sum()), words.plural(len(frame), "case")
    parts = [
        f"by their intervals a search gains over the defaults in {helped} of {cases} and loses in {hurt}"
    ]
    parts += ["some defaults diverged"] if failed else []
    return words.sentence(parts)


def _draw_worth(run: Run, frame: pd.DataFrame) -> list[Panel]:
    known, uses, shown = looks.of_arms(run), looks.behind(run), drawn(run)
    panels = []
    for dataset in run.datasets:
        unit, here = run.unit(dataset), frame[frame.dataset == dataset].set_index("optimizer")
        lines = []
        for optimizer in shown:
            one, name = here.loc[optimizer], run.title(optimizer)
            gain = words.interval(one.estimate, one.low, one.high, unit, difference=True)
            estimate, low, high = (x * unit.factor for x in (one.estimate, one.low, one.high))
            told = f"{name}, {run.shown(dataset)}: a search gains {gain}"
            if one.untuned_failed > one.blocks / 2:
                estimate, told = np.inf, f"{name}, {run.shown(dataset)}: the defaults diverged in most blocks"
            label = words.short(name, 16)
            look = known[optimizer]
            lines.append(intervals.Line(label, estimate, low, high, look, told, uses[optimizer]))
        span = intervals.reach(lines, 0.01)
        scale = intervals.Scale(f"gain of a search, {unit.gap}", *_sides(lines, span))
        panels.append(intervals.panel(dataset, run.shown(dataset), lines, scale, dataset))
    return panels


def _sides(lines: list[intervals.Line], span: float) -> tuple[float, float]:
    """Only as far to the left of zero as there are intervals."""
    ends = [x for line in lines for x in (line.estimate, line.low, line.high) if np.isfinite(x)]
    room = 0.08 * span
    return max(-span, min([*ends, 0.0]) - room), min(span, max([*ends, 0.0]) + room)


@part("tuning", 1)
def best_of_k(run: Run) -> Part | None:
    """The error of the best of k draws, by k."""
    frame = ordered(run, run["best_of_k"])
    if frame.empty or frame.k.max() < 2:
        return None
    return Part(
        name="draws",
        question="How many draws does each optimizer need?",
        answer=_draws_answer(run, frame),
        how=(
            "Test error to expect when the best of k draws by validation is taken, within a block and "
            "without replacement: median over blocks. Both axes are logarithmic. A cross on top: the "
            "median is infinite, because at least half of the blocks hold a diverged draw among those that "
            f"count. Intervals are in the data.{left_out(run, _searched(run), 'best_of_k')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_draws(run, frame),
        legend=looks.legend(run, _searched(run)),
        describe="Curves of test error against the number of draws, one panel per dataset.",
        data=frame[frame.k.isin(sorted({1, 2, 4, 8, 16, 32, 64, run.draws}))],
        csv=("best_of_k",),
        picture_folded=True,
    )


def _draws_answer(run: Run, frame: pd.DataFrame) -> str:
    """After how many draws the picked optimizers come within the margin of what all draws reach."""
    first: dict[str, int] = {}
    for pick in ordered(run, run["picks"]).itertuples():
        here = frame[(frame.dataset == pick.dataset) & (frame.optimizer == pick.optimizer)].sort_values("k")
        if len(here) and np.isfinite(margin := run.margin(pick.dataset)):
            near = here[here.estimate <= here.estimate.iloc[-1] + margin]
            first[run.shown(pick.dataset)] = int(near.k.iloc[0])
    if not first:
        return "How many draws are enough is not known here: losses have no margin."
    most = max(first, key=lambda name: first[name])
    low, high, all_ = min(first.values()), first[most], words.plural(int(frame.k.max()), "draw")
    if low == high:
        return f"The picked optimizer is within the margin of what {all_} reach after {words.count(low)}."
    return (
        f"The picked optimizer is within the margin of what {all_} reach after {low} to {high}, on {most} "
        "latest."
    )


def _searched(run: Run) -> list[str]:
    """Those that the picture shows: the picked ones are among them."""
    return [name for name in run.optimizers if name in {*drawn(run), *run["picks"].optimizer}]


def _draw_draws(run: Run, frame: pd.DataFrame) -> list[Panel]:
    names, known, uses = _searched(run), looks.of_arms(run), looks.behind(run)
    frame = frame[frame.optimizer.isin(names)]
    powers = [2**i for i in range(12) if 2**i <= frame.k.max()]
    panels = []
    for dataset in run.datasets:
        fig, ax = style.panel(195)
        unit, here = run.unit(dataset), frame[frame.dataset == dataset]
        shown = here[np.isfinite(here.estimate) & (here.estimate > 0)]
        low = shown.estimate.min() * unit.factor * 0.85 if len(shown) else 0.1
        high = shown.estimate.max() * unit.factor * 1.25 if len(shown) else 1.0
        for i, optimizer in enumerate(names):
            one, look = shown[shown.optimizer == optimizer], known[optimizer]
            tag = style.tag(uses[optimizer])
            ax.plot(one.k, one.estimate * unit.factor, color=look.colour, ls=look.dash, gid=tag)
            some = one[one.k.isin(powers) | (one.k == one.k.min())]
            told = [
                f"{run.title(optimizer)}, {run.shown(dataset)}, {words.plural(r.k, 'draw')}: "
                f"{words.interval(r.estimate, r.low, r.high, unit)}"
                for r in some.itertuples()
            ]
            tag = style.tag(uses[optimizer], told)
            style.marks(ax, some.k, some.estimate * unit.factor, look, tag)
            lost = here.k[(here.optimizer == optimizer) & np.isinf(here.estimate)]
            style.crosses(ax, lost, i, look, style.tag(uses[optimizer]))
        style.log_axis(ax, "y", low, high * (1.35 if len(shown) < len(here) else 1), 5)
        style.log_axis(ax, "x", 0.93, frame.k.max() * 1.08)
        ax.set_xticks(powers, [str(k) for k in powers])
        ax.set(xlabel="draws searched (log)", ylabel=f"test error, {unit.short}")
        ax.grid(color=style.LINE)
        panels.append(Panel(dataset, run.shown(dataset), fig, dataset))
    return panels
