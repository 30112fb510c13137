"""Ctrl-C and SIGTERM at planted moments: all ends within two seconds, says once how to go on, leaves nothing.

Two seconds are asked for as they are, without an allowance: idle it takes .1 to .7 s, and 1.1 s where a
library swallows the interrupt.
"""

import importlib
import operator
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studies import Study, run
from tests.support.moments import ROOT, Stopped, alive, left_behind

INT, TERM = signal.SIGINT, signal.SIGTERM
RUN = ["run", "done", "--jobs"]
DONE = Study("done", ("sgd", "adam"), ("wine",), blocks=6, draws=4, epochs=2, fresh=4)
MOMENTS = {  # of `python -m studies run --report`
    "imports": "studies.assemble",
    "reads records": "studies.folder.records:Records.reached",
    "starts workers": "studies.training.process_pool:results",
    "draws": "studies.training.draws:searched",
    "trains": "dlopt.training:train",
    "writes a record": "os:fsync@records",
    "reads them all": "studies.folder.records:Records.read",
    "compares": "studies.analysis.readings:envelopes",
    "in a worker": "studies.analysis.comparison:comparisons",
    "between two phases": "studies.assemble:finished",
    "writes a table": "os:fsync@ranking",
    "writes the note": "os:fsync@made.json",
    "writes the machine": "os:fsync@machine.json",
    "asks no claim": "studies.claims.evaluation:nothing",
    "page imports": "reports.page",
    "page is read": "studies.folder.read:Tables.all",
    "page draws": "reports.draw.svg:svg",
    "page writes CSVs": "os:fsync@csv",
    "page is written": "os:fsync@html",
}
KEY = ("rows", "ranking", "picks", "comparisons")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run with its page; it is only compared with."""
    return run(DONE, out=tmp_path_factory.mktemp("runs") / "done", jobs=1).path


def started(finished, folder, moment):
    """A copy of the run with an old page, of which a part is still to be trained where that matters."""
    shutil.copytree(finished, folder / "run")
    if not moment.startswith("page"):
        shutil.rmtree(folder / "run" / "tables")
        for record in sorted((folder / "run" / "records").iterdir())[::2]:
            record.unlink()
    (folder / "run" / "report.html").write_text("old")
    return folder / "run"


def interrupted(folder, moment, jobs, signals, whole_group):
    words = ["-m", "studies", "run", "--out", str(folder), "--jobs", str(jobs), "--report"]
    stopped = Stopped(folder.parent, MOMENTS[moment], *words)
    code, _, err = stopped.end(signals, whole_group=whole_group)
    assert code == 130, err
    assert err.count("Interrupted") == 1
    end = f"Interrupted; all finished blocks are kept.\nGo on with: python {' '.join(words)}\n"
    assert err.endswith(end)
    assert "Traceback" not in err
    assert "resource_tracker" not in err
    assert not left_behind(folder)
    assert (folder / "report.html").read_text() == "old"


@pytest.mark.parametrize("room", ["studies", "reports"])
def test_the_first_lines_of_a_command_leave_without_a_word(tmp_path, room):
    stopped = Stopped(tmp_path, "studies.errors" if room == "studies" else "studies.system", "-m", room)
    assert stopped.end([INT], whole_group=True) == (130, "", "")


FEW = [
    ("imports", 2, [INT], True),
    ("trains", 1, [TERM], False),
    ("in a worker", 2, [INT, INT], True),
    ("page draws", 2, [INT], True),
]


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "jobs", "signals", "whole_group"), FEW)
def test_whatever_is_interrupted_ends_at_once_and_says_how_to_go_on(
    finished, tmp_path, moment, jobs, signals, whole_group
):
    interrupted(started(finished, tmp_path, moment), moment, jobs, signals, whole_group)


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_every_moment_jobs_signal_and_repetition(finished, tmp_path, moment):
    ways = [(1, [INT], True), (2, [TERM], False), (2, [INT, INT], True), (1, [TERM, TERM], False)]
    for i, (jobs, signals, whole_group) in enumerate(ways):
        if jobs == 2 or moment != "in a worker":
            place = tmp_path / str(i)
            place.mkdir()
            interrupted(started(finished, place, moment), moment, jobs, signals, whole_group)


@pytest.mark.parametrize(
    "moment",
    ["in a worker", *(pytest.param(one, marks=pytest.mark.slow) for one in MOMENTS)],
)
def test_no_process_outlives_a_killed_one_and_the_next_run_is_as_if_nothing_had_been(
    finished, tmp_path, moment
):
    folder = started(finished, tmp_path, moment)
    words = ["-m", "studies", "run", "--out", str(folder), "--jobs", "2", "--report"]
    code, _, _ = Stopped(tmp_path, MOMENTS[moment], *words).end([signal.SIGKILL], whole_group=False)
    assert code == -signal.SIGKILL
    run(DONE, out=folder, jobs=1)
    assert not [one for one in left_behind(folder) if not one.startswith(("csv", "figures", ".report"))]
    for name in KEY:
        file = f"tables/{name}.parquet"
        assert (folder / file).read_bytes() == (finished / file).read_bytes()


@pytest.mark.parametrize(
    ("words", "moment", "signals"),
    [
        (["mirror"], "studies.takehome.optuna_mirror:_add", [INT]),
        (["show"], "studies.folder.read:Tables.both", [TERM, TERM]),
        (["replay", "wine/0/adam/search/0"], "dlopt.training:train", [TERM]),
    ],
)
def test_any_other_command_too(finished, tmp_path, words, moment, signals):
    shutil.copytree(finished, tmp_path / "run")
    all_words = ["-m", "studies", words[0], str(tmp_path / "run"), *words[1:]]
    code, _, err = Stopped(tmp_path, moment, *all_words).end(signals, whole_group=True)
    assert (code, err) == (130, f"\nInterrupted.\nGo on with: python {' '.join(all_words)}\n")


SWALLOWS = """
import sys, time
from studies.cli import entry
from studies.cli import parser
from studies.system import interrupts

