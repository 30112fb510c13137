"""How rows get from one record to the next in NumPy: all of them together, step by step."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlopt.average import Floats
from dlopt.interfaces import Stack
from dlopt.optimizer import Group, State

Doubles = NDArray[np.float64]


class Stepping(Protocol):
    """What moves the rows of a stack; its parameters are right whenever `losses` was called last."""

    engine: str
    in_numpy: Mapping[str, str]  # the optimizers whose steps NumPy takes all the same, and why

    def epoch(self, orders: NDArray[np.int64], rates: list[Any]) -> None:
        """Begin an epoch: the order of each block's data (S, n), the learning rate of each group."""

    def take(self, count: int) -> None:
        """Take the next steps of the epoch."""

    def losses(self) -> Floats:
        """The mini-batch losses since the last call, (K·S, steps)."""

    def evaluate(self, part: int) -> tuple[Doubles, Doubles]:
        """Loss and error of all rows, (K·S,) each, on validation or test data: 1 or 2."""

    def state(self, group: Group) -> State:
        """A group's state after the steps so far."""


class Together:
    """See `Stepping`: for any stack and any dtype."""

    engine = "numpy"
    in_numpy: Mapping[str, str] = {}

    def __init__(
        self, stack: Stack, data: Sequence[tuple[Any, Any]], groups: Sequence[Group], batch_size: int
    ) -> None:
        self.stack, self.groups, self.batch_size = stack, groups, batch_size
        self.feeds = [stack.feed(X, y) for X, y in data]
        self.chunks = [None, *(one.chunks() for one in self.feeds[1:])]
        self._batches: Iterator[Any] = iter(())
        self._rates: list[Any] = []
        self._losses: list[Floats] = []

    def epoch(self, orders: NDArray[np.int64], rates: list[Any]) -> None:
        """See `Stepping`."""
        self._batches, self._rates = iter(self.feeds[0].batches(orders, self.batch_size)), rates

    def take(self, count: int) -> None:
        """See `Stepping`."""
        params, grad = self.stack.params, self.stack.grad
        for _ in range(count):
            batch = next(self._batches)
            self._losses.append(self.stack.gradient(batch))
            for (optimizer, rows, state), lr in zip(self.groups, self._rates, strict=True):
                if optimizer.gradients == 1:
                    optimizer.move(params[rows], grad[rows], state, lr)
                else:
                    again = functools.partial(self._again, batch, rows)
                    optimizer.move(params[rows], grad[rows].copy(), state, lr, again)

    def _again(self, batch: Any, rows: slice, point: Floats) -> Floats:
        """The gradient of some rows at another point; that of the others is theirs as before, or past."""
        params = self.stack.params[rows]
        home = params.copy()
        params[:] = point
        self.stack.gradient(batch)
        params[:] = home
        return self.stack.grad[rows].copy()

    def losses(self) -> Floats:
        """See `Stepping`."""
        taken, self._losses = self._losses, []
        return np.stack(taken, axis=1) if taken else np.empty((self.stack.rows, 0), self.stack.params.dtype)

    def evaluate(self, part: int) -> tuple[Doubles, Doubles]:
        """See `Stepping`."""
        return self.stack.evaluate(self.chunks[part])

    def state(self, group: Group) -> State:
        """See `Stepping`."""
        return group.state
