"""What batch size does: steps and examples to the losses that all sizes reach, and where each ends."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd

from studies.analysis.readings import TARGETS, examples_at
from studies.analysis.statistics import Doubles, order_interval
from studies.analysis.verdicts import FLOOR
from studies.folder.schema.tables import TABLES
from studies.question.arm import Arm
from studies.question.plan import Plan
from studies.question.study import Study
from studies.training.rows import CONFIRMING

COLUMNS = ("steps", "examples", "epochs_loss", "steps_loss")


def families(study: Study) -> dict[str, list[Arm]]:
    """Arms that differ in their one batch size alone, by optimizer: what there is to compare."""
    found: dict[str, list[Arm]] = {}
    for arm in study.arms:
        if len(arm.batch_sizes) == 1:
            found.setdefault(arm.optimizer, []).append(arm)
    return {name: arms for name, arms in found.items() if len(arms) > 1}


def batch_sizes(plan: Plan, lowest: pd.DataFrame) -> pd.DataFrame:
    """One line per dataset, optimizer and batch size; medians over blocks with order-statistic intervals.

    steps, examples: needed on (geometric) average for eight losses, at 1/8 .. 8/8 of the way in log loss
    from the shared start to the worst end of all sizes, within a block. epochs_loss: the lowest
    validation loss at the end, at equal epochs. steps_loss: that at the number of steps which the largest
    batch takes in all, at equal steps. A block in which some size never falls below the start gives no
    steps and no examples.
    """
    lines = []
    for (optimizer, arms), name in itertools.product(families(plan.study).items(), plan.facts):
        n = plan.facts[name].n_train
        sizes = {arm.name: arm.batch_sizes[0] or n for arm in arms}
        here = lowest[(lowest.dataset == name) & lowest.optimizer.isin(list(sizes))]
        read = [_block(group, sizes, n) for _, group in here.groupby("block")]
        for arm in sizes:
            columns = {column: np.array([one[arm][i] for one in read]) for i, column in enumerate(COLUMNS)}
            reached = np.isfinite(columns["steps"])
            line = {"dataset": name, "optimizer": arm, "uses": optimizer, "batch_size": sizes[arm]}
            for column, values in columns.items():
                chosen = values[reached] if column in ("steps", "examples") else values
                middle, low, high, _ = order_interval(chosen)
                line |= {column: middle, f"{column}_low": low, f"{column}_high": high}
            lines.append(line | {"reached": int(reached.sum()), "blocks": len(read)})
    return pd.DataFrame(lines, columns=None if lines else list(TABLES["batch_sizes"].columns))


def _block(group: pd.DataFrame, sizes: dict[str, int], n: int) -> dict[str, tuple[float, ...]]:
    """Steps, examples and the two losses of each arm in one block."""
    curves = {}
    for arm, curve in group.groupby("optimizer"):
        losses = np.log(np.maximum(curve.loss.to_numpy(float), FLOOR))
        curves[str(arm)] = (curve.examples.to_numpy(float), losses)
    start = next(iter(curves.values()))[1][0]
    shared = min(start - losses[-1] for _, losses in curves.values())
    steps = {arm: steps_at(curves[arm][0], size, n) for arm, size in sizes.items()}
    fewest = min(taken[-1] for taken in steps.values())
    found: dict[str, tuple[float, ...]] = {}
    for arm in sizes:
        examples, losses = curves[arm]
        needed = (_needed(axis, start - losses, shared) for axis in (steps[arm], examples))
        at = np.searchsorted(steps[arm], fewest, side="right") - 1
        found[arm] = (*needed, math.exp(losses[-1]), math.exp(losses[at]))
    return found


def steps_at(examples: Doubles, size: int, n: int) -> Doubles:
    """The steps behind so many examples: whole epochs, the last batch of each ragged, and the rest."""
    taken: Doubles = examples // n * math.ceil(n / size) + np.ceil(examples % n / size)
    return taken


def batch_times(plan: Plan, lowest: pd.DataFrame, timings: pd.DataFrame) -> pd.DataFrame:
    """One line per dataset, optimizer and batch size: the loss each reaches in the time of the quickest.

    A training's time is the median over stacks of their seconds / rows; all optimizers of a stack share
    it, and it grows evenly with the examples. The quickest size trains to its end, the others are read at
    the last record before that time. Sizes without a time (their rows came from elsewhere) are left out.
    """
    searched = timings[timings.block < CONFIRMING]
    each = (searched.seconds / searched["rows"]).groupby([searched.dataset, searched.batch_size]).median()
    lines = []
    for (optimizer, arms), name in itertools.product(families(plan.study).items(), plan.facts):
        n, epochs = plan.facts[name].n_train, plan.budgets[name].epochs
        sizes = {arm.name: arm.batch_sizes[0] or n for arm in arms}
        taken = {arm: float(each[name, size]) for arm, size in sizes.items() if (name, size) in each.index}
        for arm, seconds in taken.items():
            here = lowest[(lowest.dataset == name) & (lowest.optimizer == arm)]
            share = min(taken.values()) / seconds  # exactly 1 for the quickest, which keeps its last record
            seen = here[here.examples <= epochs * n * share]
            losses = seen.groupby("block").loss.last().to_numpy(float)
            middle, low, high, _ = order_interval(losses)
            line = {"dataset": name, "optimizer": arm, "uses": optimizer, "batch_size": sizes[arm]}
            line |= {"seconds": seconds, "epochs": epochs * share, "blocks": len(losses)}
            lines.append(line | {"time_loss": middle, "time_loss_low": low, "time_loss_high": high})
    return pd.DataFrame(lines, columns=None if lines else list(TABLES["batch_times"].columns))


def _needed(examples: Doubles, depth: Doubles, shared: float) -> float:
    if shared <= 0:
        return math.nan
    return float(np.exp(np.mean(np.log(examples_at(examples, depth, TARGETS * shared)))))
