"""Training a stack: several optimizers with several trials each on the same mini-batches."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlopt.activations import ACTIVATIONS
from dlopt.arguments import array, is_whole, shown
from dlopt.average import Floats
from dlopt.engine import HIDDEN, FrozenError, missing
from dlopt.grid import geometric
from dlopt.interfaces import Block, Model, Stack
from dlopt.losses import CrossEntropy, SquaredError
from dlopt.models import Network
from dlopt.optimizer import Group, Optimizer, all_optimizers, join, listed, placed
from dlopt.progress import Progress, chosen
from dlopt.schedules import Constant
from dlopt.stepping import Stepping, Together

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Answers = Callable[[Floats, NDArray[Any]], NDArray[Any]]  # of parameters (1, P) for X
MOST_STEPS = 10**9  # of a training: each has a number in memory
ENGINES = ("auto", "compiled", "numpy")
VALIDATION, TEST = 1, 2  # parts of a block, after training


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
    checkpoint. early: the same training as it stood at each share of its epochs that `train` was given.
    engine: "compiled" or "numpy"; in_numpy: which optimizers' steps were taken in NumPy all the same, and
    why.
    """

    curves: Curves
    diverged_step: Integers
    best_step: Integers
    best_params: NDArray[np.floating[Any]]
    best_validation_losses: Doubles
    best_validation_errors: Doubles
    test_losses: Doubles
    test_errors: Doubles
    engine: str
    in_numpy: Mapping[str, str]
    _answers: Answers
    early: tuple[Training, ...] = ()

    @property
    def status(self) -> list[str]:
        """One of "ok", "diverged" per trial."""
        return ["diverged" if step else "ok" for step in self.diverged_step]

    @property
    def best_validation_loss(self) -> float:
        """The lowest validation loss of the best trial: with one trial, what an Optuna objective returns."""
        return float(np.min(self.best_validation_losses))

    def predict(self, X: ArrayLike, row: int = 0) -> NDArray[Any]:
        """Predicted class numbers (n,), or values (n,) in the units trained on, for X (n, F).

        row: of the K trials. Raises ValueError for a `Problem` that was given no `predict`.
        """
        row = _whole("row", row, 0, len(self.best_params) - 1)
        with np.errstate(all="ignore"):
            return self._answers(self.best_params[row : row + 1], array("X", X))


def checkpoints(n_train: int, epochs: int) -> Integers:
    """The grid of examples seen at which validation is read, the same for every batch size.

    With N = epochs · n_train: 0, N·j/20 for j = 1 .. 20 and 64·(N/64)^(j/20) for j = 0 .. 19, rounded:
    the even part for endings, the logarithmic part because speed is read as a ratio.
    """
    total = epochs * n_train
    even = total * np.arange(1, 21) / 20
    logarithmic = geometric(64, total, 21)[:-1]
    grid = np.unique(np.rint(np.concatenate([[0], even, logarithmic])).astype(np.int64))
    return grid[grid <= total]


