"""All that goes into a training has the same bytes on every machine: tables, draws, factors of schedules."""

import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__

import datasets
from tests.record.record_inputs import BUILT_IN, RECORD, ROOT, inputs

KEPT = json.loads(RECORD.read_text())
OTHERS = {  # what another machine would have: older kernels of products, of functions, a libm without FMA
    "kernels": {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__)},
    "libm": {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable"},
}


def test_the_bytes_here_are_those_that_are_recorded():
    assert inputs() == KEPT


@pytest.mark.parametrize("other", OTHERS)
def test_the_bytes_of_another_machine_are_those_that_are_recorded(other):
    words = [sys.executable, "-m", "tests.record.record_inputs", "--show"]
    shown = subprocess.run(words, cwd=ROOT, env=os.environ | OTHERS[other], capture_output=True, check=True)
    assert json.loads(shown.stdout) == KEPT


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_generated_number_is_near_to_where_it_would_round_otherwise(name):
    makers = datasets.scikit.CLASSIFICATION | datasets.scikit.REGRESSION
    if raw := inspect.getclosurevars(makers[name]).nonlocals.get("load"):
        for part in map(np.asarray, raw()):
            scaled = np.abs(part) * 10.0**datasets.scikit.DECIMALS
            assert np.min(np.abs(scaled - np.floor(scaled) - 0.5)) > 1e-10 * 10**datasets.scikit.DECIMALS
