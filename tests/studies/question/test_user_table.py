"""A table of one's own: from a file, a folder, a frame; answered first on the page; and what cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets
import reports
from reports.data.verdict import verdict
from studies import Study, run
from studies.cli.entry import main
from studies.errors import UsageError
from studies.folder.read import read_table

SMALL = ["--optimizers", "sgd,adam", "--blocks", "6", "--trials", "2", "--epochs", "3"]
SMALL += ["--fresh", "6", "--quiet"]


def frame(rows: int = 120, seed: int = 0) -> pd.DataFrame:
    """Numbers with gaps, words and a class that depends on them."""
    rng = np.random.default_rng(seed)
    age, kind = rng.normal(40, 10, rows), rng.choice(["a", "b", "c"], rows)
    y = np.where(age + 20 * (kind == "a") + rng.normal(0, 8, rows) > 45, "yes", "no")
    return pd.DataFrame({"age": np.where(rng.random(rows) < 0.1, np.nan, age), "kind": kind, "answer": y})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A CSV of its own name, so that no other test's table is taken for it."""
    path = tmp_path / f"people-{tmp_path.name[-6:].strip('_')}.csv"
    frame().to_csv(path, index=False)
    return path


@pytest.mark.slow
def test_a_file_runs_and_is_answered_first(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    asked = ["run", "--data", str(table), "--target", "answer", "--out", str(out), *SMALL]
    assert main([*asked, "--jobs", "2"]) == 0  # workers know the table too
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["asked"]["tables"][table.stem]["path"] == str(table)
    about = read_table(out, "datasets").iloc[0]
    assert (about.dataset, about.task, about.classes) == (table.stem, "classification", 2)
    assert "Missing values" in about.notes
    assert set(read_table(out, "baselines").model) == {"majority class", "linear model", "gradient boosting"}
    first = verdict(reports.read(out))[0]
    assert f"or {table.stem}: " in first
    pick = read_table(out, "picks").iloc[0]
    assert f"{100 * pick.confirmed:.1f}" in first
    assert first.startswith("On ") == (pick.recommended != "pick")
    page = reports.write([out]).read_text()
    assert f"How was {table.stem} read?" in page
    assert str(tmp_path) not in page
    again = ["run", "--out", str(out), "--quiet"]
    capsys.readouterr()
    assert main(again) == 0
    assert "nothing was left to train" in capsys.readouterr().out


@pytest.mark.slow
def test_a_changed_table_trains_again_and_a_missing_one_is_told(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    asked = ["run", "--data", str(table), "--target", "answer", "--out", str(out), *SMALL, "--jobs", "1"]
    assert main(asked) == 0
    before = read_table(out, "rows")
    frame(seed=1).to_csv(table, index=False)
    assert main(asked) == 0
    assert (read_table(out, "rows").test_loss != before.test_loss).any()
    table.unlink()
    assert main(asked) == 2
    assert "There is no file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_folder_is_one_study(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for i, name in enumerate(("north", "south")):
        frame(seed=i).to_csv(folder / f"{name}.csv", index=False)
    out = tmp_path / "run"
    assert main(["run", "--data", str(folder), "--target", "answer", "--out", str(out), *SMALL]) == 0
    assert set(read_table(out, "rows").dataset) == {"north", "south"}


@pytest.mark.slow
def test_frames_and_arrays_stand_for_names(tmp_path: Path) -> None:
    mine = datasets.from_frame(frame(), "answer", name="a-frame")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 3))
    numbers = datasets.from_arrays(X, X @ [1.0, 2.0, 0.0] + rng.normal(0, 0.1, 90), name="numbers")
    study = Study("mine", ("sgd", "adam"), (mine, "wine", numbers), blocks=6, draws=2, epochs=2, fresh=4)
    assert study.datasets == ("wine", "a-frame", "numbers")
    done = run(study, out=tmp_path / "run", jobs=2)
    assert set(done.best().dataset) == {"wine", "a-frame", "numbers"}
    assert done.table("datasets").set_index("dataset").task["numbers"] == "regression"
    assert "a-frame" in done._repr_html_()
    with pytest.raises(UsageError, match="There is no table 'rank'"):
        done.table("rank")


def test_what_cannot_be_asked(table: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shutil.copy(table, tmp_path / "digits.csv")
    for arguments, told in (
        (["--data", str(table)], "Give --target"),
        (["--data", str(table), "--target", "anser"], "Did you mean"),
        (["--data", str(tmp_path / "no.csv"), "--target", "x"], "There is no file"),
        (["--data", str(table), "--target", "answer", "--datasets", "wine"], "Give one of them"),
        (["--data", str(tmp_path / "digits.csv"), "--target", "answer"], "built-in dataset"),
        (["--data", str(table), "--target", "answer", "--task", "guess"], "classification or regression"),
    ):
        assert main(["run", *arguments, "--dry-run"]) == 2
        assert told in capsys.readouterr().err
