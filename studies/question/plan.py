"""The plan of a run: what it must know of its arms and datasets, found once and passed down."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import NamedTuple

import datasets
from studies.errors import UsageError, reworded
from studies.question.arm import Arm
from studies.question.budget import Budget, batch_sizes, budget, weights
from studies.question.identity import identity
from studies.question.study import Study

MOST_WEIGHTS = 5_000_000  # of a network: a stack holds one for each of its rows, several times
_loaded: dict[str, datasets.Data] = {}


class Facts(NamedTuple):
    """A dataset without its rows, so that it costs nothing to send it to a worker."""

    name: str
    task: str
    n_classes: int
    n_features: int
    n_rows: int
    n_train: int
    n_test: int
    digest: str
    notes: tuple[str, ...]
    own: bool  # a table of somebody's own

    @property
    def data(self) -> datasets.Data:
        """Its rows: loaded once in each process."""
        found = _loaded.get(self.name)
        if found is None or found.digest != self.digest:
            found = _loaded[self.name] = datasets.load(self.name)
        return found


@dataclasses.dataclass(frozen=True)
class Plan:
    """A study, and by name what it must know: its arms, and of its datasets facts, budget, identities.

    identities: of the rows, by (dataset, arm).
    """

    study: Study
    arms: dict[str, Arm]
    facts: dict[str, Facts]
    budgets: dict[str, Budget]
    identities: dict[tuple[str, str], str]

    def sizes(self, dataset: str, arm: Arm) -> tuple[int, ...]:
        """The batch sizes that an arm searches on a dataset."""
        return batch_sizes(arm, self.facts[dataset], self.budgets[dataset])

    def without(self, failed: Container[str]) -> Plan:
        """The same without the optimizers, by what they use, that failed."""
        arms = {name: arm for name, arm in self.arms.items() if arm.uses not in failed}
        study = dataclasses.replace(self.study, optimizers=tuple(arms.values()))
        return dataclasses.replace(self, study=study, arms=arms)


def planned(study: Study, before: Plan | None = None) -> Plan:
    """The plan of a study whose optimizers are found; what a plan before it has of its datasets is taken.

    Raises UsageError for a dataset that cannot be loaded, has no such metric, or is too small or too large
    for what is asked.
    """
    facts, budgets = dict[str, Facts](), dict[str, Budget]()
    for name in study.datasets:
        facts[name] = before.facts[name] if before and name in before.facts else _facts(name)
        _check(study, facts[name])
        budgets[name] = budget(facts[name], study)
        for arm in study.arms:
            batch_sizes(arm, facts[name], budgets[name])
    arms = {arm.name: arm for arm in study.arms}
    identities = {
        (name, arm.name): identity(study, one.digest, arm)
        for name, one in facts.items()
        for arm in study.arms
    }
    return Plan(study, arms, facts, budgets, identities)


def _facts(name: str) -> Facts:
    try:
        data = _loaded[name] = datasets.load(name)
    except ValueError as error:
        raise reworded(error) from None
    counts = (data.n_classes, data.n_features, data.n_rows, data.n_train, data.n_test)
    return Facts(
        name, data.task, *counts, data.digest, tuple(data.notes), own=isinstance(data, datasets.Table)
    )


def _check(study: Study, facts: Facts) -> None:
    if study.metric == "balanced-error" and not facts.n_classes:
        raise UsageError(
            f"balanced-error is a metric for classes, and {facts.name} is a regression.",
            "Leave that dataset out, or choose --metric error or loss.",
        )
    count = weights(facts, study.widths or ())
    if count > MOST_WEIGHTS:
        raise UsageError(
            f"Hidden layers of {', '.join(map(str, study.widths or ()))} give {count:,} weights on "
            f"{facts.name}, and at most {MOST_WEIGHTS:,} can train here.",
            "Give fewer or narrower layers.",
        )
