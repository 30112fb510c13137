"""DeepOBS's quadratic_deep: the published test losses beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run
from reports.draw import style
from reports.parts import Cell, Part, Table, part

NEAR = 1.01
ORDERS = {"reshuffled": "reshuffled", "one order": "never reshuffled"}


@part("literature", 2)
def quadratic_deep(run: Run) -> Part | None:
    """Ours over learning rates, theirs as crosses, with and without reshuffling."""
    frame = run["quadratic_deep"]
    theirs = frame[(frame.order == "reshuffled") & frame.published.notna()]
    if run["literature"].empty or theirs.empty:
        return None
    return Part(
        name="quadratic-deep",
        question="Does a published benchmark come out the same here?",
        answer=_answer(frame, theirs),
        how=(
            "DeepOBS's problem quadratic_deep: 100 dimensions, 90 flat and 10 steep, 1 000 noisy samples. "
            "Lines: the test loss after 700 steps with batches of 128, by learning rate; crosses: what is "
            "published. Their code never reshuffles its 7 batches, and its Hessian differs between "
            "instances; ours has one Hessian, and one order of 7 batches is shown beside, to see what it "
            "does. HeavyBall has β 0.99, Adam its defaults."
        ),
        basis=(
            f"The band runs from the least to the most of {words.plural(int(frame.orders.max()), 'order')} "
            "of the samples; of what is never reshuffled one order is shown, exact for that order. It does "
            "not depend on this run."
        ),
        draw=lambda: _draw(frame),
        describe="Test loss against learning rate for three optimizers, published values as crosses.",
        data=frame,
        csv=("quadratic_deep",),
        tables=[_table(theirs)],
    )


def _answer(frame: pd.DataFrame, theirs: pd.DataFrame) -> str:
    far = (theirs.loss / theirs.published - 1).abs()
    worst = theirs.loc[far.idxmax()]
    clauses = []
    for subject, lines in frame.groupby("subject", sort=False):
        ends = {order: _highest(here) for order, here in lines.groupby("order")}
        told = " and ".join(f"{words.number(ends[o], 2)} {ORDERS[o]}" for o in ORDERS)
        clauses.append(f"{words.clean(subject)} {told}")
    within = f"{words.number(100 * far.max(), 2)}{words.THIN}%"
    ours, low, high, known = (words.fixed(worst[k], 3) for k in ("loss", "low", "high", "published"))
    return (
        f"All {len(theirs)} published test losses are met within {within} (farthest: "
        f"{words.clean(worst.subject)} at {words.plain(worst.lr)}, {ours} [{low}, {high}] here, {known} "
        f"published); the highest learning rate that ends within 1{words.THIN}% of the lowest loss is for "
        f"{words.listed(clauses)}."
    )


def _highest(lines: pd.DataFrame) -> float:
    """The highest learning rate whose worst end is within 1 % of the lowest loss."""
    good = lines[lines.high <= NEAR * lines.loss.min()]
    return float(good.lr.max()) if len(good) else float("nan")


def _draw(frame: pd.DataFrame) -> Figure:
    subjects = list(dict.fromkeys(frame.subject))
    looks = style.looks(list(ORDERS), list(ORDERS))
    fig, axes = style.grid(len(subjects), 2.6, sharey=True)
    for ax, subject in zip(axes, subjects, strict=True):
        for order in ORDERS:
            lines = frame[(frame.subject == subject) & (frame.order == order) & np.isfinite(frame.high)]
            lines = lines.sort_values("lr")
            look = looks[order]
            ax.fill_between(lines.lr, lines.low, lines.high, color=look.colour, alpha=0.25, lw=0)
            ax.plot(lines.lr, lines.loss, color=look.colour, ls=look.dash)
            style.marks(ax, lines.lr[::4], lines.loss[::4], look)
        known = frame[(frame.subject == subject) & frame.published.notna()].drop_duplicates("lr")
        ax.plot(known.lr, known.published, ls="none", marker="x", ms=7, mew=1.8, color=style.INK, zorder=5)
        style.log_axis(ax, "x", frame.lr.min(), frame.lr.max(), 4)
        ax.set_yscale("log")
        ax.set_ylim(80, 600)
        ax.set_yticks([100, 200, 400], ["100", "200", "400"])
        ax.minorticks_off()
        ax.set_title(words.short(words.clean(subject)))
        ax.set_xlabel("learning rate")
        ax.grid(color=style.LINE)
    axes[0].set_ylabel("test loss after 700 steps")
    style.legend(fig, list(ORDERS), looks, [ORDERS[order] for order in ORDERS])
    return fig


def _table(theirs: pd.DataFrame) -> Table:
    rows = [
        [
            Cell(words.clean(r.subject)),
            Cell(words.plain(r.lr), float(r.lr)),
            Cell(words.fixed(r.published, 3), float(r.published)),
            Cell(
                f"{words.fixed(r.loss, 3)} [{words.fixed(r.low, 3)}, {words.fixed(r.high, 3)}]", float(r.loss)
            ),
            Cell(
                f"{words.number(100 * (r.loss / r.published - 1), 2)}{words.THIN}%",
                float(r.loss / r.published),
            ),
        ]
        for r in theirs.itertuples()
    ]
    heads = ["Optimizer", "Learning rate", "Published", "Ours, median [least, most]", "Difference"]
    return Table(heads, rows, "Test loss after 700 steps, theirs and ours", frozenset({1, 2, 3, 4}))
