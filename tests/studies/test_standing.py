"""Lines of one search or one dataset alone: found once, and again where what they are made of changed."""

import json
import shutil

import pytest
from tiny import digests, tiny

from studies import baselines, run, runner, tables


@pytest.fixture
def found(monkeypatch):
    """What is found anew: (dataset, optimizer) of importances, (dataset,) of baselines."""
    seen = []
    importances, scores = tables.importances, baselines.scores
    monkeypatch.setattr(tables, "importances", lambda *all: seen.append(all[:2]) or importances(*all))
    monkeypatch.setattr(baselines, "scores", lambda *all: seen.append(all[1:2]) or scores(*all))
    return seen


def grown(folder, **changes):
    run(tiny(**changes), out=folder, jobs=1)


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
