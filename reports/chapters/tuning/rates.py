"""Which learning rates are good: every draw, the diverged ones too."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import Affine2D

from reports.data import words
from reports.data.run import Run
from reports.draw import looks, style
from reports.parts import MANY, Cell, Key, Look, Panel, Part, Table, drawn, left_out, part

ROW = 24.0  # points of an optimizer's row
KEYS = (
    Key("half of the draws or more are good", Look(style.INK, "", "-")),
    Key("some diverged", Look(style.BAD, "x", "-"), line=False),
)


@part("tuning", 2)
def learning_rates(run: Run) -> list[Part]:
    """Which rates are good, as a table; how many draws diverged; folded, the shares behind it."""
    bands = rate_bands(run)
    return [_bands(run, bands), _draws_by_rate(run, bands)]


def _bands(run: Run, bands: pd.DataFrame) -> Part:
    return Part(
        name="rates",
        question="Which learning rates are good?",
        answer=_answer(bands),
        how=(
            "From – to: the longest run of quarter-decade bins in which at least half of the draws come "
            f"within {_good(run)} the best validation error of their search, whatever their other "
            "hyperparameters; –: no bin does, so the rate alone is not enough. ✗: draws that diverged, of "
            f"{words.count(int(run['learning_rates'].groupby(['dataset', 'optimizer']).rows.sum().max()))} "
            "or fewer."
        ),
        basis=_basis(run),
        data=bands,
        csv=("learning_rates", "rows"),
        tables=_tables(run, bands),
        tables_first=True,
    )


def _good(run: Run) -> str:
    """What makes a learning rate good."""
    if run.manifest["question"]["results_version"] < 2:  # the rule was another one then
        return "1.1 times"
    return "the margin (or one row of validation data) of"


def _basis(run: Run) -> str:
    rows = run["rows"].query("kind == 'search'")
    return (
        f"n: {words.count(len(rows))} draws; counts of draws are exact, and each bin's share of good ones "
        "has its Clopper-Pearson interval in learning_rates.csv."
    )


def rate_bands(run: Run) -> pd.DataFrame:
    """The band of each optimizer on each dataset, NaN where there is none, and how many draws diverged."""
    lines = []
    table = run["learning_rates"]
    for dataset, optimizer in itertools.product(run.datasets, run.optimizers):
        mine = table[(table.dataset == dataset) & (table.optimizer == optimizer)]
        band = mine[mine.band]
        low, high = (band.lr_low.min(), band.lr_high.max()) if len(band) else (np.nan, np.nan)
        decades = float(np.log10(high / low)) if len(band) else 0.0
        counts = int(band.good.sum()), int(band.rows.sum()), int(mine.diverged.sum()), int(mine.rows.sum())
        lines.append((dataset, optimizer, low, high, decades, *counts))
    columns = ["dataset", "optimizer", "from", "to", "decades", "good", "draws", "diverged", "rows"]
    return pd.DataFrame(lines, columns=columns)


def _answer(bands: pd.DataFrame) -> str:
    some, share = int((bands.decades > 0).sum()), bands.diverged.sum() / max(bands.rows.sum(), 1)
    diverged = (
        f"{words.number(100 * share, 2)}{words.THIN}% of draws diverged" if share else "no draw diverged"
    )
    cases = words.plural(len(bands), "case")
    return f"{some} of {cases} have a band of good rates; {diverged}."


def _tables(run: Run, bands: pd.DataFrame) -> list[Table]:
    order = run.order("error") if len(run.optimizers) > 1 else run.optimizers
    known = bands.set_index(["optimizer", "dataset"])
    rows = [[Cell(run.title(name)), *(_cell(known.loc[(name, d)]) for d in run.datasets)] for name in order]
    heads, across = ["Learning rate", *map(run.shown, run.datasets)], ["", *run.datasets]

    def made(some: slice, text: str, folded: bool) -> Table:
        return Table(heads, rows[some], text, frozenset(), False, folded, order[some], datasets_across=across)

    tables = [
        made(
            slice(MANY),
            "From – to: where half of the draws or more end within the margin of the best; ✗ diverged draws",
            False,
        )
    ]
    if len(rows) > MANY:
        tables.append(made(slice(MANY, None), f"The other {len(rows) - MANY}", True))
    return tables


def _cell(one: pd.Series) -> Cell:
    text = "–"
    if one.decades > 0:
        text = f"{words.number(one['from'], 2)}–{words.number(one.to, 2)}"
    lost = f" ✗{words.count(one.diverged)}" if one.diverged else ""
    return Cell(f"{text}{lost}", float(one.decades))


def _draws_by_rate(run: Run, bands: pd.DataFrame) -> Part:
    """The share of good draws by learning rate, where some diverged, and the band."""
    return Part(
        name="draws-by-rate",
        question="How many draws of each learning rate are good?",
        answer=_answer(bands),
        how=(
            "A bar: the share of an optimizer's draws with such a learning rate, in quarter-decade bins, "
            f"that come within {_good(run)} the best validation error of their search, whatever their other "
            "hyperparameters; a bar as high as its row: all of them. A red cross: some draw there diverged. "
            "The line below: the band."
            f"{left_out(run, drawn(run), 'learning_rates')}"
        ),
        basis=_basis(run),
        draw=lambda: _draw_rates(run, bands),
        legend=KEYS,
        describe="Shares of good draws by learning rate, a row for each optimizer.",
        data=bands,
        csv=("rows", "learning_rates"),
        folded=True,
    )


def _draw_rates(run: Run, bands: pd.DataFrame) -> list[Panel]:
    names, known, uses = drawn(run), looks.of_arms(run), looks.behind(run)
    table = run["learning_rates"]
    every = table[table.optimizer.isin(names)]
    panels = []
    for dataset in run.datasets:
        fig, ax = style.panel(50 + ROW * len(names))
        style.rows(ax, [words.short(run.title(name), 16) for name in names])
        for row, optimizer in enumerate(names):
            here = (table.dataset == dataset) & (table.optimizer == optimizer)
            band = bands[(bands.dataset == dataset) & (bands.optimizer == optimizer)].iloc[0]
            told = f"{run.title(optimizer)}, {run.shown(dataset)}: {_width(band)}"
            tag = style.tag(uses[optimizer])
            one = table[here].sort_values("lr_low")
            _shares(ax, one, row, known[optimizer], tag)
            if band.decades > 0:
                ends, told_band = [band["from"], band.to], style.tag(uses[optimizer], [told])
                ax.plot(ends, [row + 0.43] * 2, color=style.INK, lw=2.2, gid=told_band)
            lost = one[one.diverged > 0]
            told_lost = [
                f"{run.title(r.optimizer)}, {run.shown(r.dataset)}, {words.number(r.lr_low, 2)} to "
                f"{words.number(r.lr_high, 2)}: {r.diverged} of {r.rows} draws diverged"
                for r in lost.itertuples()
            ]
            middles = np.sqrt(lost.lr_low * lost.lr_high)
            tag = style.tag(uses[optimizer], told_lost)
            ax.plot(middles, [row] * len(lost), "x", ms=4.5, mew=1.2, color=style.BAD, gid=tag, zorder=4)
        if len(every):
            style.log_axis(ax, "x", every.lr_low.min() / 1.1, every.lr_high.max() * 1.1, 5)
            ax.xaxis.set_major_formatter(FuncFormatter(style.power))
        ax.set_xlabel("learning rate (log)")
        panels.append(Panel(dataset, run.shown(dataset), fig, dataset))
    return panels


def _width(band: pd.Series) -> str:
    if not band.decades > 0:
        return "no bin has half of its draws good"
    ends = words.number(band["from"], 2), words.number(band.to, 2)
    return f"{ends[0]} to {ends[1]}, {band.good} of {band.draws} draws good"


def _shares(ax: Axes, one: pd.DataFrame, row: int, look: Look, tag: str) -> None:
    """Bars as high as the share of good draws, a full row's height for all of them."""
    corners = [
        Path.unit_rectangle().transformed(
            Affine2D()
            .scale(0.92 * (r.lr_high - r.lr_low), -0.8 * r.good / r.rows)
            .translate(r.lr_low, row + 0.36)
        )
        for r in one.itertuples()
        if r.good
    ]
    if corners:
        whole = Path.make_compound_path(*corners)
        ax.add_patch(PathPatch(whole, facecolor=look.colour, alpha=0.75, lw=0, gid=tag))
    ax.plot([one.lr_low.min(), one.lr_high.max()], [row + 0.36] * 2, color=style.LINE, lw=0.8, zorder=0)
