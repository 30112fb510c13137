"""The models that stand beside a pick."""

import threadpoolctl
from sklearn.dummy import DummyClassifier

from studies import Study
from studies.analysis import baselines
from studies.question.plan import planned


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
