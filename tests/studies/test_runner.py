"""Resume, extension, workers: the same bytes whatever happened on the way."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import datasets
import dlopt
from dlopt import hyperparameters
from studies import run, runner
from studies.catalog import STUDIES
from studies.errors import UsageError
from studies.folder.run_folder import open_run
from studies.folder.schema.tables import TABLES
from studies.question import engine, identity
from studies.question.arm import Arm
from studies.training import process_pool
from studies.training.progress import Progress
from tests.support.tiny import digests, tiny

TINY_COMMAND = ["--optimizers", "sgd,adam", "--datasets", "wine,diabetes", "--blocks", "4", "--trials", "4"]


def start(out, *more, jobs=2):
    command = [sys.executable, "-m", "studies", "run", "quick", "--out", str(out), "--jobs", str(jobs)]
    return subprocess.Popen(
        [*command, *TINY_COMMAND, *more],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def wait_for_records(process, out, count):
    deadline = time.monotonic() + 300
    while len(list((out / "records").glob("*.parquet"))) < count:
        assert process.poll() is None, process.communicate(timeout=60)
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_table_has_its_schema_and_is_sorted_by_its_key(finished):
    for name, schema in TABLES.items():
        table = pd.read_parquet(finished / "tables" / f"{name}.parquet")
        assert list(table.columns) == list(schema.columns), name
        key = list(schema.key)
        pd.testing.assert_frame_equal(table, table.sort_values(key, kind="stable", ignore_index=True))
        if name != "timings":
            assert not table.duplicated(key).any(), name


@pytest.mark.slow
def test_two_processes_give_the_tables_of_one(finished, tmp_path):
    run(tiny(), out=tmp_path / "two", jobs=2)
    assert digests(tmp_path / "two") == digests(finished)


@pytest.mark.slow
def test_three_optimizers_then_one_more_give_the_tables_of_four_at_once(tmp_path):
    four = ("sgd", "momentum", "rmsprop", "adam")
    run(tiny(optimizers=four), out=tmp_path / "four", jobs=1)
    first = run(tiny(optimizers=("adam", "sgd", "rmsprop")), out=tmp_path / "three", jobs=1)
    more = run(tiny(optimizers=("momentum",)), out=tmp_path / "three", jobs=1)
    assert digests(tmp_path / "three") == digests(tmp_path / "four")
    searched = 2 * 4 * (4 + 1)
    assert first.trained >= 3 * searched
    assert searched <= more.trained <= searched + 2 * 20  # its own rows, and picks that changed


def test_blocks_and_datasets_added_later_give_the_tables_of_all_at_once(finished, tmp_path):
    run(tiny(datasets=("diabetes",), blocks=2), out=tmp_path / "grown", jobs=1)
    run(tiny(datasets=("wine",), blocks=3), out=tmp_path / "grown", jobs=1)
    run(tiny(datasets=("wine",), blocks=4), out=tmp_path / "grown", jobs=1)
    assert digests(tmp_path / "grown") == digests(finished)


def test_a_finished_run_trains_nothing_again(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "again")
    assert run(tiny(), out=tmp_path / "again", jobs=1).trained == 0
    assert digests(tmp_path / "again") == digests(finished)


def resting(name):
    """Where a worker has a table's numbers: mapped from a file, or in its own memory."""
    table = datasets.load(name)
    return os.getpid(), [isinstance(one, np.memmap) for one in (table.y, *(c.values for c in table.columns))]


