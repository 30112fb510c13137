"""Optimizers by datasets: the error of each, and its verdict against the lowest there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.matrix import SAID, differ, frame, tone
from reports.data.run import Run
from reports.parts import MANY, Cell, Part, Table, blocks_basis, part
from studies.folder.schema.tables import AS_GOOD, TOO_FEW

SIGNS = {tone: sign for tone, (sign, _) in SAID.items()}
AGAINST = {  # by what is known of a row against its column
    "best": ("✓", "better"),
    "good": ("=", "as good"),
    "open": ("?", "not decided"),
    "worse": ("✗", "worse"),
}
HOLLOW = Cell("dotted: call and interval differ", hollow=True)
LEAST = 0.0001  # a smaller p is written as smaller than this


@part("ends", 1)
def matrix(run: Run) -> Part:
    """The matrix, with the examples that each needs in its last column."""
    found = frame(run)
    signs = [name for name in SIGNS if (found.sign == name).any()]
    said = {name: " ".join(SAID[name]) for name in signs}
    if "good" in said and (margins := _margins(run)):
        said["good"] = f"= as good, 90{words.THIN}% within {margins}"
    legend = [Cell(text, tone=name) for name, text in said.items()]
    if any(map(differ, found.sign, found.low, found.high)):
        legend.append(HOLLOW)
    return Part(
        name="matrix",
        question="Who ends best, and where?" if len(run.datasets) > 1 else "Who ends best here?",
        answer=_answer(run, found),
        how=(
            f"A number is the median over blocks of the expected test error of {run.search}, in "
            f"{run.units}. Below it stands the difference to the lowest of that dataset, paired block by "
            f"block (Hodges-Lehmann, 95{words.THIN}%). A verdict is made over all pairs and datasets "
            "(exact signed-rank test, Holm), an interval for one pair alone: dotted, it has no 0 and yet "
            "nothing is called. As good: the 90 % interval lies within the margin fixed beforehand. Last "
            "column: training examples to the same validation losses, all datasets together, in multiples "
            "of what the first needs."
        ),
        basis=blocks_basis(run),
        data=found,
        csv=("tuning", "comparisons", "readings", "ranking"),
        tables=_tables(run, found),
        tables_first=True,
        signs=legend if len(run.optimizers) > 1 else (),
    )


def _margins(run: Run) -> str:
    """The margins fixed beforehand: "1 point or 0.02 RMSE"."""
    told = list[str]()
    for name in run.datasets:
        margin, unit = float(run.pairs("error", name).margin.iloc[0]), run.unit(name)
        if np.isfinite(margin):
            size = margin * unit.factor
            told.append(f"{size:g}{unit.difference}".removesuffix("s" if size == 1 else "-"))
    return words.join(dict.fromkeys(told), "or")


def _answer(run: Run, found: pd.DataFrame) -> str:
    if len(run.optimizers) < 2:
        return f"Only {run.title(run.optimizers[0])} ran: its errors stand below, without a comparison."
    counts = found[found.sign != "best"].sign.value_counts()
    if "few" in counts:
        return f"Too few blocks to tell anything apart on single datasets; {run.more_blocks('datasets')}."
    total, called, good = int(counts.sum()), int(counts.get("worse", 0)), int(counts.get("good", 0))
    return f"Of {total} differences to the lowest of a dataset {_called(called)}; {good} as good."


def _called(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'} called"


def _tables(run: Run, found: pd.DataFrame) -> list[Table]:
    order = run.order("error")
    rows = [_row(run, found, name) for name in order]
    heads = ["Test error", *(f"{run.shown(name)}, {run.unit(name).short}" for name in run.datasets)]
    heads += ["Examples needed"] if len(run.optimizers) > 1 else []
    across = ["", *run.datasets, *([""] if len(run.optimizers) > 1 else [])]
    caption = f"Median test error of {run.search}; below, block by block, the difference to the lowest"

    def made(some: slice, text: str, folded: bool) -> Table:
        return Table(
            heads,
            rows[some],
            text,
            sortable=True,
            folded=folded,
            optimizers=order[some],
            datasets_across=across,
        )

    first = [made(slice(MANY), caption, False)]
    if len(rows) > MANY:
        first.append(made(slice(MANY, None), f"The other {len(rows) - MANY}, placed behind them", True))
    return first


def _row(run: Run, found: pd.DataFrame, name: str) -> list[Cell]:
    mine = found[found.optimizer == name].set_index("dataset")
    cells = [Cell(run.title(name))]
    for dataset in run.datasets:
        one = mine.loc[dataset]
        cells.append(_cell(one, run.unit(dataset), len(run.optimizers) > 1))
    return cells + ([_examples(run, name)] if len(run.optimizers) > 1 else [])


def _cell(one: Any, unit: words.Unit, compared: bool) -> Cell:
    text = words.fixed(one.error * unit.factor, 1 if unit.factor == 100 else 3)
    if not compared:
        return Cell(text, float(one.error))
    note = ""
    if one.sign != "best":
        ends = one.difference, one.low, one.high
        note = words.interval(*ends, unit, difference=True, name=False)
    hollow = differ(one.sign, one.low, one.high)
    return Cell(f"{SIGNS[one.sign]} {text}", float(one.error), note, tone=one.sign, hollow=hollow)


def _examples(run: Run, name: str) -> Cell:
    first = run.order("ratio")[0]
    one = run.against("ratio", "pooled", name, first)
    if one is None:
        return Cell("● 1×", 1.0, tone="best")
    sign = tone(one)
    text, _, ends = words.times(one["estimate"], one["low"], one["high"]).partition(" ")
    value = float(np.exp(one["estimate"]))
    hollow = differ(sign, one["low"], one["high"])
    return Cell(f"{SIGNS[sign]} {text}", value, ends, tone=sign, hollow=hollow)


@part("ends", 1)
def pairs(run: Run) -> Part | None:
    """Every pair over all datasets together, in both readings."""
    if len(run.optimizers) < 3:
        return None
    order = run.order("error")[:MANY]
    counts = {reading: len(run.beats(reading)) for reading in ("error", "ratio")}
    total = len(run.pairs("error"))
    left = "" if len(order) == len(run.optimizers) else f" Shown are the first {len(order)} by place."
    few = run.too_few("error")
    return Part(
        name="pairs",
        question="Is one better than another, and how sure is that?",
        answer=(
            f"Too few blocks to tell; {run.more_blocks()}."
            if few
            else f"Of {total} pairs {_called(counts['error'])} at the end, and {counts['ratio']} by the "
            "examples needed."
        ),
        how=(
            "Above the diagonal: at the end, by test error. Below it: on the way, by examples needed. A "
            "cell says how the optimizer of its row stands against that of its column (✓ better, = as "
            f"good, ? not decided, ✗ worse), over {run.place('pooled')}, with p after Holm over the pairs "
            f"of that reading.{left}"
        ),
        basis=blocks_basis(run),
        csv=("comparisons",),
        data=run["comparisons"][run["comparisons"].scope == "pooled"].reset_index(drop=True),
        tables=[_pairs(run, order)],
        signs=() if few else [Cell(f"{sign} {text}", tone=name) for name, (sign, text) in AGAINST.items()],
        tables_first=True,
    )


def _pairs(run: Run, order: list[str]) -> Table:
    rows = []
    for i, row in enumerate(order):
        cells = [Cell(run.title(row))]
        for j, column in enumerate(order):
            one = run.against("error" if j > i else "ratio", "pooled", row, column)
            cells.append(Cell("") if i == j or one is None else _pair(one))
        rows.append(cells)
    heads = ["Row against column", *(words.short(title, 14) for title in run.titles(order))]
    caption = "Above the diagonal: test error at the end. Below: examples needed. p after Holm"
    return Table(heads, rows, caption, sortable=False, optimizers=order)


def _pair(one: dict[str, Any]) -> Cell:
    if one["verdict"] == TOO_FEW:
        return Cell(SIGNS["few"], tone="few")
    kind = {"a": "best", "b": "worse", AS_GOOD: "good"}.get(one["verdict"], "open")
    sign, _ = AGAINST[kind]
    p = float(one["p_holm"])
    text = f"<{LEAST:g}" if p < LEAST else words.p_value(p).split("=")[-1].strip()
    return Cell(f"{sign} p{words.THIN}{text}", p, tone=kind)
