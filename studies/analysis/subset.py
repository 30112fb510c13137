"""What depends on who else is compared: for all optimizers of a run, or for a study's own alone."""

from __future__ import annotations

import pandas as pd

from studies.analysis import comparison, tuning
from studies.analysis.stability import stability
from studies.analysis.verdicts import MARGINS
from studies.question.plan import Plan
from studies.question.study import Study


def floors(plan: Plan) -> dict[str, float]:
    """The smallest value with which a dataset's errors enter divisors."""
    shares = plan.study.metric != "loss"
    return {n: 1 / (2 * d.n_test) if d.n_classes and shares else 1e-6 for n, d in plan.facts.items()}


def within(plan: Plan) -> dict[str, float]:
    """By dataset, how far above another a validation error is as good: the margin, or one row of data."""
    sizes = {name: d.n_rows - d.n_train - d.n_test for name, d in plan.facts.items()}
    row = {name: 1 / max(sizes[name], 1) if d.n_classes else 0.0 for name, d in plan.facts.items()}
    return {name: max(MARGINS[d.task], row[name]) * (1 + 1e-9) for name, d in plan.facts.items()}


def alone(plan: Plan, read: pd.DataFrame, ratios: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What depends on who else is compared, for a study's own optimizers, from the readings of more."""
    study = plan.study
    both, names = both_scores(study, read, ratios), list(study.datasets)
    calls = [comparison.comparisons(scores, kinds(plan)) for scores in both]
    return {
        "comparisons": pd.concat(calls, ignore_index=True),
        "ranking": ranked(both, calls, [arm.name for arm in study.arms], study.seed),
        "decay": tuning.decay(read, mixed(study), names, kinds(plan)),
    }


def both_scores(study: Study, read: pd.DataFrame, ratios: pd.DataFrame) -> list[comparison.Scores]:
    """Differences of all pairs of a study's optimizers in both readings."""
    optimizers, names = [arm.name for arm in study.arms], list(study.datasets)
    return [
        comparison.error_scores(read, optimizers, names, study.challengers),
        comparison.ratio_scores(ratios, optimizers, names, study.challengers),
    ]


def ranked(
    both: list[comparison.Scores], calls: list[pd.DataFrame], optimizers: list[str], seed: int
) -> pd.DataFrame:
    """The ranking in both readings."""
    rankings = [
        comparison.ranking(scores, told, optimizers, stability(scores, optimizers, seed))
        for scores, told in zip(both, calls, strict=True)
    ]
    return pd.concat(rankings, ignore_index=True)


def kinds(plan: Plan) -> dict[str, str]:
    """By dataset, what its margin of equivalence goes by."""
    return {n: "loss" if plan.study.metric == "loss" else d.task for n, d in plan.facts.items()}


def mixed(study: Study) -> list[str]:
    """The arms whose draws have decay or none, by turns."""
    return [arm.name for arm in study.arms if len(arm.decays()) > 1 and not study.dependent]
