"""Compiled trainings have the same bytes on every machine: those that `record_engine.py` kept."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dlopt.engine.processor import LANES
from tests.record.record_engine import RECORD, trainings
from tests.record.record_inputs import ROOT

KEPT = json.loads(RECORD.read_text())
OTHERS = {  # what another machine would have: registers of another width, no AVX-512, no fma, no AVX
    "other registers": {"DLOPT_LANES": str(24 - LANES)},
    "haswell": {"DLOPT_LANES": "8", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    "nehalem": {"DLOPT_LANES": "8", "NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": ""},
}


def test_the_bytes_here_are_those_that_are_recorded():
    assert trainings() == KEPT


@pytest.mark.slow
@pytest.mark.parametrize("other", OTHERS)
def test_the_bytes_of_another_machine_are_those_that_are_recorded(other, tmp_path):
    words = [sys.executable, "-m", "tests.record.record_engine", "--show"]
    more = OTHERS[other] | {"NUMBA_CACHE_DIR": str(tmp_path)}
    shown = subprocess.run(words, cwd=ROOT, env=os.environ | more, capture_output=True, check=True)
    found = json.loads(shown.stdout)
    assert found["lanes"] == int(more["DLOPT_LANES"])
    assert found["bytes"] == KEPT


@pytest.mark.slow
def test_the_bytes_hang_on_no_product_or_function_of_a_library():
    """With the oldest kernels of OpenBLAS and NumPy, and two threads."""
    words = [sys.executable, "-m", "tests.record.record_engine", "--show"]
    from numpy._core._multiarray_umath import __cpu_dispatch__

    more = {
        "OPENBLAS_CORETYPE": "Nehalem",
        "OPENBLAS_NUM_THREADS": "2",
        "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable",
    }
    shown = subprocess.run(words, cwd=ROOT, env=os.environ | more, capture_output=True, check=True)
    assert json.loads(shown.stdout)["bytes"] == KEPT


def test_the_record_is_of_trainings_that_get_somewhere_and_of_some_that_diverge():
    from tests.record.record_engine import CASES, KINDS, block, dlopt

    model, *rest, batch_size = CASES["tanh"]
    optimizers = [kind(lr=[0.003, 0.1, 1e30]) for kind in KINDS]
    run = dlopt.train(model, block(*rest, 0), optimizers, batch_size=batch_size, epochs=4, progress=False)
    assert 0 < np.sum(run.diverged_step > 0) < len(run.diverged_step)
    assert (run.best_step > 0).mean() > 0.5
