"""What tuning was worth, how many draws it takes, what decay does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run, ordered
from reports.draw import style
from reports.parts import MANY, Part, blocks_basis, drawn, left_out, part


@part("tuning", 3)
def worth(run: Run) -> Part | None:
    """Defaults against a search, block by block."""
    frame = ordered(run, run["tuning"])
    return Part(
        name="worth",
        question="What was tuning worth?",
        answer=_worth_answer(run, frame),
        how=(
            "Hollow: median test error of the optimizer's defaults (no decay, middle batch size). Filled: "
            f"median expected test error of {run.search}. At the right the Hodges-Lehmann estimate of what "
            f"the search gains, block by block, with its 95{words.THIN}% interval; negative: the defaults "
            "were better. The median of differences need not be the difference of medians. Defaults are "
            "what libraries ship; “∞”: they diverged in most blocks. A description, not a test."
            f"{left_out(run, drawn(run), 'tuning')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_worth(run, frame),
        describe="Dumbbells from the defaults' error to a search's error, one panel per dataset.",
        data=frame,
        csv=("tuning", "readings"),
    )


def _gain(run: Run, r: Any) -> str:
    return words.interval(r.estimate, r.low, r.high, run.unit(r.dataset), difference=True)


def _worth_answer(run: Run, frame: pd.DataFrame) -> str:
    helped, hurt = frame[frame.low > 0], frame[frame.high < 0]
    failed, cases = int(frame.untuned_failed.sum()), words.plural(len(frame), "case")
    parts = []
    if len(helped):
        shares = helped.estimate / helped.untuned
        best = helped.loc[shares.sort_values(kind="stable").index[-1]]
        parts.append(
            f"a search ends below the defaults in {len(helped)} of {cases} by intervals without zero, most, "
            f"relative to them, for {run.title(best.optimizer)} on {run.shown(best.dataset)}: "
            f"{_gain(run, best)} less error"
        )
    else:
        parts.append(f"in none of {cases} does the interval show a search below the defaults")
    if len(hurt):
        worst = hurt.loc[(hurt.estimate / hurt.untuned).sort_values(kind="stable").index[0]]
        most = "" if len(hurt) == 1 else "most "
        parts.append(
            f"in {len(hurt)} the defaults are ahead, {most}for {run.title(worst.optimizer)} on "
            f"{run.shown(worst.dataset)} ({_gain(run, worst)})"
        )
    if failed:
        parts.append(f"the defaults alone diverged in {words.plural(failed, 'block')}")
    return words.sentence(parts)


def _draw_worth(run: Run, frame: pd.DataFrame) -> Figure:
    shown = drawn(run)
    looks = style.looks(shown, run.order("error"))
    n = len(shown)
    columns = 1 if len(run.datasets) == 1 else 2
    rows = -(-len(run.datasets) // columns)
    fig = Figure(figsize=(style.WIDTH, rows * (0.62 + 0.27 * n)), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax, dataset in zip(axes, run.datasets, strict=False):
        unit, here = run.unit(dataset), frame[frame.dataset == dataset].set_index("optimizer")
        for i, optimizer in enumerate(shown):
            one, look = here.loc[optimizer], looks[optimizer]
            before, after = one.untuned * unit.factor, one.searched * unit.factor
            if np.isfinite([before, after]).all():
                ax.plot([before, after], [i, i], color=look.colour, lw=1.6, zorder=1)
            ax.plot(
                [before], [i], marker=look.marker, ms=6.5, mfc=style.CARD, mec=look.colour, mew=1.3, zorder=2
            )
            ax.plot([after], [i], marker=look.marker, ms=6.5, mfc=look.colour, mec=look.colour, zorder=3)
            side = ax.get_yaxis_transform()
            lost = [label for x, label in ((before, "defaults"), (after, "search")) if np.isinf(x)]
            if lost:
                at = {"ha": "right", "va": "center", "color": style.BAD, "fontsize": 7.5}
                ax.text(0.99, i, f"{words.join(lost)} ∞", transform=side, **at)
            text = words.interval(one.estimate, one.low, one.high, unit, difference=True, name=False)
            ax.text(1.02, i, text, transform=side, va="center", color=style.MUTED, fontsize=7.5)
        ax.set_yticks(range(n), [words.short(t, 16 if n < MANY else 26) for t in run.titles(shown)])
        ax.set_ylim(n - 0.5, -0.5)
        ax.tick_params(axis="y", length=0, labelcolor=style.INK)
        style.linear_axis(ax, "x", 5)
        ax.set_xlabel(unit.axis)
        ax.set_title(words.short(run.shown(dataset)))
        ax.set_title(
            f"gain, {unit.gap}",
            loc="right",
            fontweight="normal",
            fontsize=7.5,
            color=style.MUTED,
        )
        ax.grid(axis="x", color=style.LINE)
    for ax in axes[len(run.datasets) :]:
        ax.set_axis_off()
    return fig


@part("tuning", 3)
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
        describe="Curves of test error against the number of draws, one panel per dataset.",
        data=frame[frame.k.isin(sorted({1, 2, 4, 8, 16, 32, 64, run.draws}))],
        csv=("best_of_k",),
    )


def _draws_answer(run: Run, frame: pd.DataFrame) -> str:
    clauses = []
    for pick in ordered(run, run["picks"]).itertuples():
        here = frame[(frame.dataset == pick.dataset) & (frame.optimizer == pick.optimizer)].set_index("k")
        if here.empty:  # its draws depend on each other, so there is no best of k
            continue
        unit, last = run.unit(pick.dataset), int(here.index.max())
        one, all_ = (words.interval(r.estimate, r.low, r.high, unit) for r in (here.loc[1], here.loc[last]))
        clauses.append(f"on {run.shown(pick.dataset)} ({run.title(pick.optimizer)}) from {one} to {all_}")
    if not clauses:
        return "The picked optimizers' draws depend on each other, so a best of fewer draws is not known."
    return f"From one draw to {frame.k.max()}, the picked optimizer's median error goes {'; '.join(clauses)}."


def _searched(run: Run) -> list[str]:
    """Those that the picture shows: the picked ones are among them."""
    return [name for name in run.optimizers if name in {*drawn(run), *run["picks"].optimizer}]


def _draw_draws(run: Run, frame: pd.DataFrame) -> Figure:
    names = _searched(run)
    looks = style.looks(names, run.order("error"))
    frame = frame[frame.optimizer.isin(names)]
    fig, axes = style.grid(len(run.datasets), 2.3)
    powers = [2**i for i in range(12) if 2**i <= frame.k.max()]
    for ax, dataset in zip(axes, run.datasets, strict=True):
        unit, here = run.unit(dataset), frame[frame.dataset == dataset]
        shown = here[np.isfinite(here.estimate) & (here.estimate > 0)]
        low = shown.estimate.min() * unit.factor * 0.85 if len(shown) else 0.1
        high = shown.estimate.max() * unit.factor * 1.25 if len(shown) else 1.0
        for i, optimizer in enumerate(names):
            one, look = shown[shown.optimizer == optimizer], looks[optimizer]
            x, y = one.k, one.estimate * unit.factor
            ax.plot(x, y, color=look.colour, ls=look.dash)
            some = one.k.isin(powers) | (one.k == one.k.min())
            style.marks(ax, x[some], y[some], look)
            style.crosses(ax, here.k[(here.optimizer == optimizer) & np.isinf(here.estimate)], i, look)
        style.log_axis(ax, "y", low, high * (1.35 if len(shown) < len(here) else 1), 5)
        style.log_axis(ax, "x", 0.93, frame.k.max() * 1.08)
        ax.set_xticks(powers, [str(k) for k in powers])
        ax.set_title(words.short(run.shown(dataset)))
        ax.set_ylabel("% misclassified" if unit is words.PERCENT else unit.short)
        ax.grid(color=style.LINE)
    fig.supxlabel("draws searched (log)", color=style.MUTED, fontsize=8.5)
    style.legend(fig, names, looks, run.titles(names))
    return fig
