"""What every training on a dataset gets: epochs, batch sizes, a network."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple, Protocol

import dlopt
from studies.errors import UsageError

if TYPE_CHECKING:
    from studies.question.arm import Arm
    from studies.question.study import Study


class Sized(Protocol):
    """A dataset, or what a plan knows of it."""

    @property
    def name(self) -> str:
        """By which it is loaded."""

    @property
    def n_train(self) -> int:
        """Training rows of every block."""

    @property
    def n_features(self) -> int:
        """Features of every block."""

    @property
    def n_classes(self) -> int:
        """Classes, 0 for a regression."""


class Budget(NamedTuple):
    """What every training on a dataset gets."""

    epochs: int
    batch_sizes: tuple[int, ...]
    model: dlopt.MLP


def budget(dataset: Sized, study: Study | None = None) -> Budget:
    """The rule: about 40,000 examples, at least 10 and at most 200 epochs, the same for every optimizer.

    Batch sizes are the powers of two from 64 to 512 below the training rows, the full batch where there
    is none; the network has one hidden layer, 64 wide from 64 features on, else 32. A study may fix its
    epochs and its network.
    """
    n = dataset.n_train
    epochs = (study and study.epochs) or min(max(math.ceil(40_000 / n), 10), 200)
    batch_sizes = tuple(size for size in (64, 128, 256, 512) if size < n) or (n,)
    widths = (64 if dataset.n_features >= 64 else 32,)
    if study is None:
        return Budget(epochs, batch_sizes, dlopt.MLP(*widths))
    return Budget(epochs, batch_sizes, study.network(widths if study.widths is None else study.widths))


def batch_sizes(arm: Arm, dataset: Sized, given: Budget) -> tuple[int, ...]:
    """The batch sizes that an arm searches on a dataset; those above its rows are left out.

    Raises UsageError if none is left.
    """
    if not arm.batch_sizes:
        return given.batch_sizes
    asked = tuple(dict.fromkeys(size or dataset.n_train for size in arm.batch_sizes))
    sizes = tuple(size for size in asked if size <= dataset.n_train)
    if not sizes:
        raise UsageError(
            f"A batch of {min(asked)} is larger than the {dataset.n_train} training rows of {dataset.name}.",
            "Choose smaller batch sizes, or 0 for the full batch.",
        )
    return sizes


def weights(dataset: Sized, widths: tuple[int, ...]) -> int:
    """How many weights a network with these hidden layers has, without its biases."""
    sizes = (dataset.n_features, *widths, max(dataset.n_classes, 1))
    return sum(a * b for a, b in itertools.pairwise(sizes))
