"""Which hyperparameters matter: PED-ANOVA's shares."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.arms import column
from reports.data.run import Run, ordered
from reports.parts import Cell, Part, Table, part

CAPTION = "The largest share, in %"


@part("tuning", 3)
def importances(run: Run) -> Part | None:
    """The share of each hyperparameter, by optimizer and dataset."""
    frame = ordered(run, run["importances"])
    frame = frame[np.isfinite(frame.importance) & frame.dataset.isin(run.datasets) & ~_constant(run, frame)]
    if frame.empty:
        return None
    draws = sorted({int(n) for n in frame["rows"]})
    return Part(
        name="importances",
        question="Which hyperparameters matter?",
        answer=_answer(run, frame),
        how=(
            "The number is PED-ANOVA's share in % (Watanabe and others, 2023): how much each "
            "hyperparameter, taken alone, has to do with a draw being in the best tenth by validation "
            "loss. The shares of one optimizer on one dataset sum to 100. It depends on the ranges "
            "searched. ± is a standard error. A description, and not a test."
        ),
        basis=(
            f"n: {words.join(map(words.count, draws), 'or')} draws of an optimizer on a dataset, of all its "
            "blocks together; 1−γ among those that have it. Standard errors: each fifth of the blocks left "
            "out once (jackknife)."
        ),
        data=frame,
        csv=("importances",),
        tables=[_table(run, frame)],
        tables_first=True,
    )


def _constant(run: Run, frame: pd.DataFrame) -> pd.Series:
    """Whether it is no choice at all: a search of one batch size, or of one kind of decay."""
    kinds = {"batch_size": column(run, "batch_sizes"), "decay": column(run, "decays")}
    one = [
        p in kinds and bool(text := kinds[p][str(o)]) and "," not in text
        for o, p in zip(frame.optimizer, frame.parameter, strict=True)
    ]
    return pd.Series(one, index=frame.index, dtype=bool)


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return words.fixed(100 * share, 0)


def _answer(run: Run, frame: pd.DataFrame) -> str:
    ranked = frame.sort_values("importance", ascending=False, kind="stable")
    top = ranked.drop_duplicates(["dataset", "optimizer"])
    counts = top.parameter.value_counts(sort=False)
    order = [str(name) for name in frame.parameter.drop_duplicates()]
    order.sort(key=lambda name: -int(counts.get(name, 0)))
    first, cases = order[0], len(top)
    most = int(counts[first])
    cells = words.plural(cases, "case")
    lead = f"all {cells}" if most == cases else f"{most} of {cells}"
    parts = [f"{_the(first)} has the largest share in {lead}"]
    second = [name for name in order[1:] if counts.get(name, 0)]
    if second:
        parts.append(f"next {_the(second[0])}, in {int(counts[second[0]])}")
    return words.sentence(parts)


def _the(parameter: str) -> str:
    name = words.symbol(parameter)
    return f"the {name}" if name[:1].isascii() and name[:1].isalpha() else name


def _table(run: Run, frame: pd.DataFrame) -> Table:
    """What leads in each case; the data below tell what follows it."""
    names = [name for name in run.optimizers if name in set(frame.optimizer)]
    datasets = [name for name in run.datasets if name in set(frame.dataset)]
    cases = dict(list(frame.groupby(["optimizer", "dataset"])))
    rows = []
    for name in names:
        row = [Cell(run.title(name))]
        for dataset in datasets:
            here = cases.get((name, dataset))
            if here is None:
                row.append(Cell("–"))
                continue
            first = here.sort_values("importance", ascending=False, kind="stable").iloc[0]
            symbol = (
                words.symbol(first.parameter).replace("learning rate", "rate").replace("batch size", "batch")
            )
            row.append(Cell(f"{symbol} {percent(first.importance)}", float(first.importance)))
        rows.append(row)
    heads = ["Optimizer", *map(run.shown, datasets)]
    across = ["", *datasets]
    return Table(heads, rows, CAPTION, folded=True, optimizers=names, datasets_across=across)
