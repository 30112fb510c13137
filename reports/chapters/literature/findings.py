"""Published findings on tuning, and what this run's rows say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run
from reports.draw import forest, style
from reports.parts import Cell, Part, Table, blocks_basis, part, verdict
from studies.analysis.verdicts import SMALL

PERCENT = "% of the median error"


@part("literature", 1)
def literature(run: Run) -> Part | None:
    """Each finding with its verdict, and the comparisons behind it."""
    frame = run["literature"].sort_values(["position", "line"], ignore_index=True)
    if frame.empty:
        return None
    drawn = frame[(frame.unit == PERCENT) & ~frame.what.str.contains("budget of [48]")]
    return Part(
        name="findings",
        question="Do published findings on tuning hold here?",
        answer=_answer(frame),
        how=(
            "Differences are in % of a dataset’s median error, or ratios of examples to the same losses; "
            "left of 0, what is named first is better. Ranked within datasets, tested by sign flips over all "
            "together, p after Holm within a finding: opposite effects on datasets cancel. A verdict follows "
            "its rule alone, which was fixed before the run; small networks on small tables cannot refute "
            "what was found on large ones."
        ),
        basis=f"{blocks_basis(run)} Intervals: Hodges-Lehmann, 95{words.THIN}%, over the finite differences.",
        draw=(lambda: _draw(drawn)) if len(drawn) else None,
        describe="Forest of the differences behind each finding.",
        data=frame,
        csv=("literature",),
        tables=[_verdicts(frame), _lines(frame)],
        tables_first=True,
    )


def _answer(frame: pd.DataFrame) -> str:
    """The verdict on each, and the comparison that decides it."""
    clauses = [
        f"{words.clean(r.source)}: {r.answer} (it hangs on {words.clean(r.what)}: {_effect(r)}, "
        f"{words.p_value(r.p_holm)})"
        for r in frame[frame.decides].itertuples()
    ]
    return f"{words.listed(clauses)}."


def _effect(r: Any) -> str:
    if r.unit == PERCENT:
        return words.interval(r.estimate / 100, r.low / 100, r.high / 100, words.PERCENT)
    return words.times(r.estimate, r.low, r.high)


def _draw(frame: pd.DataFrame) -> Figure:
    groups = []
    names = list(dict.fromkeys(frame.source))
    looks = style.looks(names, names)
    for source, lines in frame.groupby("source", sort=False):
        told = [
            forest.Line(words.clean(r.what), r.estimate, r.low, r.high, r.verdict) for r in lines.itertuples()
        ]
        name = words.short(words.clean(source).replace("Schmidt, Schneider & Hennig", "Schmidt et al."), 26)
        groups.append(forest.Group(name, str(lines.answer.iloc[0]), looks[str(source)], told))
    span = forest.reach(groups, 10)
    return forest.draw(groups, "difference, % of a dataset's median error", span, SMALL)


def _verdicts(frame: pd.DataFrame) -> Table:
    rows = [
        [
            Cell(words.clean(r.claim), note=words.clean(r.source)),
            verdict(words.clean(r.answer)),
            Cell(words.clean(r.rule)),
            Cell(words.clean(r.differs)),
        ]
        for r in frame.drop_duplicates("position").itertuples()
    ]
    heads = ["Finding", "Verdict", "It holds here when", "What differs from their setting"]
    return Table(heads, rows, "Findings and verdicts", sortable=False)


def _lines(frame: pd.DataFrame) -> Table:
    rows = [
        [
            Cell(words.clean(r.source)),
            Cell(words.clean(r.what)),
            Cell(_effect(r), float(np.nan_to_num(r.estimate))),
            Cell(words.p_value(r.p_holm), float(r.p_holm)),
            Cell(r.verdict),
            Cell(f"{words.count(r.failed)} of {words.count(r.blocks)}", int(r.failed)),
        ]
        for r in frame.itertuples()
    ]
    heads = [
        "Finding",
        "Compared (negative or < 1: the first is better)",
        "Effect",
        "p",
        "The first is",
        "Failed",
    ]
    return Table(heads, rows, f"All {len(rows)} comparisons", frozenset({2, 3, 5}), folded=True)
