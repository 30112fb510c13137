"""Does batch size move the best learning rate: maps of learning rate × batch size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from reports.chapters.batch.steps import sizes
from reports.data import words
from reports.data.arms import families, family
from reports.data.run import Run
from reports.draw import cells, style
from reports.parts import Panel, Part, part
from studies.analysis.statistics import order_interval

BINS = 4  # to a decade
ENOUGH = 3  # draws of a cell that may be a size's best
TIMES = (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)  # borders of the colours: loss ÷ lowest of the dataset
PANELS = 8  # more of them: one dataset only
KEYS = ["dataset", "uses", "batch_size", "bin"]


@part("batch", 3)
def rate_map(run: Run) -> Part | None:
    """Median best validation loss by learning rate and batch size, one panel per optimizer."""
    found = rate_cells(run)
    if found is None:
        return None
    best, names = best_bins(run, found), {uses: family(run, arms) for uses, arms in families(run).items()}
    datasets = list(found.dataset.unique())
    left = [d for d in run.datasets if d not in datasets]
    rest = f" Drawn: {words.join(map(run.shown, datasets))}; all draws are in csv/rows.csv." if left else ""
    return Part(
        name="rate-map",
        question="Which learning rates go with which batch size?",
        answer=_answer(found),
        folded=True,
        how=(
            "Each cell holds the draws of one batch size within a quarter of a decade of learning rates; "
            f"a small one has fewer than {ENOUGH}. Colour: their median best validation loss, as a "
            "multiple of the lowest cell of that dataset, on one scale for all panels; grey: the median "
            "is infinite, at least half diverged. Frame: the lowest cell of a batch size among those with "
            f"{ENOUGH} draws or more. Other hyperparameters vary within a cell, and cells of a few draws "
            "are noisy: a description."
        ),
        basis=f"n: {words.count(found.draws.sum())} draws in {words.count(len(found))} cells.{rest}",
        draw=lambda: _draw(run, found, best, names),
        legend=cells.legend(TIMES),
        describe="Map of batch size by learning rate, coloured by loss.",
        data=best,
        csv=("best_rates", "rows"),
    )


def rate_cells(run: Run) -> pd.DataFrame | None:
    """Median loss and number of draws by dataset, optimizer, batch size and bin of learning rates.

    None where arms differ in more than their batch size, or where there is one batch size.
    """
    groups, table = families(run), sizes(run)
    if table is not None:
        groups = {uses: arms for uses, arms in groups.items() if uses in set(table.uses)}
    elif any(len(arms) > 1 for arms in groups.values()):
        return None
    behind = {arm: uses for uses, arms in groups.items() for arm in arms}
    most = 2 if 2 * len(groups) <= PANELS else 1
    rows = run["rows"]
    rows = rows[
        (rows.kind == "search") & rows.dataset.isin(run.datasets[:most]) & rows.optimizer.isin(behind)
    ]
    if rows.groupby("dataset").batch_size.nunique().max() < 2:
        return None
    kept = rows[["dataset", "batch_size"]].assign(
        uses=rows.optimizer.map(behind),
        bin=np.floor(np.log10(rows.lr) * BINS + 1e-9).astype(int),
        loss=np.where(rows.status == "ok", rows.best_validation_loss, np.inf),
    )
    found = kept.groupby(KEYS).loss.agg(loss=_median, draws="size").reset_index()
    places = {name: i for i, name in enumerate([*run.datasets, *groups])}
    return found.sort_values(
        KEYS, key=lambda s: s.map(places) if s.name in KEYS[:2] else s, kind="stable", ignore_index=True
    )


def _median(losses: pd.Series) -> float:
    middle: float = order_interval(losses)[0]  # the lower of two where one is infinite
    return middle


def best_bins(run: Run, found: pd.DataFrame) -> pd.DataFrame:
    """The lowest cell of each size: its range of learning rates, its median loss, its draws.

    And the rate of a block's best draw, which the run's own table tells of each arm.
    """
    lines = []
    for key, here in found.groupby(KEYS[:3], sort=False):
        known = here[np.isfinite(here.loss) & (here.draws >= ENOUGH)]
        if len(known):
            one = known.sort_values("loss", kind="stable").iloc[0]
            ends = 10 ** (one.bin / BINS), 10 ** ((one.bin + 1) / BINS)
            lines.append((*key, *ends, float(one.loss), int(one.draws), int(one.bin)))
    columns = ["dataset", "uses", "batch_size", "lr_low", "lr_high", "loss", "draws", "bin"]
    best = pd.DataFrame(lines, columns=columns)
    behind = {arm: uses for uses, arms in families(run).items() for arm in arms}
    rates = run["best_rates"].assign(uses=run["best_rates"].optimizer.map(behind))
    rates = rates.rename(columns={name: f"best_{name}" for name in ("lr", "low", "high", "level")})
    rates = rates.drop_duplicates(KEYS[:3])  # of arms that differ in nothing else there is one a size
    return best.merge(rates.drop(columns=["optimizer", "blocks"]), on=KEYS[:3], how="left")


def _answer(found: pd.DataFrame) -> str:
    few = int((found.draws < ENOUGH).sum())
    return (
        f"{words.plural(len(found), 'cell')} of a quarter decade hold {words.count(found.draws.sum())} "
        f"draws; {words.count(few)} of them hold fewer than {ENOUGH}, too few to read alone."
    )


def _draw(run: Run, found: pd.DataFrame, best: pd.DataFrame, names: dict[str, str]) -> list[Panel]:
    lowest = found[np.isfinite(found.loss)].groupby("dataset").loss.min()
    span = int(found.bin.min()), int(found.bin.max()) + 1
    panels = []
    for (dataset, uses), here in found.groupby(["dataset", "uses"], sort=False):
        mine = best[(best.dataset == dataset) & (best.uses == uses)]
        low = float(lowest.get(dataset, 1.0)) or 1e-9
        fig = _map(here, mine, low, span, style.tag(str(uses)))
        title = f"{names[str(uses)]}, {run.shown(dataset)}"
        panels.append(Panel(f"{dataset} {uses}", title, fig, str(dataset)))
    return panels


def _map(here: pd.DataFrame, chosen: pd.DataFrame, lowest: float, span: tuple[int, int], tag: str) -> Figure:
    known = sorted(here.batch_size.unique())
    fig, ax = style.panel(44 + 17 * max(len(known), 3))
    rows = {size: i for i, size in enumerate(known)}
    squares = dict[str, list[cells.Square]]()
    for row, colour in zip(here.itertuples(), cells.colours(here.loss / lowest, TIMES), strict=True):
        side = 0.94 if row.draws >= ENOUGH else 0.5
        squares.setdefault(colour, []).append(_square(row, rows, side))
    cells.fill(ax, squares, tag)
    cells.frame(ax, [_square(row, rows, 0.94) for row in chosen.itertuples()])
    ax.set_xlim(*span)
    ax.set_ylim(-0.5, len(known) - 0.5)
    decades = [b for b in range(span[0], span[1] + 1) if b % BINS == 0]
    ax.xaxis.set_major_locator(FixedLocator(decades[:: -(-len(decades) // 6)]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda b, _: style.power(10 ** (b / BINS))))
    ax.set_yticks(range(len(known)), [words.count(size) for size in known])
    ax.set(xlabel="learning rate (log)", ylabel="batch size")
    cells.bare(ax)
    return fig


def _square(row: Any, rows: dict[int, int], side: float) -> cells.Square:
    """Where a bin of learning rates and a batch size meet, with air around it."""
    return cells.Square(row.bin + 0.5, rows[row.batch_size], side)
