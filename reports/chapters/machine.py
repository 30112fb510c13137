"""Where and how fast the run was made, and what the clock decided."""

from __future__ import annotations

import numpy as np

from reports.chapters.claims import evidence
from reports.chapters.claims.claims import LEFT_OPEN, _answer, _seen, table
from reports.data import words
from reports.data.run import Run
from reports.parts import Cell, Part, Table, cell, part


@part("this-machine", 1)
def clocked(run: Run) -> Part | None:
    """Claims about time."""
    frame = run["clocked_claims"].sort_values("number", ignore_index=True)
    if frame.empty:
        return None
    proof = run["clocked_evidence"]
    return Part(
        name="clocked",
        question="Does what the chapter says about time hold on this machine?",
        answer=_answer(frame),
        how=(
            "Measured last, alone, in one process; what is compared takes turns. Dotted grey: what is "
            f"expected. {LEFT_OPEN} {_seen(frame)}"
        ),
        basis="Intervals over repeats on this machine at that moment; another machine may say otherwise.",
        draw=lambda: evidence.panels(frame, proof),
        describe="Evidence for the claims about time, a panel each.",
        data=proof.sort_values(["number", "line"]),
        csv=("clocked_claims", "clocked_evidence"),
        tables=[table(frame)],
        tables_first=True,
    )


LABELS = {
    "jobs": "worker processes",
    "seconds": "seconds of the last call",
    "trained": "trainings in the last call",
}


@part("this-machine", 1)
def machine(run: Run) -> Part | None:
    """All that may differ between two runs of the same study."""
    times, known = run["timings"], run.machine
    rows = [[Cell(LABELS.get(k, words.clean(k))), Cell(words.clean(v))] for k, v in sorted(known.items())]
    trainings, seconds = int(times["rows"].sum()), float(times.seconds.sum())
    per = []
    for dataset in run.datasets:
        here = times[times.dataset == dataset]
        if len(here):
            each = float(np.median(np.sort(here.seconds / here["rows"])))
            row = [Cell(run.shown(dataset)), cell(len(here)), cell(int(here["rows"].sum()))]
            per.append(
                [
                    *row,
                    Cell(words.number(here.seconds.sum()), float(here.seconds.sum())),
                    Cell(words.number(1000 * each), each),
                ]
            )
    tables = [Table(["What", "Value"], rows, "The machine and the last call", sortable=False, folded=True)]
    if per:
        heads = [
            "Dataset",
            "Stacks",
            "Trainings",
            "Seconds in workers",
            "Milliseconds a training (median over stacks)",
        ]
        tables.append(Table(heads, per, "Time in workers", frozenset({1, 2, 3, 4})))
    share = f", {words.number(1000 * seconds / trainings)} ms each" if trainings else ""
    answer = f"{words.count(trainings)} trainings took {words.number(seconds)} s of worker time{share}."
    return Part(
        name="machine",
        question="How long did it take here?",
        answer=answer,
        how_title="Why apart.",
        how=(
            "Everything that may differ between two runs of the same study stands in this section, and "
            "nothing elsewhere derives from it."
        ),
        basis="Measured once, beside whatever else the machine did: no interval.",
        tables=tables,
        tables_first=True,
        csv=("timings",),
    )
