"""The Optuna mirror and the importances, read with Optuna itself."""

import json
import shutil
from decimal import Decimal

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from studies.analysis import importances
from studies.errors import UsageError
from studies.takehome import optuna_mirror


@pytest.fixture(scope="module")
def mirrored(finished, tmp_path_factory):
    out = tmp_path_factory.mktemp("mirror") / "run"
    shutil.copytree(finished, out)
    journal, names = optuna_mirror.write(out)
    return out, journal, names


def load(journal, name):
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(journal))))


def test_the_mirror_has_one_study_per_dataset_and_optimizer(mirrored):
    _, journal, names = mirrored
    assert set(names) == {f"{d} · {o}" for d in ("wine", "diabetes") for o in ("sgd", "adam")}
    assert all(len(load(journal, name).trials) == 4 * 4 for name in names)


def test_its_trials_are_the_search_rows(mirrored):
    out, journal, _ = mirrored
    rows = pd.read_parquet(out / "tables" / "rows.parquet")
    rows = rows[(rows.dataset == "wine") & (rows.optimizer == "adam") & (rows.kind == "search")]
    study = load(journal, "wine · adam")
    assert [t.value for t in study.trials] == rows.best_validation_loss.tolist()
    assert study.best_value == rows.best_validation_loss.min()
    for trial, row in zip(study.trials, rows.itertuples(), strict=True):
        settings = json.loads(row.settings)
        assert trial.params["lr"] == settings["lr"]
        assert trial.params["1-beta1"] == float(1 - Decimal(str(settings["beta1"])))
        assert trial.params["decay"] == row.decay
        assert ("1-gamma" in trial.params) == (row.decay == "exponential")
        assert trial.user_attrs["block"] == row.block


def test_made_again_it_is_the_same(mirrored):
    out, journal, names = mirrored
    before = [t.params for t in load(journal, names[0]).trials]
    optuna_mirror.write(out)
    assert [t.params for t in load(journal, names[0]).trials] == before


def test_importances_are_shares_and_find_the_learning_rate(finished):
    table = pd.read_parquet(finished / "tables" / "importances.parquet")
    sums = table.groupby(["dataset", "optimizer"]).importance.sum()
    assert sums.to_numpy() == pytest.approx([1.0] * 4)
    assert set(table[table.optimizer == "sgd"].parameter) >= {"lr", "batch_size", "decay"}


def test_importance_follows_a_planted_cause():
    optimizers = pd.DataFrame(
        [
            {
                "optimizer": "adam",
                "search": json.dumps({"lr": [1e-4, 1.0], "1-beta1": [0.01, 1.0]}),
                "decays": "none",
            }
        ]
    )
    rows = pd.DataFrame(
        {
            "dataset": "d",
            "block": 0,
            "optimizer": "adam",
            "kind": "search",
            "draw": range(100),
            "batch_size": 64,
            "decay": "none",
            "status": "ok",
            "test_error": 0.1,
            "settings": [
                json.dumps({"lr": 10 ** -(i % 10 / 3), "beta1": 1 - (i // 10 + 1) / 11}) for i in range(100)
            ],
            "best_validation_loss": [float(i // 10) for i in range(100)],
        }
    )
    (one,) = importances.searches(rows, optimizers)
    found = importances.importances(*one).set_index("parameter").importance
    assert found["1-beta1"] > 0.9


def test_an_unfinished_run_has_no_mirror_yet(finished, tmp_path):
    shutil.copy(finished / "manifest.json", tmp_path)
    with pytest.raises(UsageError, match="no tables yet"):
        optuna_mirror.write(tmp_path)


def noisy(blocks, rng):
    """Rows whose loss follows the learning rate, the batch size and chance."""
    n = 32 * blocks
    lr, small = 10 ** rng.uniform(-4, 0, n), rng.random(n) < 0.5
    return pd.DataFrame(
        {
            "dataset": "d",
            "block": np.repeat(np.arange(blocks), 32),
            "optimizer": "sgd",
            "kind": "search",
            "draw": np.tile(np.arange(32), blocks),
            "batch_size": np.where(small, 64, 128),
            "decay": "none",
            "status": "ok",
            "test_error": 0.1,
            "settings": [json.dumps({"lr": x}) for x in lr],
            "best_validation_loss": np.abs(np.log10(lr) + 2) + small + 2 * rng.random(n),
        }
    )


def test_the_standard_error_of_an_importance_is_how_far_repetitions_differ():
    search = json.dumps({"lr": [1e-4, 1.0]})
    optimizers = pd.DataFrame([{"optimizer": "sgd", "search": search, "decays": "none,exponential"}])
    rng = np.random.default_rng(0)

    def found(blocks):
        (one,) = importances.searches(noisy(blocks, rng), optimizers)
        return importances.importances(*one).set_index("parameter").loc["lr"]

    repeated = pd.DataFrame([found(10) for _ in range(40)])
    assert repeated.error.mean() == pytest.approx(repeated.importance.std(), rel=0.35)
    assert np.isnan(found(1).error)