def test_workers_map_tables_of_ones_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    X = np.random.default_rng(0).normal(size=(60, 2))
    datasets.add(datasets.from_arrays(X, X[:, 0], name="mapped"))
    found = list(process_pool.gathered(dict.fromkeys(range(4), (resting, "mapped")), 2).values())
    assert os.getpid() not in dict(found)
    assert all(mapped == [True] * 3 for _, mapped in found)
    assert resting("mapped")[1] == [False] * 3
    assert len(list(tmp_path.glob("dlopt-*"))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_no_mapped_file_is_left_behind(tmp_path, killed):
    table, rest = tmp_path / "table.csv", tmp_path / "rest"
    table.write_text("width,y\n" + "".join(f"{i % 37},{i % 37 > 18}\n" for i in range(90)))
    rest.mkdir()
    words = [
        "-m",
        "studies",
        "run",
        "--data",
        table,
        "--target",
        "y",
        "--out",
        tmp_path / "run",
        "--jobs",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, *map(str, words), "--optimizers", "sgd", "--blocks", "2", "--trials", "2"],
        env={**os.environ, "TMPDIR": str(rest)},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while killed and not list(rest.glob("dlopt-*")):
        assert time.monotonic() < deadline
    if killed:
        process.kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == (-signal.SIGKILL if killed else 0), said
    assert "leaked" not in said
    assert killed or said.count("\n") < 10
    while list(rest.glob("dlopt-*")):
        assert time.monotonic() < deadline + 60
        time.sleep(0.1)


def test_a_lost_record_trains_its_rows_and_no_others(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "lost")
    records = sorted((tmp_path / "lost" / "records").glob("*.parquet"))
    rows = len(pd.read_parquet(records[3]))
    records[3].unlink()
    assert run(tiny(), out=tmp_path / "lost", jobs=1).trained == rows
    assert digests(tmp_path / "lost") == digests(finished)


@pytest.mark.parametrize("victim", ["coordinator", "workers"])
@pytest.mark.slow
def test_a_run_killed_by_sigkill_and_started_again_gives_the_same_bytes(tmp_path, victim):
    whole = start(tmp_path / "whole", jobs=1)
    assert whole.wait(120) == 0, whole.communicate(timeout=60)
    out = tmp_path / "killed"
    for count in (1, 6):
        process = start(out)
        wait_for_records(process, out, count)
        if victim == "coordinator":
            process.kill()
            process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL
        else:
            children = subprocess.run(
                ["pgrep", "-P", str(process.pid)], capture_output=True, text=True
            ).stdout
            for child in children.split():
                os.kill(int(child), signal.SIGKILL)
            assert process.wait(120) in (0, 2), process.communicate(timeout=60)
            process.communicate(timeout=60)
    last = start(out)
    assert last.wait(120) == 0, last.communicate(timeout=60)
    last.communicate(timeout=60)
    whole.communicate(timeout=60)
    assert digests(out) == digests(tmp_path / "whole")
    assert sorted(p.name for p in (out / "records").iterdir()) == sorted(
        p.name for p in (tmp_path / "whole" / "records").iterdir()
    )


@pytest.mark.parametrize("moment", ["as the first worker starts", "after the first record"])
@pytest.mark.slow
def test_workers_end_with_a_killed_coordinator(tmp_path, moment):
    process = start(tmp_path / "orphans")
    if moment == "after the first record":
        wait_for_records(process, tmp_path / "orphans", 1)
    deadline = time.monotonic() + 300
    while not any("popen_loky" in command for command in children(process.pid).values()):
        assert time.monotonic() < deadline
    left = children(process.pid)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 15
    while any(_running(child) for child in left):
        assert time.monotonic() < deadline, f"orphans are left: {left}"
        time.sleep(0.1)


def children(pid):
    listed = subprocess.run(["pgrep", "-a", "-P", str(pid)], capture_output=True, text=True).stdout
    return dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)


def _running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_second_process_on_the_same_run_is_refused(tmp_path):
    asked = {"name": "quick", "optimizers": {"sgd": Arm("sgd").spec()}}
    asked |= {"datasets": ["wine"], "blocks": 1}
    with open_run(tmp_path / "run", asked, identity.question(STUDIES["quick"])):
        second = start(tmp_path / "run")
        _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "Another process is working on" in err


@pytest.mark.parametrize(
    ("change", "named"),
    [({"seed": 1}, "seed"), ({"draws": 5}, "draws"), ({"epochs": 4}, "epochs"), ({"epochs": None}, "epochs")],
)
def test_another_question_is_refused_with_the_setting_that_differs(finished, tmp_path, change, named):
    shutil.copytree(finished, tmp_path / "run")
    before = digests(tmp_path / "run")
    with pytest.raises(UsageError, match=f"was made with {named} = ") as caught:
        run(tiny(**change), out=tmp_path / "run", jobs=1)
    assert "--out" in str(caught.value)
    assert digests(tmp_path / "run") == before


