"""What the blocks of a run could not see."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, blocks_basis, part

SEARCHED = 640  # blocks up to which a decision was looked for


@part("trust", 3)
def blind(run: Run) -> Part | None:
    """The smallest difference that the blocks find in 80 %, and how many would decide."""
    frame = run["power"]
    frame = frame.assign(at=frame.dataset.map(run.datasets.index)).sort_values(["reading", "at"])
    frame = frame.drop(columns="at").reset_index(drop=True)
    if frame.empty:
        return None
    blocks = int(frame.blocks.max())
    return Part(
        name="blind",
        question="Which differences are too small for these blocks?",
        answer=_answer(run, [r for r in frame.itertuples() if r.reading == "error"]),
        how=(
            "“Found” is the smallest difference between the first two that a study with these blocks calls "
            f"in 80{words.THIN}% of its repetitions; “blocks to decide” are those that would call the "
            "difference seen in as many. The level is the one that the first call on a dataset must reach "
            f"after Holm, p ≤ {words.number(frame.level.min(), 2)}; the test over all datasets together "
            "sees smaller ones."
        ),
        basis=(
            f"{blocks_basis(run)} 1{words.THIN}000 studies were simulated for each number, their differences "
            f"drawn from the run's own {words.plural(blocks, 'block')}; such a number is itself known to "
            f"about ±{words.number(100 / np.sqrt(2 * blocks), 2)}{words.THIN}%."
        ),
        data=frame,
        csv=("power",),
        tables=[_table(run, frame[frame.reading == "error"])],
        tables_first=True,
    )


def _answer(run: Run, rows: list[Any]) -> str:
    """On how many datasets the first two are called different; of the rest, the one nearest to it."""
    told = [r for r in rows if _called(run, r)]
    rest = sorted((r for r in rows if not _called(run, r)), key=lambda r: float(r.needed))
    start = f"The first two are called different on {len(told)} of {len(rows)} datasets"
    if len(rows) == 1:
        return f"{words.clean(_clause(run, rows[0]))[:1].upper()}{_clause(run, rows[0])[1:]}."
    if not rest:
        return f"{start}."
    more, nearest = sum(float(r.needed) <= 2 * r.blocks for r in rest), rest[0]
    pair = f"{run.title(nearest.first)} and {run.title(nearest.second)} on {run.shown(nearest.dataset)}"
    twice = f"{2 * nearest.blocks} blocks would decide {more or 'no'} more"
    return f"{start}; {twice}. Nearest: {pair}."


def _called(run: Run, r: Any) -> bool:
    one = run.against(r.reading, r.dataset, r.second, r.first)
    return one is not None and one["verdict"] in ("a", "b")


def _clause(run: Run, r: Any) -> str:
    pair = f"{run.title(r.first)} and {run.title(r.second)} on {run.shown(r.dataset)}"
    if _called(run, r):
        return f"{pair} are called different"
    if np.isnan(r.found):
        return f"{pair}, where {words.plural(r.blocks, 'block')} can find no difference at all"
    if np.isfinite(r.needed):
        return f"{pair} would be decided with about {int(r.needed)} blocks"
    return f"{pair} would need more than {SEARCHED} blocks"


def _size(run: Run, r: Any, value: float) -> str:
    """A difference in the reading's unit, without a sign."""
    if np.isnan(value):
        return words.NOT_KNOWN
    if r.reading == "ratio":
        return f"{words.ratio(float(np.exp(abs(value))))}×"
    unit = run.unit(r.dataset)
    return words.interval(abs(value), abs(value), abs(value), unit, difference=True).partition(" [")[0]


def _table(run: Run, frame: Any) -> Table:
    lines = []
    for r in frame.itertuples():
        one = run.against(r.reading, r.dataset, r.second, r.first)
        seen = words.NOT_KNOWN
        if one is not None:
            ends = one["estimate"], one["low"], one["high"]
            unit = run.unit(r.dataset)
            seen = (
                words.times(*ends) if r.reading == "ratio" else words.interval(*ends, unit, difference=True)
            )
        decide = f"> {SEARCHED}" if np.isinf(r.needed) else words.count(int(r.needed))
        lines.append(
            [
                Cell(run.shown(r.dataset), run.datasets.index(r.dataset)),
                Cell(f"{run.title(r.first)}, {run.title(r.second)}"),
                Cell(seen, float(r.difference)),
                Cell(_size(run, r, r.found) if not np.isnan(r.found) else "none", float(r.found)),
                Cell(decide, float(r.needed)),
            ]
        )
    heads = [
        "Dataset",
        "First two, by rank",
        "Difference seen",
        "Found in 80 %",
        "Blocks to decide",
    ]
    names = [str(name) for name in frame.dataset]
    return Table(heads, lines, "What these blocks find, at the end", frozenset({2, 3, 4}), datasets=names)
