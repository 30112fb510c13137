"""A recorded row trained again: the same bytes, or how far, and never a guess."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import dlopt
from studies import run
from studies.errors import FailedError, UsageError
from studies.folder import run_folder
from studies.folder.manifest import read_manifest
from studies.folder.schema.tables import TABLES
from studies.question.arm import Arm
from studies.training.replay import replay
from tests.support.sealed import seal
from tests.support.tiny import tiny

KEY = ["dataset", "block", "optimizer", "kind", "draw"]
MINE = """
import numpy as np
from dlopt import Optimizer, rate


class Signs(Optimizer):
    lr: float = rate(1e-2, search=(1e-3, 1e-1))

    def update(self, grad, state, lr):
        return lr * np.sign(grad)
"""


def table(folder, name):
    return pd.read_parquet(folder / "tables" / f"{name}.parquet")


def lines_of(frame, key):
    return frame[(frame[KEY] == list(key)).all(axis=1)].reset_index(drop=True)


@pytest.fixture(scope="module")
def unusual(tmp_path_factory):
    """A run in which nothing is as usual: seed, network, metric, arms, an optimizer of one's own."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "mine.py").write_text(MINE)
    arms = (str(folder / "mine.py"), Arm("adam", name="adam-cosine", decay="cosine", batch_sizes=(16, 0)))
    study = tiny(arms, ("wine",), blocks=2, seed=5, widths=(6, 4), metric="balanced-error")
    run(study, out=folder / "run", jobs=1)
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of a finished run, to be changed."""
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def same(folder, key, row=None):
    """The replayed frames are the tables' own lines, and the sentence says so."""
    name = "/".join(map(str, key))
    done = replay(folder, row or name)
    assert done.sentence.startswith(f"{name} gives the same bytes: ")
    rows, curves = lines_of(table(folder, "rows"), key), lines_of(table(folder, "curves"), key)
    exact = {"check_exact": True, "check_dtype": True}
    pd.testing.assert_frame_equal(done.rows, rows, **exact)
    pd.testing.assert_frame_equal(done.curves, curves, **exact)
    assert f"{len(curves)} checkpoints, test error {float(rows.test_error[0])!r}" in done.sentence


@pytest.mark.parametrize(
    "key",
    [
        ("wine", 3, "adam", "search", 2),
        ("diabetes", 0, "sgd", "search", 3),
        ("wine", 1, "sgd", "untuned", 0),
        ("diabetes", 2, "adam", "untuned", 0),
    ],
)
def test_a_row_gives_its_bytes_again(finished, key):
    same(finished, key)


def test_a_row_is_found_by_its_line_in_the_csv(finished, tmp_path):
    rows = table(finished, "rows")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    written = (tmp_path / "rows.csv").read_text().splitlines()
    for number in (2, 7, len(written)):
        dataset, block, optimizer, kind, draw = written[number - 1].split(",")[:5]
        same(finished, (dataset, int(block), optimizer, kind, int(draw)), str(number))


def test_a_confirmation_gives_its_score_again(finished):
    confirmed = table(finished, "confirmations")
    for one in confirmed[confirmed.what == "pick"].drop_duplicates("dataset").itertuples():
        done = replay(finished, f"{one.dataset}/{one.block}/{one.optimizer}/confirm/{one.draw}")
        assert "gives the same bytes" in done.sentence
        assert done.rows.test_error[0] == one.test_error
        picked = table(finished, "picks").set_index("dataset").loc[one.dataset]
        assert json.loads(done.rows.settings[0]) == json.loads(picked.settings)


def test_a_candidate_gives_its_score_again(finished):
    tried = table(finished, "choices").query("position == 1")  # the defaults of the first placed
    candidates = table(finished, "candidates").query("position == 1").set_index("dataset")
    for one in tried.drop_duplicates("dataset").itertuples():
        optimizer = candidates.optimizer[one.dataset]
        done = replay(finished, f"{one.dataset}/{one.block}/{optimizer}/choose/1")
        assert "gives the same bytes" in done.sentence
        assert done.rows.test_error[0] == one.test_error


@pytest.mark.slow
def test_every_row_of_an_unusual_run_gives_its_bytes_again(unusual):
    rows = table(unusual / "run", "rows")
    assert set(rows.optimizer) == {"signs", "adam-cosine"}
    assert set(rows.batch_size) > {16, 106}
    for key in rows[KEY].itertuples(index=False, name=None):
        same(unusual / "run", key)


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_an_own_optimizer_is_the_one_that_ran_whatever_became_of_its_file(unusual, change):
    file = unusual / "mine.py"
    if change == "gone":
        file.unlink()
    else:
        file.write_text(MINE.replace("np.sign(grad)", "grad"))
    try:
        same(unusual / "run", ("wine", 1, "signs", "search", 1))
    finally:
        file.write_text(MINE)


def rewritten(folder, name, key, column, change):
    """One value of a table replaced."""
    frame = table(folder, name)
    at = frame.index[(frame[KEY] == list(key)).all(axis=1)][-1]
    frame.loc[at, column] = change(frame.loc[at, column])
    wrote(folder, name, frame)


def wrote(folder, name, frame):
    run_folder.RunFolder(folder, read_manifest(folder)).add_tables({name: frame})


