"""Which batch size: what each does to the error and to the best learning rate, against the smallest."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.chapters.matrix import HOLLOW, SIGNS
from reports.data import words
from reports.data.matrix import differ
from reports.data.run import Run, ordered
from reports.parts import Cell, Part, Table, blocks_basis, part
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, TOO_FEW

TONES = {"better": "best", "worse": "worse", AS_GOOD: "good", NOT_DECIDED: "open", TOO_FEW: "few"}
SAID = {
    "best": ("✓", "better than the smallest"),
    "worse": (SIGNS["worse"], "worse"),
    "good": (SIGNS["good"], "as good"),
    "open": (SIGNS["open"], "not decided"),
    "few": (SIGNS["few"], "too few blocks"),
}


@part("batch", 1)
def size_effects(run: Run) -> Part | None:
    """Each size against the smallest, dataset by dataset."""
    frame = ordered(run, run["size_effects"])
    if frame.empty:
        return None
    seen = [TONES[text] for text in frame.verdict]
    return Part(
        name="sizes",
        question="Which batch size?",
        answer=_answer(run, frame),
        how=(
            "In each block, of each optimizer, the draw with the lowest validation loss at a size stands "
            "against that at the smallest size; a difference is the mean over optimizers of their test "
            f"errors, its estimate the Hodges-Lehmann one over blocks with its 95{words.THIN}% interval; "
            "negative: the size is better. Exact signed-rank tests, Holm over sizes × datasets. ×: the "
            "best learning rate there as a multiple of that at the smallest size. At equal epochs a "
            "larger size takes fewer steps. Blocks and optimizers in which all draws of one of the two "
            "sizes diverged are left out, which flatters that size. Dotted: no 0 in it, yet not called."
        ),
        basis=blocks_basis(run),
        data=frame,
        csv=("size_effects", "best_rates", "rows"),
        tables=[_table(run, frame, _error, ERRORS), _table(run, frame, _rate, RATES, folded=True)],
        tables_first=True,
        signs=[
            *(Cell(" ".join(SAID[name]), tone=name) for name in SAID if name in seen),
            *([HOLLOW] if any(map(differ, seen, frame.low, frame.high)) else []),
        ],
    )


def _answer(run: Run, frame: Any) -> str:
    if (frame.verdict == TOO_FEW).all():
        return "Too few blocks to tell any size from the smallest."
    better, worse, good = (int((frame.verdict == name).sum()) for name in ("better", "worse", AS_GOOD))
    called = f"{better + worse} of {words.plural(len(frame), 'larger size')}"
    side = "better" if not worse else "worse" if not better else "better or worse"
    return f"{called} are called {side} than the smallest of a dataset; {good} are as good."


def _table(run: Run, frame: Any, cell: Any, caption: str, *, folded: bool = False) -> Table:
    sizes = sorted({int(size) for size in frame.batch_size})
    rows, names = [], [name for name in run.datasets if name in set(frame.dataset)]
    for name in names:
        mine = frame[frame.dataset == name].set_index("batch_size")
        first = int(mine.smallest.iloc[0])
        made = [Cell(run.shown(name)), Cell(words.count(first), first)]
        made += [cell(run, name, mine.loc[size]) if size in mine.index else Cell("–") for size in sizes]
        rows.append(made)
    heads = ["Dataset", "Against", *map(words.count, sizes)]
    return Table(heads, rows, caption, sortable=False, folded=folded, datasets=names)


ERRORS = "Test error minus that of the smallest size, block by block"
RATES = "The best learning rate, in multiples of that of the smallest size"


def _error(run: Run, name: str, one: Any) -> Cell:
    tone, unit = TONES[one.verdict], run.unit(name)
    gap = words.interval(one.estimate, one.low, one.high, unit, difference=True, name=False)
    text, _, ends = gap.partition(" ")
    return Cell(
        f"{SAID[tone][0]} {text}",
        float(one.estimate),
        ends,
        tone=tone,
        hollow=differ(tone, one.low, one.high),
    )


def _rate(run: Run, name: str, one: Any) -> Cell:
    if np.isnan(one.rate):
        return Cell(words.NOT_KNOWN)
    text, _, ends = words.times(one.rate, one.rate_low, one.rate_high).partition(" ")
    return Cell(text, float(one.rate), ends)
