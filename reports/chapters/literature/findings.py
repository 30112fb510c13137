"""Published findings on tuning, and what this run's rows say of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.run import Run
from reports.draw import intervals, looks
from reports.parts import Cell, Panel, Part, Table, blocks_basis, part, verdict
from studies.analysis.verdicts import SMALL

PERCENT = "% of the median error"


@part("literature", 1)
def literature(run: Run) -> list[Part]:
    """Each finding with its verdict, and, on request, the comparisons behind it."""
    frame = run["literature"].sort_values(["position", "line"], ignore_index=True)
    if frame.empty:
        return []
    drawn = frame[(frame.unit == PERCENT) & ~frame.what.str.contains("budget of [48]")]
    how = (
        "Differences are in % of a dataset’s median error, or ratios of examples to the same losses; "
        "left of 0, what is named first is better. Ranked within datasets, tested by sign flips over all "
        "together, p after Holm within a finding: opposite effects on datasets cancel. A verdict follows "
        "its rule alone, which was fixed before the run; small networks on small tables cannot refute "
        "what was found on large ones."
    )
    basis = f"{blocks_basis(run)} Intervals: Hodges-Lehmann, 95{words.THIN}%, over the finite differences."
    said = Part(
        name="findings",
        question="Do published findings on tuning hold here?",
        answer=_answer(frame),
        how=how,
        basis=basis,
        csv=("literature",),
        tables=[_verdicts(frame), _rules(frame)],
        tables_first=True,
    )
    behind = Part(
        name="findings-behind",
        question="Which comparisons stand behind them?",
        answer=f"{words.plural(len(frame), 'comparison')}; of each finding one decides, by the rule above.",
        how=how,
        basis=basis,
        draw=(lambda: _draw(drawn)) if len(drawn) else None,
        legend=intervals.KEYS,
        describe="Intervals of the differences behind a finding.",
        data=frame,
        csv=("literature",),
        tables=[_lines(frame)],
        folded=True,
    )
    return [said, behind]


def _answer(frame: pd.DataFrame) -> str:
    """The verdict on each."""
    told = frame[frame.decides].groupby("answer", sort=False).source
    return words.sentence([f"{answer}: {words.join(map(words.clean, names))}" for answer, names in told])


def _effect(r: Any) -> str:
    if r.unit == PERCENT:
        return words.interval(r.estimate / 100, r.low / 100, r.high / 100, words.PERCENT)
    return words.times(r.estimate, r.low, r.high)


def _draw(frame: pd.DataFrame) -> list[Panel]:
    groups = dict[str, list[intervals.Line]]()
    for r in frame.itertuples():
        what = words.clean(r.what)
        told = f"{what}: {_effect(r)}, {r.verdict}"
        lines = groups.setdefault(f"{words.clean(r.source)}: {r.answer}", [])
        called = r.verdict in ("better", "worse")
        ends = r.estimate, r.low, r.high
        lines.append(intervals.Line(what, *ends, looks.plain(0), told, hollow=not called))
    panels = []
    for i, (title, lines) in enumerate(groups.items(), start=1):
        span = intervals.reach(lines, 5)
        scale = intervals.Scale("difference, % of the median error", -span, span, SMALL)
        panels.append(intervals.panel(f"finding {i}", title, lines, scale))
    return panels


def _verdicts(frame: pd.DataFrame) -> Table:
    rows = [
        [
            Cell(words.clean(r.claim), note=words.clean(r.source)),
            verdict(words.clean(r.answer)),
        ]
        for r in frame.drop_duplicates("position").itertuples()
    ]
    heads = ["Finding", "Verdict"]
    return Table(heads, rows, "Findings and verdicts", sortable=False)


def _rules(frame: pd.DataFrame) -> Table:
    rows = [
        [Cell(words.clean(r.claim)), Cell(words.clean(r.rule)), Cell(words.clean(r.differs))]
        for r in frame.drop_duplicates("position").itertuples()
    ]
    heads = ["Finding", "It holds here when", "What differs from their setting"]
    return Table(heads, rows, "By which rules", sortable=False, folded=True)


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
