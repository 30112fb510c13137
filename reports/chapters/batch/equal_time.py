"""Batch size at equal time: it depends on the machine, so it stands in the section about it."""

from __future__ import annotations

import pandas as pd

from reports.chapters.batch.steps import cases, draw_by_size, family_legend, lowest, sizes
from reports.data import words
from reports.data.run import Run
from reports.parts import Part, blocks_basis, part


@part("this-machine", 2)
def best_in_time(run: Run) -> Part | None:
    """The lowest validation loss of each size in the time that the quickest one takes."""
    frame = sizes(run, "batch_times")
    if frame is None:
        return None
    return Part(
        name="best-in-time",
        question="Which batch size is best at equal time?",
        answer=_answer(run, frame),
        how=(
            "Time: the median over blocks of what one training of that size took in its stack, checkpoints "
            "included; optimizers of a stack share it, so the same time is set down for all of them. The "
            "quickest size trains to its end; each other size is read at its last record before that time, "
            "as far as its share of epochs goes. A mark is the median lowest validation loss over blocks, "
            "the bar its order-statistic interval. A description of this machine, one core a training."
        ),
        basis=blocks_basis(run),
        draw=lambda: draw_by_size(run, frame, "time_loss", "lowest loss (log)"),
        legend=family_legend(run, frame),
        describe="Validation loss against batch size at equal time, one panel per dataset.",
        data=frame,
        csv=("batch_times",),
    )


def _answer(run: Run, frame: pd.DataFrame) -> str:
    quickest = [int(here.batch_size[here.seconds.idxmin()]) for *_, here in cases(run, frame)]
    low, high = words.count(min(quickest)), words.count(max(quickest))
    span = low if low == high else f"{low} to {high}"
    return (
        f"In the time of the quickest size (batch {span}) the lowest median loss is at "
        f"{lowest(run, frame, 'time_loss')}."
    )
