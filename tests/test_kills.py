"""Killed at any moment and started again, a run ends as if nothing had been, byte for byte."""

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

import reports
from studies import Study, run
from studies.folder.schema.tables import VARYING
from tests.support.moments import ROOT, alive, before_us, left_behind

KILLS, COMMANDS = 260, 40  # of a process that has all imported, and of whole commands with two workers
PARTS = 5  # of either, so that two workers share them
STUDY = Study("killed", ("sgd", "momentum", "adam"), ("wine",), blocks=6, draws=4, epochs=3, fresh=4)


def everything(folder):
    """A run with its page."""
    run(STUDY, out=folder, jobs=1)
    reports.write([folder])


def content(folder):
    """Tables, CSVs, pictures and page, but for what differs between two runs."""
    found = {}
    for path in sorted(folder.rglob("*.*")):
        kind = path.relative_to(folder).parts[0]
        if kind in ("tables", "csv", "figures") and path.stem not in (*VARYING, "made", "best-in-time"):
            found[str(path.relative_to(folder))] = path.read_bytes()
    page = (folder / "report.html").read_text()
    before, _, rest = page.partition('<section id="this-machine"')
    found["report.html"] = before + rest.partition("</section>")[2]
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    everything(folder)
    return content(folder)


def killed(ready, folder):
    """What a child does: all, again and again from nothing, until it is killed."""
    ready.set()
    everything(folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_and_its_page_survive_being_killed_at_any_moment(whole, tmp_path, part):
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.test_kills", "studies.runner", "optuna", "reports.page"])
    chance, kills, chain = random.Random(part), 0, 0
    while kills < KILLS // PARTS:
        chain, folder = chain + 1, tmp_path / str(chain)
        for _ in range(12):
            ready = forks.Event()
            child = forks.Process(target=killed, args=(ready, folder))
            child.start()
            ready.wait(60)
            child.join(chance.choice((0.3, 1.0, 3.0)) * chance.random())
            if child.exitcode is not None:
                break
            os.kill(child.pid, chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
            child.join()
            kills += 1
        everything(folder)
        assert content(folder) == whole
        assert not left_behind(folder)
        shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_a_command_with_two_workers_survives_any_signal_to_any_of_its_processes(whole, tmp_path, part):
    (tmp_path / "study.py").write_text(f"from studies import Study\nkilled = {STUDY!r}\n")
    chance, folder = random.Random(PARTS + part), tmp_path / "run"
    words = [sys.executable, "-m", "studies", "run", f"{tmp_path}/study.py:killed", "--out", str(folder)]
    for i in range(COMMANDS // PARTS):
        process = subprocess.Popen(
            [*words, "--jobs", "2", "--report", "--quiet"],
            cwd=ROOT,
            process_group=0,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        time.sleep(chance.uniform(0, 4))
        number = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        whom = [process.pid, *(int(line[2].split()[0]) for line in members(process.pid))]
        aim = chance.choice(["group", *whom])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number) if aim == "group" else os.kill(aim, number)
        _, err = process.communicate(timeout=120)
        assert "Traceback" not in err or before_us(err), err
        assert "should not have happened" not in err, err
        assert process.returncode in (0, 1, 2, 130, -number), (process.returncode, err)
        until = time.monotonic() + 5
        while alive(process.pid):
            assert time.monotonic() < until, alive(process.pid)
            time.sleep(0.05)
        if i % 4 == 3:
            everything(folder)
            assert content(folder) == whole
            assert not left_behind(folder)
            shutil.rmtree(folder)


def members(group):
    told = subprocess.run(["ps", "-eo", "pgid=,stat=,pid="], capture_output=True, text=True, check=True)
    return [line.split() for line in told.stdout.splitlines() if int(line.split()[0]) == group]
