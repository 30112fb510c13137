"""DeepOBS's quadratic_deep: the published test losses beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.run import Run
from reports.draw import looks, style
from reports.draw.looks import DASHES
from reports.parts import Cell, Key, Look, Panel, Part, Table, part

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
        answer=_answer(theirs),
        folded=True,
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
        legend=_legend(),
        describe="Test loss against learning rate, published values as crosses.",
        data=frame,
        csv=("quadratic_deep",),
        tables=[_table(theirs)],
    )


def _answer(theirs: pd.DataFrame) -> str:
    far = (theirs.loss / theirs.published - 1).abs().max()
    within = f"{words.number(100 * far, 2)}{words.THIN}%"
    return (
        f"Yes: all {len(theirs)} published test losses of DeepOBS's quadratic_deep are met within {within}."
    )


def _draw(frame: pd.DataFrame) -> list[Panel]:
    panels = []
    for subject in dict.fromkeys(frame.subject):
        fig, ax = style.panel(200)
        optimizer = _optimizer(subject)
        for order, look in _looks(subject).items():
            lines = frame[(frame.subject == subject) & (frame.order == order) & np.isfinite(frame.high)]
            lines = lines.sort_values("lr")
            tag = style.tag(optimizer)
            ax.fill_between(lines.lr, lines.low, lines.high, color=look.colour, alpha=0.25, lw=0, gid=tag)
            ax.plot(lines.lr, lines.loss, color=look.colour, ls=look.dash, gid=tag)
            style.marks(ax, lines.lr[::4], lines.loss[::4], look, tag)
        known = frame[(frame.subject == subject) & frame.published.notna()].drop_duplicates("lr")
        ax.plot(known.lr, known.published, ls="none", marker="x", ms=7, mew=1.8, color=style.INK, zorder=5)
        style.log_axis(ax, "x", frame.lr.min(), frame.lr.max(), 4)
        ax.set_yscale("log")
        ax.set_ylim(80, 600)
        ax.set_yticks([100, 200, 400], ["100", "200", "400"])
        ax.minorticks_off()
        ax.set(xlabel="learning rate (log)", ylabel="test loss, 700 steps")
        ax.grid(color=style.LINE)
        panels.append(Panel(words.clean(subject), words.short(words.clean(subject)), fig))
    return panels


def _optimizer(subject: object) -> str:
    """The optimizer that a published name stands for."""
    return words.clean(subject).lower()


def _looks(subject: object) -> dict[str, Look]:
    """Of each order: the optimizer's own look, and its colour with another mark and dash."""
    own = looks.of_optimizers([_optimizer(subject)])[_optimizer(subject)]
    first, second = ORDERS
    return {first: own._replace(marker="o", dash="-"), second: own._replace(marker="s", dash=DASHES[1])}


def _legend() -> list[Key]:
    first, second = ORDERS.values()
    plain = Look(style.MUTED, "o", "-")
    return [
        Key(first, plain),
        Key(second, plain._replace(marker="s", dash=DASHES[1])),
        Key("published", Look(style.INK, "x", "-"), line=False),
    ]


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
