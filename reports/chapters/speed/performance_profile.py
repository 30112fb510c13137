"""Who solves most problems within a given slowdown: a performance profile."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run
from reports.draw import style
from reports.parts import Part, blocks_basis, drawn, left_out, part
from studies.analysis.verdicts import AS_FAST

WITHIN = (AS_FAST, 1.5, 2.0, 4.0)  # times the examples of the fastest, in the data
SAID = 1.5  # of them, in the sentence
MOST = 8.0  # where the axis ends


@part("first", 2)
def profile(run: Run) -> Part | None:
    """Dataset-blocks in which each optimizer is within so many times the examples of the fastest."""
    if len(run.datasets) < 2 or len(run.optimizers) < 3:
        return None
    times = slowdowns(run)
    if times.empty:
        return None
    frame = within(run, times)
    shown = drawn(run, "ratio")
    return Part(
        name="profile",
        question="Who solves most problems within a given slowdown?",
        answer=_answer(run, frame),
        how=(
            "A problem is a block of a dataset. In it an optimizer's slowdown is the largest of its ratios "
            "of examples to the others, each over the losses that both of the two reach: 1× for one that "
            "no other is ahead of. A curve is the share of problems within that slowdown; higher is better. "
            "One that did not get below the shared start although another did, has failed there: it stays "
            "in the denominator at every slowdown, so a curve need not reach all. Optimizers are compared "
            "with each other here, so leaving one out moves the rest. A description: counts of this run's "
            "problems, which are exact and no claim about others."
            f"{left_out(run, shown, 'ratios')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw(run, times, shown),
        describe=f"Performance profile: shares of {int(frame.problems.max())} dataset-blocks by slowdown.",
        data=frame,
        csv=("ratios",),
    )


def slowdowns(run: Run) -> pd.DataFrame:
    """The slowdown of each optimizer in each dataset-block, infinite where it failed."""
    table = run["ratios"]
    turned = table.rename(columns={"a": "b", "b": "a"}).assign(log_ratio=-table.log_ratio)
    both = pd.concat([table, turned], ignore_index=True)
    most = both.groupby(["dataset", "block", "a"], as_index=False).log_ratio.max()
    nobody = (both.log_ratio == 0).groupby([both.dataset, both.block]).transform("all")
    lost = both[nobody][["dataset", "block"]].drop_duplicates().assign(lost=True)  # below the start: no one
    most["slowdown"] = np.exp(most.log_ratio.clip(lower=0))
    most.loc[most.merge(lost, how="left").lost.notna().to_numpy(), "slowdown"] = np.inf
    return most.rename(columns={"a": "optimizer"})[["dataset", "block", "optimizer", "slowdown"]]


def within(run: Run, times: pd.DataFrame) -> pd.DataFrame:
    """How many problems each optimizer solves within some slowdowns, the most first."""
    lines = []
    for optimizer in run.optimizers:
        mine = times.slowdown[times.optimizer == optimizer]
        counts = [int((mine <= x).sum()) for x in WITHIN]
        lines.append((optimizer, *counts, int(np.isinf(mine).sum()), len(mine)))
    names = [f"within_{x:g}" for x in WITHIN]
    frame = pd.DataFrame(lines, columns=["optimizer", *names, "failed", "problems"])
    return frame.sort_values(f"within_{SAID:g}", ascending=False, kind="stable", ignore_index=True)


def _answer(run: Run, frame: pd.DataFrame) -> str:
    column = f"within_{SAID:g}"
    most, least = frame[column].iloc[0], frame[column].iloc[-1]
    best = words.join(run.titles(frame.optimizer[frame[column] == most]))
    n = words.plural(int(frame.problems.iloc[0]), "dataset-block")
    if most == least:
        return f"All of {best} are within {SAID:g}× of the fastest in {most} of {n}: equally many."
    last = words.join(run.titles(frame.optimizer[frame[column] == least]))
    text = (
        f"Within {SAID:g}× of the fastest: {best} in {most} of {n}, the most, and {last} in {least}, the "
        "fewest"
    )
    failed = frame[frame.failed > 0].sort_values("failed", ascending=False, kind="stable")
    if len(failed):
        one = failed.iloc[0]
        text += f"; {run.title(one.optimizer)} failed in {one.failed}, more than any other"
        if len(failed) > 1 and failed.failed.iloc[1] == one.failed:
            text = text.removesuffix(", more than any other")
    return f"{text} (counts, not a test)."


def _draw(run: Run, times: pd.DataFrame, shown: list[str]) -> Figure:
    looks = style.looks(shown, [name for name in run.order("error") if name in shown])
    fig = Figure(figsize=(style.WIDTH, 3.3), layout="constrained")
    ax = fig.subplots()
    for i, optimizer in enumerate(shown):
        mine = np.sort(times.slowdown[times.optimizer == optimizer].to_numpy(float))
        inside = mine[mine <= MOST]
        x = np.concatenate([[1.0], inside, [MOST]])
        y = 100 * np.concatenate([[0], np.arange(1, len(inside) + 1), [len(inside)]]) / len(mine)
        look = looks[optimizer]
        ax.plot(x, y, drawstyle="steps-post", color=look.colour, ls=look.dash, lw=1.4)
        marks = np.geomspace(1.15, MOST / 1.1, 5) * (1 + 0.03 * (i % 4))
        style.marks(ax, marks, 100 * np.searchsorted(mine, marks, side="right") / len(mine), look)
    style.log_axis(ax, "x", 1.0, MOST)
    ticks = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]
    ax.set_xticks(ticks, [f"{t:g}×" for t in ticks])
    ax.set_ylim(0, 102)
    ax.axvline(SAID, color=style.MUTED, lw=0.8, zorder=0)
    style.linear_axis(ax, "y", 5)
    ax.set_xlabel("slowdown: examples ÷ examples of the fastest (log)")
    ax.set_ylabel("% of dataset-blocks")
    ax.grid(color=style.LINE)
    style.legend(fig, shown, looks, run.titles(shown))
    return fig
