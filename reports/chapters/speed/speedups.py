"""Who gets there first: ratios of examples, and the curves they are read from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports.data import words
from reports.data.run import Run
from reports.data.verdict import needs
from reports.draw import intervals, looks, style
from reports.parts import Look, Panel, Part, blocks_basis, drawn, left_out, part
from studies.analysis.verdicts import AS_FAST, FLOOR, MARGINS
from studies.folder.schema.tables import TOO_FEW

POINTS = 60  # of a curve, about evenly spaced on the log axis
BAND = MARGINS["ratio"]


@part("first", 1)
def ratios(run: Run) -> list[Part]:
    """How many times the examples each optimizer needs of what the reference needs."""
    if len(run.optimizers) < 2:
        return []
    reference, *others = run.order("ratio")
    known, uses = looks.of_arms(run), looks.behind(run)
    shown = [name for name in others if name in drawn(run, "ratio")]
    groups, frames = dict[str, list[intervals.Line]](), []
    for scope in run.scopes:
        groups[scope] = []
        for name in others:
            one = run.against("ratio", scope, name, reference) or {}
            frames.append({k: one[k] for k in _SHOWN})
            if name in shown:
                groups[scope].append(_row(run, one, known[name], uses[name]))
    every = [line for lines in groups.values() for line in lines]
    span = intervals.reach(every, float(np.log(2)))
    title, frame = run.title(reference), pd.DataFrame(frames)
    scale = intervals.Scale(f"examples ÷ {words.short(title, 16)}’s (log)", -span, span, BAND, log=True)
    how = (
        f"Ratio of training examples: 2× means twice as many as {title} to reach the same validation "
        f"losses, which is slower. {title} is the reference because of its mean rank. In each block the "
        "lowest loss that each search has reached so far is compared at eight losses that both reach. "
        f"An estimate is exp of the Hodges-Lehmann one, the interval its 95{words.THIN}% signed-rank "
        "one. “One-sided”: blocks in which only one of the two got below the shared start; they rank as the "
        "largest difference and are left out of the ratio. It is silent on who ends lower."
    )
    said = Part(
        name="ratios",
        question="How many examples does each optimizer need?",
        answer=_answer(run, frame, reference),
        how=f"{how} All ratios stand in the last column of the matrix.",
        basis=blocks_basis(run),
        csv=("comparisons", "ratios"),
        data=frame,
    )
    each = Part(
        name="ratios-by-dataset",
        question="Is that so on every dataset?",
        answer=_each_answer(run, frame),
        how=(
            f"{how} Filled: the pair is called after Holm; hollow: it is not, even where an interval by "
            f"itself leaves out 1×. Grey band: within {AS_FAST}×, as good as each "
            f"other.{left_out(run, [*shown, reference], 'comparisons')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: [
            intervals.panel(
                scope,
                run.place(scope).capitalize() if scope == "pooled" else run.shown(scope),
                lines,
                scale,
                "" if scope == "pooled" else scope,
            )
            for scope, lines in groups.items()
        ],
        legend=intervals.KEYS,
        describe=f"Intervals of ratios of examples: {len(shown)} optimizers against {title}.",
        data=frame,
        csv=("comparisons", "ratios"),
        folded=True,
    )
    return [said, each]


def _each_answer(run: Run, frame: pd.DataFrame) -> str:
    here = frame[frame.scope != "pooled"] if len(run.datasets) > 1 else frame
    if (here.verdict == TOO_FEW).all():
        return "Too few blocks to tell anything apart on single datasets."
    slower = int((here.verdict == "b").sum())
    return (
        f"On single datasets {slower} of {words.plural(len(here), 'comparison')} with the first are called "
        "slower."
    )


def _row(run: Run, one: dict[str, Any], look: Look, optimizer: str) -> intervals.Line:
    name, called = run.title(one["a"]), one["verdict"] in ("a", "b")
    word = {"a": "faster", "b": "slower"}.get(one["verdict"], one["verdict"])
    told = f"{name}, {run.place(one['scope'])}: {needs(one)}, {word}"
    ends = one["estimate"], one["low"], one["high"]
    return intervals.Line(words.short(name, 16), *ends, look, told, optimizer, not called)


_SHOWN = ("scope", "a", "b", "estimate", "low", "high", "p_holm", "verdict", "a_failed", "b_failed", "blocks")


def _answer(run: Run, frame: pd.DataFrame, reference: str) -> str:
    """Who needs the fewest, how many need more by a call, and the farthest of them."""
    pooled = frame[(frame.scope == run.scopes[0]) & frame.estimate.notna()]
    if run.too_few("ratio"):
        return f"Too few blocks to tell anything apart; {run.more_blocks()}."
    if pooled.empty:
        return "In no block did both of two optimizers get below the shared start, so no ratio is known."
    title = run.title(reference)
    faster, slower = (pooled[pooled.verdict == side] for side in "ab")
    some = next(one for one in (faster, slower, pooled) if len(one))
    one = some.sort_values("estimate", key=abs, kind="stable").iloc[-1]
    farthest = (
        f"{run.title(one.a)} needs {words.times(one.estimate, one.low, one.high)} of what {title} needs"
    )
    if len(faster):
        return f"Called faster than {title}: {words.join(run.titles(faster.a))}; {farthest}."
    if slower.empty:
        return f"Nobody is called faster or slower than {title}: {farthest}, {one.verdict}."
    rest = run.titles(name for name in run.unbeaten("ratio") if name != reference)
    if not rest:
        return f"{title} needs the fewest examples: {farthest}."
    known = words.join([title, *rest]) if len(rest) < 5 else f"{title} and {words.count(len(rest))} more"
    return f"Not beaten are {known}; {farthest}."


@part("first", 1)
def curves(run: Run) -> Part | None:
    """How the lowest validation loss falls with examples seen."""
    frame = quartiles(run["envelopes"])
    if frame.empty:
        return None
    return Part(
        name="curves",
        question="How does the loss fall?",
        answer=_curves_answer(run, frame, "validation loss"),
        how=(
            f"The lowest validation loss so far over an optimizer's {run.draws} draws, by training "
            "examples seen: the curve the ratios above are read from. Line: median over blocks; bars: the "
            "quartiles; both are order statistics on a common grid of examples. Both axes are "
            "logarithmic; losses below 1e−7 lie on that line. A curve that is lower at its end is not "
            "called better here: that is the question of “Who ends best”."
            f"{left_out(run, drawn(run, 'ratio'), 'envelopes')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_curves(run, frame, "validation loss (log)"),
        legend=looks.legend(run, drawn(run, "ratio")),
        describe=f"Curves of validation loss, one panel for each of {len(run.datasets)} datasets.",
        data=milestones(frame),
        csv=("envelopes",),
    )


@part("first", 1)
def training(run: Run) -> Part | None:
    """The training loss of each search's winner, on request."""
    key = ["dataset", "block", "optimizer", "draw"]
    search = run["rows"][run["rows"].kind == "search"]
    best = search.sort_values(["best_validation_loss", "draw"], kind="stable")
    won = best.groupby(key[:3], as_index=False).first()[key]
    curve = run["curves"][run["curves"].kind == "search"].merge(won, on=key)
    curve = curve[curve.training_loss.notna()].rename(columns={"training_loss": "loss"})
    frame = quartiles(curve[["dataset", "block", "optimizer", "examples", "loss"]])
    if frame.empty:
        return None
    return Part(
        name="training",
        question="And the training loss?",
        answer=_curves_answer(run, frame, "training loss"),
        how=(
            "Mean mini-batch loss since the last record, of the draw with the lowest validation loss in "
            "each block, with the parameters as they were while it was trained; median and quartiles over "
            "blocks as above. Winners of different blocks have different batch sizes and learning rates. A "
            f"cross on top: the median is infinite.{left_out(run, drawn(run, 'ratio'), 'curves')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_curves(run, frame, "training loss (log)"),
        legend=looks.legend(run, drawn(run, "ratio")),
        describe=f"Curves of training loss, one panel for each of {len(run.datasets)} datasets.",
        data=milestones(frame),
        csv=("curves",),
        folded=True,
    )


def milestones(frame: pd.DataFrame) -> pd.DataFrame:
    """Each curve at the last record up to 100, 1,000 and 10,000 examples, and at its end."""
    parts = [
        frame[frame.examples <= most].groupby(["dataset", "optimizer"], as_index=False).last()
        for most in (100, 1_000, 10_000, np.inf)
    ]
    every = pd.concat(parts).drop_duplicates(["dataset", "optimizer", "examples"])
    return every.sort_values(["dataset", "optimizer", "examples"], ignore_index=True)


def quartiles(envelopes: pd.DataFrame) -> pd.DataFrame:
    """Median and quartiles over blocks on a common grid, by order statistics, so inf stays inf."""
    lines = []
    for (dataset, optimizer), group in envelopes.groupby(["dataset", "optimizer"]):
        wide = group.pivot(index="examples", columns="block", values="loss").ffill()
        wide = wide[wide.index > 0]
        keep = _thinned(wide.index.to_numpy(float))
        values = np.sort(wide.to_numpy()[keep], axis=1)
        n = values.shape[1]
        at = [(n - 1) // 4, (n - 1) // 2, n - 1 - (n - 1) // 4]
        for examples, (low, median, high) in zip(wide.index[keep], values[:, at], strict=True):
            lines.append((dataset, optimizer, int(examples), median, low, high, n))
    return pd.DataFrame(
        lines, columns=["dataset", "optimizer", "examples", "median", "lower", "upper", "blocks"]
    )


def _thinned(positions: np.ndarray) -> np.ndarray:
    if len(positions) <= POINTS:
        return np.arange(len(positions))
    wanted = np.geomspace(positions[0], positions[-1], POINTS)
    return np.unique(np.searchsorted(positions, wanted).clip(0, len(positions) - 1))


def _curves_answer(run: Run, frame: pd.DataFrame, what: str) -> str:
    """Whose curve ends lowest on most datasets: medians, which are no call."""
    ends = frame.sort_values("examples").groupby(["dataset", "optimizer"], as_index=False).last()
    lowest = ends.sort_values("median", kind="stable").drop_duplicates("dataset").optimizer.value_counts()
    most, n = int(lowest.max()), words.plural(len(run.datasets), "dataset")
    first = [run.title(name) for name in run.optimizers if int(lowest.get(name, 0)) == most]
    if len(first) > 3:
        return f"Nobody's median {what} ends lowest on more than {most} of {n}; that is no call."
    return f"The median {what} of {words.join(first)} ends lowest on {most} of {n}; that is no call."


def _draw_curves(run: Run, frame: pd.DataFrame, label: str) -> list[Panel]:
    names, known, uses = drawn(run, "ratio"), looks.of_arms(run), looks.behind(run)
    panels = []
    for dataset in run.datasets:
        fig, ax = style.panel(200)
        here = frame[(frame.dataset == dataset) & frame.optimizer.isin(names)]
        here = here.assign(**{c: here[c].clip(lower=FLOOR) for c in ("lower", "median", "upper")})
        finite = here[np.isfinite(here["median"])]
        for i, optimizer in enumerate(names):
            lost = here[(here.optimizer == optimizer) & ~np.isfinite(here["median"])]
            tag = style.tag(uses[optimizer])
            style.crosses(ax, lost.examples, i, known[optimizer], tag)
            mine = finite[finite.optimizer == optimizer]
            _curve(run, ax, mine, known[optimizer], uses[optimizer], i)
        if len(finite):
            tops = [finite["median"].max(), finite.upper[np.isfinite(finite.upper)].max()]
            style.log_axis(ax, "x", here.examples.min(), here.examples.max(), 5)
            style.log_axis(ax, "y", max(finite.lower.min() * 0.9, FLOOR), np.nanmax(tops) * 1.1, 5)
        else:
            ax.set_yticks([])
        ax.grid(color=style.LINE)
        ax.set(xlabel="training examples (log)", ylabel=label)
        panels.append(Panel(dataset, run.shown(dataset), fig, dataset))
    return panels


def _curve(run: Run, ax: Axes, one: pd.DataFrame, look: Look, optimizer: str, i: int) -> None:
    """One optimizer's curve. i: which one it is, so that their marks stand apart."""
    if one.empty:
        return
    x, median = one.examples, one["median"]
    tag = style.tag(optimizer)
    ax.plot(x, median, color=look.colour, ls=look.dash, gid=tag)
    step = max(len(one) // 5, 1)
    some = one.iloc[(2 * i + 3) % step :: step]
    tops = some.upper.where(np.isfinite(some.upper), 1e30)
    ax.vlines(some.examples, some.lower, tops, color=look.colour, lw=0.8, alpha=0.6, gid=tag)
    told = [
        f"{run.title(r.optimizer)}, {run.shown(r.dataset)}, {words.count(r.examples)} examples: "
        f"{words.number(r.median, 3)} [{words.number(r.lower, 3)}, {words.number(r.upper, 3)}]"
        for r in some.itertuples()
    ]
    style.marks(ax, some.examples, some["median"], look, style.tag(optimizer, told))
