"""All tables of a run, from its rows: what is written is what `compare` and its like have found."""

from __future__ import annotations

import json
from typing import NamedTuple

import pandas as pd

import datasets
from dlopt import fields
from studies import compare, readings
from studies.arms import about
from studies.audit import audit
from studies.baselines import baselines, trainings
from studies.batches import batch_sizes as batch_sizes_table
from studies.batches import batch_times
from studies.draws import batch_sizes
from studies.export import takehome
from studies.known import known
from studies.literature import literature
from studies.mirror import importances, searches
from studies.power import power
from studies.protocol import Pick, Study, budget
from studies.workers import Workers

UNITS = {
    "error": {"classification": "share misclassified", "regression": "RMSE in training standard deviations"},
    "balanced-error": {"classification": "mean over classes of the share misclassified"},
    "loss": {"classification": "cross-entropy", "regression": "half the mean squared error"},
}


class Compared(NamedTuple):
    """What the search rows alone say, before the picks are confirmed."""

    tables: dict[str, pd.DataFrame]
    picks: list[Pick]


def floors(study: Study) -> dict[str, float]:
    """The smallest value with which a dataset's errors enter divisors."""
    loaded = {name: datasets.load(name) for name in study.datasets}
    shares = study.metric != "loss"
    return {n: 1 / (2 * d.n_test) if d.n_classes and shares else 1e-6 for n, d in loaded.items()}


def compared(
    study: Study, rows: pd.DataFrame, curves: pd.DataFrame, old: dict[str, pd.DataFrame], workers: Workers
) -> Compared:
    """Readings, calls, ranking and picks; and what needs none of them, found meanwhile.

    old: the lines of "importances" and "baselines" that are found already.
    """
    arms = {arm.name: arm for arm in study.arms}
    optimizers, names = list(arms), list(study.datasets)
    described, known = _optimizers(study), old["importances"]
    known = known[known.optimizer.isin(optimizers)]
    searched = set(zip(known.dataset, known.optimizer, strict=True))
    shares = [(importances, *one) for one in searches(rows, described) if one[:2] not in searched]
    new = [name for name in names if name not in set(old["baselines"].dataset)]
    plain = trainings(study, new)
    with workers.meanwhile([*plain, *shares]) as answers:
        read = readings.search_readings(rows, winner=study.dependent)
        lowest = readings.envelopes(rows, curves)
        ratios = readings.log_ratios(lowest, optimizers)
        both = _scores(study, read, ratios)
        apart = answers()
    small = floors(study)
    independent = rows[rows.optimizer.isin([a.name for a in study.arms if a.sampler == "random"])]
    comparing = [(compare.comparisons, scores, _kinds(study), study.seed) for scores in both]
    with workers.meanwhile([*comparing, (literature, study, rows, read, ratios, small)]) as answers:
        found = {
            "rows": rows,
            "curves": curves,
            "envelopes": lowest,
            "readings": read,
            "ratios": ratios,
            "best_of_k": compare.best_of_k(independent),
            "learning_rates": compare.learning_rates(rows, small),
            "tuning": compare.tuning(read),
            "best_rates": compare.best_rates(rows),
            "batch_sizes": batch_sizes_table(study, lowest),
            "decay": compare.decay(read, _mixed(study), names, study.seed),
            "baselines": _joined(old["baselines"], baselines(study, new, apart[: len(plain)])),
            "importances": _joined(known, *apart[len(plain) :]),
            "optimizers": described,
        }
        *calls, published = answers()
    placed = _placed(both, calls, optimizers)
    with workers.meanwhile([(power, scores, placed, study.seed) for scores in both]) as answers:
        found |= {
            "literature": published,
            "comparisons": pd.concat(calls),
            "ranking": placed,
            "forest": compare.forest(read, placed, small),
        }
        picks = compare.picks(rows, placed, names, arms)
        found["power"] = pd.concat(answers())
    return Compared(found, picks)


