"""python -m tests.mutants: plant one fault after the other in a copy; the tests it names must turn red.

First all these tests must pass on the copy as it is. 0: every fault was found; 1: one was not.
"""

from __future__ import annotations

import argparse
import concurrent.futures
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
ROOMS = ("dlopt", "datasets", "studies", "reports", "tests", "pyproject.toml", "README.md", "Makefile")
FAULTS = Path(__file__).with_name("faults.toml")
RED = 1  # pytest's code when tests failed; all else means that none ran


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
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=unwanted)
        else:
            shutil.copy(ROOT / name, to / name)
    return to


def tested(folder: Path, words: Sequence[str], *more: str) -> subprocess.CompletedProcess[str]:
    """Run these tests there."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--assert=plain",  # or a difference of two large arrays is spelled out for minutes
        "-m",
        "not slow",
        *more,
        *words,
    ]
    return subprocess.run(command, cwd=folder, env=os.environ | one_thread, text=True, capture_output=True)


def plant(fault: Fault, folder: Path) -> tuple[bool, str]:
    """Was it found, and what did the tests say? The folder is left as it was."""
    path = folder / fault.file
    sound = path.read_text("utf-8")
    if sound.count(fault.old) != 1:
        return False, f"{fault.file} holds {fault.old!r} {sound.count(fault.old)} times, not once."
    path.write_text(sound.replace(fault.old, fault.new), "utf-8")
    try:
        done = tested(folder, fault.words, "-x")
    finally:
        path.write_text(sound, "utf-8")
    return done.returncode == RED, done.stdout


def main(arguments: Sequence[str]) -> int:
    """Plant those whose names contain the word given, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("word", nargs="?", default="", help="plant the faults whose name contains it")
    word = parser.parse_args(arguments).word
    listed = tomllib.loads(FAULTS.read_text("utf-8"))
    chosen = [Fault(name, **rest) for name, rest in listed.items() if word in name]
    if not chosen:
        parser.error(f"no fault has {word!r} in its name")
    jobs, missed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1, 0
    with tempfile.TemporaryDirectory() as place, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        folders: queue.Queue[Path] = queue.Queue()
        for i in range(jobs):
            (Path(place) / str(i)).mkdir()
            folders.put(copy(Path(place) / str(i)))
        slow = {one for fault in chosen if "slow" in fault.words for one in fault.words}
        files = sorted({one for fault in chosen for one in fault.words if _is_test(one)} - slow)
        apart = sorted({tuple(fault.words) for fault in chosen if "slow" in fault.words})
        together = [[*files, "-n", str(jobs)]] if files else []
        for words in (*together, *map(list, apart)):
            sound = tested(Path(place) / "0", words)
            if sound.returncode:
                print(f"Without any fault these tests fail:\n{sound.stdout[-4000:]}", file=sys.stderr)
                return 1

        def turn(fault: Fault) -> tuple[bool, str, float]:
            folder, began = folders.get(), time.monotonic()
            try:
                return *plant(fault, folder), time.monotonic() - began
            finally:
                folders.put(folder)

        for fault, (found, said, seconds) in zip(chosen, pool.map(turn, chosen), strict=True):
            by = next(iter(re.findall(r"^FAILED \S+?::(\w+)", said, re.MULTILINE)), "no test")
            print(f"{'found ' if found else 'MISSED'} {fault.name} ({by}, {seconds:.0f} s)", flush=True)
            if not found:
                missed += 1
                print(said[-2000:], file=sys.stderr)
    print(f"{len(chosen) - missed} of {len(chosen)} faults were found.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
