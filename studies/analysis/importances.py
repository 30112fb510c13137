"""Which hyperparameter matters: a search's rows as Optuna's trials, and PED-ANOVA of them."""

from __future__ import annotations

import datetime
import json
import warnings
from typing import Any

import numpy as np
import pandas as pd

from dlopt.exact import complement
from studies.training.rows import KEY

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
                value = complement(settings[field]) if name.startswith("1-") else settings[field]
                values[name] = min(max(value, known[name].low), known[name].high)  # for ends of many digits
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
