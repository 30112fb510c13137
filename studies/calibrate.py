"""Does the whole pipeline call equal things different? Studies of an optimizer and its own copies.

Each study is run from end to end by the functions that every study uses, with a seed of its own: fresh
blocks, fresh draws, and copies that differ in nothing but their names, hence in their draws. Any call
between them is a false alarm, which Holm holds at 5 % for each reading.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from scipy import stats

from studies.arms import Arm
from studies.compare import LEVEL
from studies.errors import UsageError, nearest
from studies.machine import arithmetic
from studies.protocol import RESULTS_VERSION, Study
from studies.runner import run
from studies.statistics import clopper_pearson
from studies.store import read_table

READINGS = ("error", "ratio")
DOUBTFUL = 0.02  # more alarms than a sound pipeline gives in so many calibrations are a failure


@dataclasses.dataclass(frozen=True)
class Plan:
    """So many studies of so many copies of an optimizer."""

    optimizer: str
    copies: int
    studies: int
    datasets: tuple[str, ...]
    blocks: int
    draws: int
    epochs: int | None = None

    @property
    def condition(self) -> str:
        """In words."""
        budget = f"{self.epochs} epochs" if self.epochs else "all epochs"
        where = f"{len(self.datasets)} dataset{'s' if len(self.datasets) > 1 else ''}"
        size = f"{self.blocks} blocks, {self.draws} draws"
        return f"{self.copies} copies of {self.optimizer}, {where}, {size}, {budget}"

    def study(self, number: int) -> Study:
        """One of them."""
        arms = [Arm(self.optimizer, name=f"{self.optimizer}-copy-{i + 1}") for i in range(self.copies)]
        return Study(
            f"aa-{number}",
            tuple(arms),
            self.datasets,
            blocks=self.blocks,
            draws=self.draws,
            epochs=self.epochs,
            seed=1_000_000 + number,
        )


PLANS = {
    "small": (Plan("adam", 2, 40, ("wine",), blocks=8, draws=4, epochs=5),),
    "full": (Plan("adam", 8, 25, ("digits", "breast_cancer", "wine", "diabetes", "moons"), 20, 16),),
}


def calibrate(size: str, out: Path, jobs: int, say: Callable[[str], None]) -> pd.DataFrame:
    """Run what a calibration lacks, and count its false alarms: a line for each plan and reading.

    out: a folder; a second call goes on. The table is also written there, as calibration.csv. Raises
    UsageError for an unknown size.
    """
    if size not in PLANS:
        raise UsageError(f"There is no calibration {size!r}.", nearest(size, list(PLANS)))
    lines = []
    for plan in PLANS[size]:
        alarms = dict.fromkeys(READINGS, 0)
        for number in range(plan.studies):
            done = run(plan.study(number), out=out / size / f"aa-{number}", jobs=jobs)
            found = false_alarms(read_table(done.path, "comparisons"))
            for reading in READINGS:
                alarms[reading] += reading in found
            say(f"{number + 1} of {plan.studies}: {', '.join(f'{k} {v}' for k, v in alarms.items())}")
        lines += [summary(plan, reading, alarms[reading]) for reading in READINGS]
    table = pd.DataFrame(lines)
    table.to_csv(out / size / "calibration.csv", index=False)
    return table


def false_alarms(comparisons: pd.DataFrame) -> set[str]:
    """The readings with a call among equals, over all datasets together."""
    pooled = comparisons[comparisons.scope == "pooled"]
    if (pooled.call == "too few blocks").any():
        raise ValueError("A study that can call nothing raises no alarm either. Give it more blocks.")
    return set(pooled[pooled.call.isin(["a", "b"])].reading)


def most(studies: int) -> int:
    """The most alarms that do not speak against a level of 5 %."""
    return int(stats.binom.isf(DOUBTFUL, studies, LEVEL))


def summary(plan: Plan, reading: str, alarms: int) -> dict[str, object]:
    """One line of the table."""
    low, high = clopper_pearson(alarms, plan.studies)
    kernels = arithmetic()
    return {
        "results_version": RESULTS_VERSION,
        "condition": plan.condition,
        "reading": reading,
        "level": LEVEL,
        "studies": plan.studies,
        "false_alarms": alarms,
        "rate": alarms / plan.studies,
        "low": low,
        "high": high,
        "at_most": most(plan.studies),
        "holds": alarms <= most(plan.studies),
        "machine": "; ".join(f"{name} {value}" for name, value in kernels.items()),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
