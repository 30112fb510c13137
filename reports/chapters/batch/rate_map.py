"""Does batch size move the best learning rate: maps of learning rate × batch size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter
from matplotlib.transforms import Affine2D

from reports.chapters.batch.steps import sizes
from reports.data import words
from reports.data.arms import families, family
from reports.data.run import Run
from reports.draw import style
from reports.parts import Key, Look, Panel, Part, part
from studies.analysis.statistics import order_interval

BINS = 4  # to a decade
ENOUGH = 3  # draws of a cell that may be a size's best
TIMES = (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)  # borders of the colours: loss ÷ lowest of the dataset
PANELS = 8  # more of them: one dataset only
KEYS = ["dataset", "uses", "batch_size", "bin"]


@part("batch", 3)
def rate_map(run: Run) -> Part | None:
    """Median best validation loss by learning rate and batch size, one panel per optimizer."""
    cells = rate_cells(run)
    if cells is None:
        return None
    best, names = best_bins(run, cells), {uses: family(run, arms) for uses, arms in families(run).items()}
    datasets = list(cells.dataset.unique())
    left = [d for d in run.datasets if d not in datasets]
    rest = f" Drawn: {words.join(map(run.shown, datasets))}; all draws are in csv/rows.csv." if left else ""
    return Part(
        name="rate-map",
        question="Which learning rates go with which batch size?",
        answer=_answer(cells),
        folded=True,
        how=(
            "Each cell holds the draws of one batch size within a quarter of a decade of learning rates; "
            f"a small one has fewer than {ENOUGH}. Colour: their median best validation loss, as a "
            "multiple of the lowest cell of that dataset, on one scale for all panels; grey: the median "
            "is infinite, at least half diverged. Frame: the lowest cell of a batch size among those with "
            f"{ENOUGH} draws or more. Other hyperparameters vary within a cell, and cells of a few draws "
            "are noisy: a description."
        ),
        basis=f"n: {words.count(cells.draws.sum())} draws in {words.count(len(cells))} cells.{rest}",
        draw=lambda: _draw(run, cells, best, names),
        legend=_legend(),
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
    cells = kept.groupby(KEYS).loss.agg(loss=_median, draws="size").reset_index()
    places = {name: i for i, name in enumerate([*run.datasets, *groups])}
    return cells.sort_values(
        KEYS, key=lambda s: s.map(places) if s.name in KEYS[:2] else s, kind="stable", ignore_index=True
    )


def _median(losses: pd.Series) -> float:
    middle: float = order_interval(losses)[0]  # the lower of two where one is infinite
    return middle


def best_bins(run: Run, cells: pd.DataFrame) -> pd.DataFrame:
    """The lowest cell of each size: its range of learning rates, its median loss, its draws.

    And the rate of a block's best draw, which the run's own table tells of each arm.
    """
    lines = []
    for key, here in cells.groupby(KEYS[:3], sort=False):
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


def _answer(cells: pd.DataFrame) -> str:
    few = int((cells.draws < ENOUGH).sum())
    return (
        f"{words.plural(len(cells), 'cell')} of a quarter decade hold {words.count(cells.draws.sum())} "
        f"draws; {words.count(few)} of them hold fewer than {ENOUGH}, too few to read alone."
    )


def _draw(run: Run, cells: pd.DataFrame, best: pd.DataFrame, names: dict[str, str]) -> list[Panel]:
    lowest = cells[np.isfinite(cells.loss)].groupby("dataset").loss.min()
    span = int(cells.bin.min()), int(cells.bin.max()) + 1
    panels = []
    for (dataset, uses), here in cells.groupby(["dataset", "uses"], sort=False):
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
    losses = here.loss.to_numpy(float)
    times = np.divide(losses, lowest, out=np.full(len(losses), np.inf), where=np.isfinite(losses))
    level = np.clip(np.searchsorted(TIMES, times, side="right") - 1, 0, len(style.HEAT) - 1)
    colours = np.where(np.isfinite(times), np.array(style.HEAT)[level], style.GREY)
    for colour in dict.fromkeys(colours):  # one path for each colour keeps the page small
        corners = [
            _square(row.bin, rows[row.batch_size], 0.94 if row.draws >= ENOUGH else 0.5)
            for row, mine in zip(here.itertuples(), colours == colour, strict=True)
            if mine
        ]
        ax.add_patch(PathPatch(Path.make_compound_path(*corners), facecolor=colour, lw=0, gid=tag))
    if len(chosen):
        frames = [_square(row.bin, rows[row.batch_size], 0.94) for row in chosen.itertuples()]
        ax.add_patch(PathPatch(Path.make_compound_path(*frames), fill=False, lw=1.3, ec=style.INK))
    ax.set_xlim(*span)
    ax.set_ylim(-0.5, len(known) - 0.5)
    decades = [b for b in range(span[0], span[1] + 1) if b % BINS == 0]
    ax.xaxis.set_major_locator(FixedLocator(decades[:: -(-len(decades) // 6)]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda b, _: style.power(10 ** (b / BINS))))
    ax.set_yticks(range(len(known)), [words.count(size) for size in known])
    ax.tick_params(length=0)
    ax.set(xlabel="learning rate (log)", ylabel="batch size")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return fig


def _legend() -> list[Key]:
    """The colours by their multiple of the lowest cell's loss."""
    ends = [f"{low:g}× to {high:g}×" for low, high in pairwise(TIMES)]
    keys = [
        Key(text, Look(colour, "s", "-"), line=False)
        for text, colour in zip([*ends[:-1], f"{TIMES[-2]:g}× or more"], style.HEAT, strict=True)
    ]
    return [*keys, Key("infinite", Look(style.GREY, "s", "-"), line=False)]


def _square(left: int, row: int, side: float) -> Path:
    """A cell with a little air around it, or a small one in its middle."""
    gap = (1 - side) / 2
    return Path.unit_rectangle().transformed(Affine2D().scale(side).translate(left + gap, row - side / 2))
