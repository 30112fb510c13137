"""Does this suite call equal things different, and does it find what was planted? Counted, not argued.

Two parts. *Whole studies* of an optimizer and its own copies, which differ in their draws alone, run from
end to end by the functions that every study uses. And studies *resampled* from a pool of real trainings,
by the same readings and test: enough of them for rates to a point, of equal arms and of handicapped ones.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import dlopt
from studies.analysis.statistics import clopper_pearson
from studies.analysis.verdicts import LEVEL
from studies.calibration import resample
from studies.calibration.draw_pool import Pool, train_block
from studies.calibration.resample import COPIES, DRAWS, LEVELS, Question
from studies.errors import UsageError, nearest, whole_number
from studies.folder.read import read_table
from studies.folder.schema.tables import TABLES, TOO_FEW
from studies.question.arm import Arm
from studies.question.engine import AUTO, bytes_of
from studies.question.identity import RESULTS_VERSION
from studies.question.study import Study
from studies.runner import run
from studies.training.process_pool import gathered

READINGS = ("error", "ratio")
PARTS = 4  # into which resampled studies are cut, for the workers
ARMS = (
    *((name, name, 1.0) for name in ("adam", "momentum", "sgd", "rmsprop")),
    *((f"{name}-half", name, 0.5) for name in ("adam", "rmsprop")),
    ("off-by-one", "adam", 1.0),
    ("forgetful", "rmsprop", 1.0),
)
HANDICAPS: dict[str, dict[str, Any]] = {  # what is planted, and the share that must be found, by reading
    "learning rates up to best/10": {"cut": 10.0, "goal": {"error": 0.95, "ratio": 0.95}},
    "learning rates up to best/3": {"cut": 3.0, "goal": {"error": 0.95, "ratio": 0.95}},
    "learning rates up to best/2": {"cut": 2.0, "goal": {"error": 0.95, "ratio": 0.95}},
    "a quarter of the draws": {"draws": DRAWS // 4, "goal": {"error": 0.95, "ratio": 0.95}},
    "half of the steps": {"other": "{}-half", "goal": {"error": 0.5}},
    "1.25 times slower": {"slower": 1.25, "goal": {"ratio": 0.95}},
    "corrections off by one step": {"other": "off-by-one", "only": "adam"},
    "an average that is forgotten": {"other": "forgetful", "only": "rmsprop"},
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """So many whole studies of so many copies of an optimizer."""

    optimizer: str
    copies: int
    studies: int
    datasets: tuple[str, ...]
    blocks: int
    draws: int
    epochs: int | None = None

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
            fresh=2,  # nobody looks at their picks
        )


@dataclasses.dataclass(frozen=True)
class Size:
    """A calibration: whole studies, and the pools from which so many more are resampled."""

    whole: Plan
    pools: tuple[Pool, ...] = ()
    deeper: tuple[Pool, ...] = ()  # with another network: only whether copies are told apart
    regressions: tuple[Pool, ...] = ()  # likewise
    studies: int = 2000

    @property
    def every(self) -> tuple[Pool, ...]:
        """All pools."""
        return (*self.pools, *self.deeper, *self.regressions)


FIVE = ("digits", "breast_cancer", "wine", "diabetes", "moons")
SIZES = {
    "small": Size(Plan("adam", 2, 40, ("wine",), blocks=8, draws=4, epochs=5)),
    "full": Size(
        Plan("adam", COPIES, 25, FIVE, 20, DRAWS),
        tuple(
            Pool(name, ARMS, settings=256) for name in ("digits", "breast_cancer", "moons", "circles", "wine")
        ),
        tuple(Pool(name, ARMS[:1], widths=(32, 32)) for name in ("breast_cancer", "moons")),
        tuple(Pool(name, ARMS[:1]) for name in ("diabetes", "friedman1")),
    ),
}


def calibrate(name: str, out: Path, jobs: int, say: Callable[[str], None]) -> pd.DataFrame:
    """Run what a calibration lacks and count: a line for each question, reading and level.

    out: a folder; a second call goes on. The table is also written there, as calibration.csv. Raises
    UsageError for an unknown size.
    """
    if name not in SIZES:
        raise UsageError(f"There is no calibration {name!r}.", nearest(name, list(SIZES)))
    whole_number("jobs", jobs, 0, 1024)
    size, folder = SIZES[name], out / name
    lines: list[dict[str, Any]] = []
    if size.pools:
        _train(size, folder / "pool", jobs, say)
        lines += _resampled(size, folder / "pool", jobs, say)
    lines += _whole(size.whole, folder, jobs, say)
    table = pd.DataFrame(lines)[list(TABLES["calibration"].columns)]
    table.to_csv(folder / "calibration.csv", index=False)
    return table


def _whole(plan: Plan, folder: Path, jobs: int, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    alarms = dict.fromkeys(READINGS, 0)
    for number in range(plan.studies):
        done = run(plan.study(number), out=folder / f"aa-{number}", jobs=jobs)
        found = false_alarms(read_table(done.path, "comparisons"))
        for reading in READINGS:
            alarms[reading] += reading in found
        say(f"{number + 1} of {plan.studies} whole: {', '.join(f'{k} {v}' for k, v in alarms.items())}")
    where = {"datasets": ",".join(plan.datasets), "blocks": plan.blocks, "draws": plan.draws}
    for reading in READINGS:
        words = f"{plan.copies} copies, whole studies"
        yield line(words, plan.optimizer, alarms[reading], plan.studies, reading, goal=LEVEL) | where


def false_alarms(comparisons: pd.DataFrame) -> set[str]:
    """The readings with a call among equals, over all datasets together."""
    pooled = comparisons[comparisons.scope == "pooled"]
    if (pooled.verdict == TOO_FEW).any():
        raise ValueError("A study that can call nothing raises no alarm either. Give it more blocks.")
    return set(pooled[pooled.verdict.isin(["a", "b"])].reading)


def _train(size: Size, folder: Path, jobs: int, say: Callable[[str], None]) -> None:
    files = {(pool, block): pool.file(folder, block) for pool in size.every for block in range(pool.blocks)}
    missing = {key: (train_block, *key, path) for key, path in files.items() if not path.exists()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written to ({error.strerror}).", "Choose another --out."
        ) from error
    gathered(missing, jobs, lambda n, key: say(f"pool: {key[0].dataset}, {n} of {len(missing)} blocks"))


def _questions(size: Size) -> Iterator[tuple[Question, bool, dict[str, float]]]:
    """Each, whether something is planted, and by reading the most false alarms or the least found."""
    pooled = ((size.pools, 20), *(((pool,), 60) for pool in size.pools))
    same = [(size.pools, name, 20) for name in ("adam", "rmsprop", "momentum", "sgd")]
    same += [(p, "adam", 20) for p in (size.regressions, (*size.pools, *size.regressions), size.deeper)]
    same += [((pool,), "adam", 60) for pool in (*size.pools, *size.regressions)]
    for pools, name, blocks in same:
        yield Question("2 copies", pools, name, name, blocks), False, dict.fromkeys(READINGS, LEVEL)
    for name in ("adam", "rmsprop"):
        for words, how in HANDICAPS.items():
            if how.get("only", name) == name:
                other = how.get("other", "{}").format(name)
                planted = {key: how[key] for key in ("draws", "cut", "slower") if key in how}
                for pools, blocks in pooled:
                    goal = how.get("goal", {}) if len(pools) > 1 else {}
                    yield Question(words, pools, name, other, blocks, **planted), True, goal


def _resampled(size: Size, folder: Path, jobs: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    questions, each = list(_questions(size)), size.studies // PARTS
    calls: dict[tuple[Any, ...], tuple[Any, ...]] = {
        (i, part): (resample.ask, q, folder, each, part)
        for i, (q, *_) in enumerate(questions)
        for part in range(PARTS)
    }
    for part in range(2 * PARTS):
        calls["copies", part] = (resample.copies, size.pools, "adam", folder, each // 2, part)
    usual = [(pool, arms) for pool in size.pools for arms in (2, COPIES)]
    for pool, arms in usual:
        calls[pool, arms] = (resample.usual, pool, folder, arms, size.studies, 0)
    found = gathered(calls, jobs, lambda done, _: say(f"resampled: {done} of {len(calls)} parts"))
    lines, studies = [], each * PARTS
    for i, (q, planted, goals) in enumerate(questions):
        parts = [found[i, part] for part in range(PARTS)]
        for reading, level in itertools.product(READINGS, LEVELS):
            better, worse = np.sum([part[reading, level] for part in parts], axis=0).tolist()
            counts = (better, worse) if planted else (better + worse, 0)
            goal = goals.get(reading, np.nan) if level == LEVEL else np.nan
            known = line(q.name, q.arm, counts[0], studies, reading, level, planted=planted, goal=goal)
            lines.append(known | _where(q.pools, q.blocks) | {"against": counts[1]})
    parts = [found["copies", part] for part in range(2 * PARTS)]
    for reading in READINGS:
        alarms = sum(part[reading] for part in parts)
        known = line(f"{COPIES} copies", "adam", alarms, 2 * PARTS * (each // 2), reading, goal=LEVEL)
        lines.append(known | _where(size.pools, 20))
    for pool, arms in usual:
        known = line(f"{arms} copies, usual design", "adam", found[pool, arms], size.studies, "usual")
        lines.append(known | _where((pool,), resample.FINAL) | {"draws": resample.SEARCHED})
    return lines


def _where(pools: tuple[Pool, ...], blocks: int) -> dict[str, Any]:
    network = "rule" if pools[0].widths is None else ",".join(map(str, pools[0].widths))
    return {"datasets": ",".join(pool.dataset for pool in pools), "blocks": blocks, "network": network}


def line(
    question: str,
    optimizer: str,
    found: int,
    studies: int,
    reading: str,
    level: float = LEVEL,
    *,
    planted: bool = False,
    goal: float = np.nan,
) -> dict[str, Any]:
    """One line of the table. goal: the most false alarms or, of what is planted, the least found; NaN: none.

    It holds as long as the rate's interval reaches it.
    """
    low, high = clopper_pearson(found, studies)
    holds = high >= goal if planted else low <= goal
    kernels = bytes_of(AUTO)
    return {
        "results_version": RESULTS_VERSION,
        "question": question,
        "kind": "planted" if planted else "equal",
        "subject": dlopt.OPTIMIZERS[optimizer].__name__,
        "datasets": "",
        "network": "rule",
        "blocks": 0,
        "draws": DRAWS,
        "reading": reading,
        "level": level,
        "studies": studies,
        "found": found,
        "against": 0,
        "rate": found / studies,
        "low": low,
        "high": high,
        "goal": goal,
        "status": "" if np.isnan(goal) else "holds" if holds else "missed",
        "machine": "; ".join(f"{name} {value}" for name, value in kernels.items()),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
