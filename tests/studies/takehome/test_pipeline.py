"""The pipeline of a table of one's own: run as it stands, it reaches what the suite has recorded."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import datasets
from studies import run
from studies.analysis import baselines
from studies.cli.overrides import asked
from studies.folder.read import read_table
from studies.takehome import code

FIRST = 1_000_000  # the first block that confirms


def frame(task):
    """Numbers with gaps, categories, dates and prices; the target depends on some of them."""
    rng = np.random.default_rng(5)
    n = 160
    kind = rng.choice(["red", "green", "blue"], n)
    size = rng.normal(size=n)
    signal = size + 2 * (kind == "red") + rng.normal(size=n) / 5
    made = pd.DataFrame(
        {
            "kind": kind,
            "size": np.where(rng.random(n) < 0.1, "n.d.", [f"{value:.3f}" for value in size]),
            "price": [f"€{value:,.2f}" for value in rng.gamma(2, 900, n)],
            "day": pd.date_range("2024-01-01", periods=n).strftime("%d.%m.%Y"),
        }
    )
    return made.assign(y=np.where(signal > 0.5, "yes", "no") if task == "classification" else signal)


@pytest.fixture(scope="module", params=["classification", "regression"])
def finished(request, tmp_path_factory):
    """A study of such a table: its folder with the file, the run, and the task."""
    folder = tmp_path_factory.mktemp("own")
    frame(request.param).to_csv(folder / "mine.csv", index=False)
    flags = {"data": str(folder / "mine.csv"), "target": "y", "optimizers": ("sgd", "rmsprop")}
    study = asked("quick", {**flags, "blocks": 6, "draws": 2, "epochs": 5, "fresh": 6}).study
    return folder, run(study, out=folder / "run", jobs=1).path, request.param


def answers(text, folder, monkeypatch):
    """What the code makes: its names, after it ran where the file lies."""
    monkeypatch.chdir(folder)
    made = {}
    exec(compile(text, "pipeline.py", "exec"), made)
    return made


def error(made, task):
    """The test error of its pipeline, from raw rows on, with scores of our own."""
    table, block = made["table"], made["block"]
    test = table.rows(block.seed)[2]
    predicted = made["pipeline"].predict(made["frame"].iloc[table.origin[test]])
    if task == "classification":
        wanted = made["frame"]["y"].to_numpy()[table.origin[test]]
        return np.mean(np.asarray(table.classes)[predicted] != wanted)
    train = table.y[made["rows"]]
    return np.sqrt(np.mean((predicted - (table.y[test] - train.mean()) / train.std()) ** 2))


def test_the_network_reaches_its_confirmed_score(finished, monkeypatch, capsys):
    folder, path, task = finished
    lines = read_table(path, "takehome").set_index("framework")
    if read_table(path, "picks").recommended.iloc[0] != "pick":
        pytest.fail("another table is wanted: something simpler is better on this one")
    made = answers(lines.code["sklearn"], folder, monkeypatch)
    known = read_table(path, "confirmations").query("what == 'pick' and block == @FIRST").test_error.iloc[0]
    assert error(made, task) == pytest.approx(known, rel=1e-6)
    assert len(capsys.readouterr().out.split()) >= 5


def test_what_is_better_than_it_reaches_its_score_too(finished, monkeypatch, capsys):
    folder, path, task = finished
    known = read_table(path, "baselines").query("block == @FIRST").set_index("model").test_error
    spec = {"path": "mine.csv", "target": "y", "group": None, "time": None, "task": None}
    facts = SimpleNamespace(n_train=96, n_features=9, n_classes=2 * (task == "classification"))
    for name in known.index:
        made = code.pipelines.plain(baselines.models(facts)[name]())
        text = code.pipelines.pipeline(spec, task, FIRST, 0, *made)
        made = answers(text, folder, monkeypatch)
        assert error(made, task) == pytest.approx(known[name], rel=1e-9), name
    capsys.readouterr()


def test_how_the_table_was_read_goes_home_too(tmp_path, monkeypatch):
    frame("classification").to_csv(tmp_path / "mine.csv", index=False)
    spec = {"path": "/elsewhere/mine.csv", "target": "y", "group": None, "time": None, "task": None}
    text = code.pipelines.read({**spec, "drop": ["day"], "category": ["size"], "positive": "yes"})
    assert "elsewhere" not in text
    monkeypatch.chdir(tmp_path)
    table = eval(f"datasets.read({text})", {"datasets": datasets})
    roles = {one.column: one.role for one in table.readings}
    assert roles["day"] == "dropped"
    assert table.classes[1] == "yes"
