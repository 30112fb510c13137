"""A model of your own: a loss and its gradient in NumPy, over K rows of parameters at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlopt.arguments import array, numbers, shown
from dlopt.average import Floats
from dlopt.interfaces import Block, Layer

__all__ = ["Problem", "check_gradient"]

Doubles = NDArray[np.float64]
Function = Callable[[Floats, Any, Any], Any]  # of params (K, P), X (n, ...), y (n, ...)
SHOWN = 3  # differences that are spelled out


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """What `train` takes in the place of `MLP`: your loss, your gradient.

    loss(params, X, y) -> (K,): the mean loss over the n rows of X, and a penalty if you like, for params
    (K, P), X (n, F) and y (n,). gradient(params, X, y) -> (K, P), in the dtype of params. start: (P,), or
    a function of a `numpy.random.Generator` that returns it, called with each block's seed. error(params,
    X, y) -> (K,): what is read beside the loss, by default the loss. predict(params, X) -> (K, n): for
    `Training.predict`.

    X and real y come in the dtype of params, class numbers as they are; all are read-only. Training calls
    with mini-batches, validation and test with all their rows, penalty included: the best checkpoint has
    the lowest loss as you wrote it. A diverged trial has the error inf. K is any number >= 1: reduce over
    the last axis only, and a trial's bytes are those it has alone where each of its products is its own,
    as in `sums` below. Raises ValueError if something returned has another shape or dtype, or is not
    finite at the start; later on that is divergence.

    Logistic regression with a penalty on all weights but the last, whose feature is 1:

    >>> import numpy as np
    >>> import dlopt
    >>> lam = np.array([0.01, 0.01, 0.0])
    >>> def sums(params, X):
    ...     return np.matmul(params[:, None], X.T)[:, 0]
    >>> def loss(params, X, y):
    ...     z = sums(params, X)
    ...     return np.mean(np.logaddexp(0, z) - y * z, axis=1) + np.sum(lam * params**2, axis=1) / 2
    >>> def gradient(params, X, y):
    ...     away = 1 / (1 + np.exp(-sums(params, X))) - y
    ...     return (np.matmul(away[:, None], X)[:, 0] / len(X) + lam * params).astype(params.dtype)
    >>> def error(params, X, y):
    ...     return np.mean((sums(params, X) > 0) != y, axis=1)
    >>> def predict(params, X):
    ...     return sums(params, X) > 0
    >>> logistic = dlopt.Problem(loss, gradient, start=np.zeros(3), error=error, predict=predict)

    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.normal(size=(200, 2)), np.ones(200)])
    >>> y = (X @ [2.0, -1.0, 0.5] > 0).astype(int)
    >>> dlopt.check_gradient(logistic, X, y)
    >>> block = dlopt.Split(X[:120], y[:120], X[120:160], y[120:160], X[160:], y[160:])
    >>> run = dlopt.train(logistic, block, dlopt.Adam(lr=[0.01, 0.1]), batch_size=32, epochs=50)
    >>> run.status, bool(run.test_errors[1] < 0.1), run.predict(X[160:163], row=1).shape
    (['ok', 'ok'], True, (3,))
    """

    loss: Function
    gradient: Function
    start: ArrayLike | Callable[[np.random.Generator], ArrayLike]
    error: Function | None = None
    predict: Callable[[Floats, Any], Any] | None = None

    def __post_init__(self) -> None:
        for name in ("loss", "gradient", "error", "predict"):
            given = getattr(self, name)
            if not callable(given) and (given is not None or name in ("loss", "gradient")):
                raise ValueError(
                    f"Problem.{name} must be a function of arrays, not {shown(given)}.\n"
                    "Write Problem(loss, gradient, start), each function without its brackets."
                )

    def first(self, rng: np.random.Generator) -> Doubles:
        """The initial parameters (P,), checked."""
        given = array("Problem.start", self.start(rng) if callable(self.start) else self.start)
        if given.ndim != 1 or not given.size or given.dtype.kind not in "fiu":
            raise ValueError(
                f"Problem.start must be numbers (P,), not {given.dtype} of shape {given.shape}.\n"
                "Give one row of parameters: all trials of a block begin there."
            )
        start = given.astype(np.float64)
        if not np.isfinite(start).all():
            raise ValueError(
                f"Problem.start must be finite, and it holds {start[~np.isfinite(start)][0]}.\n"
                "Give finite numbers to begin with, such as zeros."
            )
        return start

    def stack(self, blocks: Sequence[Block], trials: int, dtype: np.dtype[Any]) -> _Copies:
        """Copies for some trials on each block, after one call of each function at the start."""
        starts = [self.first(np.random.default_rng([one.seed, 0])).astype(dtype) for one in blocks]
        if len({start.shape for start in starts}) > 1:
            raise ValueError(
                f"Problem.start returned {len(starts[0])} parameters for one block and another number for "
                "another.\nIts length must not depend on the generator."
            )
        copies = _Copies(self, np.stack(starts), trials)
        for one, start in zip(blocks, starts, strict=True):
            data = _Data(np.asarray(one.X_train)[None], np.asarray(one.y_train)[None], dtype)
            for name, values in _values(self, start[None], data.X[0], data.y[0]).items():
                _finite(name, values, "at the start")
        return copies

    def answers(self, params: Floats, X: NDArray[Any], n_classes: int) -> NDArray[Any]:
        """What params (1, P) predict for X (n, F), (n,)."""
        if self.predict is None:
            raise ValueError(
                "This Problem was given no predict, so nothing can be predicted.\n"
                "Write Problem(..., predict=function of (params (K, P), X) that returns (K, n))."
            )
        X = numbers("X", X).astype(params.dtype, copy=False)
        predicted = array("Problem.predict", self.predict(_locked(params), X))
        if predicted.shape[:2] != (1, len(X)):
            raise ValueError(
                f"Problem.predict returned the shape {predicted.shape} for params {params.shape} and "
                f"{len(X)} rows of X.\nIt must return (K, n), here {(1, len(X))}."
            )
        return np.asarray(predicted[0])


def _called(problem: Problem, name: str, params: Floats, X: Any, y: Any) -> NDArray[Any]:
    """What one of the functions returns, its shape and dtype checked."""
    found = array(f"What Problem.{name} returns", getattr(problem, name)(_locked(params), X, y))
    wanted = params.shape if name == "gradient" else params.shape[:1]
    if found.shape != wanted:
        letters = "(K, P)" if name == "gradient" else "(K,)"
        raise ValueError(
            f"Problem.{name} returned the shape {found.shape} for params {params.shape} and {len(X)} rows of "
            f"X.\nIt must return {letters}, here {wanted}."
        )
    if found.dtype != params.dtype and (name == "gradient" or found.dtype.kind not in "fiu"):
        raise ValueError(
            f"Problem.{name} returned {found.dtype} for {params.dtype} params.\n"
            "Keep their dtype; where class numbers widened it, end with .astype(params.dtype)."
        )
    return found


def _values(problem: Problem, params: Floats, X: Any, y: Any) -> dict[str, NDArray[Any]]:
    names = ["loss", "gradient"] + ["error"] * (problem.error is not None)
    return {name: _called(problem, name, params, X, y) for name in names}


def _finite(name: str, values: NDArray[Any], where: str) -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            f"Problem.{name} must be finite {where}, and it is {values[~np.isfinite(values)][0]}.\n"
            "Choose another start, or look for what in the data the function cannot take."
        )


class _Data:
    """The data of S blocks: X (S, n, ...), y (S, n, ...); X and real y in the dtype of the parameters."""

    def __init__(self, X: NDArray[Any], y: NDArray[Any], dtype: np.dtype[Any]) -> None:
        self.X = _locked(numbers("X", X).astype(dtype, copy=False))
        self.y = _locked(y.astype(dtype, copy=False) if y.dtype.kind == "f" else y)

    def __len__(self) -> int:
        return int(self.X.shape[1])

    def batches(self, orders: NDArray[np.intp], batch_size: int) -> Iterator[list[tuple[Any, Any]]]:
        """See `dlopt.interfaces.Data`; a batch is a pair (X, y) for each block."""
        for start in range(0, len(self), batch_size):
            chosen = orders[:, start : start + batch_size]
            yield [
                (_locked(X[mine]), _locked(y[mine]))
                for X, y, mine in zip(self.X, self.y, chosen, strict=True)
            ]

    def chunks(self) -> list[tuple[Any, Any]]:
        """All data of each block at once: an error need not be a mean over rows."""
        return list(zip(self.X, self.y, strict=True))


def _locked(values: NDArray[Any]) -> NDArray[Any]:
    """A view that a user's function cannot write to."""
    view = values.view()
    view.flags.writeable = False
    return view


