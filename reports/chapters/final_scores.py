"""Who ends best: the forest, the heat map, the calls in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from reports.chapters.answer import circle
from reports.data import words
from reports.data.run import Run, ordered
from reports.draw import style
from reports.parts import MANY, Cell, Part, Table, blocks_basis, part
from studies.folder.schema.tables import AS_GOOD


@part("ends", 1)
def everywhere(run: Run) -> Part | None:
    """Errors of all optimizers on all datasets, the best and what includes it marked."""
    columns = [
        "dataset",
        "optimizer",
        "searched",
        "searched_low",
        "searched_high",
        "searched_level",
        "blocks",
    ]
    frame = ordered(run, run["tuning"])[columns].copy()
    most = run["best_of_k"].sort_values("k").groupby(["dataset", "optimizer"], as_index=False).last()
    frame = frame.merge(
        most[["dataset", "optimizer", "estimate", "low", "high"]].rename(
            columns={"estimate": "winner", "low": "winner_low", "high": "winner_high"}
        ),
        how="left",
    )
    best = frame.groupby("dataset").searched.transform("min")
    frame["times_best"] = np.where(
        np.isinf(frame.searched) & np.isinf(best), 1.0, frame.searched / np.maximum(best, 1e-9)
    )
    frame["with_best"] = [_with_best(run, r.dataset, r.optimizer, frame) for r in frame.itertuples()]
    return Part(
        name="heat",
        question="Is it the same on every dataset?" if len(run.datasets) > 1 else "Who ends best here?",
        answer=_everywhere_answer(run),
        how=(
            f"The number is the median over blocks of the expected test error of {run.search}, in "
            f"{run.units}; its interval stands in the data below. Colour: how many times the best of that "
            f"dataset. A dot marks the best and everything whose 95{words.THIN}% interval of the paired "
            "difference to it includes zero: a description, not a test."
            f"{' Tests stand in the table below.' if len(run.optimizers) > 1 else ''}"
        ),
        basis=blocks_basis(run),
        draw=lambda: _heat(run, frame),
        describe=f"Heat map of {len(run.optimizers)} optimizers by {len(run.datasets)} datasets.",
        data=frame,
        csv=("tuning", "comparisons", "readings"),
        tables=[_calls_table(run)] if len(run.optimizers) > 1 else [],
    )


def _with_best(run: Run, dataset: str, optimizer: str, frame: pd.DataFrame) -> bool:
    here = frame[frame.dataset == dataset].sort_values("searched", kind="stable")
    best = str(here.optimizer.iloc[0])
    if optimizer == best:
        return True
    one = run.against("error", dataset, optimizer, best)
    return one is not None and bool(one["low"] <= 0 <= one["high"])


def _heat(run: Run, frame: pd.DataFrame) -> Figure:
    shape = {"index": "optimizer", "columns": "dataset"}
    order = run.order("error")
    wide = frame.pivot(values="times_best", **shape).loc[order, run.datasets]
    text = frame.assign(text=[_cell_text(run, r) for r in frame.itertuples()]).pivot(values="text", **shape)
    top = float(np.clip(np.nanmax(wide.to_numpy()[np.isfinite(wide.to_numpy())], initial=1.0), 1.35, 3.0))
    high = 0.36 if len(order) <= MANY else 0.23
    fig = Figure(figsize=(style.WIDTH, 0.85 + high * len(order)), layout="constrained")
    ax = fig.subplots()
    sns.heatmap(
        wide.clip(upper=top).to_numpy(),
        ax=ax,
        cmap=ListedColormap(style.HEAT),
        vmin=1.0,
        vmax=top,
        annot=text.loc[order, run.datasets].to_numpy(),
        fmt="",
        annot_kws={"color": style.INK, "fontsize": 9},
        linewidths=2,
        linecolor=style.CARD,
        xticklabels=[words.short(run.shown(d), 18) for d in run.datasets],
        yticklabels=[words.short(run.title(o), 16 if len(order) <= MANY else 28) for o in order],
        cbar_kws={"label": "error ÷ best", "pad": 0.02, "aspect": max(12, 1.7 * len(order))},
    )
    ax.tick_params(length=0, labelcolor=style.INK, labelrotation=0, labelsize=8.5)
    bar = fig.axes[-1]
    bar.tick_params(length=0)
    bar.yaxis.label.set_color(style.MUTED)
    style.linear_axis(bar, "y", 4)
    ax.set(xlabel="", ylabel="")
    return fig


def _cell_text(run: Run, row: Any) -> str:
    unit = run.unit(row.dataset)
    text = words.fixed(row.searched * unit.factor, 1 if unit.factor == 100 else 3)
    return f"{text}{words.THIN}{'%' if unit.factor == 100 else ''} {'●' if row.with_best else ' '}"


def _everywhere_answer(run: Run) -> str:
    if len(run.optimizers) < 2:
        return f"Only {run.title(run.optimizers[0])} ran: its errors stand below, without a comparison."
    if any(run.too_few("error", d) for d in run.datasets):
        return f"Too few blocks to tell anything apart on single datasets; {run.more_blocks('datasets')}."
    told = [d for d in run.datasets if run.beats("error", d)]
    rest = [d for d in run.datasets if d not in told]
    names = words.join(run.titles(run.optimizers))
    if not told:
        here = run["comparisons"].query("reading == 'error' and scope != 'pooled'")
        closest = here.sort_values(["p_holm", "p"], kind="stable").iloc[0]
        return (
            f"On no dataset is one of {names} called better: {_open(run, run.datasets)} (closest: "
            f"{run.title(closest.a)} against {run.title(closest.b)} on {run.shown(closest.scope)}, "
            f"{words.p_value(closest.p_holm)} after Holm)."
        )
    clauses = [_told_on(run, dataset) for dataset in told]
    if rest:
        clauses.append(f"on {words.join(map(run.shown, rest))} nobody is called better: {_open(run, rest)}")
    return words.sentence(clauses)


def _open(run: Run, datasets: list[str]) -> str:
    """Of all pairs on datasets where none is called: how many are as good, how many not decided."""
    every = pd.concat(run.pairs("error", dataset) for dataset in datasets)
    good = int((every.verdict == AS_GOOD).sum())
    return f"of {len(every)} pairs × datasets {good} are as good and {len(every) - good} not decided"


def _told_on(run: Run, dataset: str) -> str:
    calls = run.beats("error", dataset)
    if circle(run, "error", dataset):
        return f"on {run.shown(dataset)} the calls run in a circle"
    beaten = run.titles(n for n in run.order("error", dataset) if n in {worse for _, worse, _ in calls})
    better, worse, p = calls[0]
    one = run.against("error", dataset, worse, better) or {}
    how = words.interval(one["estimate"], one["low"], one["high"], run.unit(dataset), difference=True)
    return (
        f"on {run.shown(dataset)} {words.join(beaten)} {'is' if len(beaten) == 1 else 'are'} beaten (most "
        f"clearly {run.title(worse)}, which ends {how} above {run.title(better)}, {words.p_value(p)} after "
        "Holm)"
    )


def _calls_table(run: Run) -> Table:
    rows = []
    for i, scope in enumerate(run.scopes):
        place = Cell(run.place(scope), i)
        if run.too_few("error", scope):
            few = f"too few blocks to tell anything apart; {run.more_blocks(scope)}"
            rows.append([place, Cell(few), Cell("–"), Cell("–"), Cell("–")])
            continue
        ranks = run["ranking"].query("reading == 'error' and scope == @scope").sort_values("place")
        marks = [f"{run.title(r.optimizer)} {words.fixed(r.mean_rank, 2)}" for r in ranks.itertuples()]
        beats = run.beats("error", scope)
        calls = []
        for winner in [name for name in run.order("error", scope) if any(name == a for a, _, _ in beats)]:
            mine = {b: p for a, b, p in beats if a == winner}
            most = words.p_value(max(mine.values())).replace("=", "≤" if len(mine) > 1 else "=")
            calls.append(f"{run.title(winner)} beats {words.join(run.titles(mine))} ({most})")
        note = "in a circle of calls" if circle(run, "error", scope) else ""
        unbeaten = run.titles(run.unbeaten("error", scope))
        best = words.join(unbeaten) if beats else f"all {len(unbeaten)}: nobody is called better"
        equal = _as_good(run, scope)
        if len(ranks) > MANY:
            many = f"{len(beats)} of {len(run.pairs('error', scope))} pairs are called: csv/comparisons.csv"
            called = Cell(many, len(beats))
        else:
            called = Cell("; ".join(calls) or "none", len(beats))
        rows.append([place, Cell(best, len(unbeaten), note), called, equal, Cell(_first(marks))])
    heads = ["Where", "Nothing beats them", "Calls, p after Holm"]
    heads += ["As good as each other", "Mean rank within blocks, 1 is best"]
    caption = (
        "Calls: over all datasets together Holm corrects over pairs, on single datasets over pairs × "
        "datasets. As good as each other: the interval lies within the margin fixed beforehand."
    )
    return Table(heads, rows, caption)


def _first(marks: list[str]) -> str:
    """The first placed, where all would fill the page."""
    if len(marks) <= MANY:
        return ", ".join(marks)
    return f"{', '.join(marks[:8])} and {len(marks) - 8} more: csv/ranking.csv"


def _as_good(run: Run, scope: str) -> Cell:
    """The pairs whose interval lies within the margin."""
    here = run.pairs("error", scope)
    if here.margin.isna().all():
        return Cell("–", -1, "losses have no margin")
    kinds = run.datasets if scope == "pooled" else [scope]
    units = {run.unit(name) for name in kinds}
    size = float(here.margin.iloc[0]) * run.unit(kinds[0]).factor
    within = f"within {size:g}{run.unit(kinds[0]).difference}".removesuffix("s" if size == 1 else "-")
    within = within if len(units) == 1 else "within each dataset's margin"
    pairs = [f"{run.title(r.a)} and {run.title(r.b)}" for r in here[here.equivalent].itertuples()]
    if not pairs:
        return Cell("no pair is shown to be", 0, within)
    text = "; ".join(pairs) if len(pairs) <= 4 else f"{len(pairs)} of {len(here)} pairs"
    if len(pairs) == len(here) > 1:
        text = f"all {len(pairs)} pairs"
    return Cell(text, len(pairs), within)