def with_manifest(folder, **question):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["question"] |= question
    (folder / "manifest.json").write_text(json.dumps(manifest))
    seal(folder)
    return manifest["question"]


ADAM = ("wine", 3, "adam", "search", 2)


@pytest.mark.parametrize(
    ("name", "column"),
    [("rows", "test_error"), ("rows", "best_validation_loss"), ("curves", "training_loss")],
)
def test_one_bit_is_told(copy, name, column):
    rewritten(copy, name, ADAM, column, lambda value: np.nextafter(value, 9))
    with pytest.raises(FailedError, match=f"other bytes in {column}: ") as caught:
        replay(copy, "wine/3/adam/search/2")
    assert caught.value.code == 1
    same(copy, ("wine", 3, "adam", "search", 1))  # only where it is


def test_a_lost_checkpoint_is_told(copy):
    frame = table(copy, "curves")
    last = frame.index[(frame[KEY] == list(ADAM)).all(axis=1)][-1]
    wrote(copy, "curves", frame.drop(index=last))
    with pytest.raises(FailedError, match="the curve up to inf"):
        replay(copy, "wine/3/adam/search/2")


def test_a_setting_that_was_not_the_one_is_told(copy):
    def halved(text):
        settings = json.loads(text)
        return json.dumps(settings | {"lr": settings["lr"] / 2})

    rewritten(copy, "rows", ADAM, "settings", halved)
    with pytest.raises(FailedError, match=r"other bytes in .*validation_loss"):
        replay(copy, "wine/3/adam/search/2")


@pytest.mark.parametrize(("factor", "word"), [(1 + 1e-6, "within"), (1.01, "beyond")])
def test_on_another_arithmetic_the_tolerance_is_said(factor, word, tmp_path):
    copy = tmp_path / "run"
    run(tiny(("sgd", "adam"), ("wine",), engine="numpy"), out=copy, jobs=1)
    here = with_manifest(copy)["arithmetic"]
    with_manifest(copy, arithmetic=here | {"numpy": "1.0"})
    same(copy, ADAM)  # it may give the same bytes
    rewritten(copy, "rows", ADAM, "best_validation_loss", lambda value: value * factor)
    done = replay(copy, "wine/3/adam/search/2")
    assert f"(numpy {here['numpy']}, then 1.0)" in done.sentence
    assert f"the best loss is {word} 1e-05" in done.sentence
    far = re.search("loss is ([^ ]+) of itself apart", done.sentence).group(1)
    assert float(far) == pytest.approx(factor - 1, rel=0.05)
    assert list(done.rows.columns) == list(TABLES["rows"].columns)
    assert list(done.curves.columns) == list(TABLES["curves"].columns)


def test_a_compiled_row_is_held_against_numpy_where_nothing_can_be_compiled(copy, monkeypatch):
    monkeypatch.setattr(dlopt.engine, "missing", lambda: "Numba is not installed.")
    done = replay(copy, "wine/3/adam/search/2")
    assert "(engine numpy, then compiled), and the best loss is within 1e-05" in done.sentence


def test_steps_in_numpy_may_have_other_bytes(tmp_path):
    (tmp_path / "mine.py").write_text(MINE.replace("np.sign(grad)", "np.cbrt(grad)"))
    run(tiny((str(tmp_path / "mine.py"),), ("wine",), blocks=2), out=tmp_path / "run", jobs=1)
    key = ("wine", 0, "signs", "search", 1)
    same(tmp_path / "run", key)
    rewritten(tmp_path / "run", "rows", key, "best_validation_loss", lambda value: value * (1 + 1e-6))
    assert (
        "(steps in NumPy, perhaps elsewhere: " in replay(tmp_path / "run", "wine/0/signs/search/1").sentence
    )


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        ("wine/3/adam/search/99", "has no row wine/3/adam/search/99."),
        ("iris/3/adam/search/0", "has no row iris/3/adam/search/0."),
        ("wine/3/adam/confirm/0", "has no row wine/3/adam/confirm/0."),
        ("wine/3/adam/serch/0", "no kind of row 'serch'.\nDid you mean search?"),
        ("wine/adam/0", "'wine/adam/0' is no row.\nWrite dataset/block"),
        ("wine/x/adam/search/0", "is no row."),
        ("1", "has no row in line 1.\nGive a line from 2 to 81."),
        ("82", "has no row in line 82."),
        ("", "'' is no row."),
    ],
)
def test_a_row_that_is_not_there_is_refused(finished, row, holds):
    with pytest.raises(UsageError) as caught:
        replay(finished, row)
    assert holds in str(caught.value)
    assert caught.value.code == 2
    assert len(str(caught.value).splitlines()) == 2


def test_another_version_other_data_and_no_run_are_refused(copy, tmp_path):
    with pytest.raises(UsageError, match="is no run folder"):
        replay(tmp_path, "2")
    frame = table(copy, "datasets")
    frame.loc[frame.dataset == "wine", "sha256"] = "0" * 64
    wrote(copy, "datasets", frame)
    with pytest.raises(UsageError, match="another version of this suite, or from other data"):
        replay(copy, "wine/3/adam/search/2")
    same(copy, ("diabetes", 0, "sgd", "search", 3))
    with_manifest(copy, results_version=99)
    with pytest.raises(UsageError, match="another version of this suite"):
        replay(copy, "diabetes/0/sgd/search/3")
