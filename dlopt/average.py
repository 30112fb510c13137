"""Exponentially weighted averages: the one primitive under Momentum, RMSprop and Adam."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlopt.exact import power, real_power

Floats = NDArray[Any]  # float32 or float64
AHEAD = 4096  # corrections that are kept at most


def locked(values: Floats) -> Any:
    """An array that an `update` cannot change, or its number."""
    values = np.asarray(values)
    values.flags.writeable = False
    return values[()]


class Factor(np.lib.mixins.NDArrayOperatorsMixin):
    """A decay factor β in the parameters' dtype: one number, or a (K, 1) column for K rows.

    It computes like that array, except that `1 - β` and `β ** t` come from float64 and are cast last:
    1 - float32(0.9999) is wrong in its fourth digit. Powers are `dlopt.exact.power`'s, the same everywhere.
    """

    def __init__(self, exact: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
        self.exact = exact
        self.dtype = dtype
        self.value, self.complement = locked(exact.astype(dtype)), locked((1.0 - exact).astype(dtype))
        self._first, self._made, self._last = 1, np.empty((0, *exact.shape), dtype), np.ones_like(exact)

    def __rsub__(self, other: Any) -> Any:
        return self.complement if isinstance(other, int | float) and other == 1 else other - self.value

    def __pow__(self, t: float) -> Factor:
        if isinstance(t, int | np.integer) and t >= 0:
            return Factor(power(self.exact, int(t)), self.dtype)
        return Factor(np.asarray(real_power(self.exact, t)), self.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """() for one number, (K, 1) for a column."""
        return self.exact.shape

    def __getitem__(self, where: Any) -> Factor:
        return Factor(np.asarray(self.exact[where]), self.dtype)

    def __iter__(self) -> Iterator[Factor]:
        if not self.exact.ndim:
            raise TypeError("A decay of one number has no rows.")
        return (self[i] for i in range(len(self.exact)))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.exact.item())

    def __round__(self, digits: int | None = None) -> float:
        return round(float(self), digits)

    def __format__(self, spec: str) -> str:
        shown = [format(beta, spec) for beta in self.exact.ravel().tolist()]
        return f"[{', '.join(shown)}]" if self.exact.ndim else shown[0]

    def __repr__(self) -> str:
        return format(self)

    def correction(self, t: int) -> Floats:
        """1 - βᵗ."""
        made: Floats = self.corrections(t, 1)[0]
        return made

    def corrections(self, first: int, count: int) -> Floats:
        """1 - βᵗ for so many steps from the first on, (count, ...); β is multiplied step by step, from 1.

        Made ahead, since one by one they would cost small models a tenth, and by need: twice as many each
        time.
        """
        if first < self._first:
            self._first, self._made, self._last = 1, self._made[:0], np.ones_like(self.exact)
        while first + count > self._first + len(self._made):
            left = self._made[max(first - self._first, 0) :]
            more = max(count, min(2 * len(self._made), AHEAD // self.exact.size), 32)
            powers = np.broadcast_to(self.exact, (more, *self.exact.shape)).copy()
            powers[0] *= self._last
            np.multiply.accumulate(powers, axis=0, out=powers)
            self._first += len(self._made) - len(left)
            self._last = powers[-1]
            self._made = np.concatenate([left, (1.0 - powers).astype(self.dtype)])
        start = first - self._first
        return self._made[start : start + count]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Floats:
        return np.array(self.value, dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = (x.value if isinstance(x, Factor) else x for x in inputs)
        return getattr(ufunc, method)(*plain, **kwargs)


def accumulate(total: Floats, x: Floats, beta: Any) -> Floats:
    """Change total in place to β·total + x, and return it.

    total, x: arrays of one shape, (K, P) or (P,). beta: in [0, 1), a float or one value per row.
    """
    total *= beta.value if isinstance(beta, Factor) else beta
    total += x
    return total


def ewa(mean: Floats, x: Floats, beta: Any) -> Floats:
    """Change mean in place to β·mean + (1-β)·x, the exponentially weighted average, and return it.

    mean, x: arrays of one shape, (K, P) or (P,). beta: in [0, 1), a float or one value per row; it looks
    back about 1/(1-β) steps. Started at 0, the average of a constant θ after t steps is (1-βᵗ)·θ:
    `debias` corrects that.
    """
    return accumulate(mean, (1 - beta) * x, beta)


def debias(mean: Floats, beta: Any, t: int) -> Floats:
    """The average divided by 1-βᵗ: unbiased for a stationary series (Kingma & Ba 2015, section 3).

    mean: an `ewa` started at 0, after t >= 1 steps; it is not changed.
    """
    if isinstance(beta, Factor):
        return mean / beta.correction(t)
    left = 1 - power(beta, t)
    return mean / (left.astype(beta.dtype) if isinstance(beta, np.ndarray) else float(left))


def number_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of decays, hyperparameters and the step count one that `update` may call.

    function: takes each of them as float64, a number or (K, 1), and returns such: it may be anything that is
    the same everywhere (see `dlopt.exact`), decisions too. What comes out has the parameters' dtype.
    """

    @functools.wraps(function)
    def made(*given: Any) -> Any:
        for one in given:
            if hasattr(one, "deferred"):  # a symbol of `dlopt.engine.formula`
                return one.deferred(made, given)
        arrays = [one for one in given if isinstance(one, Factor | np.ndarray | np.generic)]
        dtypes = [one.dtype for one in arrays if one.dtype.kind == "f"]
        exact = [one.exact if isinstance(one, Factor) else np.asarray(one, np.float64)[()] for one in given]
        found = np.asarray(function(*exact), np.float64)
        if not dtypes:  # of numbers of Python's own
            return found.item() if not found.ndim else found
        return found.astype(dtypes[0])[()]

    return made