def alone(study: Study, read: pd.DataFrame, ratios: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What depends on who else is compared, for a study's own optimizers, from the readings of more."""
    both, names = _scores(study, read, ratios), list(study.datasets)
    calls = [compare.comparisons(scores, _kinds(study), study.seed) for scores in both]
    return {
        "comparisons": pd.concat(calls, ignore_index=True),
        "ranking": _placed(both, calls, [arm.name for arm in study.arms]),
        "decay": compare.decay(read, _mixed(study), names, study.seed),
    }


def _scores(study: Study, read: pd.DataFrame, ratios: pd.DataFrame) -> list[compare.Scores]:
    optimizers, names = [arm.name for arm in study.arms], list(study.datasets)
    return [compare.error_scores(read, optimizers, names), compare.ratio_scores(ratios, optimizers, names)]


def _placed(both: list[compare.Scores], calls: list[pd.DataFrame], optimizers: list[str]) -> pd.DataFrame:
    ranked = [compare.ranking(*one, optimizers) for one in zip(both, calls, strict=True)]
    return pd.concat(ranked, ignore_index=True)


def _kinds(study: Study) -> dict[str, str]:
    return {n: "loss" if study.metric == "loss" else datasets.load(n).task for n in study.datasets}


def _mixed(study: Study) -> list[str]:
    return [arm.name for arm in study.arms if len(arm.decays()) > 1 and not study.dependent]


def _joined(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([one for one in frames if len(one)] or frames[:1])


def finished(
    study: Study,
    results: Compared,
    confirmed: pd.DataFrame,
    timings: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """All tables by name, ready to be written."""
    found, arms = results.tables, {arm.name: arm for arm in study.arms}
    picked = compare.picks_table(results.picks, found["readings"], found["comparisons"], confirmed)
    return {
        **found,
        "picks": picked,
        "confirmations": confirmed,
        "takehome": takehome(study, picked),
        "audit": audit(found["rows"], found["curves"], found["comparisons"], picked, arms),
        "datasets": _datasets(study),
        "timings": timings,
        **known(),
        "batch_times": batch_times(study, found["envelopes"], timings),
    }


def _optimizers(study: Study) -> pd.DataFrame:
    lines = []
    for i, arm in enumerate(study.arms):
        declared = arm.decays()[-1]
        lines.append(
            {
                "position": i,
                "optimizer": arm.name,
                "title": arm.title,
                "uses": arm.optimizer,
                "source": arm.source,
                "summary": about(arm.kind),
                "defaults": json.dumps({n: getattr(arm.kind(), n) for n in fields.declared(arm.kind)}),
                "search": json.dumps({f.trial_name(n): e for n, (f, e) in arm.ranges(declared).items()}),
                "fixed": json.dumps(dict(arm.fixed)),
                "decays": ",".join(arm.decays()),
                "batch_sizes": ",".join(map(str, arm.batch_sizes)),
                "sampler": arm.sampler,
            }
        )
    return pd.DataFrame(lines)


def _datasets(study: Study) -> pd.DataFrame:
    lines = []
    for i, name in enumerate(study.datasets):
        dataset = datasets.load(name)
        plan = budget(dataset, study)
        layers = plan.model.layers(dataset.n_features, dataset.n_classes or 1)
        sizes = {size for arm in study.arms for size in batch_sizes(study, name, arm)}
        lines.append(
            {
                "position": i,
                "dataset": name,
                "task": dataset.task,
                "unit": UNITS[study.metric][dataset.task],
                "rows": dataset.n_rows,
                "features": dataset.n_features,
                "classes": dataset.n_classes,
                "training_rows": dataset.n_train,
                "test_rows": dataset.n_test,
                "epochs": plan.epochs,
                "batch_sizes": ",".join(map(str, sorted(sizes))),
                "model": repr(plan.model),
                "parameters": layers[-1].slice.stop,
                "sha256": dataset.digest,
                "notes": "\n".join(dataset.notes),
            }
        )
    return pd.DataFrame(lines)
