"""A plan is made once: datasets and budgets are asked for once in a run, and constructors do no work."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import datasets
from studies import Arm, Study, run
from studies.errors import UsageError
from studies.question import plan
from studies.question.plan import planned
from tests.support.tiny import tiny

ROOT = Path(__file__).parents[3]


@pytest.fixture
def counted(monkeypatch):
    """How often each dataset was loaded, and its budget asked for."""
    loads, budgets = Counter(), Counter()
    load, budget = datasets.load, plan.budget
    monkeypatch.setattr(datasets, "load", lambda name: loads.update([name]) or load(name))
    monkeypatch.setattr(plan, "budget", lambda one, study: budgets.update([one.name]) or budget(one, study))
    return loads, budgets


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_loads_each_dataset_once(tmp_path, counted, jobs):
    loads, budgets = counted
    study = tiny()
    for call in (1, 2):  # another call of the same run too
        run(study, out=tmp_path / "run", jobs=jobs)
        assert loads == Counter(dict.fromkeys(study.datasets, call))
        assert set(budgets) == set(study.datasets)


@pytest.mark.slow
def test_a_run_that_grows_loads_what_its_folder_holds_once(tmp_path, counted):
    loads, _ = counted
    run(tiny(datasets=("wine",)), out=tmp_path / "run", jobs=1)
    loads.clear()
    run(tiny(datasets=("diabetes",)), out=tmp_path / "run", jobs=1)
    assert loads == {"wine": 1, "diabetes": 1}


def test_named_studies_are_made_without_a_look_at_data():
    code = """
import datasets
def load(name):
    raise AssertionError(name)
datasets.load = load
from studies.catalog import STUDIES
print(len(STUDIES))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 5


def test_making_an_arm_or_a_study_runs_nobody_s_code(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('it ran')\n")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process"))
    arm = Arm(str(file), fixed=(("beta", 0.5),))
    study = Study("mine", ("sgd", arm), ("wine",))
    assert [one.optimizer for one in study.arms] == ["sgd", str(file)]
    monkeypatch.undo()
    with pytest.raises(UsageError, match="it ran"):
        study.found()
    with pytest.raises(UsageError, match="it ran"):
        run(study, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_is_set_of_a_class_is_checked_when_it_is_found(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import dlopt\nclass Mine(dlopt.SGD):\n    '''Mine: θ ← θ - ηg.'''\n")
    with pytest.raises(UsageError, match=r"Mine has no 'beta'"):
        Arm(str(file), fixed=(("beta", 0.5),)).found()
    found = Arm(str(file), search=(("lr", (0.1, 1.0)),)).found()
    assert (found.name, found.title, found.found() is found) == ("mine", "Mine", True)


def test_a_table_that_was_changed_is_another_plan():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 3)), rng.integers(0, 2, 80)
    digests = []
    for shift in (0.0, 1.0):
        table = datasets.from_arrays(X + shift, y, name="shifted")
        facts = planned(Study("n", ("sgd",), (table,), blocks=1, draws=2)).facts["shifted"]
        assert facts.data.digest == facts.digest
        digests.append(facts.digest)
    assert digests[0] != digests[1]
