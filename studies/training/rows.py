"""Rows: the trainings that a study wants, and what identifies each."""

from __future__ import annotations

from typing import Any, NamedTuple

import dlopt
from dlopt import hyperparameters
from studies.question import user_optimizer
from studies.question.study import Study

CONFIRMING = 1_000_000  # confirming blocks are numbered from here, so they never become search blocks
CHOOSING = 2_000_000  # and those in which candidates for a pick are compared from here
EARLY = {"quarter": 0.25, "half": 0.5}  # of the epochs, by the columns that say how a row stood then
KEY = ("dataset", "block", "optimizer", "kind", "draw")
Key = tuple[str, int, str, str, int]  # its values


class Row(NamedTuple):
    """One training that is wanted. optimizer: its arm; settings: hyperparameters, the schedule's too."""

    dataset: str
    block: int
    optimizer: str
    kind: str  # "search", "untuned", "choose" or "confirm"
    draw: int
    batch_size: int
    decay: str
    settings: tuple[tuple[str, float], ...]
    uses: str  # by which a worker finds its class

    @property
    def key(self) -> Key:
        """What identifies it within a run."""
        return self[:5]

    def make(self) -> dlopt.Optimizer:
        """The optimizer that trains it."""
        settings: dict[str, Any] = dict(self.settings)
        if self.decay != "none":
            schedule = dlopt.SCHEDULES[self.decay]
            chosen = {name: settings.pop(name) for name in hyperparameters.declared(schedule)}
            settings["schedule"] = schedule(**chosen)
        made: dlopt.Optimizer = user_optimizer.find(self.uses)(**settings)
        return made


def wanted_keys(study: Study) -> list[Key]:
    """The keys of all rows of a study: each search, and each untuned row."""
    return [
        (dataset, block, optimizer, kind, draw)
        for dataset in study.datasets
        for block in range(study.settled().blocks or 0)
        for optimizer in (arm.name for arm in study.arms)
        for kind, draw in [*(("search", draw) for draw in range(study.draws)), ("untuned", 0)]
    ]


def confirming_blocks(study: Study) -> range:
    """The fresh blocks in which picks are confirmed."""
    return range(CONFIRMING, CONFIRMING + max(study.fresh, study.settled().blocks or 0))


def choosing_blocks(study: Study) -> range:
    """The fresh blocks in which a pick is chosen among its candidates."""
    return range(CHOOSING, CHOOSING + study.fresh)
