"""Small searches of a claim's own: all trials on all blocks of a dataset, and what their winners reach."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import datasets
import dlopt
from dlopt.landscapes import Doubles
from studies.analysis.statistics import hodges_lehmann

BLOCKS = 20


class Trained(NamedTuple):
    """What training gave, (blocks, trials) each; losses are inf where it diverged."""

    validation: Doubles
    loss: Doubles
    error: Doubles


def trainings(
    name: str, model: dlopt.MLP, optimizers: Any, batch_size: int, epochs: int, together: int = BLOCKS
) -> list[dlopt.Training]:
    """Train all trials on all blocks of a dataset, so many blocks in one stack."""
    table, found = datasets.load(name), list[dlopt.Training]()
    for first in range(0, BLOCKS, together):
        blocks = [table.block(i) for i in range(first, first + together)]
        found += dlopt.train(model, blocks, optimizers, batch_size=batch_size, epochs=epochs, progress=False)
    return found


def trained(name: str, model: dlopt.MLP, optimizers: list[Any], batch_size: int, epochs: int) -> Trained:
    """What all trials reach on all blocks of a dataset."""
    runs = trainings(name, model, optimizers, batch_size, epochs)
    return Trained(
        *(
            np.array([getattr(run, part) for run in runs])
            for part in ("best_validation_losses", "test_losses", "test_errors")
        )
    )


def winners(validation: Doubles, read: Doubles) -> Doubles:
    """What is read at the trial of the lowest validation loss, over the last axis."""
    best = np.argmin(validation, axis=-1)[..., None]
    return np.take_along_axis(read, best, axis=-1)[..., 0]


def between(d: Doubles) -> tuple[float, float, float]:
    """Hodges-Lehmann of paired differences with its interval; a failure makes its end infinite."""
    value, low, high = hodges_lehmann(d)
    return value, -math.inf if np.isneginf(d).any() else low, math.inf if np.isposinf(d).any() else high
