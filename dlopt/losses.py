"""Losses over outputs (C, K·S, B): cross-entropy and half the mean squared error, targets by block."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dlopt.average import Floats

Doubles = NDArray[np.float64]


class Loss(Protocol):
    """What a network asks of a loss."""

    worst: float  # the error of a diverged trial

    def targets(self, y: Any, dtype: Any) -> Any:
        """Bring targets (S, B) to the form that the methods below read."""

    def backward(self, outputs: Floats, targets: Any) -> Floats:
        """Turn outputs in place into the gradient of the mean loss; return that loss, (K·S,)."""

    def measure(self, outputs: Floats, targets: Any) -> tuple[Floats, Floats]:
        """Summed loss and summed wrong of B rows of data, (K·S,) each; outputs may be overwritten."""

    def error(self, wrong: Doubles) -> Doubles:
        """The error that is read, from the mean of `wrong`."""


def _sum_classes(values: Floats) -> Floats:
    """Sum over axis 0 in the order of the classes.

    For one row of data NumPy may add pairwise, so that a trial alone would differ from the same trial in
    a stack.
    """
    if values.shape[2] > 1:
        summed: Floats = np.add.reduce(values, axis=0)
        return summed
    total: Floats = values[0].copy()
    for value in values[1:]:
        total += value
    return total


class _Classes(NamedTuple):
    numbers: NDArray[np.intp]  # (S, B)
    scaled: Floats  # (C, 1, S, B), one-hot over B


class CrossEntropy:
    """Softmax and cross-entropy over classes 0 .. C-1; the error is the share misclassified."""

    worst = 1.0

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self._grids: dict[tuple[int, int], NDArray[np.intp]] = {}

    def targets(self, y: Any, dtype: Any) -> _Classes:
        """One-hot targets already divided by the true number of rows, and the class numbers."""
        numbers = np.asarray(y, dtype=np.intp)
        blocks, width = numbers.shape
        scaled = np.zeros((self.n_classes, 1, blocks, width), dtype)
        scaled[numbers, 0, np.arange(blocks)[:, None], np.arange(width)] = 1.0 / max(width, 1)
        return _Classes(numbers, scaled)

    def _true(self, outputs: Floats, numbers: NDArray[np.intp]) -> Floats:
        """The outputs of the true classes, (K·S, B)."""
        _, rows, width = outputs.shape
        if (rows, width) not in self._grids:
            self._grids[rows, width] = np.arange(rows * width).reshape(-1, *numbers.shape)
        true: Floats = outputs.reshape(-1).take(self._grids[rows, width] + numbers * (rows * width))
        return true.reshape(rows, width)

    def backward(self, outputs: Floats, targets: _Classes) -> Floats:
        """See `Loss`."""
        width = outputs.shape[2]
        outputs -= np.maximum.reduce(outputs, axis=0)
        true = self._true(outputs, targets.numbers)
        np.exp(outputs, out=outputs)
        total = _sum_classes(outputs)
        losses: Floats = np.add.reduce(np.log(total) - true, axis=1) / width
        total *= width
        outputs /= total
        by_block = outputs.reshape(len(outputs), -1, *targets.numbers.shape, copy=False)
        by_block -= targets.scaled
        return losses

    def measure(self, outputs: Floats, targets: _Classes) -> tuple[Floats, Floats]:
        """See `Loss`; of equal largest outputs the first class counts as the answer.

        That answer is `np.argmax`, which over this axis would take a fifth of an evaluation.
        """
        highest = np.maximum.reduce(outputs, axis=0)
        true = self._true(outputs, targets.numbers)
        wrong = true != highest
        unsure = np.add.reduce(outputs == highest, axis=0, dtype=np.intp) != 1  # ties, and what is no number
        if unsure.any():
            numbers = np.tile(targets.numbers, (len(wrong) // len(targets.numbers), 1))
            wrong[unsure] = np.argmax(outputs[:, unsure], axis=0) != numbers[unsure]
        outputs -= highest
        true -= highest
        np.exp(outputs, out=outputs)
        losses = np.add.reduce(np.log(_sum_classes(outputs)) - true, axis=1)
        return losses, np.add.reduce(wrong, axis=1, dtype=np.float64)

    def error(self, wrong: Doubles) -> Doubles:
        """The share misclassified."""
        return wrong


class SquaredError:
    """Half the mean squared error; the error is the root of the mean squared error."""

    worst = np.inf

    def targets(self, y: Any, dtype: Any) -> Floats:
        """Targets as (1, S, B)."""
        return np.asarray(y, dtype=dtype)[None]

    def backward(self, outputs: Floats, targets: Floats) -> Floats:
        """See `Loss`."""
        by_block = outputs.reshape(-1, *targets.shape[1:], copy=False)
        by_block -= targets
        losses: Floats = np.add.reduce(outputs[0] * outputs[0], axis=1) / (2 * outputs.shape[2])
        outputs /= outputs.shape[2]
        return losses

    def measure(self, outputs: Floats, targets: Floats) -> tuple[Floats, Floats]:
        """See `Loss`."""
        by_block = outputs.reshape(-1, *targets.shape[1:], copy=False)
        by_block -= targets
        squares = np.add.reduce(outputs[0] * outputs[0], axis=1)
        return squares / 2, squares

    def error(self, wrong: Doubles) -> Doubles:
        """The root of the mean squared error."""
        return np.sqrt(wrong)
