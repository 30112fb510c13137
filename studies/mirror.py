"""Optuna as people know it: the search rows as Optuna studies, for its dashboard and its importances.

A mirror, never the record: it is made from the tables, may be deleted, and holds no curves.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from studies.protocol import KEY
from studies.store import read_manifest, read_table

JOURNAL = "optuna.journal"


def _distributions(optimizer: Any, sizes: list[int]) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    ranges = {
        name: FloatDistribution(ends[0], ends[1], log=True)
        for name, ends in json.loads(optimizer.search).items()
    }
    fixed = {
        "batch_size": CategoricalDistribution(sizes),
        "decay": CategoricalDistribution(optimizer.decays.split(",")),
    }
    return fixed | ranges


def trials(rows: pd.DataFrame, optimizer: Any, sizes: list[int]) -> list[Any]:
    """The search rows of one optimizer on one dataset as finished trials; inf stays a value.

    optimizer: its line of the table "optimizers". sizes: the batch sizes that it searched.
    """
    from optuna.trial import create_trial

    known = _distributions(optimizer, sizes)
    made = []
    for row in rows.sort_values(list(KEY)).itertuples():
        settings = json.loads(str(row.settings))
        values: dict[str, Any] = {"batch_size": int(row.batch_size), "decay": row.decay}
        for name in known:
            field = name.removeprefix("1-")
            if field in settings and name not in values:
                value = 1 - settings[field] if name.startswith("1-") else settings[field]
                values[name] = min(max(value, known[name].low), known[name].high)  # 1 - (1 - x) rounds
        attributes = {"block": int(row.block), "status": row.status, "test_error": float(row.test_error)}
        made.append(
            create_trial(
                params=values,
                distributions={name: known[name] for name in values},
                value=float(row.best_validation_loss),
                user_attrs=attributes,
            )
        )
    return made


def _searches(
    rows: pd.DataFrame, optimizers: pd.DataFrame
) -> list[tuple[str, str, pd.DataFrame, Any, list[int]]]:
    lines = {line.optimizer: line for line in optimizers.itertuples()}
    found = []
    for (dataset, name), group in rows[rows.kind == "search"].groupby(["dataset", "optimizer"]):
        sizes = sorted(int(size) for size in group.batch_size.unique())
        found.append((str(dataset), str(name), group, lines[name], sizes))
    return found


def importances(rows: pd.DataFrame, optimizers: pd.DataFrame) -> pd.DataFrame:
    """PED-ANOVA's share of each hyperparameter in reaching the best tenth (Watanabe et al. 2023).

    One line per dataset, optimizer and parameter. 1-γ is judged among the draws that have it.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    lines: list[tuple[Any, ...]] = []
    for dataset, name, group, optimizer, sizes in _searches(rows, optimizers):
        study = optuna.create_study()
        study.add_trials(trials(group, optimizer, sizes))
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
        lines += [(dataset, name, parameter, share, len(group)) for parameter, share in shares.items()]
    return pd.DataFrame(lines, columns=["dataset", "optimizer", "parameter", "importance", "rows"])


def write(run: Path) -> tuple[Path, list[str]]:
    """Make the mirror of a finished run anew: a journal file with one study per (dataset, optimizer).

    Returns the file and the studies' names. Raises UsageError for a run without readable tables.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    read_manifest(run)
    rows, optimizers = read_table(run, "rows"), read_table(run, "optimizers")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = run / JOURNAL
    for leftover in run.glob(f"{JOURNAL}*"):
        leftover.unlink()
    storage = JournalStorage(JournalFileBackend(str(path)))
    names = []
    for dataset, name, group, optimizer, sizes in _searches(rows, optimizers):
        study = optuna.create_study(study_name=f"{dataset} · {name}", storage=storage)
        study.set_user_attr("optimizer", optimizer.title)
        study.add_trials(trials(group, optimizer, sizes))
        names.append(study.study_name)
    return path, names