class _Copies:
    """Copies of a problem: see `dlopt.interfaces.Stack`."""

    def __init__(self, problem: Problem, starts: Floats, trials: int) -> None:
        self.problem, self.worst = problem, float(np.inf)
        self.layers: tuple[Layer, ...] = ()
        self.blocks, self.rows = len(starts), trials * len(starts)
        self.params = np.tile(starts, (trials, 1))
        self.grad = np.zeros_like(self.params)

    def feed(self, X: Any, y: Any) -> _Data:
        """See `Stack`."""
        return _Data(X, y, self.params.dtype)

    def _each(self, data: list[tuple[Any, Any]]) -> Iterator[tuple[slice, Floats, Any, Any]]:
        """The rows of each block, their parameters and their data."""
        for block, (X, y) in enumerate(data):
            mine = slice(block, None, self.blocks)
            yield mine, np.ascontiguousarray(self.params[mine]), X, y

    def gradient(self, batch: list[tuple[Any, Any]]) -> Floats:
        """See `Stack`."""
        losses = np.empty(self.rows, self.params.dtype)
        for mine, params, X, y in self._each(batch):
            losses[mine] = _called(self.problem, "loss", params, X, y)
            self.grad[mine] = _called(self.problem, "gradient", params, X, y)
        return losses

    def evaluate(self, chunks: list[tuple[Any, Any]]) -> tuple[Doubles, Doubles]:
        """See `Stack`."""
        loss, error = np.empty(self.rows), np.empty(self.rows)
        for mine, params, X, y in self._each(chunks):
            loss[mine] = _called(self.problem, "loss", params, X, y)
            error[mine] = _called(self.problem, "error", params, X, y) if self.problem.error else loss[mine]
        return loss, error


