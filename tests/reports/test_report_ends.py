"""How the page's process ends: at every signal, without its parent, beside another one, heard by nobody."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reports.entry import main

ROOT = Path(__file__).parents[2]

# `python -m reports` that waits at a moment, given as the first word, and says so; its page is "new".
PLANTED = """
import os, runpy, signal, sys, time, types, unittest.mock

moment = sys.argv.pop(1)

def reached(where):
    if moment.split()[0] == where:
        if "deaf" in moment:  # as in a call of a system that is busy
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        os.write(1, b"ready\\n")
        time.sleep(60)

def once_more(number, handler, usual=signal.signal):
    if handler == signal.SIG_IGN and "twice" in moment:  # while it is leaving already
        signal.signal = usual
        os.kill(os.getpid(), signal.SIGTERM)
    return usual(number, handler)

class Importing:
    def find_spec(self, name, *_):
        if name == "pandas":
            reached("imports")

def make(runs, *_):
    from reports.draw import processes
    processes.each(dict.fromkeys("ab", lambda: reached("draws")))
    return types.SimpleNamespace(page=b"new", pictures=[[] for _ in runs])

def fsync(number, fsync=os.fsync):
    name = os.readlink(f"/proc/self/fd/{number}")
    reached("tables" if "/.rows.csv" in name else "page" if "/.page.html" in name else "")
    fsync(number)

signal.signal = once_more
sys.meta_path.insert(0, Importing())
for name in ("style", "svg"):  # they take a second to import
    sys.modules[f"reports.draw.{name}"] = unittest.mock.MagicMock()
sys.modules["reports.page"] = types.SimpleNamespace(make=make)
os.sched_getaffinity, os.fsync = lambda _: {0, 1}, fsync
runpy.run_module("reports", run_name="__main__", alter_sys=True)
"""

ORPHAN = """
import os, subprocess, sys
subprocess.run([*sys.argv[1:], "--parent", str(os.getpid())])
"""


@pytest.fixture
def mine(real: Path, tmp_path: Path) -> Path:
    """A copy of the run, and an old page beside it."""
    (tmp_path / "page.html").write_text("old")
    return shutil.copytree(real, tmp_path / "mine")


@pytest.fixture
def started() -> Iterator[Any]:
    """Start Python in a group of its own, as a terminal does; wait until it says that it is ready."""
    processes = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *words],
            text=True,
            cwd=ROOT,
            process_group=0,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process: subprocess.Popen[str], patience: float) -> str:
    """What it says on stderr, once it and all that it has started are gone."""
    began = time.monotonic()
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - began < patience
    return err


def whole(folder: Path) -> bool:
    """Is the old page there, and no part of a file?"""
    return (folder / "page.html").read_text() == "old" and not list(folder.rglob(".*"))


@pytest.mark.parametrize(
    ("moment", "whom", "signals"),
    [
        ("imports", os.kill, [signal.SIGTERM]),
        ("imports twice", os.killpg, [signal.SIGINT]),
        ("draws", os.killpg, [signal.SIGINT]),
        ("draws", os.kill, [signal.SIGTERM, signal.SIGINT]),
        ("tables", os.killpg, [signal.SIGINT, signal.SIGINT]),
        ("tables", os.kill, [signal.SIGTERM]),
        ("tables deaf", os.kill, [signal.SIGTERM, signal.SIGINT]),
        ("page", os.kill, [signal.SIGINT]),
    ],
)
def test_an_interrupted_page_says_so_once_and_leaves_nothing(
    mine: Path, tmp_path: Path, started: Any, moment: str, whom: Any, signals: list[int]
) -> None:
    asked = [str(mine), "-o", str(tmp_path / "page.html")]
    process = started("-c", PLANTED, moment, *asked)
    for number in signals:
        whom(process.pid, number)
    err = ended(process, patience=2)
    assert process.returncode == 130
    assert err == f"\nInterrupted.\nGo on with: python -m reports {' '.join(asked)}\n"
    assert whole(tmp_path), [str(p) for p in tmp_path.rglob(".*")]


def test_a_page_that_was_started_by_a_run_leaves_the_word_to_it(
    mine: Path, tmp_path: Path, started: Any
) -> None:
    asked = [str(mine), "-o", str(tmp_path / "page.html"), "--parent", str(os.getpid())]
    process = started("-c", PLANTED, "imports", *asked)
    process.terminate()
    assert (ended(process, patience=2), process.returncode) == ("", 130)


@pytest.mark.parametrize("moment", ["draws", "tables"])
def test_helpers_end_when_the_page_is_killed(mine: Path, tmp_path: Path, started: Any, moment: str) -> None:
    process = started("-c", PLANTED, moment, str(mine), "-o", str(tmp_path / "page.html"))
    process.kill()
    assert ended(process, patience=5) == ""
    assert whole(tmp_path)


def test_a_page_ends_with_the_run_that_started_it(mine: Path, tmp_path: Path, started: Any) -> None:
    page = ["-c", PLANTED, "imports", str(mine), "-o", str(tmp_path / "page.html")]
    process = started("-c", ORPHAN, sys.executable, *page)
    process.kill()
    assert ended(process, patience=5) == ""


REPEATED = """
import sys, types, unittest.mock
import reports
letter, run, page = sys.argv[1:]
made = types.SimpleNamespace(page=letter.encode() * 300_000, pictures=[[]])
for name in ("style", "svg"):  # they take a second to import
    sys.modules[f"reports.draw.{name}"] = unittest.mock.MagicMock()
