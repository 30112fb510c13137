"""A schedule of somebody's own, which a study's file registers, serves any number of workers."""

import pandas as pd
import pytest

import dlopt
from studies.cli.entry import main
from studies.folder.read import Tables

FILE = """
import dlopt
from dlopt.hyperparameters import positive
from studies import Arm, Study


class Root(dlopt.Schedule):
    k: dlopt.Numbers = positive(default=0.1, search=(1e-3, 10.0))

    def factor(self, epoch):
        return 1.0 / (1.0 + self.k * epoch)


dlopt.SCHEDULES["root"] = Root
arms = ("sgd", Arm("adam", name="adam-root", decay="root"))
mine = Study("mine", arms, ("wine",), blocks=2, draws=2, epochs=2, fresh=2)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my study.py"
    path.write_text(FILE)
    yield path
    dlopt.SCHEDULES.pop("root", None)


def run(file, out, jobs, capsys):
    assert main(["run", f"{file}:mine", "--jobs", str(jobs), "--out", str(out), "--quiet"]) == 0
    return capsys.readouterr().out.split("\n")[0]


def test_rows_are_the_same_with_one_worker_and_two(file, tmp_path, capsys):
    for jobs in (1, 2):
        run(file, tmp_path / str(jobs), jobs, capsys)
    rows = [Tables(tmp_path / str(jobs))["rows"] for jobs in (1, 2)]
    pd.testing.assert_frame_equal(*rows)
    assert (rows[0][rows[0].kind == "search"].query("optimizer == 'adam-root'").decay == "root").all()


def test_when_its_file_changes_its_rows_train_again_and_no_others(file, tmp_path, capsys):
    run(file, tmp_path / "run", 1, capsys)
    assert "is finished" in run(file, tmp_path / "run", 1, capsys)
    file.write_text(FILE.replace("self.k * epoch", "self.k * epoch * 9"))
    before = Tables(tmp_path / "run")["rows"]
    run(file, tmp_path / "run", 1, capsys)
    after = Tables(tmp_path / "run")["rows"]
    moved = set(before[before.test_loss.to_numpy() != after.test_loss.to_numpy()].optimizer)
    assert moved == {"adam-root"}
