"""All tables of a run, from its rows: what is written is what `analysis` has found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from datasets import Table
from dlopt import hyperparameters
from studies.analysis import candidates, comparison, picks, readings, step_times, tuning
from studies.analysis.alternatives import alternatives
from studies.analysis.audit import audit
from studies.analysis.baselines import baselines, left_out, trainings
from studies.analysis.batch_sizes import batch_sizes as batch_sizes_table
from studies.analysis.batch_sizes import batch_times
from studies.analysis.budgets import budgets
from studies.analysis.importances import importances, searches
from studies.analysis.literature import literature
from studies.analysis.picks import Pick
from studies.analysis.power import power
from studies.analysis.size_effects import size_effects
from studies.analysis.subset import both_scores, floors, kinds, mixed, ranked, within
from studies.folder.committed_tables import known
from studies.folder.run_folder import in_order
from studies.folder.schema.tables import TABLES
from studies.question.arm import about
from studies.question.engine import in_numpy
from studies.question.plan import Plan
from studies.takehome.code import takehome
from studies.training.workers import Workers

UNITS = {
    "error": {"classification": "share misclassified", "regression": "RMSE in training standard deviations"},
    "balanced-error": {"classification": "mean over classes of the share misclassified"},
    "loss": {"classification": "cross-entropy", "regression": "half the mean squared error"},
}


class Compared(NamedTuple):
    """What the search rows alone say, before a pick is chosen and confirmed in fresh blocks."""

    tables: dict[str, pd.DataFrame]
    candidates: dict[str, list[Pick]]  # by dataset


class Picked(NamedTuple):
    """What fresh blocks say. choices: of every candidate; confirmed: of the picks and their defaults."""

    picks: list[Pick]
    candidates: pd.DataFrame
    choices: pd.DataFrame
    confirmed: pd.DataFrame


def compared(
    plan: Plan, rows: pd.DataFrame, curves: pd.DataFrame, old: dict[str, pd.DataFrame], workers: Workers
) -> Compared:
    """Readings, calls, ranking and what may be picked; and what needs none of them, found meanwhile.

    old: the lines of "importances" and "baselines" that are found already.
    """
    study = plan.study
    optimizers, names = list(plan.arms), list(plan.facts)
    described, known = _optimizers(plan), old["importances"]
    known = known[known.optimizer.isin(optimizers)]
    searched = set(zip(known.dataset, known.optimizer, strict=True))
    shares = {one[:2]: (importances, *one) for one in searches(rows, described) if one[:2] not in searched}
    new = [name for name in names if name not in set(old["baselines"].dataset)]
    plain = trainings(plan, new)
    with workers.meanwhile({**plain, **shares}, "linear models, boosting, importances") as answers:
        read = in_order("readings", readings.search_readings(rows, winner=study.dependent))
        lowest = readings.envelopes(rows, curves)
        ratios = in_order("ratios", readings.log_ratios(lowest, optimizers))
        both = both_scores(study, read, ratios)
        apart = answers()
    small = floors(plan)
    independent = rows[rows.optimizer.isin([a.name for a in study.arms if a.sampler == "random"])]
    asked: dict[Any, tuple[Any, ...]] = {
        one.reading: (comparison.comparisons, one, kinds(plan)) for one in both
    }
    asked["literature"] = (literature, study, rows, read, ratios, small)
    asked["budgets"] = (partial(budgets, winner=study.dependent), rows, names, kinds(plan))
    with workers.meanwhile(asked) as answers:
        found = {
            "rows": rows,
            "curves": curves,
            "envelopes": lowest,
            "readings": read,
            "ratios": ratios,
            "best_of_k": tuning.best_of_k(independent),
            "learning_rates": tuning.learning_rates(rows, within(plan)),
            "tuning": tuning.tuning(read),
            "best_rates": tuning.best_rates(rows),
            "size_effects": size_effects(rows, names, kinds(plan)),
            "batch_sizes": batch_sizes_table(plan, lowest),
            "decay": tuning.decay(read, mixed(study), names, kinds(plan)),
            "baselines": in_order("baselines", _joined(old["baselines"], baselines(plan, new, apart))),
            "importances": _joined(known, *(apart[key] for key in shares)),
            "optimizers": described,
        }
        told = answers()
    calls = [told[one.reading] for one in both]
    placed = ranked(both, calls, optimizers, study.seed)
    asked = {one.reading: (power, one, placed, study.seed) for one in both}
    with workers.meanwhile(asked) as answers:
        found |= {
            "literature": told["literature"],
            "budgets": told["budgets"],
            "comparisons": pd.concat(calls),
            "ranking": placed,
            "forest": comparison.forest(read, placed, small),
        }
        made = {name: candidates.candidates(rows, placed, plan.arms, name) for name in names}
        told = answers()
    timed = workers.each({"step_times": step_times.asked(plan)})  # alone, for it takes the time
    found["step_times"] = timed["step_times"]
    found["power"] = pd.concat([told[one.reading] for one in both])
    return Compared(found, made)


def _joined(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([one for one in frames if len(one)] or frames[:1])


def finished(
    plan: Plan,
    results: Compared,
    picked: Picked,
    timings: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """All tables by name, ready to be written."""
    found, confirmed = results.tables, picked.confirmed
    beside = alternatives(confirmed, found["baselines"], kinds(plan))
    table = picks.picks_table(picked.picks, found["readings"], found["comparisons"], confirmed, beside)
    return {
        **found,
        "candidates": picked.candidates,
        "choices": picked.choices,
        "picks": table,
        "confirmations": confirmed,
        "alternatives": beside,
        "takehome": takehome(plan, table),
        "audit": audit(found["rows"], found["curves"], found["comparisons"], table, plan.arms),
        "datasets": _datasets(plan),
        "columns": _of_own(plan, "columns", lambda table: table.readings),
        "classes": _of_own(plan, "classes", lambda table: table.shares),
        "timings": timings,
        **known(),
        "batch_times": batch_times(plan, found["envelopes"], timings),
    }


def _optimizers(plan: Plan) -> pd.DataFrame:
    lines = []
    for i, arm in enumerate(plan.arms.values()):
        declared = arm.decays()[-1]
        lines.append(
            {
                "position": i,
                "optimizer": arm.name,
                "title": arm.title,
                "uses": arm.optimizer,
                "source": arm.source,
                "summary": about(arm.kind),
                "defaults": json.dumps(
                    {n: getattr(arm.kind(), n) for n in hyperparameters.declared(arm.kind)}
                ),
                "search": json.dumps({f.trial_name(n): e for n, (f, e) in arm.ranges(declared).items()}),
                "fixed": json.dumps(dict(arm.fixed)),
                "decays": ",".join(arm.decays()),
                "batch_sizes": ",".join(map(str, arm.batch_sizes)),
                "sampler": arm.sampler,
                "in_numpy": in_numpy(plan.study.engine, arm.kind),
            }
        )
    return pd.DataFrame(lines)


def _of_own(plan: Plan, name: str, lines: Callable[[Table], Iterable[tuple[Any, ...]]]) -> pd.DataFrame:
    """A table with lines about each table of the user's own, numbered."""
    found = [
        (dataset, i, *line)
        for dataset, facts in plan.facts.items()
        if isinstance(facts.data, Table)
        for i, line in enumerate(lines(facts.data))
    ]
    return pd.DataFrame(found, columns=list(TABLES[name].columns))


def _datasets(plan: Plan) -> pd.DataFrame:
    lines = []
    for i, (name, dataset) in enumerate(plan.facts.items()):
        given = plan.budgets[name]
        layers = given.model.layers(dataset.n_features, dataset.n_classes or 1)
        sizes = {size for arm in plan.arms.values() for size in plan.sizes(name, arm)}
        lines.append(
            {
                "position": i,
                "dataset": name,
                "task": dataset.task,
                "unit": UNITS[plan.study.metric][dataset.task],
                "rows": dataset.n_rows,
                "features": dataset.n_features,
                "classes": dataset.n_classes,
                "training_rows": dataset.n_train,
                "test_rows": dataset.n_test,
                "epochs": given.epochs,
                "batch_sizes": ",".join(map(str, sorted(sizes))),
                "model": repr(given.model),
                "parameters": layers[-1].slice.stop,
                "sha256": dataset.digest,
                "notes": "\n".join(dataset.notes),
                "left_out": left_out(dataset),
            }
        )
    return pd.DataFrame(lines)
