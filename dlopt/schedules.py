"""Learning-rate schedules: a factor per epoch, never per step. `a * b` is a schedule too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, dataclass_transform

import numpy as np
from numpy.typing import NDArray

from dlopt import hyperparameters
from dlopt.exact import half_wave, real_power
from dlopt.hyperparameters import Numbers, decay, positive, rate

__all__ = ["Schedule", "Constant", "Exponential", "Step", "InverseTime", "Polynomial", "Cosine", "Warmup"]

Factor = float | NDArray[np.float64]


@dataclass_transform(
    kw_only_default=True, frozen_default=True, eq_default=False, field_specifiers=(rate, decay, positive)
)
class Schedule:
    """Base of all schedules: subclass it, declare the fields and write `factor`.

    Each field is a number or one per trial. A factor is the same to the last bit on every machine if it is
    made of + - * / alone and of `dlopt.exact`, as these are. python: the factor as an expression of Python,
    with `epoch` and in braces the fields, for code that is taken elsewhere; "" where there is none.
    """

    python: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        hyperparameters.declare(cls)

    def __post_init__(self) -> None:
        hyperparameters.settle(self)

    def factor(self, epoch: int) -> Factor:
        """What the learning rate is multiplied by in this epoch (from 0): a float or a (K, 1) column."""
        raise NotImplementedError

    @classmethod
    def budget(cls, epochs: int) -> dict[str, float]:
        """The fields that a study of so many epochs sets itself, and does not search."""
        return {}

    def rowwise(self) -> Sequence[Schedule]:
        """This schedule for one trial after the other: itself alone, where no field is a column."""
        if hyperparameters.rows(self) == 1:
            return [self]
        names = hyperparameters.declared(type(self))
        values = {name: getattr(self, name) for name in names}
        return [
            type(self)(**{n: float(v[i, 0]) if isinstance(v, np.ndarray) else v for n, v in values.items()})
            for i in range(hyperparameters.rows(self))
        ]

    def __mul__(self, other: Schedule) -> Schedule:
        return Product(self, other) if isinstance(other, Schedule) else NotImplemented

    def __repr__(self) -> str:
        return f"{type(self).__name__}({hyperparameters.describe(self)})"


class Product(Schedule):
    """Two schedules one on top of the other: their factors multiply."""

    def __init__(self, first: Schedule, second: Schedule) -> None:
        object.__setattr__(self, "parts", (first, second))

    def factor(self, epoch: int) -> Factor:
        """Return the product of both factors."""
        first, second = self.parts  # type: ignore[attr-defined]  # the dataclass is frozen
        return first.factor(epoch) * second.factor(epoch)  # type: ignore[no-any-return]

    def rowwise(self) -> Sequence[Schedule]:
        """See `Schedule`."""
        first, second = (part.rowwise() for part in self.parts)  # type: ignore[attr-defined]
        if len(first) != len(second) and 1 not in (len(first), len(second)):
            raise ValueError(
                f"A product of schedules for {len(first)} and for {len(second)} trials has no meaning. "
                "Give one value per trial, or one for all."
            )
        rows = max(len(first), len(second))
        return [first[i % len(first)] * second[i % len(second)] for i in range(rows)]

    def __repr__(self) -> str:
        return " * ".join(map(repr, self.parts))  # type: ignore[attr-defined]


class Constant(Schedule):
    """No decay: the learning rate stays as it is."""

    def factor(self, epoch: int) -> float:
        """Return 1, whatever the epoch."""
        return 1.0


class Exponential(Schedule):
    """Exponential decay: lr·γ^epoch (torch's ExponentialLR, stepped once per epoch)."""

    gamma: Numbers = decay(default=0.95, search=(1e-3, 0.3), symbol="γ", one=True)
    python = "{gamma!r} ** epoch"

    def factor(self, epoch: int) -> Factor:
        """Return γ^epoch."""
        return real_power(self.gamma, epoch)


class Step(Schedule):
    """Step decay: lr·γ^⌊epoch / every⌋ (torch's StepLR). A study drops it at each quarter of its epochs."""

    every: Numbers = rate(default=10.0)
    gamma: Numbers = decay(default=0.5, search=(0.1, 0.95), symbol="γ", one=True)
    python = "{gamma!r} ** (epoch // {every!r})"

    def factor(self, epoch: int) -> Factor:
        """Return γ to the number of drops so far."""
        return real_power(self.gamma, epoch // self.every)

    @classmethod
    def budget(cls, epochs: int) -> dict[str, float]:
        """A quarter of the epochs."""
        return {"every": max(1.0, math.ceil(epochs / 4))}


class InverseTime(Schedule):
    """Inverse time decay: lr / (1 + k·epoch) (Robbins & Monro 1951 ask for it; Keras's InverseTimeDecay)."""

    k: Numbers = positive(default=0.1, search=(1e-3, 10.0), symbol="k")
    python = "1 / (1 + {k!r} * epoch)"

    def factor(self, epoch: int) -> Factor:
        """Return 1 / (1 + k·epoch)."""
        return 1.0 / (1.0 + self.k * epoch)


class Polynomial(Schedule):
    """Polynomial decay: lr·(1 - epoch / epochs)^power, 0 from then on (torch's PolynomialLR)."""

    epochs: Numbers = rate(default=100.0)
    power: Numbers = rate(default=1.0, search=(0.3, 3.0), symbol="p")
    python = "max(1 - epoch / {epochs!r}, 0) ** {power!r}"

    def factor(self, epoch: int) -> Factor:
        """Return (1 - epoch / epochs)^power."""
        return real_power(np.maximum(1.0 - epoch / self.epochs, 0.0), self.power)

    @classmethod
    def budget(cls, epochs: int) -> dict[str, float]:
        """All the epochs."""
        return {"epochs": float(epochs)}


class Cosine(Schedule):
    """Cosine decay: lr·(1 + cos(π·epoch / epochs)) / 2, then 0 (Loshchilov & Hutter 2017, no restart).

    Torch's CosineAnnealingLR with eta_min 0 rises again after its T_max; this one does not.
    """

    epochs: Numbers = rate(default=100.0)
    python = "(1 + math.cos(math.pi * min(epoch / {epochs!r}, 1))) / 2"

    def factor(self, epoch: int) -> Factor:
        """Return the half cosine wave."""
        return half_wave(np.minimum(epoch / self.epochs, 1.0))

    @classmethod
    def budget(cls, epochs: int) -> dict[str, float]:
        """All the epochs."""
        return {"epochs": float(epochs)}


class Warmup(Schedule):
    """Linear warm-up: lr·(epoch + 1) / epochs, then lr (Goyal et al. 2017); multiply it with a decay."""

    epochs: Numbers = rate(default=5.0)
    python = "min((epoch + 1) / {epochs!r}, 1)"

    def factor(self, epoch: int) -> Factor:
        """Return the share of the way, at most 1."""
        return np.minimum((epoch + 1) / self.epochs, 1.0)

    @classmethod
    def budget(cls, epochs: int) -> dict[str, float]:
        """A twentieth of the epochs."""
        return {"epochs": max(1.0, math.ceil(epochs / 20))}
