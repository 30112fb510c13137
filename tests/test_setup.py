"""`make` says in a sentence what a machine lacks, before it does anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

OLD = """#!/bin/sh
[ "$1" = --version ] && echo "Python 3.9.2" && exit 0
exit 1
"""
NO_VENV = """#!/bin/sh
case "$2" in *ensurepip*) exit 1;; esac
exit 0
"""


@pytest.fixture
def checkout(tmp_path):
    for name in ("Makefile", "pyproject.toml", "uv.lock", "uv.requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(checkout, *words):
    return subprocess.run(["make", *words], cwd=checkout, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (OLD, "dlopt needs Python 3.11 or newer, and ./python is Python 3.9.2.\nName a newer one"),
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
