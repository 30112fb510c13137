"""python -m tests.mutants: plant one fault after the other in a copy; the tests it names must turn red.

First all these tests must pass on the copy as it is. 0: every fault was found; 1: one was not.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
ROOMS = ("dlopt", "datasets", "studies", "reports", "tests")
FILES = ("pyproject.toml", "README.md", "Makefile", "CITATION.cff")
FAULTS = Path(__file__).with_name("faults.toml")
RED = 1  # pytest's code when tests failed; all else means that none ran
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
PYTEST = (
    "-q",
    *("-p", "no:cacheprovider"),
    "--assert=plain",  # or a difference of two large arrays is spelled out for minutes
    *("-m", "not slow"),
)

# Libraries are imported once, which takes longer than most tests; each call forks from there.
SERVER = """
import json, os, sys
import hypothesis, jsonschema, numpy, optuna, pandas, pyarrow.parquet, pytest, rich.live, scipy.stats, seaborn
import sklearn.datasets, sklearn.ensemble, sklearn.linear_model, sklearn.model_selection
for line in sys.stdin:
    words, said = json.loads(line)
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        code = pytest.main(words)
        sys.stdout.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Fault(NamedTuple):
    """name: what is wrong. old: stands once in the file. tests: those of tests/ that find it, and options."""

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def words(self) -> list[str]:
        """For pytest."""
        return [f"tests/{one}" if _is_test(one) else one for one in self.tests.split()]


def _is_test(word: str) -> bool:
    return word.partition("::")[0].endswith(".py")


def copy(to: Path) -> Path:
    """What the tests need, in a folder of its own."""
    unwanted = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for name in ROOMS:
        shutil.copytree(ROOT / name, to / name, ignore=unwanted)
    for name in FILES:
        shutil.copy(ROOT / name, to / name)
    return to


def tested(folder: Path, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run these tests there."""
    command = [sys.executable, "-m", "pytest", *PYTEST, *words]
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, text=True, capture_output=True)


class Place:
    """A folder with a copy of the rooms, and a process there that runs tests."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = copy(folder)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=folder, env=ENVIRONMENT, text=True, **pipes
        )

    def tested(self, words: Sequence[str]) -> tuple[int, str]:
        """Run these tests; pytest's code, and what it said."""
        said = self.folder / "said.txt"
        stdin, stdout = self.server.stdin, self.server.stdout
        assert stdin is not None
        assert stdout is not None
        print(json.dumps([[*PYTEST, *words], str(said)]), file=stdin, flush=True)
        return int(stdout.readline()), said.read_text("utf-8", "replace")

    def end(self) -> None:
        """End the process."""
        self.server.communicate()


def plant(fault: Fault, place: Place) -> tuple[bool, str]:
    """Was it found, and what did the tests say? The folder is left as it was."""
    path = place.folder / fault.file
    sound = path.read_text("utf-8")
    if sound.count(fault.old) != 1:
        return False, f"{fault.file} holds {fault.old!r} {sound.count(fault.old)} times, not once."
    path.write_text(sound.replace(fault.old, fault.new), "utf-8")
    try:
        code, said = place.tested(["-x", *fault.words])
    finally:
        path.write_text(sound, "utf-8")
    return code == RED, said


def main(arguments: Sequence[str]) -> int:
    """Plant those whose names contain the word given, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="plant the faults whose name contains it")
    word = parser.parse_args(arguments).word
    listed = tomllib.loads(FAULTS.read_text("utf-8"))
    chosen = [Fault(name, **rest) for name, rest in listed.items() if word in name]
    if not chosen:
        parser.error(f"no fault has {word!r} in its name")
    cores, missed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, 0
    jobs = cores + 1  # some tests wait most of the time
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        sane = copy(Path(folder))
        slow = {one for fault in chosen if "slow" in fault.words for one in fault.words}
        files = sorted({one for fault in chosen for one in fault.words if _is_test(one)} - slow)
        apart = sorted({tuple(fault.words) for fault in chosen if "slow" in fault.words})
        together = [[*files, "-n", str(cores)]] if files else []
        for words in (*together, *map(list, apart)):
            sound = tested(sane, words)
            if sound.returncode:
                print(f"Without any fault these tests fail:\n{sound.stdout[-4000:]}", file=sys.stderr)
                return 1

        every = [Place(Path(folder) / f"place {i}") for i in range(jobs)]
        places: queue.Queue[Place] = queue.Queue()
        for one in every:
            places.put(one)

        def turn(fault: Fault) -> tuple[bool, str, float]:
            place, began = places.get(), time.monotonic()
            try:
                return *plant(fault, place), time.monotonic() - began
            finally:
                places.put(place)

        for fault, (found, said, seconds) in zip(chosen, pool.map(turn, chosen), strict=True):
            by = next(iter(re.findall(r"^FAILED \S+?::(\w+)", said, re.MULTILINE)), "no test")
            print(f"{'found ' if found else 'MISSED'} {fault.name} ({by}, {seconds:.0f} s)", flush=True)
            if not found:
                missed += 1
                print(said[-2000:], file=sys.stderr)
        for one in every:
            one.end()
    print(f"{len(chosen) - missed} of {len(chosen)} faults were found.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