def check_gradient(problem: Problem, X: ArrayLike, y: ArrayLike) -> None:
    """Raise ValueError, with what is wrong in words, unless the gradient is that of the loss.

    X (n, F), y (n,): a few dozen rows of your data. Three points near the start are tried. Compared are
    central differences in float64, 2P calls of the loss, to six digits of a point's largest component;
    each point among the others with the same point alone; and shapes and dtypes, in float32 too.
    """
    if not isinstance(problem, Problem):
        raise TypeError(
            f"check_gradient needs a Problem, not {shown(problem)}. Give Problem(loss, gradient, start)."
        )
    rng = np.random.default_rng(0)
    start = problem.first(rng)
    params = start + rng.normal(0, 0.1, (3, len(start)))  # at the start itself a loss may have a kink
    given = array("X", X)[None], array("y", y)[None]
    single, double = (_Data(*given, np.dtype(kind)).chunks()[0] for kind in (np.float32, np.float64))
    with np.errstate(all="ignore"):
        _values(problem, params.astype(np.float32), *single)
        _compare(problem, params, *double)


def _compare(problem: Problem, params: Doubles, X: Any, y: Any) -> None:
    values = _values(problem, params, X, y)
    for name, found in values.items():
        _finite(name, found, "near the start")
        alone = np.concatenate([_called(problem, name, one[None], X, y) for one in params])
        if not np.allclose(found, alone, rtol=1e-9, atol=1e-9 * np.abs(alone).max()):
            raise ValueError(
                f"Problem.{name} of a row changes with the rows beside it.\nReduce over the last axis only, "
                "as in np.sum(..., axis=1)."
            )
    expected = np.empty_like(params)
    step = 6e-6 * np.maximum(1, np.abs(params))  # the cube root of the rounding unit
    for i in range(params.shape[1]):
        ends = []
        for sign in (1, -1):
            moved = params.copy()
            moved[:, i] += sign * step[:, i]
            ends.append(_called(problem, "loss", moved, X, y))
        expected[:, i] = (ends[0] - ends[1]) / (2 * step[:, i])
    slack = 1e-6 * np.abs(expected).max(axis=1) + 1e-9 * np.abs(values["loss"])
    wrong = ~(np.abs(values["gradient"] - expected) <= slack[:, None])
    if wrong.any():
        raise ValueError(_difference(values["gradient"], expected, wrong))


def _difference(given: Floats, expected: Doubles, wrong: NDArray[np.bool_]) -> str:
    where = np.argwhere(wrong)
    shown = [
        f"{given[row, i]:.6g} instead of {expected[row, i]:.6g} at parameter {i} of row {row}"
        for row, i in where[:SHOWN].tolist()
    ]
    more = f", and {len(where) - SHOWN} more" if len(where) > SHOWN else ""
    ratios = given[wrong] / np.where(expected[wrong] == 0, np.nan, expected[wrong])
    same = np.allclose(ratios, ratios[0], rtol=1e-4)
    hint = (
        f"All of these are {ratios[0]:.6g} times what they should be: look for a missing or a wrong factor, "
        "such as a mean that is a sum."
        if same and len(where) > 1
        else "Derive these components again, from the loss as it is written."
    )
    return (
        f"Problem.gradient differs from central differences of Problem.loss in {len(where)} of {wrong.size} "
        f"components: {'; '.join(shown)}{more}.\n{hint}"
    )
