"""What a step of each optimizer takes on this machine, beside the examples that it needs."""

from __future__ import annotations

import contextlib
import math
import sys
import time
import warnings
from typing import Any

import pandas as pd

import dlopt
from studies.folder.schema.tables import TABLES
from studies.question import user_optimizer
from studies.question.budget import Budget
from studies.question.plan import Facts, Plan

ROWS = 8  # trials that step side by side, as in a study
STEPS = 120  # at least, that are timed
REPEATS = 4


def asked(plan: Plan) -> tuple[Any, ...]:
    """The call of `step_times` for all arms of a plan."""
    arms = [
        (name, arm.name, arm.uses, arm.fixed, plan.sizes(name, arm)[0])
        for name in plan.facts
        for arm in plan.arms.values()
    ]
    return step_times, plan.study.seed, plan.study.engine, plan.facts, plan.budgets, arms


def step_times(
    seed: int, engine: str, facts: dict[str, Facts], budgets: dict[str, Budget], arms: list[Any]
) -> pd.DataFrame:
    """One line per dataset and arm: the time of one trial's step at its smallest batch size.

    A longer training less a shorter one, each the quickest of some, one core: without what a call costs.
    """
    lines = []
    for name, data in facts.items():
        block = data.data.block(0, seed=seed)
        for _, arm, uses, fixed, size in (one for one in arms if one[0] == name):
            kind = user_optimizer.find(uses)
            usual = dict(fixed)
            optimizer = kind(**usual | {"lr": [usual.get("lr", kind().lr)] * ROWS})
            each = math.ceil(data.n_train / size)
            epochs = kind.gradients * math.ceil(STEPS / each)  # past all records that are close together
            how = {"batch_size": size, "engine": engine, "progress": False}
            taken = []
            for many in (epochs, 2 * epochs):
                took = [
                    _timed(uses, budgets[name].model, block, optimizer, many, how) for _ in range(REPEATS)
                ]
                taken.append(min(took))
            steps = each * epochs // kind.gradients
            spent = taken[1] - taken[0]
            micro = 1e6 * spent / (steps * ROWS) if spent > 0 else math.nan  # too short to be told apart
            lines.append((name, arm, size, micro, 1000 * micro / (size * kind.gradients)))
    return pd.DataFrame(lines, columns=list(TABLES["step_times"].columns))


def _timed(uses: str, model: Any, block: Any, optimizer: Any, epochs: int, how: dict[str, Any]) -> float:
    started = time.perf_counter()
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(sys.stderr),
        user_optimizer.limited(type(optimizer)) if uses not in dlopt.OPTIMIZERS else contextlib.nullcontext(),
    ):
        warnings.filterwarnings("ignore", message=".* runs in NumPy")
        dlopt.train(model, block, optimizer, epochs=epochs, **how)
    return time.perf_counter() - started
