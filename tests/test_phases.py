"""The bench's clock stands at entrances that are still there, and all phases are seen."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNS = """
import pathlib, sys
from tests.bench.phases import ENTRANCES, default_study
found = default_study(pathlib.Path(sys.argv[1]), blocks=2)
assert {name for name in ENTRANCES} <= set(found), set(ENTRANCES) - set(found)
assert all(seconds >= 0 for seconds in found.values()), found
"""


@pytest.mark.slow
def test_a_small_study_is_timed_phase_by_phase(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", RUNS, str(tmp_path / "run")], cwd=ROOT, stderr=subprocess.PIPE
    )
    assert done.returncode == 0, done.stderr.decode()
