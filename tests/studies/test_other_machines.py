"""A run that is begun on one kind of machine goes on on another, and ends as one that never moved."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

from tests.support.tiny import digests

ROOT = Path(__file__).parents[2]
MACHINES = (  # other kernels of products, NumPy's without wide registers; an older processor to compile for
    {"OPENBLAS_CORETYPE": "Haswell", "NUMBA_CPU_NAME": "haswell"},
    {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)},
)
BEGUN = "from studies import run; from tests.support.tiny import tiny; run(tiny(blocks={}), out={!r}, jobs=1)"


def went_on(machine, blocks, folder):
    """The run, gone on with on that machine."""
    words = [sys.executable, "-c", BEGUN.format(blocks, str(folder))]
    subprocess.run(words, cwd=ROOT, env=os.environ | machine, check=True)


@pytest.mark.slow
def test_a_run_goes_on_on_another_machine(finished, tmp_path):
    for machine, blocks in zip(MACHINES, (2, 4), strict=True):
        went_on(machine, blocks, tmp_path / "run")
    assert digests(tmp_path / "run") == digests(finished)
