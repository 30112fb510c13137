"""Tables and lines that stand: made once, and again where what they are made of has changed."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import datasets
from studies import assemble, run, runner
from studies.analysis import baselines
from tests.support.tiny import digests, tiny


def compared_again(monkeypatch, folder, **changes):
    """Does a call of a finished run compare its rows again?"""
    calls = []
    compare = runner.assemble.compared
    monkeypatch.setattr(runner.assemble, "compared", lambda *all: calls.append(1) or compare(*all))
    run(tiny(**changes), out=folder, jobs=1)
    monkeypatch.undo()
    return bool(calls)


@pytest.mark.slow
def test_finished_tables_stand_until_what_they_are_made_of_changes(finished, tmp_path, monkeypatch):
    folder = tmp_path / "again"
    shutil.copytree(finished, folder)
    tables = folder / "tables"
    assert not compared_again(monkeypatch, folder)
    assert not compared_again(monkeypatch, folder, optimizers=("sgd",))  # which is there
    content = (tables / "ranking.parquet").read_bytes()
    for damage in (
        lambda: (tables / "ranking.parquet").write_bytes(content[:-1]),
        lambda: (tables / "picks.parquet").unlink(),
        lambda: (tables / "made.json").write_text("{}"),
        lambda: (tables / "made.json").write_text('{"of": 1, "tables": []}'),
        lambda: (tables / "made.json").unlink(),
        lambda: (folder / "timings.jsonl").write_text(""),
        lambda: next(folder.glob("records/*.parquet")).unlink(),
    ):
        damage()
        assert compared_again(monkeypatch, folder)
        assert not compared_again(monkeypatch, folder)
        if (folder / "timings.jsonl").read_text():
            assert digests(folder) == digests(finished)
    monkeypatch.setattr(runner, "sources", lambda clock=False: "other code")
    assert compared_again(monkeypatch, folder)


@pytest.mark.slow
def test_tables_of_data_that_came_back_are_made_again(tmp_path, monkeypatch):
    X = np.random.default_rng(0).normal(size=(60, 2))
    first, second = (datasets.from_arrays(X, X[:, 0] * sign, name="mine") for sign in (1, -1))
    seen = [
        run(tiny(datasets=(table,)), out=tmp_path / "run", jobs=1).table("rows").test_loss.tolist()
        for table in (first, second, first)
    ]
    assert seen[0] == seen[2] != seen[1]
    assert not compared_again(monkeypatch, tmp_path / "run", datasets=(first,))


def test_what_a_table_says_of_itself_is_as_new_as_the_table(tmp_path):
    frame = pd.DataFrame({"x": np.arange(60) % 7, "y": np.arange(60) % 2})
    for name in ("city", "country"):
        made = datasets.from_frame(frame.assign(**{name: "here"}), "y", name="told")
        done = run(tiny(datasets=(made,)), out=tmp_path / "run", jobs=1)
        assert f"'{name}'" in done.table("datasets").notes[0]
    assert done.trained == 0


@pytest.fixture
def found(monkeypatch):
    """What is found anew: (dataset, optimizer) of importances, (dataset,) of baselines."""
    seen = []
    importances, scores = assemble.importances, baselines.scores
    monkeypatch.setattr(assemble, "importances", lambda *all: seen.append(all[:2]) or importances(*all))
    monkeypatch.setattr(baselines, "scores", lambda *all: seen.append((all[1].name,)) or scores(*all))
    return seen


def grown(folder, **changes):
    run(tiny(**changes), out=folder, jobs=1)


@pytest.mark.slow
def test_a_further_optimizer_leaves_the_lines_of_the_others(finished, tmp_path, found):
    folder = tmp_path / "grown"
    shutil.copytree(finished, folder)
    grown(folder, optimizers=("rmsprop",))
    assert set(found) == {("wine", "rmsprop"), ("diabetes", "rmsprop")}
    found.clear()
    grown(tmp_path / "at once", optimizers=("sgd", "adam", "rmsprop"))
    assert len(set(found)) == 2 * 3 + 2
    assert digests(folder) == digests(tmp_path / "at once")


@pytest.mark.slow
def test_a_further_dataset_leaves_those_that_were_there(tmp_path, found):
    grown(tmp_path / "grown", datasets=("wine",))
    found.clear()
    grown(tmp_path / "grown", datasets=("diabetes",))
    assert {at[0] for at in found} == {"diabetes"}


@pytest.mark.slow
def test_further_blocks_leave_none(tmp_path, found):
    grown(tmp_path / "grown", datasets=("wine",), blocks=2)
    before = set(found)
    found.clear()
    grown(tmp_path / "grown", datasets=("wine",), blocks=3)
    assert set(found) == before


def note(change):
    def damage(folder, _):
        path = folder / "tables" / "made.json"
        path.write_text(change(path.read_text()))

    return damage


def other_code(_, monkeypatch):
    monkeypatch.setattr(runner, "sources", lambda clock=False: "other code")


def other_table(folder, _):
    path = folder / "tables" / "baselines.parquet"
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "anew"),
    [
        (other_code, 8),
        (other_table, 4),
        (note(lambda text: text[:-9]), 8),
        (note(lambda text: "[]"), 8),
        (note(lambda text: json.dumps({**json.loads(text), "lines": {"importances": 1}})), 8),
    ],
)
def test_all_is_found_again_where_the_code_or_the_note_is_another(
    finished, tmp_path, found, monkeypatch, change, anew
):
    folder = tmp_path / "grown"
    shutil.copytree(finished, folder)
    change(folder, monkeypatch)
    grown(folder, optimizers=("rmsprop",))
    assert len(set(found)) == anew
