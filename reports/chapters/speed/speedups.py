"""Who gets there first: ratios of examples, and the curves they are read from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.chapters.answer import needs
from reports.data import words
from reports.data.run import Run
from reports.draw import forest, style
from reports.parts import Cell, Part, Table, blocks_basis, drawn, left_out, part
from studies.analysis.verdicts import AS_FAST, FLOOR, MARGINS
from studies.folder.schema.tables import TOO_FEW

POINTS = 60  # of a curve, about evenly spaced on the log axis
PAIRS = 66  # in the table of pairs: those of twelve optimizers
BAND = MARGINS["ratio"]


@part("first", 1)
def ratios(run: Run) -> Part | None:
    """How many times the examples each optimizer needs of what the reference needs."""
    if len(run.optimizers) < 2:
        return None
    reference, *others = run.order("ratio")
    looks = style.looks(run.optimizers, run.order("error"))
    groups, frames = [], []
    shown = [name for name in others if name in drawn(run, "ratio", 1 + forest.most(run.scopes))]
    for name in others:
        lines = []
        for scope in run.scopes:
            one = run.against("ratio", scope, name, reference) or {}
            frames.append({k: one[k] for k in _SHOWN})
            label = "all together" if scope == "pooled" else words.short(run.shown(scope))
            lines.append(
                forest.Line(
                    label, one["estimate"], one["low"], one["high"], needs(one), scope == run.scopes[0]
                )
            )
        if name not in shown:
            continue
        groups.append(
            forest.Group(words.short(run.title(name), 26), _call(run, name, reference), looks[name], lines)
        )
    span = forest.reach(groups, float(np.log(2)))
    title = run.title(reference)
    return Part(
        name="ratios",
        question="How many examples does each optimizer need?",
        answer=_answer(run, pd.DataFrame(frames), reference),
        how=(
            f"Ratio of training examples: 2× means twice as many as {title} to reach the same validation "
            f"losses, which is slower. {title} is the reference because of its mean rank. In each block the "
            "lowest loss that each search has reached so far is compared at eight losses that both reach. "
            f"A mark is exp of the Hodges-Lehmann estimate, the bar its 95{words.THIN}% signed-rank "
            "interval, heavy where all datasets are taken together. Grey band: within "
            f"{AS_FAST}×, as good as each other. “One-sided”: blocks in which only one of the two got below "
            "the shared start; they rank as the largest difference and are left out of the ratio. It is "
            "silent on who ends lower."
            f"{left_out(run, [*shown, reference], 'comparisons')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: forest.draw(
            groups,
            f"examples needed ÷ examples {words.short(title, 16)} needs (left is faster, log scale)",
            span,
            BAND,
            log=True,
        ),
        describe=f"Forest plot of ratios: {len(shown)} optimizers against {title}.",
        data=pd.DataFrame(frames),
        csv=("comparisons", "ratios"),
        tables=[_pairs_table(run)],
    )


_SHOWN = ("scope", "a", "b", "estimate", "low", "high", "p_holm", "verdict", "a_failed", "b_failed", "blocks")


def _call(run: Run, name: str, reference: str) -> str:
    one = run.against("ratio", "pooled", name, reference) or {}
    if one["verdict"] == TOO_FEW:
        return "too few blocks to tell"
    word = {"a": "is faster", "b": "is slower"}.get(one["verdict"], one["verdict"])
    return f"{word}, {words.p_value(one['p_holm'])}"


def _answer(run: Run, frame: pd.DataFrame, reference: str) -> str:
    pooled = frame[(frame.scope == run.scopes[0]) & frame.estimate.notna()]
    if run.too_few("ratio"):
        return f"Too few blocks to tell anything apart; {run.more_blocks()}."
    if pooled.empty:
        return "In no block did both of two optimizers get below the shared start, so no ratio is known."
    clauses = []
    for row in pooled.sort_values("estimate", kind="stable").itertuples():
        found = "" if row.verdict in ("a", "b") else f" ({row.verdict})"
        clauses.append(f"{run.title(row.a)} needs {words.times(row.estimate, row.low, row.high)}{found}")
    return f"Of the examples {run.title(reference)} needs, {words.join(clauses)}."


def _pairs_table(run: Run) -> Table:
    rows = []
    pairs = run.pairs("ratio").sort_values(["p_holm", "p"], kind="stable")
    for one in pairs.head(PAIRS).itertuples():
        a, b = (one.a, one.b) if one.estimate >= 0 or np.isnan(one.estimate) else (one.b, one.a)
        turned = run.against("ratio", "pooled", a, b) or {}
        ahead = {"a": one.a, "b": one.b}.get(one.verdict)
        found = f"{run.title(ahead)} is faster" if ahead else one.verdict
        rows.append(
            [
                Cell(f"{run.title(a)} ÷ {run.title(b)}"),
                Cell(needs(turned), float(turned["estimate"])),
                Cell(found),
                Cell(words.p_value(one.p_holm), float(one.p_holm)),
                Cell(f"{one.a_better} of {one.blocks}", int(one.a_better), f"{run.title(one.a)} faster"),
            ]
        )
    caption = "All pairs, over all datasets together"
    if len(pairs) > PAIRS:
        caption = (
            f"The {PAIRS} clearest of {len(pairs)} pairs, over all datasets together; all are in "
            "csv/comparisons.csv"
        )
    return Table(
        ["Pair", "Examples", "Call", "p after Holm", "Blocks"],
        rows,
        caption,
        frozenset({1, 3, 4}),
        folded=True,
    )


@part("first", 1)
def curves(run: Run) -> Part | None:
    """How the lowest validation loss falls with examples seen."""
    frame = quartiles(run["envelopes"])
    if frame.empty:
        return None
    return Part(
        name="curves",
        question="How does the loss fall?",
        answer=_curves_answer(run, frame, "loss"),
        how=(
            f"The lowest validation loss so far over an optimizer's {run.draws} draws, by training examples "
            "seen: the curve the ratios above are read from. Line: median over blocks; band: the "
            "quartiles; both are order statistics on a common grid of examples. Both axes are logarithmic; "
            "losses below 1e−7 lie on that line. A curve that is lower at its end is not called better "
            "here: that is the question of “Who ends best”."
            f"{left_out(run, drawn(run, 'ratio'), 'envelopes')}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _draw_curves(run, frame, "validation loss (log)"),
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
    reference = run.order("ratio")[0] if len(run.optimizers) > 1 else run.optimizers[0]
    ends = frame[frame.optimizer == reference].sort_values("examples").groupby("dataset").last()
    clauses = []
    for dataset in [d for d in run.datasets if d in ends.index]:
        one = ends.loc[dataset]
        three = [words.number(one[c], 2) for c in ("median", "lower", "upper")]
        examples = words.count(one.examples)
        value = "infinite" if np.isinf(one["median"]) else f"{three[0]} [{three[1]}, {three[2]}]"
        clauses.append(f"{value} on {run.shown(dataset)} ({examples} examples)")
    title = run.title(reference)
    return f"At the end the median {what} of {title}, with quartiles, is {words.join(clauses)}."


def _draw_curves(run: Run, frame: pd.DataFrame, label: str) -> Figure:
    names = drawn(run, "ratio")
    looks = style.looks(names, [name for name in run.order("error") if name in names])
    frame = frame[frame.optimizer.isin(names)]
    fig, axes = style.grid(len(run.datasets), 2.35)
    for ax, dataset in zip(axes, run.datasets, strict=True):
        here = frame[frame.dataset == dataset]
        here = here.assign(**{c: here[c].clip(lower=FLOOR) for c in ("lower", "median", "upper")})
        finite = here[np.isfinite(here["median"])]
        for i, optimizer in enumerate(names):
            lost = here[(here.optimizer == optimizer) & ~np.isfinite(here["median"])]
            style.crosses(ax, lost.examples, i, looks[optimizer])
            _curve(ax, finite[finite.optimizer == optimizer], looks[optimizer])
        if len(finite):
            tops = [finite["median"].max(), finite.upper[np.isfinite(finite.upper)].max()]
            style.log_axis(ax, "x", here.examples.min(), here.examples.max(), 5)
            style.log_axis(ax, "y", max(finite.lower.min() * 0.9, FLOOR), np.nanmax(tops) * 1.1, 5)
        else:
            ax.set_yticks([])
        ax.set_title(words.short(run.shown(dataset)))
        ax.grid(color=style.LINE)
    fig.supxlabel("training examples seen (log)", color=style.MUTED, fontsize=8.5)
    fig.supylabel(label, color=style.MUTED, fontsize=8.5)
    style.legend(fig, names, looks, run.titles(names))
    return fig


def _curve(ax: Axes, one: pd.DataFrame, look: style.Look) -> None:
    if one.empty:
        return
    x, median = one.examples, one["median"]
    ax.fill_between(x, one.lower, one.upper, color=look.colour, alpha=0.12, lw=0)
    ax.plot(x, median, color=look.colour, ls=look.dash)
    some = slice(3 if len(one) > 3 else 0, None, max(len(one) // 5, 1))
    style.marks(ax, x.iloc[some], median.iloc[some], look)
