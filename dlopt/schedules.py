"""Learning-rate schedules: a factor per epoch, never per step."""

from __future__ import annotations

from typing import dataclass_transform

import numpy as np
from numpy.typing import NDArray

from dlopt import fields
from dlopt.fields import decay, positive, rate

__all__ = ["Schedule", "Constant", "Exponential"]


@dataclass_transform(
    kw_only_default=True, frozen_default=True, eq_default=False, field_specifiers=(rate, decay, positive)
)
class Schedule:
    """Base of all schedules: subclass it, declare the fields and write `factor`.

    Each field is a number or one per trial.
    """

    def __init_subclass__(cls) -> None:
        fields.declare(cls)

    def __post_init__(self) -> None:
        fields.settle(self)

    def factor(self, epoch: int) -> float | NDArray[np.float64]:
        """What the learning rate is multiplied by in this epoch (from 0): a float or a (K, 1) column."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({fields.describe(self)})"


class Constant(Schedule):
    """No decay: the learning rate stays as it is."""

    def factor(self, epoch: int) -> float:
        """Return 1, whatever the epoch."""
        return 1.0


class Exponential(Schedule):
    """Exponential decay: lr·γ^epoch (torch's ExponentialLR, stepped once per epoch)."""

    gamma: float = decay(0.95, search=(1e-3, 0.3), symbol="γ", one=True)

    def factor(self, epoch: int) -> float | NDArray[np.float64]:
        """Return γ^epoch."""
        return self.gamma**epoch


def split(schedule: Schedule) -> Schedule | tuple[Schedule, ...]:
    """A schedule whose fields are columns as one schedule per trial, any other as it is."""
    if not any(isinstance(getattr(schedule, name), np.ndarray) for name in fields.declared(type(schedule))):
        return schedule
    values = {name: getattr(schedule, name) for name in fields.declared(type(schedule))}
    return tuple(
        type(schedule)(**{n: float(v[i, 0]) if isinstance(v, np.ndarray) else v for n, v in values.items()})
        for i in range(fields.rows(schedule))
    )
