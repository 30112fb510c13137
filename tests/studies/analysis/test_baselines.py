"""The models that stand beside a pick."""

import numpy as np
import pytest
import threadpoolctl
from sklearn.dummy import DummyClassifier

import datasets
from studies import Study, run
from studies.analysis import baselines
from studies.cli import run as command
from studies.folder.read import read_table
from studies.question.plan import planned
from studies.training.progress import Progress


def test_every_baseline_is_fitted_by_one_thread_of_every_library(monkeypatch):
    seen = []

    class Seeing(DummyClassifier):
        def fit(self, X, y):
            seen.extend(threadpoolctl.threadpool_info())
            return super().fit(X, y)

    study = Study("one", ("sgd",), ("wine",), blocks=2).settled()
    monkeypatch.setattr(baselines, "models", lambda dataset: {"majority class": Seeing})
    with threadpoolctl.threadpool_limits(2):
        baselines.scores(study, planned(study).facts["wine"], 0)
    assert {one["user_api"] for one in seen} >= {"blas", "openmp"}
    assert {one["num_threads"] for one in seen} == {1}


def facts(rows, features, classes):
    """What is known of a dataset of these sizes."""
    known = planned(Study("one", ("sgd",), ("wine",), blocks=2).settled()).facts["wine"]
    task = "classification" if classes else "regression"
    return known._replace(task=task, n_train=rows, n_features=features, n_classes=classes)


def test_a_fit_has_a_bound_in_cost_and_what_is_above_it_is_said():
    for rows, features, classes in ((60, 4, 3), (1_078, 64, 10), (30_000, 20, 2), (30_000, 100, 0)):
        one = facts(rows, features, classes)
        assert len(baselines.models(one)) == 3  # the usual ones
        assert baselines.left_out(one) == ""
    many = facts(1_800, 8, 150)
    assert list(baselines.models(many)) == ["majority class", "linear model"]
    assert "gradient boosting (about " in baselines.left_out(many)
    assert "150 classes" in baselines.left_out(many)
    large = facts(30_000, 5_000, 150)
    assert list(baselines.models(large)) == ["majority class"]
    assert "linear model (about " in baselines.left_out(large)


@pytest.mark.parametrize("model", ["linear model", "gradient boosting"])
def test_a_larger_fit_never_counts_for_less(model):
    for more in ((2, 1, 1), (1, 2, 1), (1, 1, 2)):
        small, large = facts(500, 10, 4), facts(*np.multiply((500, 10, 4), more))
        assert baselines.seconds(model, small) < baselines.seconds(model, large)


class Told(Progress):
    def __init__(self):
        self.lines = []

    def told(self, line):
        self.lines.append(line)


def test_the_time_of_baselines_counts_in_the_estimate_and_in_the_progress(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    table = datasets.from_arrays(rng.normal(size=(120, 3)), rng.normal(size=120), name="late")
    study = Study("one", ("sgd",), (table,), blocks=2, draws=2, epochs=1, fresh=2)
    before = command.plan(study, tmp_path / "no", 1, as_json=True)["seconds"]
    usual = baselines.seconds
    monkeypatch.setattr(baselines, "seconds", lambda model, one: usual(model, one) + 7)
    assert command.plan(study, tmp_path / "no", 1, as_json=True)["seconds"] - before == pytest.approx(
        2 * 3 * 7, abs=3
    )  # two blocks, three models
    monkeypatch.setattr("studies.training.workers.SELDOM", 0.0)
    progress = Told()
    run(study, out=tmp_path / "run", jobs=1, progress=progress)
    assert any("boosting" in line and line.endswith(" left") for line in progress.lines)


def test_a_baseline_that_is_left_out_is_said_in_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(baselines, "MOST_SECONDS", 1e-3)
    study = Study("one", ("sgd",), ("wine",), blocks=2, draws=2, epochs=1, fresh=2)
    path = run(study, out=tmp_path / "run", jobs=1).path
    assert "gradient boosting" not in set(read_table(path, "baselines").model)
    assert "Left out: gradient boosting" in read_table(path, "datasets").left_out[0]
