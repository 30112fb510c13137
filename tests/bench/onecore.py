"""One core and one thread for everything: import it before NumPy, torch and JAX."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
os.environ["JAX_PLATFORMS"] = "cpu"

CORES: list[int] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(core: int = -1) -> None:
    """Keep this process, and what it starts, on one of its cores, where the system knows how."""
    if CORES:
        os.sched_setaffinity(0, {CORES[core]})


@contextlib.contextmanager
def all_cores() -> Iterator[None]:
    """What is started inside may use every core again."""
    if CORES:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, set(CORES))
    yield
    if CORES:
        os.sched_setaffinity(0, before)
