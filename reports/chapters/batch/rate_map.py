"""Does batch size move the best learning rate: maps of learning rate × batch size."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.ticker import FixedLocator, FuncFormatter
from matplotlib.transforms import Affine2D

from reports.chapters.batch.steps import sizes
from reports.data import words
from reports.data.arms import families, family
from reports.data.run import Run
from reports.draw import style
from reports.parts import Part, part
from studies.analysis.statistics import order_interval

BINS = 4  # to a decade
ENOUGH = 3  # draws of a cell that may be a size's best
TIMES = (1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)  # borders of the colours: loss ÷ lowest of the dataset
SURE = 0.9  # the level below which an interval is not worth a line
PANELS = 8  # more of them: one dataset only
KEYS = ["dataset", "uses", "batch_size", "bin"]


@part("batch", 2)
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
        question="Does batch size move the best learning rate?",
        answer=_answer(run, best, names),
        how=(
            "Each cell holds the draws of one batch size within a quarter of a decade of learning rates; "
            "the number counts them. Colour: their median best validation loss, as a multiple of the lowest "
            "cell of that dataset, on one scale for all panels; grey: the median is infinite, at least half "
            f"diverged. Frame: the lowest cell of a batch size among those with {ENOUGH} draws or more. "
            "Other hyperparameters vary within a cell, and cells of a few draws are noisy: a description. "
            "In brackets: the learning rate of a block's best draw, median over blocks with its interval."
        ),
        basis=f"n: {words.count(cells.draws.sum())} draws in {words.count(len(cells))} cells.{rest}",
        draw=lambda: _draw(run, cells, best, names),
        describe="Maps of batch size by learning rate, coloured by loss, one panel per optimizer.",
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


def _answer(run: Run, best: pd.DataFrame, names: dict[str, str]) -> str:
    if best.empty:
        return f"No cell has {ENOUGH} draws and a finite median, so no best learning rate is known."
    parts = []
    for dataset, here in best.groupby("dataset", sort=False):
        moved: dict[str, list[str]] = {"up": [], "down": [], "stays": []}
        ends, told = [], []
        for uses, one in here.groupby("uses", sort=False):
            first, last = one.iloc[0], one.iloc[-1]
            if len(one) > 1:
                ends += [first.batch_size, last.batch_size]
                by = int(last.bin - first.bin)
                way = "up" if by > 1 else "down" if by < -1 else "stays"
                moved[way].append(names[str(uses)])
            told.append(f"{names[str(uses)]} {_bins(one)}")
        place = run.shown(dataset)
        if len(told) <= 3:
            parts.append(f"on {place} the best quarter decade is, by batch size, for {'; for '.join(told)}")
            continue
        if not ends:
            parts.append(f"on {place} only one batch size has {ENOUGH} draws in a cell")
            continue
        verbs = {"up": "moves up for", "down": "moves down for", "stays": "stays within one such bin for"}
        clauses = [f"{verbs[way]} {words.join(found)}" for way, found in moved.items() if found]
        parts.append(
            f"from batch {words.count(min(ends))} to {words.count(max(ends))} on {place} the best quarter "
            f"decade {words.join(clauses)} (for {told[0]})"
        )
    return words.sentence(parts)


def _bins(one: pd.DataFrame) -> str:
    """ "0.1 to 0.18 (8, 16), 0.18 to 0.32 (32)": neighbouring sizes with the same bin together.

    The first and the last size tell the rate of a block's best draw, with its interval.
    """
    runs: list[tuple[str, list[str]]] = []
    for i, row in enumerate(one.itertuples()):
        ends = f"{words.number(row.lr_low, 2)} to {words.number(row.lr_high, 2)}"
        if not runs or runs[-1][0] != ends:
            runs.append((ends, []))
        rate = ""
        if i in (0, len(one) - 1) and row.best_level >= SURE:
            texts = [words.number(x, 2) for x in (row.best_lr, row.best_low, row.best_high)]
            rate = f": {texts[0]} [{texts[1]}, {texts[2]}]"
        runs[-1][1].append(f"{words.count(row.batch_size)}{rate}")
    return ", ".join(f"{ends} ({', '.join(held)})" for ends, held in runs)


def _draw(run: Run, cells: pd.DataFrame, best: pd.DataFrame, names: dict[str, str]) -> Figure:
    panels = list(cells[["dataset", "uses"]].drop_duplicates().itertuples(index=False, name=None))
    columns = 2 if len(panels) in (1, 2, 4) else 3
    most = int(cells.groupby(["dataset", "uses"]).batch_size.nunique().max())
    lines = -(-len(panels) // columns)
    fig = Figure(figsize=(style.WIDTH, lines * (0.55 + 0.2 * max(most, 3)) + 0.6), layout="constrained")
    axes = fig.subplots(lines, columns, squeeze=False).ravel()
    lowest = cells.groupby("dataset").loss.min().clip(lower=1e-12)
    for i, (ax, (dataset, uses)) in enumerate(zip(axes, panels, strict=False)):
        here = cells[(cells.dataset == dataset) & (cells.uses == uses)]
        chosen = best[(best.dataset == dataset) & (best.uses == uses)]
        _panel(ax, here, chosen, float(lowest[dataset]), i % columns == 0)
        title = names[uses] if cells.dataset.nunique() == 1 else f"{names[uses]}, {run.shown(dataset)}"
        ax.set_title(words.short(title, 24))
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    norm = BoundaryNorm(TIMES, len(style.HEAT))
    bar = fig.colorbar(
        ScalarMappable(norm, ListedColormap(style.HEAT)),
        ax=list(axes),
        location="top",
        aspect=45,
        shrink=0.6,
        pad=0.02,
        label="median loss ÷ the lowest cell's of the dataset (the last colour: 10× or more)",
    )
    bar.set_ticks(list(TIMES[:-1]), labels=[f"{t:g}×" for t in TIMES[:-1]])
    bar.minorticks_off()
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)
    fig.supxlabel("learning rate (log)", color=style.MUTED, fontsize=8.5)
    fig.supylabel("batch size", color=style.MUTED, fontsize=8.5)
    return fig


def _panel(ax: Axes, here: pd.DataFrame, chosen: pd.DataFrame, lowest: float, first: bool) -> None:
    known = sorted(here.batch_size.unique())
    rows = {size: i for i, size in enumerate(known)}
    losses = here.loss.to_numpy(float)
    times = np.divide(losses, lowest, out=np.full(len(losses), np.inf), where=np.isfinite(losses))
    level = np.clip(np.searchsorted(TIMES, times, side="right") - 1, 0, len(style.HEAT) - 1)
    colours = np.where(np.isfinite(times), np.array(style.HEAT)[level], style.BAND)
    for colour in dict.fromkeys(colours):  # one path for each colour keeps the page small
        corners = [
            _square(row.bin, rows[row.batch_size])
            for row, mine in zip(here.itertuples(), colours == colour, strict=True)
            if mine
        ]
        ax.add_patch(PathPatch(Path.make_compound_path(*corners), facecolor=colour, lw=0))
    for row in here.itertuples():
        at = (row.bin + 0.5, rows[row.batch_size])
        ax.text(*at, str(row.draws), ha="center", va="center_baseline", fontsize=6.5, color=style.INK)
    for row in chosen.itertuples():
        frame = Rectangle((row.bin + 0.03, rows[row.batch_size] - 0.47), 0.94, 0.94, fill=False, lw=1.3)
        frame.set_edgecolor(style.INK)
        ax.add_patch(frame)
    low, high = int(here.bin.min()), int(here.bin.max()) + 1
    ax.set_xlim(low, high)
    ax.set_ylim(-0.5, len(known) - 0.5)
    decades = [b for b in range(low, high) if b % BINS == 0]  # not at the end, where the next panel begins
    decades = decades[:: 2 if len(decades) > 4 else 1]
    ax.xaxis.set_major_locator(FixedLocator(decades))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda b, _: style.power(10 ** (b / BINS))))
    ax.set_yticks(range(len(known)), [words.count(size) for size in known] if first else [""] * len(known))
    ax.tick_params(length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def _square(left: int, row: int) -> Path:
    """A cell with a little air around it."""
    return Path.unit_rectangle().transformed(Affine2D().scale(0.94).translate(left + 0.03, row - 0.47))