def stubborn(_):
    while True:
        try:
            print("works", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("swallowed", flush=True)

parser.COMMANDS["list"] = stubborn
interrupts.listen("told")
interrupts.orderly("told")
entry.main(["list"])
"""


def start(*words, **how):
    """A process in a group of its own, as a terminal starts it."""
    hears = {
        "preexec_fn": lambda: signal.signal(signal.SIGINT, how.get("at_first", signal.default_int_handler))
    }
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, cwd=ROOT, process_group=0, **hears, **pipes)


HELPS = """
import multiprocessing, os, signal, sys, threading, time
from studies.system import interrupts

def help():
    def hear():
        print("ready", flush=True)
        time.sleep(60)
    interrupts.obey()
    other = threading.Thread(target=hear, daemon=True)  # as a library's: the system may give it the signal
    other.start()
    threading.Timer(0.3, lambda: signal.pthread_kill(other.ident, signal.SIGTERM)).start()
    time.sleep(60)

multiprocessing.get_context("fork").Process(target=help).start()
"""


def test_a_helper_leaves_whichever_of_its_threads_is_given_the_signal():
    process = start(sys.executable, "-c", HELPS)
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.communicate(timeout=70)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_library_that_swallows_the_signal_keeps_nobody_waiting(number):
    process = start(sys.executable, "-c", SWALLOWS)
    assert process.stdout.readline() == "works\n"
    began = time.monotonic()
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert (process.returncode, out, err) == (130, "swallowed\nworks\n", "\ntold\n")


def test_a_process_that_is_told_to_ignore_ctrl_c_ignores_it():
    process = start(sys.executable, "-m", "studies", "list", "models", at_first=signal.SIG_IGN)
    maps = Path(f"/proc/{process.pid}/maps")
    until = time.monotonic() + 300
    while "/numpy/" not in maps.read_text():
        assert time.monotonic() < until
        time.sleep(0.005)
    os.killpg(process.pid, INT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "linear" in out


def made(tmp_path):
    """`make study`, as far as its first record; gives process and folder."""
    out, here = tmp_path / "run", tmp_path / "venv"
    here.symlink_to(sys.prefix)  # make takes no blank in a name
    asked = ["NAME=quick", f"OUT={out}", "JOBS=1", "ARGS=--datasets wine --blocks 30"]
    process = start("make", "-o", f"{here}/.ready", "study", f"VENV={here}", *asked)
    until = time.monotonic() + 300
    while not any((out / "records").glob("*.parquet")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    return process, out


def test_make_study_that_is_interrupted_ends_with_a_clear_line_and_no_page(tmp_path):
    process, out = made(tmp_path)
    os.killpg(process.pid, INT)
    _, err = process.communicate(timeout=20)
    assert process.returncode in (130, -INT)  # a shell says 130 for both
    assert "Interrupted; all finished blocks are kept.\nGo on with: python -m studies run quick" in err
    assert "--parent" not in err
    assert "Or with: make study " in err
    assert "Error 130" in err
    assert not (out / "report.html").exists()


@pytest.mark.parametrize("number", [TERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_what_make_started_ends_with_make(tmp_path, number):
    process, out = made(tmp_path)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)  # its pipes are closed once all have ended
    assert time.monotonic() - began < (2 if number == TERM else 5)
    assert not alive(process.pid)
    assert number == signal.SIGKILL or err.count("Interrupted; all finished blocks are kept.") == 1
    assert not left_behind(out)


@pytest.mark.parametrize("moment", MOMENTS.values())
def test_a_planted_moment_is_a_name_that_is_there(moment):
    module, _, name = moment.partition("@")[0].partition(":")
    operator.attrgetter(name)(importlib.import_module(module)) if name else importlib.import_module(module)


# Two who would say how to go on. Whoever does not have the word sleeps; `sleep` is the first thing it does.
WORD = """
import threading, time
from studies.system import interrupts
time.sleep = lambda seconds: print("waits", flush=True)
interrupts.claim()
interrupts.claim()  # a second signal in the same thread, in the midst of leaving
print("leaves", flush=True)
other = threading.Thread(target=interrupts.claim)
other.start()
other.join()
"""


def test_the_thread_that_has_the_word_takes_it_again_at_once():
    done = subprocess.run([sys.executable, "-c", WORD], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["leaves", "waits"], done.stderr
