"""A command imports what it needs: help and lists come at once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = {"numpy", "pandas", "sklearn", "scipy", "optuna", "matplotlib"}


@pytest.mark.parametrize(
    ("words", "may"),
    [
        (["--help"], set()),
        (["run", "--help"], set()),
        (["nonsense"], set()),
        (["list"], {"numpy", "pandas"}),
        (["describe", "adam"], {"numpy", "pandas"}),
        (["run", "--where"], {"numpy", "pandas", "scipy", "sklearn"}),
    ],
)
def test_what_a_command_does_not_need_is_not_imported(words, may):
    code = f"""
import runpy, sys
sys.argv = ["studies", *{words!r}]
try:
    runpy.run_module("studies", run_name="__main__", alter_sys=True)
except SystemExit:
    print("imported", *({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    told = done.stderr.splitlines()[-1].split()
    assert told[0] == "imported", done.stderr
    assert set(told[1:]) <= may
