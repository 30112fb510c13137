"""Optuna as people know it: the search rows as Optuna studies, for its dashboard and its importances.

A mirror, never the record: it is made from the tables, may be deleted, and holds no curves.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import socket
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from studies import database
from studies.errors import UsageError
from studies.protocol import KEY
from studies.store import read_manifest, read_table

JOURNAL = "optuna.journal"
FIFTHS = 5  # parts of the blocks, each left out once
FEW = "The number of trials is too small|Target and region quantiles select|Some regimes for"


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
    from optuna.trial import FrozenTrial, TrialState

    known, now = _distributions(optimizer, sizes), datetime.datetime.now()
    made: list[Any] = []
    for row in rows.sort_values(list(KEY)).itertuples():
        settings = json.loads(str(row.settings))
        values: dict[str, Any] = {"batch_size": int(row.batch_size), "decay": row.decay}
        for name in known:
            field = name.removeprefix("1-")
            if field in settings and name not in values:
                value = 1 - settings[field] if name.startswith("1-") else settings[field]
                values[name] = min(max(value, known[name].low), known[name].high)  # 1 - (1 - x) rounds
        made.append(
            FrozenTrial(
                number=len(made),
                trial_id=len(made),
                state=TrialState.COMPLETE,
                value=float(row.best_validation_loss),
                params=values,
                distributions={name: known[name] for name in values},
                user_attrs={
                    "block": int(row.block),
                    "status": row.status,
                    "test_error": float(row.test_error),
                },
                system_attrs={},
                intermediate_values={},
                datetime_start=now,
                datetime_complete=now,
            )
        )
    return made


def searches(
    rows: pd.DataFrame, optimizers: pd.DataFrame
) -> list[tuple[str, str, pd.DataFrame, Any, list[int]]]:
    """Dataset, optimizer, its rows, its line of the table "optimizers" and the batch sizes it searched."""
    lines = {line.optimizer: line for line in optimizers.itertuples()}
    found = []
    for (dataset, name), group in rows[rows.kind == "search"].groupby(["dataset", "optimizer"]):
        sizes = sorted(int(size) for size in group.batch_size.unique())
        found.append((str(dataset), str(name), group, lines[name], sizes))
    return found


def importances(
    dataset: str, name: str, rows: pd.DataFrame, optimizer: Any, sizes: list[int]
) -> pd.DataFrame:
    """PED-ANOVA's share of each hyperparameter in reaching the best tenth (Watanabe et al. 2023).

    One line per parameter of one of the `searches`, with its jackknife standard error: each fifth of the
    blocks is left out once (NaN with one block). 1-γ is judged among the draws that have it.
    """
    made = trials(rows, optimizer, sizes)
    known = any(np.isfinite(one.value) for one in made)  # else all diverged, and no draw is better
    shares, blocks = _shares(made), sorted({one.user_attrs["block"] for one in made})
    fifths = [set(blocks[i::FIFTHS]) for i in range(min(FIFTHS, len(blocks)))]
    without = [_shares([one for one in made if one.user_attrs["block"] not in out]) for out in fifths]
    lines = []
    for parameter, share in shares.items():
        left = np.array([each.get(parameter, 0.0) for each in without])
        spread = np.sqrt((len(left) - 1) * left.var()) if len(left) > 1 else np.nan
        told = (share, float(spread)) if known else (np.nan, np.nan)
        lines.append((dataset, name, parameter, *told, len(rows)))
    return pd.DataFrame(lines, columns=["dataset", "optimizer", "parameter", "importance", "error", "rows"])


def _shares(made: list[Any]) -> dict[str, float]:
    import optuna
    from optuna.storages import InMemoryStorage

    class Given(InMemoryStorage):
        """Has these trials already: adding them would copy each."""

        def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[Any]:
            return [one for one in made if states is None or one.state in states]

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", FEW)  # how many there are is told
        study = optuna.create_study(storage=Given())
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))


def _finished(run: Path) -> dict[str, tuple[str, list[Any]]]:
    """Title and trials of each study of a finished run, by the study's name."""
    read_manifest(run)
    rows, optimizers = read_table(run, "rows"), read_table(run, "optimizers")
    return {
        f"{dataset} · {name}": (optimizer.title, trials(group, optimizer, sizes))
        for dataset, name, group, optimizer, sizes in searches(rows, optimizers)
    }


def _add(storage: Any, name: str, title: str, made: list[Any], **attributes: str) -> None:
    import optuna

    study = optuna.create_study(study_name=name, storage=storage)
    for key, value in (attributes | {"optimizer": title}).items():
        study.set_user_attr(key, value)
    study.add_trials(made)


def write(run: Path) -> tuple[Path, list[str]]:
    """Make the mirror of a finished run anew: a journal file with one study per (dataset, optimizer).

    Returns the file and the studies' names. Raises UsageError for a run without readable tables.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    studies = _finished(run)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = run / JOURNAL
    for leftover in run.glob(f"{JOURNAL}*"):
        leftover.unlink()
    storage = JournalStorage(JournalFileBackend(str(path)))
    for name, (title, made) in studies.items():
        _add(storage, name, title, made)
    return path, list(studies)


def write_into(storage: str, run: Path, tell: Callable[[str], None]) -> tuple[str, list[str]]:
    """Make the mirror of a finished run anew in a database that others share.

    Its studies are named after the run's folder and say where they come from: only such are replaced, and
    those that hold the same trials already are left alone. storage: see `database.read`. tell hears of each
    study written. Returns the URL without its password, and the studies' names. Raises UsageError.
    """
    import optuna

    url, origin = database.read(storage), f"{socket.gethostname()}:{run.resolve()}"
    studies = {f"{run.resolve().name}: {name}": content for name, content in _finished(run).items()}
    digests = {name: _digest(made) for name, (_, made) in studies.items()}
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    with database.opened(url) as there:
        summaries = optuna.get_all_study_summaries(there, include_best_trial=False)
        held = {one.study_name: (one.user_attrs, one.n_trials) for one in summaries}
        missing = []
        for name, (_, made) in studies.items():
            attributes, count = held.get(name, ({}, 0))
            if (attributes.get("digest"), count) == (digests[name], len(made)):
                continue
            if name in held and attributes.get("run") != origin:
                raise UsageError(
                    f"The database has another {name!r}, from {attributes.get('run', 'an unknown place')}.",
                    f"Delete that study, or mirror a copy of the run: cp -r '{run}' '{run}-2'",
                )
            missing.append(name)

        def put(name: str) -> str:
            if name in held:
                optuna.delete_study(study_name=name, storage=there)
            _add(there, name, *studies[name], run=origin, digest=digests[name])
            return f"{name}: {len(studies[name][1])} trials"

        threads = 1 if url.get_backend_name() == "sqlite" else 8  # a trial is some 30 round trips
        lines = Parallel(threads, backend="threading", return_as="generator_unordered")(
            delayed(put)(name) for name in missing
        )
        for line in lines:
            tell(line)
    return database.shown(url), list(studies)


def _digest(made: list[Any]) -> str:
    content = [(one.value, one.params, one.distributions, one.user_attrs) for one in made]
    return hashlib.sha256(repr(content).encode()).hexdigest()
