"""Training a stack: several optimizers with several trials each on the same mini-batches."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlopt.losses import CrossEntropy, Loss, SquaredError
from dlopt.models import MLP, Batch, Feed, Network
from dlopt.optimizer import Optimizer, State, join

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]


class Block(Protocol):
    """What is trained on: one split of a dataset, with the seed of weights and mini-batch order."""

    @property
    def X_train(self) -> Any:
        """Features (n, F) to train on."""

    @property
    def y_train(self) -> Any:
        """Their targets (n,)."""

    @property
    def X_validation(self) -> Any:
        """Features to choose by."""

    @property
    def y_validation(self) -> Any:
        """Their targets."""

    @property
    def X_test(self) -> Any:
        """Features read once, at the end."""

    @property
    def y_test(self) -> Any:
        """Their targets."""

    @property
    def n_classes(self) -> int:
        """The number of classes, 0 for regression."""

    @property
    def seed(self) -> int:
        """Of the initial weights and the mini-batch order."""


@dataclasses.dataclass(frozen=True)
class Split:
    """Arrays of your own as a block.

    X_*: (n, F) features, best standardised. y_*: class numbers 0 .. n_classes-1, or real targets where
    n_classes is 0. seed: of the initial weights and the mini-batch order.
    """

    X_train: ArrayLike
    y_train: ArrayLike
    X_validation: ArrayLike
    y_validation: ArrayLike
    X_test: ArrayLike
    y_test: ArrayLike
    n_classes: int = 0
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Curves:
    """What was recorded at R checkpoints of K trials."""

    examples: Integers  # (R,) training examples seen
    steps: Integers  # (R,) steps taken
    validation_loss: Doubles  # (R, K)
    validation_error: Doubles  # (R, K)
    training_loss: Doubles  # (R, K) mean mini-batch loss since the last checkpoint, NaN at the first


@dataclasses.dataclass(frozen=True)
class Training:
    """The result of `train` for K trials, in the order they were given.

    status: "ok" or "diverged" for each trial; diverged_step: the step at which a mini-batch loss, or at a
    checkpoint a parameter, was not finite, 0 where that never happened. best_params: (K, P) at the best
    checkpoint.
    """

    curves: Curves
    diverged_step: Integers
    best_step: Integers
    best_params: NDArray[np.floating[Any]]
    best_validation_losses: Doubles
    best_validation_errors: Doubles
    test_losses: Doubles
    test_errors: Doubles
    _loss: Loss
    _layers: Any

    @property
    def status(self) -> list[str]:
        """One of "ok", "diverged" per trial."""
        return ["diverged" if step else "ok" for step in self.diverged_step]

    @property
    def best_validation_loss(self) -> float:
        """The lowest validation loss of the best trial: with one trial, what an Optuna objective returns."""
        return float(np.min(self.best_validation_losses))

    def predict(self, X: ArrayLike, row: int = 0) -> NDArray[Any]:
        """Predicted class numbers (n,), or values (n,) in the units trained on, for X (n, F)."""
        params = self.best_params[row : row + 1]
        network = Network(self._layers, params[0], 1, self._loss)
        X = np.asarray(X)
        outputs = network.outputs(Feed(X, np.zeros(len(X)), self._loss, params.dtype).chunks(), 0)
        return np.argmax(outputs, axis=1) if isinstance(self._loss, CrossEntropy) else outputs[:, 0]


def checkpoints(n_train: int, epochs: int) -> Integers:
    """The grid of examples seen at which validation is read, the same for every batch size.

    With N = epochs · n_train: 0, N·j/20 for j = 1 .. 20 and 64·(N/64)^(j/20) for j = 0 .. 19, rounded:
    the even part for endings, the logarithmic part because speed is read as a ratio.
    """
    total = epochs * n_train
    even = total * np.arange(1, 21) / 20
    logarithmic = 64 * (total / 64) ** (np.arange(20) / 20)
    grid = np.unique(np.rint(np.concatenate([[0], even, logarithmic])).astype(np.int64))
    return grid[grid <= total]


def record_steps(n_train: int, batch_size: int, epochs: int) -> tuple[Integers, Integers]:
    """The steps at which something is recorded and the examples seen by then; step 0 is the start.

    Each grid point is taken at the first step that reaches it; several in one step share a record.
    """
    sizes = np.diff([*range(0, n_train, batch_size), n_train])
    seen = np.concatenate([[0], np.cumsum(np.tile(sizes, epochs))]).astype(np.int64)
    steps = np.unique(np.searchsorted(seen, checkpoints(n_train, epochs))).astype(np.int64)
    return steps, seen[steps]


def train(
    model: MLP,
    block: Block,
    optimizers: Optimizer | Sequence[Optimizer],
    *,
    batch_size: int,
    epochs: int,
    dtype: Any = np.float32,
) -> Training:
    """Train all trials of all optimizers side by side on the same mini-batches.

    block: a dataset's block or a `Split`. batch_size: 1 .. training rows. epochs: >= 1. dtype: float32
    or float64. The trials share initial weights and order; each one's bytes are those it has alone.
    Raises ValueError with a remedy if a number is out of range.
    """
    optimizers = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)
    if not optimizers:
        raise ValueError("train got an empty list of optimizers. Give at least one, such as [Adam()].")
    n_train = len(block.X_train)
    _check_whole("batch_size", batch_size, 1, n_train)
    _check_whole("epochs", epochs, 1, None)
    dtype = np.dtype(dtype)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"dtype must be float32 or float64, not {dtype}. Leave it out for float32.")
    loss: Loss = CrossEntropy(block.n_classes) if block.n_classes else SquaredError()
    layers = model.layers(np.shape(block.X_train)[1], block.n_classes or 1)
    start = model.start(layers, np.random.default_rng([block.seed, 0])).astype(dtype)
    groups = [join(list(group)) for _, group in itertools.groupby(optimizers, type)]
    network = Network(layers, start, sum(group.rows for group in groups), loss)
    feeds = [
        Feed(X, y, loss, dtype)
        for X, y in (
            (block.X_train, block.y_train),
            (block.X_validation, block.y_validation),
            (block.X_test, block.y_test),
        )
    ]
    with np.errstate(all="ignore"):  # divergence is a result
        return _Run(network, groups, feeds, block.seed, batch_size, epochs).result()


def _check_whole(name: str, value: Any, low: int, high: int | None) -> None:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        limit = f"from {low} to {high} (the training rows)" if high is not None else f">= {low}"
        raise ValueError(
            f"{name} must be a whole number {limit}, not {value!r}. Choose one inside the range."
        )


class _Run:
    """One pass through `train`."""

    def __init__(
        self,
        network: Network,
        groups: list[Optimizer],
        feeds: list[Feed],
        seed: int,
        batch_size: int,
        epochs: int,
    ) -> None:
        self.network, self.batch_size, self.epochs = network, batch_size, epochs
        self.feed, self.order = feeds[0], np.random.default_rng([seed, 1])
        self.validation, self.test = feeds[1].chunks(), feeds[2].chunks()
        self.groups, start = [], 0
        for group in groups:
            part = slice(start, start + group.rows)
            params, grad = network.params[part], network.grad[part]
            self.groups.append((group.bind(params.dtype), params, grad, State(group.state, params)))
            start += group.rows
        rows = network.rows
        self.steps, self.examples = record_steps(len(self.feed), batch_size, epochs)
        shape = (len(self.steps), rows)
        self.validation_loss, self.validation_error = np.empty(shape), np.empty(shape)
        self.training_loss = np.full(shape, np.nan)
        # (K, steps) and not the other way round: sums over the last axis do not depend on K
        self.losses = np.empty((rows, int(np.max(np.diff(self.steps)))), network.params.dtype)
        self.best, self.best_record = np.full(rows, np.inf), np.zeros(rows, np.int64)
        self.best_params = network.params.copy()
        self.diverged = np.zeros(rows, np.int64)
        self.records = self.last = 0

    def result(self) -> Training:
        wanted, step = set(self.steps.tolist()), 0
        self._record()
        for epoch in range(self.epochs):
            rates = [group.cast(group.lr_at(epoch), params) for group, params, _, _ in self.groups]
            for batch in self.feed.batches(self.order.permutation(len(self.feed)), self.batch_size):
                self._step(batch, rates, step - self.last)
                step += 1
                if step in wanted:
                    self._record()
        return self._finish()

    def _step(self, batch: Batch, rates: list[Any], column: int) -> None:
        self.losses[:, column] = self.network.gradient(batch)
        for (group, params, grad, state), lr in zip(self.groups, rates, strict=True):
            group.move(params, grad, state, lr)

    def _record(self) -> None:
        """Read validation, note divergence, keep the parameters of the rows that improved."""
        record, step = self.records, int(self.steps[self.records])
        count = step - self.last
        if count:
            since = self.losses[:, :count]
            self.training_loss[record] = np.add.reduce(since, axis=1) / count
            broken = ~np.isfinite(since)
            first = self.last + 1 + np.argmax(broken, axis=1)
            fresh = (self.diverged == 0) & broken.any(axis=1)
            self.diverged[fresh] = first[fresh]
        lost = ~np.isfinite(self.network.params).all(axis=1)
        self.diverged[lost & (self.diverged == 0)] = step
        loss, error = self.network.evaluate(self.validation)
        gone = self.diverged > 0
        self.validation_loss[record] = np.where(gone, np.inf, loss)
        self.validation_error[record] = np.where(gone, self.network.loss.worst, error)
        better = ~gone & (loss < self.best)
        self.best[better], self.best_record[better] = loss[better], record
        self.best_params[better] = self.network.params[better]
        self.records, self.last = record + 1, step

    def _finish(self) -> Training:
        gone, worst, rows = self.diverged > 0, self.network.loss.worst, self.network.rows
        np.copyto(self.network.params, self.best_params)
        test_loss, test_error = self.network.evaluate(self.test)
        validation_error = self.validation_error[self.best_record, np.arange(rows)]
        return Training(
            curves=Curves(
                self.examples, self.steps, self.validation_loss, self.validation_error, self.training_loss
            ),
            diverged_step=self.diverged,
            best_step=self.steps[self.best_record],
            best_params=self.best_params,
            best_validation_losses=np.where(gone, np.inf, self.best),
            best_validation_errors=np.where(gone, worst, validation_error),
            test_losses=np.where(gone, np.inf, test_loss),
            test_errors=np.where(gone, worst, test_error),
            _loss=self.network.loss,
            _layers=self.network.layers,
        )
