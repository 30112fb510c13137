"""Gradient optimizers in NumPy that train a whole stack of trials at once.

The core of the suite, and the only thing in the wheel: optimizers (`Adam`, ...), schedules, `MLP`,
`train`, and `suggest` for anybody's Optuna study.
"""

from dlopt import adam, adaptive, descent, schedules
from dlopt.adam import *  # each module's __all__ is the list, so a new optimizer is one edit
from dlopt.adaptive import *
from dlopt.average import accumulate, debias, ewa
from dlopt.descent import *
from dlopt.fields import decay, positive, rate
from dlopt.models import MLP
from dlopt.optimizer import Optimizer, State, suggest
from dlopt.schedules import *
from dlopt.schedules import Schedule
from dlopt.training import Split, Training, checkpoints, train

__version__ = "0.1.0"

OPTIMIZERS: dict[str, type[Optimizer]] = {
    name.lower(): getattr(module, name) for module in (descent, adaptive, adam) for name in module.__all__
}
"""The built-in optimizers by name, simple ones first."""

SCHEDULES: dict[str, type[Schedule]] = {
    name.lower(): getattr(schedules, name) for name in schedules.__all__ if name != "Schedule"
}
"""The built-in schedules by name."""