def record_steps(n_train: int, batch_size: int, epochs: int, gradients: int = 1) -> tuple[Integers, Integers]:
    """The steps at which something is recorded and the examples seen by then; step 0 is the start.

    Each grid point is taken at the first step that reaches it; several in one step share a record. Each of
    a step's gradients sees its examples.
    """
    sizes = gradients * np.diff([*range(0, n_train, batch_size), n_train])
    seen = np.concatenate([[0], np.cumsum(np.tile(sizes, -(-epochs // gradients)))]).astype(np.int64)
    steps = np.unique(np.searchsorted(seen, checkpoints(n_train, epochs))).astype(np.int64)
    return steps, seen[steps]


@overload
def train(
    model: Model,
    block: Block,
    optimizers: Optimizer | Sequence[Optimizer],
    *,
    batch_size: int,
    epochs: int,
    dtype: Any = ...,
    early: Sequence[float] = ...,
    progress: bool | Progress = ...,
    engine: str = ...,
) -> Training: ...
@overload
def train(
    model: Model,
    block: Sequence[Block],
    optimizers: Optimizer | Sequence[Optimizer] | Sequence[Sequence[Optimizer]],
    *,
    batch_size: int,
    epochs: int,
    dtype: Any = ...,
    early: Sequence[float] = ...,
    progress: bool | Progress = ...,
    engine: str = ...,
) -> list[Training]: ...
def train(
    model: Model,
    block: Any,
    optimizers: Any,
    *,
    batch_size: int,
    epochs: int,
    dtype: Any = np.float32,
    early: Sequence[float] = (),
    progress: bool | Progress = True,
    engine: str = "auto",
) -> Training | list[Training]:
    """Train all trials of all optimizers side by side on the same mini-batches.

    block: a dataset's block or a `Split`; or a list of S of them, of equal shapes, which gives a list of
    S results. optimizers: one, or a list; with several blocks either the same for each, or a list of S
    lists that agree in length and classes. batch_size: 1 .. training rows. epochs: >= 1, a budget of
    examples: where a step takes two gradients there are half as many steps, the last begun within the budget.
    dtype: float32 or float64. early: shares of the epochs, in (0, 1), at which the best parameters so far are
    read on test too; that changes nothing else. progress: True writes a line to a terminal's stderr once this
    takes longer than 5 s, but not from a worker process; False writes none; a function is called with (done
    epochs, epochs) after each, while some of its steps may still wait. engine: "compiled" trains an MLP in
    float32 in compiled code, whose bytes are the same on every x86-64 machine (`pip install "dlopt[fast]"`);
    "numpy" never does; "auto" does where it can. Trials of a block share initial weights and order; each has
    the bytes it has alone.
    Raises ValueError with a remedy if a number is out of range or shapes do not fit, TypeError for what is no
    model, block or optimizer.
    """
    if isinstance(model, type) or not all(hasattr(model, name) for name in ("stack", "answers")):
        raise TypeError(f"train needs a model, not {shown(model)}. Give for example MLP(64).")
    blocks = block if isinstance(block, Sequence) else [block]
    if not blocks:
        raise ValueError("train got no blocks. Give one, or a list of at least one.")
    groups, data = _groups(optimizers, len(blocks)), _data(blocks)
    n_train, trials = data[0][0].shape[1], sum(group.rows for group in groups) // len(blocks)
    batch_size = _whole("batch_size", batch_size, 1, n_train)
    epochs, dtype = _whole("epochs", epochs, 1), _dtype(dtype)
    if epochs > (most := MOST_STEPS // -(-n_train // batch_size)):
        raise ValueError(
            f"epochs must be at most {most:,} at this batch size, not {shown(epochs)}. Give fewer."
        )
    if not callable(progress) and not isinstance(progress, int | np.bool_ | None):
        raise TypeError(f"progress must be True, False or a function, not {shown(progress)}. Leave it out.")
    if engine not in ENGINES:
        raise ValueError(
            f"engine must be one of {', '.join(ENGINES)}, not {shown(engine)}. Leave it out for auto."
        )
    given = _Given(model, blocks, groups, data, batch_size, epochs, dtype, _shares(early))
    refused: dict[type, str] = {}
    while True:
        try:
            results = _trained(given, trials, engine, refused, chosen(progress))
        except FrozenError as frozen:
            (kind,) = frozen.args
            refused[kind] = HIDDEN
            warnings.warn(f"{kind.__name__}.update runs in NumPy: {HIDDEN}.", stacklevel=2)
            continue
        return results if isinstance(block, Sequence) else results[0]


def _groups(optimizers: Any, blocks: int) -> list[Optimizer]:
    """One optimizer for each class in a row, for the trials of all blocks, the blocks innermost."""
    given = listed(optimizers)
    if not given:
        raise ValueError("train got an empty list of optimizers. Give at least one, such as [Adam()].")
    lists = [given] * blocks if isinstance(given[0], Optimizer) else [listed(one) for one in given]
    for same in lists:
        all_optimizers("train", same)
    runs = [[list(group) for _, group in itertools.groupby(same, type)] for same in lists]
    shapes = [[(type(run[0]), sum(one.rows for one in run)) for run in same] for same in runs]
    if len(lists) != blocks or not shapes[0] or any(shape != shapes[0] for shape in shapes):
        raise ValueError(
            f"train got {blocks} block(s) and {len(lists)} list(s) of optimizers, which must agree in their "
            "classes and trials. Give one list for each block, or one for all."
        )
    return [join([one for run in same for one in run], blocks) for same in zip(*runs, strict=True)]


def _data(blocks: Sequence[Block]) -> list[tuple[Any, Any]]:
    """Training, validation and test data of all blocks, (S, n, F) and (S, n)."""
    for one in blocks:
        if isinstance(one, type) or not all(hasattr(one, part.name) for part in dataclasses.fields(Split)):
            raise TypeError(f"train needs blocks, not {shown(one)}. Give a dlopt.Split, or a list of them.")
        _whole("n_classes", one.n_classes, 0)
        _whole("seed", one.seed, 0)
    found = []
    for part in ("train", "validation", "test"):
        names = [f"{letter}_{part}" for letter in "Xy"]
        X, y = ([array(name, getattr(one, name)) for one in blocks] for name in names)
        if len({one.shape for one in X}) > 1 or len({one.shape for one in y}) > 1:
            raise ValueError(
                f"train got blocks whose X_{part} or y_{part} differ in shape. "
                "Train the blocks of one dataset together."
            )
        if not X[0].ndim or not y[0].ndim or len(X[0]) != len(y[0]):
            raise ValueError(
                f"X_{part} and y_{part} have the shapes {X[0].shape} and {y[0].shape}. Give as many rows of "
                "X as values of y."
            )
        found.append((np.stack(X), np.stack(y)))
    return found


def _whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    if not is_whole(value) or value < low or (high is not None and value > high):
        rows = " (the training rows)" if name == "batch_size" else ""
        limit = f">= {low}" if high is None else f"from {low} to {high}{rows}"
        raise ValueError(
            f"{name} must be a whole number {limit}, not {shown(value)}. Choose one inside the range."
        )
    return int(value)


def _shares(early: Any) -> list[float]:
    """Shares of the epochs, checked."""
    given = (
        list(early) if isinstance(early, Sequence | np.ndarray) and not isinstance(early, str) else [early]
    )
    for one in given:
        if isinstance(one, bool | np.bool_) or not isinstance(one, float | np.floating) or not 0 < one < 1:
            raise ValueError(f"early must have shares in (0, 1), not {shown(one)}. Give for example (0.5,).")
    return [float(one) for one in given]


def _dtype(value: Any) -> np.dtype[Any]:
    with contextlib.suppress(TypeError, ValueError):
        for known in (np.dtype(np.float32), np.dtype(np.float64)):
            if np.dtype(value) == known:
                return known
    said = getattr(value, "__name__", None) or shown(value)
    raise ValueError(f"dtype must be float32 or float64, not {said}. Leave it out for float32.")


class _Rates:
    """The learning rates of all groups, epoch by epoch: the same objects where nothing has changed."""

    def __init__(self, groups: Sequence[Group], like: Floats) -> None:
        self.groups, self.like = groups, like
        self.first = [self._at(one, 0) for one in groups]
        self.steady = [isinstance(one.optimizer.schedule, Constant) for one in groups]
        self.all_steady = all(self.steady)

    def __call__(self, epoch: int) -> list[Any]:
        if self.all_steady:
            return self.first
        known = zip(self.groups, self.steady, self.first, strict=True)
        return [first if steady else self._at(one, epoch) for one, steady, first in known]

    def _at(self, group: Group, epoch: int) -> Any:
        return group.optimizer.cast(group.optimizer.lr_at(epoch), self.like)


def _gradients(groups: Sequence[Group]) -> int:
    """How many gradients a step of each of these takes."""
    found = {type(one.optimizer).__name__: one.optimizer.gradients for one in groups}
    if len(set(found.values())) > 1:
        each = ", ".join(f"{name} {count}" for name, count in found.items())
        raise ValueError(
            f"train got optimizers that take different numbers of gradients in a step: {each}. "
            "Train them in calls of their own: the same epochs are the same budget."
        )
    return next(iter(found.values()))


class _Given(NamedTuple):
    """What `train` was asked, checked."""

    model: Model
    blocks: Sequence[Block]
    groups: list[Optimizer]
    data: list[tuple[Any, Any]]
    batch_size: int
    epochs: int
    dtype: np.dtype[Any]
    early: list[float]


def _trained(
    given: _Given, trials: int, engine: str, refused: Mapping[type, str], progress: Progress
) -> list[Training]:
    seeds, n_classes = [one.seed for one in given.blocks], int(given.blocks[0].n_classes)
    with np.errstate(all="ignore"):  # divergence is a result
        stack = given.model.stack(given.blocks, trials, given.dtype)
        groups = placed(given.groups, stack.params, stack.layers)
        rates = _Rates(groups, stack.params)
        sizes = [X.shape[1] for X, _ in given.data]
        steps, examples = record_steps(sizes[0], given.batch_size, given.epochs, _gradients(groups))
        if compiled(engine, stack):
            longest = int(np.max(np.diff(steps)))
            how = (given.data, groups, given.batch_size, rates.first, longest, refused)
            stepping: Stepping = importlib.import_module("dlopt.engine.rows").RowByRow(stack, *how)
        else:
            stepping = Together(stack, given.data, groups, given.batch_size)
        run = _Run(stack, rates, stepping, sizes, seeds, (steps, examples), given)
        return run.results(functools.partial(given.model.answers, n_classes=n_classes), progress)


def compiled(engine: str, stack: Stack) -> bool:
    """Is this stack trained in compiled code? Raises ValueError where that was asked for and cannot be."""
    if engine == "numpy":
        return False
    own = CrossEntropy, SquaredError
    if type(stack) is not Network:
        why = "Only an MLP is compiled."
    elif type(stack.loss) not in own or stack.activation not in ACTIVATIONS.values():
        why = "Only dlopt's own losses and activations are compiled."
    elif stack.params.dtype != np.float32:
        why = "Only float32 is compiled."
    else:
        why = missing()
    if why and engine == "compiled":
        raise ValueError(
            f'engine="compiled" cannot be had: {why[0].lower()}{why[1:]} Leave engine out for NumPy.'
        )
    return not why


class _Standing(NamedTuple):
    """All trials after so many records: where they diverged, and their best checkpoint by then."""

    records: int
    diverged: Integers
    best: Doubles
    best_record: Integers
    best_params: Floats


class _Run:
    """One pass through `train`."""

    def __init__(
        self,
        stack: Stack,
        rates: _Rates,
        stepping: Stepping,
        sizes: Sequence[int],
        seeds: Sequence[int],
        records: tuple[Integers, Integers],
        given: _Given,
    ) -> None:
        self.stack, self.rates, self.stepping, self.sizes = stack, rates, stepping, sizes
        self.batch_size, self.epochs = given.batch_size, given.epochs
        self.orders = [np.random.default_rng([seed, 1]) for seed in seeds]
        rows = stack.rows
        self.steps, self.examples = records
        shape = (len(self.steps), rows)
        self.validation_loss, self.validation_error = np.empty(shape), np.empty(shape)
        self.training_loss = np.full(shape, np.nan)
        self.best, self.best_record = np.full(rows, np.inf), np.zeros(rows, np.int64)
        self.best_params = stack.params.copy()
        self.diverged = np.zeros(rows, np.int64)
        self.records = self.last = 0
        self.early = np.searchsorted(self.examples, np.array(given.early) * self.examples[-1]).tolist()
        self.stood: dict[int, _Standing] = {}  # by record
        groups, plain = rates.groups, Optimizer.evaluated
        self.gradients = groups[0].optimizer.gradients
        self.elsewhere = [one for one in groups if type(one.optimizer).evaluated is not plain]

    def results(self, answers: Answers, progress: Progress) -> list[Training]:
        step, records, last = 0, iter(self.steps.tolist()), int(self.steps[-1])
        wanted, n = next(records), self.sizes[0]
        for epoch in range(0, self.epochs, self.gradients):
            orders = np.empty((len(self.orders), n), np.int64)
            for mine, order in zip(orders, self.orders, strict=True):
                mine[:] = order.permutation(n)
            self.stepping.epoch(orders, self.rates(epoch))
            end = min(step - (-n // self.batch_size), last)
            while step < end:
                if step == wanted:
                    self._record()
                    wanted = next(records)
                count = min(wanted, end) - step
                self.stepping.take(count)
                step += count
            progress(min(epoch + self.gradients, self.epochs), self.epochs)
        self._record()
        return self._finish(answers)

    def _record(self) -> None:
        """Read validation, note divergence, keep the parameters of the rows that improved."""
        record, step = self.records, int(self.steps[self.records])
        count = step - self.last
        since = self.stepping.losses()
        if count:
            # one after the other: the order of NumPy's sums is its own affair
            mean = np.add.accumulate(since, axis=1, dtype=np.float64)[:, -1] / count
            self.training_loss[record] = np.where(np.isnan(mean), np.nan, mean)  # no number has no sign
            if not np.isfinite(mean).all():
                broken = ~np.isfinite(since)
                first = self.last + 1 + np.argmax(broken, axis=1)
                fresh = (self.diverged == 0) & broken.any(axis=1)
                self.diverged[fresh] = first[fresh]
        lost = ~np.isfinite(self.stack.params).all(axis=1)
        self.diverged[lost & (self.diverged == 0)] = step
        moved = self._put_evaluated()
        loss, error = self._measured(VALIDATION)
        gone = self.diverged > 0
        self.validation_loss[record] = np.where(gone, np.inf, loss)
        self.validation_error[record] = np.where(gone, self.stack.worst, error)
        better = ~gone & (loss < self.best)
        self.best[better], self.best_record[better] = loss[better], record
        self.best_params[better] = self.stack.params[better]
        for rows, params in moved:
            self.stack.params[rows] = params
        self.records, self.last = record + 1, step
        if record in self.early:
            best = (self.best.copy(), self.best_record.copy(), self.best_params.copy())
            self.stood[record] = _Standing(self.records, self.diverged.copy(), *best)

    def _put_evaluated(self) -> list[tuple[slice, Floats]]:
        """Put the parameters that are to be read in the place of those that move; return the latter."""
        moved = [(one.rows, self.stack.params[one.rows].copy()) for one in self.elsewhere]
        for one, (rows, params) in zip(self.elsewhere, moved, strict=True):
            seen = params.view()
            seen.flags.writeable = False
            self.stack.params[rows] = one.optimizer.evaluated(seen, self.stepping.state(one))
        return moved

    def _measured(self, part: int) -> tuple[Doubles, Doubles]:
        """Loss and error; what overflowed to no number is infinite, or the worst. No rows, no numbers."""
        loss, error = self.stepping.evaluate(part)
        if not self.sizes[part]:
            return loss, error
        return np.where(np.isnan(loss), np.inf, loss), np.where(np.isnan(error), self.stack.worst, error)

    def _standing(self) -> _Standing:
        return _Standing(self.records, self.diverged, self.best, self.best_record, self.best_params)

    def _finish(self, answers: Answers) -> list[Training]:
        early = [self._read(self.stood[record], answers) for record in self.early]
        return [
            dataclasses.replace(one, early=tuple(parts[i] for parts in early))
            for i, one in enumerate(self._read(self._standing(), answers))
        ]

    def _read(self, stood: _Standing, answers: Answers) -> list[Training]:
        """The training as it stood: its best parameters by then, read on test."""
        gone, worst, rows = stood.diverged > 0, self.stack.worst, self.stack.rows
        np.copyto(self.stack.params, stood.best_params)
        test_loss, test_error = self._measured(TEST)
        validation_error = self.validation_error[stood.best_record, np.arange(rows)]
        blocks = [slice(first, None, self.stack.blocks) for first in range(self.stack.blocks)]
        n = stood.records
        return [
            Training(
                curves=Curves(
                    self.examples[:n],
                    self.steps[:n],
                    self.validation_loss[:n, mine],
                    self.validation_error[:n, mine],
                    self.training_loss[:n, mine],
                ),
                diverged_step=stood.diverged[mine],
                best_step=self.steps[stood.best_record][mine],
                best_params=stood.best_params[mine],
                best_validation_losses=np.where(gone, np.inf, stood.best)[mine],
                best_validation_errors=np.where(gone, worst, validation_error)[mine],
                test_losses=np.where(gone, np.inf, test_loss)[mine],
                test_errors=np.where(gone, worst, test_error)[mine],
                engine=self.stepping.engine,
                in_numpy=self.stepping.in_numpy,
                _answers=answers,
            )
            for mine in blocks
        ]