def test_what_is_as_usual_is_called_so(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    with pytest.raises(UsageError, match="made with the usual activation, and this run has 'tanh'"):
        run(tiny(activation="tanh"), out=tmp_path / "run", jobs=1)
    run(tiny(activation="tanh", datasets=("wine",), blocks=1), out=tmp_path / "other", jobs=1)
    with pytest.raises(UsageError, match="with activation = 'tanh', and this run has the usual one"):
        run(tiny(datasets=("wine",), blocks=1), out=tmp_path / "other", jobs=1)


def test_a_compiled_run_goes_on_with_other_libraries_and_kernels(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "run")
    monkeypatch.setattr(engine, "arithmetic", lambda: {"numpy": "1.0"})
    assert run(tiny(), out=tmp_path / "run", jobs=1).trained == 0
    assert digests(tmp_path / "run") == digests(finished)


def test_other_libraries_or_kernels_are_refused_in_numpy(tmp_path, monkeypatch):
    small = tiny(datasets=("wine",), blocks=2)
    run(dataclasses.replace(small, engine="numpy"), out=tmp_path / "run", jobs=1)
    assert run(small, out=tmp_path / "run", jobs=1).trained == 0  # the folder's engine
    with pytest.raises(UsageError, match=r"with arithmetic.engine = 'numpy', and this run has 'compiled'"):
        run(dataclasses.replace(small, engine="compiled"), out=tmp_path / "run", jobs=1)
    monkeypatch.setattr(engine, "arithmetic", lambda: {"numpy": "1.0"})
    with pytest.raises(UsageError, match=r"arithmetic\.numpy"):
        run(small, out=tmp_path / "run", jobs=1)


def test_a_compiled_run_is_not_gone_on_with_where_nothing_can_be_compiled(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "run")
    monkeypatch.setattr(dlopt.engine, "missing", lambda: "Numba is not installed.")
    with pytest.raises(UsageError, match=r"compiled engine. Numba is not installed.\nInstall Numba"):
        run(tiny(), out=tmp_path / "run", jobs=1)


def test_a_machine_that_compiles_nothing_trains_in_numpy_and_says_so(tmp_path, monkeypatch):
    told = []

    class Heard(Progress):
        def told(self, line):
            told.append(line)

    monkeypatch.setattr(dlopt.engine, "missing", lambda: "Numba is not installed.")
    small = tiny(datasets=("wine",), blocks=2)
    run(small, out=tmp_path / "run", jobs=1, progress=Heard())
    assert told[0] == "Numba is not installed. All is trained in NumPy."
    optimizers = pd.read_parquet(tmp_path / "run" / "tables" / "optimizers.parquet")
    assert set(optimizers.in_numpy) == {"Numba is not installed."}
    monkeypatch.undo()
    monkeypatch.setattr(dlopt.engine, "missing", lambda: pytest.fail("nothing is compiled here"))
    run(dataclasses.replace(small, engine="numpy"), out=tmp_path / "same", jobs=1)
    rows = [(tmp_path / name / "tables" / "rows.parquet").read_bytes() for name in ("run", "same")]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("owner", "field", "again"), [(dlopt.SGD, "lr", 2 * 4 * 5), (dlopt.Exponential, "gamma", 2 * 2 * 4 * 5)]
)
def test_a_changed_search_range_trains_what_it_touches_again(
    finished, tmp_path, monkeypatch, owner, field, again
):
    shutil.copytree(finished, tmp_path / "run")
    declared = owner.__dataclass_fields__[field]
    other = dataclasses.replace(declared.metadata["field"], search=(1e-3, 0.25))
    monkeypatch.setattr(declared, "metadata", {"field": other})
    monkeypatch.setattr(hyperparameters, "_declared", hyperparameters._declared.__wrapped__)  # it is kept
    trained = run(tiny(), out=tmp_path / "run", jobs=1).trained
    assert again <= trained <= again + 2 * 4 * (8 + 2)  # and candidates and picks


