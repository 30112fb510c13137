"""The chapter's claims, each with its verdict, the rule behind it and the code that ran."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports import words
from reports.sections import VERDICTS, Cell, Part, Table, cell, part, verdict
from reports.tables import Run


@part("claims")
def verdicts(run: Run) -> Part | None:
    """All claims that were asked, in the chapter's order."""
    frame = run["claims"].sort_values("number", ignore_index=True)
    if frame.empty:
        return None
    return Part(
        name="verdicts",
        question="Does what the chapter says hold?",
        answer=_answer(frame),
        how=(
            "A verdict follows from the numbers below by the rule in its line, fixed beforehand; nobody "
            "wrote it by hand. Of the chapter's 34 claims those listed are asked so far. A claim that fails "
            "here is a result about these experiments, not about all of deep learning."
        ),
        basis="Where an effect has no interval it is exact: computed, with nothing drawn.",
        data=run["evidence"].sort_values(["number", "line"]),
        csv=("claims", "evidence"),
        tables=[_table(frame)],
        tables_first=True,
    )


def _answer(frame: pd.DataFrame) -> str:
    clauses = []
    verbs = {"holds": "hold", "holds in part": "hold in part", "does not hold here": "do not hold here"}
    for kind in VERDICTS:
        here = frame[frame.verdict == kind]
        if len(here):
            clauses.append(
                f"{len(here)} {verbs.get(kind, f'are {kind}')} ({', '.join(map(str, here.number))})"
            )
    return f"Of {words.plural(len(frame), 'claim')} that were tested {words.join(clauses)}."


def _effect(r: Any) -> str:
    value = words.number(r.effect, 3) if np.isfinite(r.effect) else words.INFINITY
    if np.isnan(r.low):
        return f"{value} (exact)"
    return f"{value} [{words.number(r.low, 3)}, {words.number(r.high, 3)}]"


def _table(frame: pd.DataFrame) -> Table:
    rows = [
        [
            cell(int(r.number)),
            Cell(words.clean(r.says), words.clean(r.says), words.clean(r.chapter)),
            verdict(words.clean(r.verdict), words.clean(r.when)),
            Cell(_effect(r), float(r.effect), words.clean(r.unit)),
            Cell(words.clean(r.rule), words.clean(r.rule), words.clean(r.resampled)),
            Cell(words.clean(r.code)),
        ]
        for r in frame.itertuples()
    ]
    heads = ["№", "The chapter says", "Verdict", "Effect", "It holds when", "What ran"]
    return Table(heads, rows, "Claims and verdicts", frozenset({0}))