sys.modules["reports.page"] = types.SimpleNamespace(make=lambda *_: made)
for _ in range(8):
    reports.write([run], page)
"""


@pytest.mark.slow
def test_two_writers_of_one_page_tear_nothing(mine: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("a" * 300_000)
    words = [sys.executable, "-c", REPEATED]
    writers = [
        subprocess.Popen([*words, letter, str(mine), str(page)], cwd=ROOT, stderr=subprocess.PIPE)
        for letter in "ab"
    ]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(page.read_text())
        time.sleep(0.002)
    assert [writer.communicate()[1] for writer in writers] == [b"", b""]
    assert seen <= {"a" * 300_000, "b" * 300_000}
    assert (mine / "csv" / "rows.csv").read_bytes().endswith(b"\n")
    assert not list(tmp_path.rglob(".*"))


def test_what_killed_writers_left_is_swept(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for folder in ("csv", "figures"):
        (mine / folder).mkdir(exist_ok=True)
    left = [
        tmp_path / f".page.html.{gone.pid}-1.part",
        mine / "csv" / f".rows.csv.{gone.pid}-1.part",
        mine / "figures" / f".made.json.{gone.pid}-1.part",
    ]
    for path in left:
        path.write_text("half")
    monkeypatch.setattr("reports.page.make", lambda *_: SimpleNamespace(page=b"new", pictures=[[]]))
    assert main([str(mine), "-o", str(tmp_path / "page.html")]) == 0
    assert not list(tmp_path.rglob(".*"))
    assert (tmp_path / "page.html").read_text() == "new"


@pytest.mark.parametrize(
    ("asked", "streams", "code"),
    [
        ("RUN -o PAGE", "<&- >&- 2>&-", 0),
        pytest.param("RUN -o PAGE", "2>/dev/full", 0, marks=pytest.mark.slow),
        ("RUN -o PAGE", ">/dev/full 2>/dev/full", 2),
        ("--help", ">&-", 0),
        ("--help", ">/dev/full 2>&-", 2),
        ("--bogus", "2>/dev/full", 2),
        ("PAGE", "2>/dev/full", 2),
    ],
)
def test_nothing_depends_on_who_hears(
    mine: Path, tmp_path: Path, asked: str, streams: str, code: int
) -> None:
    page = tmp_path / "page.html"
    words = asked.replace("RUN", str(mine)).replace("PAGE", str(page)).split()
    command = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-c", PLANTED, "never", *words]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # what is left in a buffer would be told once more
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=buffered)
    assert (done.returncode, done.stderr) == (code, "")
    assert page.read_text() == ("new" if "RUN" in asked else "old")
