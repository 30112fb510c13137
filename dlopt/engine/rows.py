"""How rows get from one record to the next in compiled code: each alone, through all its steps."""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlopt.engine import FrozenError, cache, loops
from dlopt.engine.formula import Column, Formula, Unreadable, read
from dlopt.hyperparameters import declared
from dlopt.losses import CrossEntropy
from dlopt.models import CHUNK, Network
from dlopt.optimizer import Group, Optimizer, State

with cache.kept():
    from dlopt.engine import network, passes

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
HOLD = 1 << 19  # bytes of mini-batches gathered at once
PATTERNS = 32  # of widths, whose places for batches are kept
MOST_NUMBERS = 1 << 24  # of all rows and steps that are taken at once
FEW = 32  # features whose products need no rows
LINE = 16  # float32 in a line of the processor's cache


def zeros(size: int) -> Floats:
    """Zeros that start at a line of the cache: a register across two lines costs twice."""
    raw = np.zeros(size + 2 * LINE, np.float32)
    start = -raw.__array_interface__["data"][0] // 4 % LINE
    return raw[start : start + size]


class _Batches:
    """Mini-batches side by side, as `passes.gather` leaves them."""

    def __init__(self, widths: Integers, blocks: int, features: int) -> None:
        total = int(widths.sum()) * blocks
        self.widths, self.stride, self.kept = widths, -(-features // LINE) * LINE, features > FEW
        self.columns = zeros(total * features)
        self.rows = zeros((total if self.kept else int(widths.max(initial=0))) * self.stride)
        self.targets, self.scale = zeros(total), zeros(total)

    def fill(self, X: Floats, y: Floats, orders: Integers, ends: Integers) -> None:
        batches = (self.widths, self.columns, self.rows, self.stride, self.targets, self.scale)
        passes.gather(X, y, orders, ends, int(self.kept), *batches)

    @property
    def all(self) -> tuple[Any, ...]:
        """The arguments of `passes`."""
        kept = self.stride * self.kept
        return self.widths, self.columns, self.rows, kept, self.targets, self.scale

    def part(self, first: int, end: int) -> tuple[Any, ...]:
        """The arguments of `passes` for some steps."""
        share = int(self.widths[:first].sum()) / int(self.widths.sum())
        parts = (
            one[round(share * len(one)) :] for one in (self.columns, self.rows, self.targets, self.scale)
        )
        columns, rows, targets, scale = parts
        return self.widths[first:end], columns, rows, self.stride * self.kept, targets, scale


class _Numbers:
    """The numbers of each row's formula in each step: (rows, longest, count) of one group after another."""

    def __init__(self, groups: Sequence[_Compiled], longest: int, rows: int) -> None:
        sizes = [one.rows * longest * len(one.columns) for one in groups]
        self.flat, self.at = np.zeros(sum(sizes) + 1, np.float32), np.zeros(rows, np.int64)
        self.groups, self.tables = groups, list[Floats]()
        for one, start, size in zip(groups, itertools.accumulate(sizes, initial=0), sizes, strict=False):
            count = len(one.columns)
            self.tables.append(self.flat[start : start + size].reshape(one.rows, longest, count))
            self.at[one.which] = start + np.arange(one.rows) * longest * count
        self.filled: list[Any] = [None] * len(groups)  # with this learning rate

    def fill(self, first: int, rates: Sequence[Sequence[Any]]) -> None:
        """For the steps from the first on; rates: of each step, those of all groups."""
        steps = len(rates)
        same = all(step is rates[0] for step in rates)
        for i, (one, table) in enumerate(zip(self.groups, self.tables, strict=True)):
            optimizer, mine = one.group.optimizer, [step[one.index] for step in rates]
            steady = same or all(lr is mine[0] for lr in mine)
            for j, column in enumerate(one.columns):
                if "t" in column.needs:
                    column.over(optimizer, first, mine, table[:, :steps, j])
                elif self.filled[i] is None or (
                    "lr" in column.needs and not (steady and self.filled[i] is mine[0])
                ):
                    if steady:
                        table[:, :, j] = np.reshape(column.of(optimizer, 1, mine[0]), (-1, 1))
                    else:
                        column.over(optimizer, first, mine, table[:, :steps, j])
            self.filled[i] = mine[0] if steady else None


class _Compiled:
    """A group whose optimizer is a compiled loop."""

    def __init__(self, index: int, group: Group, formula: Formula, columns: list[Column]) -> None:
        self.index, self.group, self.formula, self.columns = index, group, formula, columns
        self.which = np.arange(group.rows.start, group.rows.stop)
        self.rows = len(self.which)
        self.address = loops.address(formula)
        kind = type(group.optimizer)
        self.checked = None if kind.__module__.startswith("dlopt.") else _first_row(group.optimizer)


def _first_row(optimizer: Optimizer) -> Optimizer:
    """The optimizer of the first trial alone."""
    twin = copy.copy(optimizer)
    for name in declared(type(optimizer)):
        value = getattr(optimizer, name)
        if name != "lr" and np.ndim(value):
            object.__setattr__(twin, name, value[:1])
    return twin


def _same(found: Floats, expected: Floats) -> bool:
    """The same bytes, or no number in both."""
    known = found.view(np.uint32) == expected.view(np.uint32)
    return bool((known | (np.isnan(found) & np.isnan(expected))).all())


class RowByRow:
    """See `dlopt.stepping.Stepping`: for networks in float32.

    in_numpy: why an optimizer's `update` could not be compiled, by its class; its steps are taken in NumPy,
    on the compiled gradient. Raises FrozenError in the first step, or the one before a record, where an
    `update` that is not dlopt's own moved a row otherwise than its formula.
    """

    engine = "compiled"

    def __init__(
        self,
        stack: Network,
        data: Sequence[tuple[Any, Any]],
        groups: Sequence[Group],
        batch_size: int,
        rates: Sequence[Any],
        longest: int,
        refused: Mapping[type, str],
    ) -> None:
        self.stack, self.groups, self.batch_size = stack, groups, batch_size
        layers, rows = stack.layers, stack.rows
        sizes = np.array([layers[0].shape[1] - 1, *(one.shape[0] for one in layers)])
        starts = np.cumsum(sizes[1:]) - sizes[1:]
        self.classes = isinstance(stack.loss, CrossEntropy)
        penalty = np.zeros(0, np.float32) if stack.penalty is None else stack.penalty
        self.network = (
            sizes,
            np.array([one.slice.start for one in layers]),
            starts,
            network.KINDS.index(stack.activation),
            int(self.classes),
            penalty,
        )
        self.blocks, self.of_block = stack.blocks, np.arange(rows) % stack.blocks
        self.data = [
            (np.ascontiguousarray(X, dtype=np.float32), np.ascontiguousarray(y, dtype=np.float32))
            for X, y in data
        ]
        widest = passes.padded(max(batch_size, CHUNK))
        hidden = int(sizes[1:].sum()) * widest
        self.act, self.slopes, self.delta = (zeros(hidden) for _ in range(3))
        self.scratch, self.zeros = zeros(stack.params.shape[1]), zeros(LINE)
        self.wide = zeros(4 * widest).reshape(4, widest)
        self.measured = [self._chunks(*one) for one in self.data[1:]]
        self._arrange(rates, refused)
        forms = 2 if sizes[0] > FEW else 1
        limit = HOLD // (4 * forms * stack.blocks * passes.padded(batch_size) * int(sizes[0]))
        most = MOST_NUMBERS // max(1, sum(one.rows * len(one.columns) for one in self.compiled))
        self.limit, self.step = max(1, min(limit, longest, most)), 0
        self._spaces: dict[bytes, _Batches] = {}
        self._numbers = _Numbers(self.compiled, self.limit, rows)
        self._losses: list[Floats] = []
        self._orders: list[Integers] = []
        self._widths: list[int] = []
        self._rates: list[list[Any]] = []

    def _arrange(self, rates: Sequence[Any], refused: Mapping[type, str]) -> None:
        """Read the formulas; give each row its loop and the place of its state."""
        self.compiled: list[_Compiled] = []
        self.left: list[tuple[int, Group]] = []
        self.in_numpy: dict[str, str] = {}
        rows, size = self.stack.rows, self.stack.params.shape[1]
        self.loops, self.state_at, self.counts = (np.zeros(rows, np.int64) for _ in range(3))
        at = 0
        for i, (group, lr) in enumerate(zip(self.groups, rates, strict=True)):
            try:
                if why := refused.get(type(group.optimizer)):
                    raise Unreadable(why)
                one = _Compiled(i, group, *read(group.optimizer, lr))
            except Unreadable as why:
                self.left.append((i, group))
                self.in_numpy[type(group.optimizer).__name__] = str(why)
                continue
            self.compiled.append(one)
            self.loops[one.which], self.counts[one.which] = one.address, len(one.columns)
            each = -(-size * len(one.formula.states) // LINE) * LINE
            self.state_at[one.which] = at + np.arange(one.rows) * each
            at += one.rows * each
        self.states = zeros(at + 1)
        for one in self.compiled:
            for name, values in self._arrays(one):
                values[:] = getattr(one.group.state, name)
        self.which = np.flatnonzero(self.loops)
        self.rest = np.flatnonzero(self.loops == 0)

    def _chunks(self, X: Floats, y: Floats) -> tuple[_Batches, int]:
        """Data in chunks for evaluation, where each row of it has the weight 1."""
        n = X.shape[1]
        ends = np.array([*range(CHUNK, n, CHUNK), n])
        widths = np.array([passes.padded(size) for size in np.diff(ends, prepend=0).tolist()])
        made = _Batches(widths, self.blocks, X.shape[2])
        made.fill(X, y, np.tile(np.arange(n), (self.blocks, 1)), ends)
        made.scale[made.scale > 0] = 1
        return made, n

    def epoch(self, orders: Integers, rates: list[Any]) -> None:
        """See `Stepping`."""
        self._order, self._now, self._at = orders, rates, 0

    def take(self, count: int) -> None:
        """See `Stepping`."""
        while count:
            if len(self._widths) == self.limit:  # and not as soon as it is: a record checks its last step
                self._flush()
            part = min(count, self.limit - len(self._widths))
            end = min(self._at + part * self.batch_size, self._order.shape[1])
            self._orders.append(self._order[:, self._at : end])
            self._widths += [self.batch_size] * (part - 1) + [end - self._at - (part - 1) * self.batch_size]
            self._rates += [self._now] * part
            self._at, count = end, count - part

    def losses(self) -> Floats:
        """See `Stepping`."""
        self._flush(record=True)
        taken, self._losses = self._losses, []
        return np.concatenate([np.empty((self.stack.rows, 0), np.float32), *taken], axis=1)

    def evaluate(self, part: int) -> tuple[Doubles, Doubles]:
        """See `Stepping`."""
        loss, wrong = np.zeros(self.stack.rows), np.zeros(self.stack.rows)
        data, n = self.measured[part - 1]
        widths, columns, _, _, targets, scale = data.all
        given = (widths, columns, targets, scale, self.act, self.slopes, self.wide)
        passes.evaluate(self.stack.params, self.of_block, self.blocks, *self.network, *given, loss, wrong)
        return loss / n, self.stack.loss.error(wrong / n)

    def _flush(self, record: bool = False) -> None:
        """Take the steps that wait. record: their last one comes before a record."""
        if not self._widths:
            return
        count = len(self._widths)
        widths = np.array([passes.padded(size) for size in self._widths])
        key = widths.tobytes()
        if key not in self._spaces:
            if len(self._spaces) >= PATTERNS:
                self._spaces.clear()
            self._spaces[key] = _Batches(widths, self.blocks, int(self.network[0][0]))
        batches = self._spaces[key]
        orders = self._orders[0] if len(self._orders) == 1 else np.concatenate(self._orders, axis=1)
        batches.fill(*self.data[0], np.ascontiguousarray(orders), np.cumsum(self._widths))
        losses = np.empty((self.stack.rows, count), np.float32)
        self._numbers.fill(self.step + 1, self._rates)
        if len(self.which):
            checked = {*([0] if self.step == 0 else []), *([count - 1] if record else [])}
            if not any(one.checked for one in self.compiled):
                checked = set()
            ends = sorted({0, count, *checked, *(step + 1 for step in checked)})
            for first, end in itertools.pairwise(ends):
                expected = self._expected(first, losses, batches) if first in checked else []
                self._advance(
                    self.which,
                    self.loops,
                    losses,
                    first,
                    batches.part(first, end) if len(ends) > 2 else batches.all,
                )
                for one, params, state in expected:
                    self._compare(one, params, state)
        if len(self.rest):
            for t, rates in enumerate(self._rates):
                self._advance(self.rest, self.loops, losses, t, batches.part(t, t + 1))
                for i, (optimizer, rows, state) in self.left:
                    params, grad = self.stack.params[rows], self.stack.grad[rows]
                    if optimizer.gradients == 1:
                        optimizer.move(params, grad, state, rates[i])
                    else:
                        here = (rows, np.empty_like(losses), t, batches.part(t, t + 1))
                        again = functools.partial(self._again, *here)
                        optimizer.move(params, grad.copy(), state, rates[i], again)
        self.step += count
        self._losses.append(losses)
        self._orders, self._widths, self._rates = [], [], []

    def _arrays(self, one: _Compiled) -> Iterator[tuple[str, Floats]]:
        """The state arrays (K, P) of a group by name, views."""
        size, count = self.stack.params.shape[1], len(one.formula.states)
        each, at = -(-size * count // LINE) * LINE, self.state_at[one.which[0]]
        all_rows = self.states[at : at + one.rows * each].reshape(one.rows, each)
        for i, name in enumerate(one.group.optimizer.state):
            yield name, all_rows[:, i * size : (i + 1) * size]

    def state(self, group: Group) -> State:
        """See `Stepping`."""
        for one in self.compiled:
            if one.group is group:
                for name, values in self._arrays(one):
                    getattr(group.state, name)[:] = values
                group.state.t = self.step
        return group.state

    def _state(self, one: _Compiled) -> Floats:
        """The state arrays (n, P) of a group's first row."""
        first = [values[0] for _, values in self._arrays(one)]
        return np.stack(first) if first else np.zeros((0, self.stack.params.shape[1]), np.float32)

    def _expected(
        self, step: int, losses: Floats, batches: _Batches
    ) -> list[tuple[_Compiled, Floats, State]]:
        """Where NumPy takes the first row of each group that is to be checked, in this one step."""
        found = []
        for one in self.compiled:
            if one.checked is None:
                continue
            row = slice(int(one.which[0]), int(one.which[0]) + 1)
            self._advance(
                one.which[:1], np.zeros_like(self.loops), losses, step, batches.part(step, step + 1)
            )
            params = self.stack.params[row].copy()
            state = State(one.checked.state, params, self.stack.layers)
            for name, values in zip(one.checked.state, self._state(one), strict=True):
                getattr(state, name)[:] = values
            state.t, lr = self.step + step, self._rates[step][one.index]
            one.checked.move(params, self.stack.grad[row], state, lr[:1] if np.ndim(lr) else lr)
            found.append((one, params, state))
        return found

    def _again(self, rows: slice, losses: Floats, step: int, batch: tuple[Any, ...], point: Floats) -> Floats:
        """The gradient of some rows at another point on the batch of a step."""
        params, which = self.stack.params[rows], np.arange(rows.start, rows.stop)
        home = params.copy()
        params[:] = point
        self._advance(which, np.zeros_like(self.loops), losses, step, batch)
        params[:] = home
        return self.stack.grad[rows].copy()

    def _compare(self, one: _Compiled, params: Floats, state: State) -> None:
        kept = np.concatenate([params, *(getattr(state, name) for name in one.group.optimizer.state)])
        moved = np.concatenate([self.stack.params[one.which[:1]], self._state(one)])
        if not _same(moved, kept):
            raise FrozenError(type(one.group.optimizer))

    def _advance(
        self, which: Integers, addresses: Integers, losses: Floats, first: int, batches: tuple[Any, ...]
    ) -> None:
        numbers = self._numbers
        passes.advance(
            which, addresses, self.states, self.state_at,
            numbers.flat, numbers.at + first * self.counts, self.counts,
            self.stack.params, self.stack.grad, self.of_block, self.blocks, losses, first,
            *self.network, *batches, self.act, self.slopes, self.delta, self.scratch, self.zeros, self.wide,
        )  # fmt: skip
