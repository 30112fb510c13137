"""Does a schedule beat a constant learning rate at equal tuning?"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data import words
from reports.data.arms import column, families, family
from reports.data.run import Run, ordered
from reports.draw import style
from reports.parts import MANY, Part, blocks_basis, drawn, left_out, part
from studies.folder.schema.tables import OPEN_VERDICTS, TOO_FEW

SCHEDULE, NONE = "schedule better", "none better"
KEPT = ("estimate", "low", "high", "p", "p_holm", "blocks")


def against_none(run: Run) -> pd.DataFrame:
    """Each schedule minus none of the same optimizer, per dataset and pooled; empty without such arms."""
    kinds, lines = column(run, "decays"), []
    for uses, arms in families(run).items():
        plain = [arm for arm in arms if kinds[arm] == "none"]
        others = [arm for arm in arms if kinds[arm] not in ("", "none") and "," not in kinds[arm]]
        if len(plain) != 1:
            continue
        for arm in others:
            for scope in ["pooled", *run.datasets]:
                one = run.against("error", scope, arm, plain[0])
                if one is not None:
                    found = {"a": SCHEDULE, "b": NONE}.get(one["verdict"], one["verdict"])
                    lines.append((uses, arm, plain[0], kinds[arm], scope, found, *(one[k] for k in KEPT)))
    return pd.DataFrame(lines, columns=["uses", "a", "b", "schedule", "scope", "verdict", *KEPT])


@part("decay")
def decay(run: Run) -> Part | None:
    """Exponential decay against none, from the two halves of the draws."""
    frame = ordered(run, run["decay"])
    known = frame[frame.estimate.notna()]
    if known.empty:
        return None
    return Part(
        name="halves",
        question="Does learning-rate decay help?",
        answer=_decay_answer(run, frame),
        how=(
            "Half of every search's draws decay the learning rate exponentially, half do not. A mark is "
            "the Hodges-Lehmann estimate of the error with decay minus the error without, block by block, "
            f"with its 95{words.THIN}% signed-rank interval; left of zero decay is better. On the right the "
            "call for that dataset, Holm over optimizers × datasets. The call over all datasets together, "
            f"Holm over optimizers, is the sentence above.{left_out(run, drawn(run), 'decay')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_decay(run, frame),
        describe="Intervals of the difference between decay and none, one panel per dataset.",
        data=frame,
        csv=("decay",),
    )


def _decay_answer(run: Run, frame: pd.DataFrame) -> str:
    pooled = frame[frame.scope == "pooled"]
    if (pooled.verdict == TOO_FEW).any():
        return "Too few blocks to tell decay from none."
    parts = []

    def mine(line: Any) -> pd.DataFrame:
        return frame[frame.optimizer == line.optimizer]

    for call, verb in (("decay", "is better than none"), ("none", "is worse than none")):
        for r in pooled[pooled.verdict == call].itertuples():
            parts.append(
                f"for {run.title(r.optimizer)} decay {verb} ({words.p_value(r.p_holm)} after "
                f"Holm{_clearest(run, mine(r), 'decay')})"
            )
    for word in OPEN_VERDICTS:
        some = pooled[pooled.verdict == word]
        if some.empty:
            continue
        closest = some.sort_values("p_holm", kind="stable").iloc[0]
        about = (
            f"closest: {run.title(closest.optimizer)}, "
            f"{words.p_value(closest.p_holm)}{_clearest(run, mine(closest), 'decay')}"
        )
        parts.append(f"for {words.join(run.titles(some.optimizer))} decay against none: {word} ({about})")
    return words.sentence(parts)


def _draw_decay(run: Run, frame: pd.DataFrame) -> Figure:
    names = [name for name in drawn(run) if name in set(frame.optimizer)]
    looks = style.looks(names, run.order("error"))
    n = len(names)
    columns = 1 if len(run.datasets) == 1 else 2
    rows = -(-len(run.datasets) // columns)
    fig = Figure(figsize=(style.WIDTH, rows * (0.62 + 0.27 * n)), layout="constrained")
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    short = {"decay": "decay better", "none": "none better"}
    for ax, dataset in zip(axes, run.datasets, strict=False):
        unit, here = run.unit(dataset), frame[frame.scope == dataset].set_index("optimizer")
        ends = here[["low", "high", "estimate"]].to_numpy(float)
        ends = np.abs(ends[np.isfinite(ends)])
        span = 1.1 * unit.factor * (ends.max() if len(ends) and ends.max() > 0 else 0.01)
        ax.axvline(0, color=style.INK, lw=0.9)
        for i, optimizer in enumerate(names):
            one, look = here.loc[optimizer], looks[optimizer]
            if np.isfinite(one.estimate):
                low, high = np.clip([one.low * unit.factor, one.high * unit.factor], -span, span)
                ax.plot([low, high], [i, i], color=look.colour, lw=1.6, solid_capstyle="butt")
                ax.plot(
                    [one.estimate * unit.factor],
                    [i],
                    marker=look.marker,
                    ms=6,
                    color=look.colour,
                    mec=style.CARD,
                    mew=0.7,
                )
            ax.text(
                1.02,
                i,
                short.get(one.verdict, one.verdict),
                transform=ax.get_yaxis_transform(),
                va="center",
                color=style.MUTED,
                fontsize=7.5,
            )
        ax.set_xlim(-span, span)
        ax.set_yticks(range(n), [words.short(t, 16 if n < MANY else 26) for t in run.titles(names)])
        ax.set_ylim(n - 0.5, -0.5)
        ax.tick_params(axis="y", length=0, labelcolor=style.INK)
        style.linear_axis(ax, "x", 5)
        ax.set_xlabel(f"decay minus none, {unit.gap}")
        ax.set_title(words.short(run.shown(dataset)))
        ax.grid(axis="x", color=style.LINE)
    for ax in axes[len(run.datasets) :]:
        ax.set_axis_off()
    return fig


@part("decay")
def schedules(run: Run) -> Part | None:
    """Every schedule against none of the same optimizer."""
    frame = against_none(run)
    if frame.empty:
        return None
    pairs = len(run.pairs("error"))
    return Part(
        name="schedules",
        question="Does a schedule beat a constant learning rate at equal tuning?",
        answer=_answer(run, frame),
        how=(
            "Every schedule and none get searches of their own, of the same number of draws. A mark is the "
            "Hodges-Lehmann estimate of the error with the schedule minus the error without, block by block, "
            f"with its 95{words.THIN}% signed-rank interval; left of zero the schedule is better. At the "
            f"right the call on that dataset, Holm over all {words.plural(pairs, 'pair')} of the run × "
            "datasets. The sentence above has the calls over all datasets together, Holm over all "
            f"{words.plural(pairs, 'pair')}: many more than are shown here, so these calls are cautious."
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw(run, frame),
        describe="Forest of each schedule's error minus none's, one panel per dataset.",
        data=frame.drop(columns="uses"),
        csv=("comparisons",),
    )


def _answer(run: Run, frame: pd.DataFrame) -> str:
    pooled, finite = frame[frame.scope == "pooled"], frame[np.isfinite(frame.estimate)]
    if (pooled.verdict == TOO_FEW).any():
        return f"Too few blocks to tell any schedule from none; {run.more_blocks()}."
    parts = []
    for _, here in pooled.groupby("uses", sort=False):
        name = family(run, [str(here.a.iloc[0])])
        clauses = []
        for call, verb in ((SCHEDULE, "better"), (NONE, "worse")):
            some = here[here.verdict == call].sort_values("p_holm", kind="stable")
            if len(some):
                told = [
                    f"{r.schedule} ({words.p_value(r.p_holm)}{_clearest(run, finite[finite.a == r.a], 'it')})"
                    for r in some.itertuples()
                ]
                clauses.append(f"{words.join(told)} {'ends' if len(some) == 1 else 'end'} {verb} than none")
        for word in OPEN_VERDICTS:
            some = here[here.verdict == word].sort_values(["p_holm", "p"], kind="stable")
            if some.empty:
                continue
            one = some.iloc[0]
            near = f"{words.p_value(one.p_holm)}{_clearest(run, finite[finite.a == one.a], 'it')}"
            about = f"closest: {one.schedule}, {near}" if len(some) > 1 else near
            clauses.append(f"{words.join(some.schedule)} against none: {word} ({about})")
        parts.append(f"for {name} {', '.join(clauses)}")
    return words.sentence(parts)


def _clearest(run: Run, frame: pd.DataFrame, what: str) -> str:
    """Of one comparison, the dataset with the smallest p-value, its difference and interval."""
    here = frame[(frame.scope != "pooled") & frame.estimate.notna()]
    if here.empty:
        return ""
    one = here.sort_values("p", kind="stable").iloc[0]
    text = words.interval(one.estimate, one.low, one.high, run.unit(one.scope), difference=True)
    return f"; on {run.shown(one.scope)} {what} changes the error by {text}"


def _draw(run: Run, frame: pd.DataFrame) -> Figure:
    arms = list(frame.a.drop_duplicates())
    uses = dict(zip(frame.a, frame.uses, strict=True))
    looks = style.looks(list(dict.fromkeys(uses.values())), list(dict.fromkeys(uses.values())))
    columns = 1 if len(run.datasets) == 1 else 2
    lines = -(-len(run.datasets) // columns)
    fig = Figure(figsize=(style.WIDTH, lines * (0.68 + 0.2 * len(arms))), layout="constrained")
    axes = fig.subplots(lines, columns, squeeze=False).ravel()
    for k, (ax, dataset) in enumerate(zip(axes, run.datasets, strict=False)):
        here = frame[frame.scope == dataset].set_index("a")
        _panel(run, ax, here, arms, {arm: looks[uses[arm]] for arm in arms})
        kinds = dict(zip(frame.a, frame.schedule, strict=True))
        labels = [words.short(f"{family(run, [arm])} · {kinds[arm]}", 20) for arm in arms]
        ax.set_yticks(range(len(arms)), labels if k % columns == 0 else [""] * len(arms))
        ax.set_xlabel(f"schedule minus none, {run.unit(dataset).gap}")
        ax.set_title(words.short(run.shown(dataset)))
    for ax in axes[len(run.datasets) :]:
        ax.set_axis_off()
    return fig


def _panel(run: Run, ax: Axes, here: pd.DataFrame, arms: list[str], looks: dict[str, style.Look]) -> None:
    unit = run.unit(str(here.scope.iloc[0]))
    marks = np.abs(here.estimate.to_numpy(float))
    ends = np.abs(here[["low", "high"]].to_numpy(float))
    marks, ends = marks[np.isfinite(marks)], ends[np.isfinite(ends)]
    most = min(ends.max(initial=0), 3 * marks.max(initial=0)) or 0.01
    span = 1.1 * unit.factor * max(most, marks.max(initial=0))
    ax.axvline(0, color=style.INK, lw=0.9)
    for i, arm in enumerate(arms):
        one, look = here.loc[arm], looks[arm]
        side = ax.get_yaxis_transform()
        say = partial(ax.text, transform=side, va="center", color=style.MUTED, fontsize=7.5)
        say(1.02, i, one.verdict)
        if not np.isfinite(one.estimate):
            say(0.99, i, "not known", ha="right")
            continue
        low, high = np.clip([one.low * unit.factor, one.high * unit.factor], -span, span)
        ax.plot([low, high], [i, i], color=look.colour, lw=1.6, solid_capstyle="butt")
        for cut, end, marker in ((one.low, -span, "<"), (one.high, span, ">")):
            if abs(cut * unit.factor) > span:
                ax.plot([end], [i], marker=marker, ms=4.5, color=look.colour, clip_on=False)
        x = [one.estimate * unit.factor]
        ax.plot(x, [i], marker=look.marker, ms=5.5, color=look.colour, mec=style.CARD, mew=0.7)
    ax.set_xlim(-span, span)
    ax.set_ylim(len(arms) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0, labelcolor=style.INK)
    style.linear_axis(ax, "x", 5)
    ax.grid(axis="x", color=style.LINE)
