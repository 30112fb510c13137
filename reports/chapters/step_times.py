"""What a step of each optimizer takes on this machine, and who is first by the clock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, part
from studies.analysis.verdicts import AS_FAST


@part("this-machine", 0)
def step_times(run: Run) -> Part | None:
    """Time per step beside the examples that each needs."""
    frame = run["step_times"]
    each, clock = _typical(frame, "microseconds"), _typical(frame, "per_thousand")
    order = [name for name in run.order("ratio") if each.get(name, np.nan) > 0]
    if len(order) < 2:
        return None
    each, clock = each.reindex(order), clock.reindex(order)
    first, quickest = order[0], each.idxmin()
    rows, sooner = [], []
    for name in order:
        one = run.against("ratio", "pooled", name, first)
        examples = 1.0 if one is None else float(np.exp(one["estimate"]))
        with np.errstate(all="ignore"):  # who got nowhere needs no number of them
            taken = float(examples * clock[name] / clock[first])
            numbers = [each[name], each[name] / each[quickest], examples, taken]
        if one is not None and taken * AS_FAST < 1 < examples:  # less is too little to matter
            sooner.append((taken, name))
        rows.append([Cell(run.title(name)), *(Cell(_shown(one), float(one)) for one in numbers)])
    heads = ["Optimizer", "µs a step", "× the quickest", "× the examples", "× the time"]
    return Part(
        name="step-times",
        question="Who is first by the clock?",
        answer=_answer(run, first, sooner),
        how=(
            "A step: one trial's, of the arm's smallest batch, on one core, checkpoints left out; the "
            "geometric mean over datasets. Examples: for the losses that both reach, as a multiple "
            f"of {run.title(first)}'s; time: examples times what each takes. A description of this machine "
            "and this code, no test: other libraries' steps have other prices."
        ),
        basis="The quickest of four, on one core, beside whatever else the machine did: no interval.",
        tables=[Table(heads, rows, "Steps, examples, time", frozenset({1, 2, 3, 4}), folded=True)],
        tables_first=True,
        folded=not sooner,
        csv=("step_times", "comparisons"),
    )


def _typical(frame: pd.DataFrame, column: str) -> pd.Series:
    """The geometric mean over datasets, by optimizer."""
    return np.exp(np.log(frame[column]).groupby(frame.optimizer).mean())


def _shown(value: float) -> str:
    return words.number(value) if np.isfinite(value) else "unknown"


def _answer(run: Run, first: str, sooner: list[tuple[float, str]]) -> str:
    if not sooner:
        return f"{run.title(first)} needs the fewest examples, and nothing takes clearly less time here."
    taken, name = min(sooner)
    return (
        f"{run.title(first)} is first by examples, not by time: {run.title(name)} takes "
        f"{words.number(taken)} of its time here."
    )
