"""Which learning rates are safe: every draw, the diverged ones too."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reports.data import words
from reports.data.run import Run
from reports.draw import style
from reports.parts import Part, drawn, left_out, part
from studies.analysis.verdicts import SAFE

TOP = 1.5  # a regression panel ends at so many times the error of predicting the mean


@part("tuning", 1)
def learning_rates(run: Run) -> Part | None:
    """Every draw by its learning rate, the diverged ones on top, the safe band shaded."""
    bands = safe_bands(run)
    rows = run["rows"].query("kind == 'search'")
    return Part(
        name="rates",
        question="Which learning rates are safe?",
        answer=_rates_answer(run, bands),
        how=(
            "One dot per draw: its learning rate and its best validation error, whatever its other "
            "hyperparameters. A red cross on top: it diverged. A grey triangle on top: it ends above the "
            "panel. Errors of 0 lie on the lowest line. Green: the safe band, the longest run of "
            f"quarter-decade bins in which at least half of the draws come within {SAFE} times the best "
            "validation error of their search; its width is written in decades. No green: no bin does, so "
            "the learning rate alone is not enough."
            f"{left_out(run, _names(run), 'rows')}"
        ),
        basis=(
            f"n: {words.count(len(rows))} draws; counts of draws are exact, and each bin's share of good "
            "ones has its Clopper-Pearson interval in learning_rates.csv."
        ),
        draw=lambda: _draw_rates(run, rows, bands),
        describe=(
            f"Scatter plots of validation error against learning rate, {len(run.datasets)} datasets by "
            f"{len(_names(run))} optimizers."
        ),
        data=bands,
        csv=("rows", "learning_rates"),
    )


def safe_bands(run: Run) -> pd.DataFrame:
    """The safe band of each optimizer on each dataset, NaN where there is none."""
    lines = []
    table = run["learning_rates"]
    for dataset, optimizer in itertools.product(run.datasets, run.optimizers):
        safe = table[(table.dataset == dataset) & (table.optimizer == optimizer) & table.safe]
        low, high = (safe.lr_low.min(), safe.lr_high.max()) if len(safe) else (np.nan, np.nan)
        decades = float(np.log10(high / low)) if len(safe) else 0.0
        lines.append((dataset, optimizer, low, high, decades, int(safe.good.sum()), int(safe.rows.sum())))
    columns = ["dataset", "optimizer", "from", "to", "decades", "good", "draws"]
    return pd.DataFrame(lines, columns=columns)


def _rates_answer(run: Run, bands: pd.DataFrame) -> str:
    some = bands[bands.decades > 0]
    none = bands[bands.decades == 0]
    if some.empty:
        return (
            f"No learning rate is safe by itself: in none of {words.plural(len(bands), 'case')} does a bin "
            "have half of its draws good."
        )
    widest = some.sort_values("decades", kind="stable").iloc[-1]
    text = (
        f"The widest safe band is {run.title(widest.optimizer)}'s on {run.shown(widest.dataset)}: "
        f"{words.number(widest['from'], 2)} to {words.number(widest.to, 2)}, "
        f"{words.fixed(widest.decades, 2)} decades ({widest.good} of {widest.draws} draws in it are good)"
    )
    diverged = run["learning_rates"].groupby("optimizer").diverged.sum()
    most = diverged.sort_values(kind="stable").index[-1]
    parts = [text]
    if len(none):
        parts.append(f"{len(none)} of {len(bands)} cases have none")
    if diverged[most]:
        total = int(run["learning_rates"].query("optimizer == @most").rows.sum())
        parts.append(
            f"{run.title(most)} diverged most, in {words.count(diverged[most])} of {words.count(total)} draws"
        )
    return words.sentence(parts)


def _names(run: Run) -> list[str]:
    return drawn(run, "error", style.COLOURED)


def _draw_rates(run: Run, rows: pd.DataFrame, bands: pd.DataFrame) -> Figure:
    names, looks = _names(run), style.looks(run.optimizers, run.order("error"))
    n, m = len(run.datasets), len(names)
    fig = Figure(figsize=(max(style.WIDTH, 1.7 * m + 0.8), 1.6 * n + 0.35), layout="constrained")
    axes = fig.subplots(n, m, squeeze=False, sharey="row", sharex="col")
    for i, dataset in enumerate(run.datasets):
        here = rows[rows.dataset == dataset]
        low, high = span = _span(run, dataset, here)
        style.log_axis(axes[i, 0], "y", low / (high / low) ** 0.04, high * (high / low) ** 0.17, 5)
        for j, optimizer in enumerate(names):
            band = bands[(bands.dataset == dataset) & (bands.optimizer == optimizer)].iloc[0]
            one = here[here.optimizer == optimizer]
            _panel(axes[i, j], one, run.unit(dataset).factor, looks[optimizer], band, span)
            if i == 0:
                name = words.short(run.title(optimizer))
                axes[i, j].set_title(
                    name if len(name) < 10 else f"{name}\n"
                )  # beside the band's width, or above
        axes[i, 0].set_ylabel(f"{words.short(run.shown(dataset), 16)}, {run.unit(dataset).short}")
    for j, optimizer in enumerate(names):
        lr = rows.lr[rows.optimizer == optimizer]
        if len(lr):
            style.log_axis(axes[0, j], "x", lr.min() / 1.5, lr.max() * 1.5, 4)
            axes[0, j].xaxis.set_major_formatter(FuncFormatter(style.power))
    fig.supxlabel("learning rate (log)", color=style.MUTED, fontsize=8.5)
    return fig


def _span(run: Run, dataset: str, here: pd.DataFrame) -> tuple[float, float]:
    """Lowest and highest error of a dataset's panels, in the axis' unit."""
    unit = run.unit(dataset)
    errors = here.best_validation_error[here.status == "ok"].to_numpy(float)
    seen = errors[(errors > 0) & np.isfinite(errors)] * unit.factor
    low = float(seen.min()) if len(seen) else 0.5
    if unit.factor == 100:
        return low / 2, 100.0
    mean = run["alternatives"].query("dataset == @dataset and model == 'mean'").estimate
    return low * 0.95, TOP * float(mean.iloc[0]) if len(mean) else float(
        np.quantile(seen, 0.9, method="lower")
    )


def _panel(
    ax: Axes, one: pd.DataFrame, factor: float, look: style.Look, band: pd.Series, span: tuple[float, float]
) -> None:
    low, high = span
    lr, error = one.lr.to_numpy(float), one.best_validation_error.to_numpy(float) * factor
    ok = (one.status == "ok").to_numpy()
    fine, top = ok & (error <= high), np.full(len(one), high * (high / low) ** 0.1)
    marks = partial(ax.scatter, rasterized=len(one) > style.MARKS)
    kinds = (
        (fine, error.clip(low), partial(marks, marker="o", s=6, color=look.colour, alpha=0.6, lw=0)),
        (ok & ~fine, top, partial(marks, marker="^", s=10, color=style.GREY, lw=0)),
        (~ok, top, partial(marks, marker="x", s=11, color=style.BAD, linewidths=0.9)),
    )
    if band.decades > 0:
        ax.axvspan(band["from"], band.to, color=style.GOOD, alpha=0.18, lw=0, zorder=0)
    for some, y, draw in kinds:
        if some.any():
            draw(lr[some], y[some])
    said = f"{words.fixed(band.decades, 2)} decades" if band.decades > 0 else "no safe band"
    colour = style.GOOD if band.decades > 0 else style.MUTED
    ax.set_title(said, loc="right", fontsize=7.5, fontweight="normal", color=colour)