@pytest.mark.slow
def test_changed_data_trains_again(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "run")
    wine = datasets.load("wine")
    other = datasets.Dataset("wine", wine.X + 1e-3 * (wine.X > 2), wine.y, 3)
    monkeypatch.setattr(datasets, "load", lambda name: other if name == "wine" else LOAD(name))
    assert run(tiny(), out=tmp_path / "run", jobs=1).trained >= 2 * 4 * 5


LOAD = datasets.load


@pytest.mark.slow
@pytest.mark.parametrize("kept", [1, 3, 6])
def test_a_run_of_dependent_draws_goes_on_as_if_it_had_never_stopped(tmp_path, kept):
    arms = (Arm("sgd", name="sgd-tpe", sampler="tpe"), Arm("sgd"))
    question = tiny(optimizers=arms, datasets=("wine",), draws=8)
    run(question, out=tmp_path / "whole", jobs=1)
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    for record in (tmp_path / "cut" / "records").iterdir():
        rows = pd.read_parquet(record)
        if (rows.optimizer == "sgd-tpe").any() and (rows.kind == "search").any() and rows.draw.max() >= kept:
            record.unlink()
    assert run(question, out=tmp_path / "cut", jobs=1).trained > 0
    assert digests(tmp_path / "cut") == digests(tmp_path / "whole")


def test_an_arm_with_a_dotted_name_is_refused_too_when_it_differs(tmp_path):
    held = Arm("momentum", name="momentum-beta=0.5", fixed=(("beta", 0.5),))
    run(tiny(optimizers=(held,)), out=tmp_path / "run", jobs=1)
    other = dataclasses.replace(held, fixed=(("beta", 0.5), ("lr", 0.1)))
    with pytest.raises(UsageError, match=r"was made with momentum-beta=0.5: no fixed.lr"):
        run(tiny(optimizers=(other,)), out=tmp_path / "run", jobs=1)


def test_another_study_in_the_same_folder_is_refused(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    with pytest.raises(UsageError, match="made with name = 'tiny', and this run has 'other'"):
        run(tiny(name="other"), out=tmp_path / "run", jobs=1)


def test_an_extension_that_is_interrupted_leaves_the_run_as_it_was(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "run")
    before = (tmp_path / "run" / "manifest.json").read_text()

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner.Workers, "train", stop)
        with pytest.raises(KeyboardInterrupt):
            run(tiny(blocks=6), out=tmp_path / "run", jobs=1)
    assert (tmp_path / "run" / "manifest.json").read_text() == before
    assert digests(tmp_path / "run") == digests(finished)


def test_a_call_that_names_no_blocks_keeps_those_of_the_run(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    assert run(tiny(blocks=None), out=tmp_path / "run", jobs=1).trained == 0


def test_the_manifest_says_what_was_asked_and_with_what(finished):
    manifest = json.loads((finished / "manifest.json").read_text())
    asked = manifest["asked"]
    assert (asked["name"], asked["datasets"], asked["blocks"]) == ("tiny", ["wine", "diabetes"], 4)
    assert set(asked["optimizers"]) == {"sgd", "adam"}
    assert asked["optimizers"]["adam"]["sampler"] == "random"
    assert manifest["question"]["seed"] == 0
    assert manifest["question"]["arithmetic"] == {"engine": "compiled"}
    where = json.loads((finished / "machine.json").read_text())
    assert {"numpy", "scikit-learn", "blas", "simd"} <= set(where)


def test_the_coordinator_too_keeps_to_one_thread_whatever_the_machine_has(tmp_path, monkeypatch):
    # A baseline's last digits depend on how many threads its matrix products are cut for.
    seen, baselines = [], runner.assemble.baselines

    def watched(*call):
        seen.extend(lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas")
        return baselines(*call)

    monkeypatch.setattr(runner.assemble, "baselines", watched)
    with threadpool_limits(2, user_api="blas"):
        run(tiny(), out=tmp_path / "run", jobs=1)
        assert {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"} == {2}
    assert set(seen) == {1}
