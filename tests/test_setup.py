"""`make` says in a sentence what a machine lacks, before it does anything."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

OLD = """#!/bin/sh
[ "$1" = --version ] && echo "Python 3.9.2" && exit 0
exit 1
"""
NO_FCNTL = """#!/bin/sh
[ "$2" != "import fcntl" ]
"""
NO_VENV = """#!/bin/sh
case "$2" in *ensurepip*) exit 1;; esac
exit 0
"""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "Bob's checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock", "uv.requirements.txt"):
        shutil.copy(ROOT / name, folder)
    return folder


def make(checkout, *words):
    return subprocess.run(["make", *words], cwd=checkout, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (OLD, "dlopt needs Python 3.11 or newer, and ./python is Python 3.9.2.\nName a newer one"),
        (
            NO_FCNTL,
            "dlopt runs on Linux and macOS, and ./python lacks their fcntl module.\nOn Windows, work in",
        ),
        (NO_VENV, "./python lacks its venv module.\nInstall it"),
    ],
)
def test_a_python_that_will_not_do_is_named_with_the_remedy(checkout, script, words):
    python = checkout / "python"
    python.write_text(script)
    python.chmod(0o755)
    done = make(checkout, "setup", "PYTHON=./python")
    assert done.returncode == 2
    assert words in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_python_is_named(checkout):
    done = make(checkout, "setup", "PYTHON=python-that-is-not-there")
    assert done.returncode == 2
    assert "and python-that-is-not-there is missing" in done.stderr


def test_make_alone_lists_the_targets(checkout):
    listed = make(checkout).stdout
    for target in ("setup", "study", "report", "dashboard", "test", "lint", "clean"):
        assert f"  {target} " in listed


def test_clean_leaves_runs_alone(checkout):
    for folder in ("runs/default", ".venv", "tests/__pycache__", "dlopt", "studies", "datasets", "reports"):
        (checkout / folder).mkdir(parents=True)
    assert make(checkout, "clean").returncode == 0
    assert (checkout / "runs" / "default").exists()
    assert not (checkout / ".venv").exists()
    assert not (checkout / "tests" / "__pycache__").exists()


TELLS = """#!/bin/sh
[ "$1" != -c ] || exec "$REAL" "$@"
printf '%s\\0' "$@"
[ -z "$INTERRUPTED" ] || "$REAL" -c "$INTERRUPTED" "$@"
"""
INTERRUPTED = f"""
import sys

sys.path.insert(0, {str(ROOT)!r})
from studies.cli.entry import interrupted

sys.exit(interrupted(sys.argv[3:]))
"""
ODD = """Bob's "cost" $100 $(id) ${HOME} `id` #1 \\ 50% *.md; a & b"""


def arguments(told):
    """What Python told, but for what it only needs to end in order."""
    return [word for word in told.split("\0")[:-1] if not word.startswith(("--parent=", "--typed="))]


@pytest.fixture
def told(checkout):
    """What make passes on to Python, which here only tells its arguments."""
    python = checkout / "my venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(TELLS)
    python.chmod(0o755)

    def run(*words, **more):
        there = {**os.environ, "REAL": sys.executable, **more}
        command = ["make", "-o", "my venv/.ready", "VENV=my venv", *words]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, env=there)
        return arguments(done.stdout), done

    return run


def test_values_reach_the_program_as_they_are_typed(told):
    odd = {name.upper(): f"{ODD} {name}" for name in ("name", "jobs", "out", "data", "target")}
    words, _ = told("study", *(f"{name}={value}" for name, value in odd.items()))
    options = [f"--{name}={odd[name.upper()]}" for name in ("jobs", "out", "data", "target")]
    assert words == ["-m", "studies", "run", odd["NAME"], *options, "--report"]
    assert told("calibrate", f"CALIBRATE={ODD}")[0] == ["-m", "studies", "calibrate", ODD, "--jobs=0"]
    assert told("report", f"DATA={ODD}")[0][-2] == "-o"  # of a page in the folder that the first call told
    _, done = told("dashboard", f"PORT={ODD}")
    assert done.stderr.startswith(f"Port {ODD} is taken, or is none.\n")


def test_values_come_from_the_environment_too_but_a_name(told):
    usual = ["-m", "studies", "run", "default", "--jobs=0"]
    assert told("study", DATA=ODD, NAME="a-machine")[0] == [*usual, f"--data={ODD}", "--report"]


def test_args_are_words_of_the_shell(told):
    words, _ = told("study", """ARGS=--set a=1 --data "two words" --target '$x'""")
    assert words[5:-1] == ["--set", "a=1", "--data", "two words", "--target", "$x"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("my own.py", ["my own.py"]),
        ("my own.py:Mine", ["my own.py:Mine"]),
        ("a.py b.py:Mine *.md", ["a.py", "b.py:Mine", "*.md"]),
        ("$x.py 'y.py", ["$x.py", "'y.py"]),
        (" ", []),
    ],
)
def test_an_optimizer_is_a_file_that_may_have_blanks_or_several(told, checkout, given, words):
    (checkout / "my own.py").touch()
    assert told("study", f"OPTIMIZER={given}")[0][5:-1] == [f"--optimizer={word}" for word in words]


def test_an_interrupted_study_says_how_to_go_on_in_words_that_do(told, checkout):
    given = ["NAME=quick", f"DATA={ODD}", f"ARGS=--set {shlex.quote(ODD)}"]
    first, done = told("study", *given, INTERRUPTED=INTERRUPTED)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("Or with: "))
    command = line.removeprefix("Or with: ")
    assert shlex.split(command) == ["make", "study", "VENV=my venv", *given]
    ready = command.replace("make ", "make -o 'my venv/.ready' ")
    there = {**os.environ, "REAL": sys.executable}
    again = subprocess.run(ready, shell=True, cwd=checkout, capture_output=True, text=True, env=there)
    assert arguments(again.stdout) == first
