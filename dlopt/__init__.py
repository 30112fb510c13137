"""Gradient optimizers in NumPy that train a whole stack of trials at once.

The core of the suite, and the only thing in the wheel: optimizers (`Adam`, ...), schedules, `MLP`,
`train`, `suggest` for anybody's Optuna study, and landscapes to `descend`.
"""

from typing import Any

from dlopt import adam, adam_variants, adaptive, descent, free, layered, matrices, schedules, wrappers
from dlopt.adam import *  # each module's __all__ is the list, so a new optimizer is one edit
from dlopt.adam_variants import *
from dlopt.adaptive import *
from dlopt.advice import BatchSize as BatchSize
from dlopt.advice import suggest_batch_size as suggest_batch_size
from dlopt.average import Floats as Floats
from dlopt.average import accumulate as accumulate
from dlopt.average import debias as debias
from dlopt.average import ewa as ewa
from dlopt.average import number_of as number_of
from dlopt.descent import *
from dlopt.free import *
from dlopt.hyperparameters import Numbers as Numbers
from dlopt.hyperparameters import decay as decay
from dlopt.hyperparameters import positive as positive
from dlopt.hyperparameters import rate as rate
from dlopt.hyperparameters import share as share
from dlopt.hyperparameters import whole as whole
from dlopt.landscapes import *
from dlopt.layered import *
from dlopt.layered import biases as biases
from dlopt.layered import tensors as tensors
from dlopt.layered import weights as weights
from dlopt.matrices import *
from dlopt.models import MLP as MLP
from dlopt.optimizer import Optimizer as Optimizer
from dlopt.optimizer import State as State
from dlopt.optimizer import suggest as suggest
from dlopt.problems import Problem as Problem
from dlopt.problems import check_gradient as check_gradient
from dlopt.schedules import *
from dlopt.schedules import Schedule as Schedule
from dlopt.surfaces import *
from dlopt.training import Split as Split
from dlopt.training import Training as Training
from dlopt.training import checkpoints as checkpoints
from dlopt.training import train as train
from dlopt.wrappers import *
from dlopt.wrappers import EMA as EMA
from dlopt.wrappers import SAM as SAM
from dlopt.wrappers import Average as Average
from dlopt.wrappers import ClipNorm as ClipNorm
from dlopt.wrappers import Lookahead as Lookahead
from dlopt.wrappers import WeightDecay as WeightDecay

__version__ = "0.1.0"

OPTIMIZERS: dict[str, type[Any]] = {
    name.lower(): getattr(module, name)
    for module in (descent, adaptive, adam, adam_variants, free, layered, matrices, wrappers)
    for name in module.__all__
}
"""The built-in optimizer classes by name, simple ones first."""

DEFAULT = ("sgd", "momentum", "heavyball", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
"""The names of those that a study compares unless it is told otherwise."""

SCHEDULES: dict[str, type[Any]] = {
    name.lower(): getattr(schedules, name) for name in schedules.__all__ if name != "Schedule"
}
"""The built-in schedule classes by name."""
