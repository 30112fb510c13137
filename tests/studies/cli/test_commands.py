"""The command line, through its own door."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import dlopt
from studies.cli import overrides
from studies.cli.entry import main
from studies.question import user_optimizer
from studies.question.plan import planned
from studies.training.progress import Shown, duration
from studies.training.stacks import Stack
from tests.support.tiny import tiny

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", ["studies", "optimizers", "schedules", "datasets", "surfaces", "models"])
def test_lists_come_as_text_and_as_json(kind, capsys):
    assert main(["list", kind]) == 0
    text = capsys.readouterr().out
    assert main(["list", kind, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document[kind]
    assert all(line["name"] in text for line in document[kind])


def test_show_gives_calls_and_picks(finished, capsys):
    assert main(["show", str(finished)]) == 0
    text = capsys.readouterr().out
    assert "Who ends best: " in text
    assert "wine" in text
    assert main(["show", str(finished), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {p["dataset"] for p in document["picks"]} == {"wine", "diabetes"}
    assert len(document["comparisons"]) == 2 * 3  # pooled, and on each dataset
    assert {"pick", "linear model"} <= {one["model"] for one in document["alternatives"]}


@pytest.mark.parametrize("wide", [60, 80, 300])
def test_the_table_of_picks_fits_the_terminal_and_loses_no_word(finished, capsys, monkeypatch, wide):
    monkeypatch.setenv("COLUMNS", str(wide))
    assert main(["show", str(finished)]) == 0
    table = capsys.readouterr().out.partition("\n\n")[2]
    assert max(map(len, table.splitlines())) <= wide
    words = {word.strip(",") for word in table.split()}
    for pick in pd.read_parquet(finished / "tables" / "picks.parquet").itertuples():
        settings = {f"{value:.3g}" for name, value in json.loads(pick.settings).items() if name != "eps"}
        wanted = {pick.dataset, pick.optimizer, str(pick.batch_size), f"{pick.confirmed:.4f}"}
        assert wanted | settings <= words


def test_every_table_of_a_run_is_described_column_by_column(finished, capsys):
    assert main(["list", "tables", "--json"]) == 0
    names = [line["name"] for line in json.loads(capsys.readouterr().out)["tables"]]
    assert {path.stem for path in (finished / "tables").glob("*.parquet")} <= set(names)
    for name in names:
        assert main(["describe", name, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert main(["describe", name]) == 0
        lines = capsys.readouterr().out.splitlines()[2:]
        assert [line.split()[:2] for line in lines] == [[c["name"], c["type"]] for c in document["columns"]]
        assert all(one["meaning"] for one in document["columns"])
        if (table := finished / "tables" / f"{name}.parquet").exists():
            frame = pd.read_parquet(table)
            assert list(frame) == [one["name"] for one in document["columns"]]
            assert not frame.duplicated(document["key"]).any()


def test_an_unfinished_run_says_how_to_finish_it(finished, tmp_path, capsys):
    (tmp_path / "manifest.json").write_text((finished / "manifest.json").read_text())
    assert main(["show", str(tmp_path)]) == 2
    assert f"Finish it: python -m studies run --out {tmp_path}" in capsys.readouterr().err


def test_try_lets_optimizers_walk_on_a_surface(capsys):
    assert main(["try", "saddle", "--optimizers", "sgd,adam", "--epochs", "30"]) == 0
    out = capsys.readouterr().out
    assert "saddle: 30 steps" in out
    assert main(["try", "saddle", "--optimizers", "sgd,adam", "--epochs", "30", "--json"]) == 0
    heights = json.loads(capsys.readouterr().out)["heights"]
    assert [line["step"] for line in heights] == list(range(31))
    assert heights[-1]["sgd"] == pytest.approx(0.5 * 0.99**60 - 0.5e-12 * 1.01**60)


def test_try_prints_a_curve(capsys):
    assert main(["try", "wine", "--optimizers", "sgd,adam", "--epochs", "4"]) == 0
    out = capsys.readouterr().out
    assert "Validation loss by examples seen" in out
    assert main(["try", "wine", "--epochs", "4", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["curves"][0]["examples"] == 0
    assert set(document["test_error"]) >= {"sgd", "adam"}


def test_a_dry_run_trains_nothing_and_counts_right(tmp_path, capsys):
    arguments = ["run", "quick", "--out", str(tmp_path / "run"), "--blocks", "4"]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["trainings"] == 3 * 2 * 4 * (4 + 1)
    assert plan["seconds"] > 0
    assert not (tmp_path / "run").exists()
    assert main([*arguments, "--dry-run"]) == 0
    assert "Nothing was trained" in capsys.readouterr().out


def test_a_dry_run_on_a_finished_run_counts_what_is_left(tmp_path, capsys):
    arguments = ["run", "quick", "--datasets", "wine", "--blocks", "2", "--epochs", "2", "--jobs", "1"]
    arguments += ["--out", str(tmp_path / "run")]
    assert main([*arguments, "--dry-run", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert main([*arguments, "--quiet", "--json"]) == 0
    fresh = json.loads(capsys.readouterr().out)["trained"] - planned["trainings"]
    assert (planned["choosing"], planned["confirming"]) > (8 * 3, 8)
    assert 8 * 4 <= fresh <= planned["choosing"] + planned["confirming"]
    assert main([*arguments, "--dry-run"]) == 0
    assert "none would be trained" in capsys.readouterr().out
    assert main([*arguments, "--dry-run", "--json", "--blocks", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["trainings"] == 3 * 5


def test_another_question_gets_a_folder_of_its_own(capsys):
    assert main(["run", "--where"]) == 0
    assert main(["run", "--seed", "3", "--trials", "8", "--where"]) == 0
    assert main(["run", "--blocks", "40", "--where"]) == 0
    assert capsys.readouterr().out.split() == [
        "runs/default",
        "runs/default--draws=8--seed=3",
        "runs/default",
    ]


def test_where_looks_neither_at_tables_nor_at_optimizers_of_ones_own(tmp_path, capsys, monkeypatch):
    def looked(*_, **__):
        raise AssertionError("it looked")

    monkeypatch.setattr(overrides.user_table, "take", looked)
    monkeypatch.setattr(user_optimizer, "named", looked)
    more = ["--seed", "3", "--optimizer", "no.py", "--where"]
    assert main(["run", "quick", "--data", "there/no-table.csv", "--target", "y", *more]) == 0
    (tmp_path / "manifest.json").write_text("no manifest")  # nor at what is there
    assert main(["run", "--out", str(tmp_path), "--optimizer", "no.py", "--where"]) == 0
    first, second = capsys.readouterr().out.split()
    assert re.fullmatch(r"runs/quick--no-table--y~[0-9a-f]{6}--seed=3", first)
    assert second == str(tmp_path)


@pytest.mark.slow
def test_a_run_through_the_real_door_tells_progress_in_counts(tmp_path):
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "studies",
        "run",
        "quick",
        "--blocks",
        "3",
        "--epochs",
        "2",
    ]
    done = subprocess.run(
        [*command, "--datasets", "wine", "--out", str(tmp_path / "r")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("wine · block 3/3 · ")  # small: all in one task
    assert " left" in lines[0]
    assert "too few blocks" in done.stdout
    again = subprocess.run(
        [*command, "--datasets", "wine", "--out", str(tmp_path / "r")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "is finished: nothing was left to train" in again.stdout


@pytest.mark.parametrize(
    ("to", "code", "said"),
    [
        ("| head -c 1 > /dev/null", 0, ""),
        ("> /dev/full", 2, "could not be written or read: No space left on device.\nFree some space"),
        ("| cat > /dev/null", 0, ""),
    ],
)
def test_results_go_to_a_closed_pipe_a_full_disk_and_a_simple_terminal(to, code, said):
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m studies list optimizers {to}"
    simple = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": ""}  # ascii has no ←
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, env=simple)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == (2 if said else 0)


def test_a_run_goes_on_when_nobody_reads_its_progress(monkeypatch, capsys):
    class Closed(io.StringIO):
        def write(self, _):
            raise BrokenPipeError

    progress = Shown()
    progress.start([[Stack(planned(tiny()).facts["wine"], 0, 64, 1, dlopt.MLP(4), 0, "error", ())]])
    monkeypatch.setattr(sys, "stderr", Closed())
    progress.finished("wine", [0], 9, 0)
    assert capsys.readouterr().out == ""


def test_a_foreign_datasets_package_is_refused(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("")
    command = [sys.executable, "-m", "studies", "list"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    sentence, remedy = done.stderr.splitlines()
    assert sentence.startswith("Another package named datasets comes first (")
    assert remedy.startswith("Start Python in the checkout of dlopt")


def test_a_foreign_datasets_package_that_is_imported_already_is_refused(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import datasets; import studies"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "ImportError: Another package named datasets comes first" in done.stderr


@pytest.mark.parametrize(("flag", "given"), [("-OO", ""), ("-u", "2")])
def test_python_without_docstrings_is_refused_for_tables_hold_them(flag, given):
    how = {"capture_output": True, "text": True, "cwd": ROOT, "env": {**os.environ, "PYTHONOPTIMIZE": given}}
    done = subprocess.run([sys.executable, flag, "-m", "studies", "list"], **how)
    assert (done.returncode, done.stdout) == (2, "")
    sentence, remedy = done.stderr.splitlines()
    assert sentence.startswith("Python runs with -OO, which strips the docstrings")
    assert remedy.startswith("Leave it out")
    done = subprocess.run([sys.executable, flag, "-c", "import studies"], **how)
    assert "ImportError: Python runs with -OO" in done.stderr


@pytest.mark.slow
def test_python_without_assertions_is_as_good():
    command = [sys.executable, "-O", "-m", "studies", "describe", "adam"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Kingma" in done.stdout


def test_an_internal_error_is_a_sentence_and_a_traceback_only_with_debug(monkeypatch, capsys):
    from studies.cli import listing

    def broken(*_, **__):
        raise RuntimeError("boom")

    monkeypatch.setattr(listing, "listing", broken)
    assert main(["list"]) == 1
    assert "Traceback" not in capsys.readouterr().err
    assert main(["list", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_short_memory_is_a_sentence_with_what_to_make_smaller(monkeypatch, capsys):
    from studies.cli import listing

    def large(*_, **__):
        raise MemoryError("Unable to allocate 64 GiB")

    monkeypatch.setattr(listing, "listing", large)
    assert main(["list"]) == 2
    assert capsys.readouterr().err.startswith("Memory is short: Unable to allocate 64 GiB.\nGive a smaller")


@pytest.mark.parametrize(("seconds", "words"), [(4.4, "4s"), (59.6, "1m00s"), (130, "2m10s")])
def test_durations_are_short(seconds, words):
    assert duration(seconds) == words
