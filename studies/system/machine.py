"""The machine: what NumPy's bytes depend on, what only times depend on, and one BLAS thread."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

ROOT = Path(__file__).parents[2]


@functools.cache
def arithmetic() -> dict[str, str]:
    """What NumPy's bytes depend on beside the seed: library versions and the kernels this machine picks."""
    blas = [lib for lib in threadpoolctl.threadpool_info() if lib["user_api"] == "blas"]
    packages = ("numpy", "scipy", "scikit-learn", "optuna")
    versions = {name: importlib.metadata.version(name) for name in packages}
    kernels = ",".join(sorted({f"{lib['internal_api']} {lib.get('architecture')}" for lib in blas}))
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found") or ["baseline"]
    return {**versions, "blas": kernels, "simd": str(found[-1]), "machine": platform.machine()}


def machine(jobs: int, trained: int, seconds: float) -> dict[str, Any]:
    """Where, with what and how fast: what may differ between two runs with the same tables."""
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if "model name" in line] if info.exists() else []
    return {
        "processor": models[0].split(":")[1].strip() if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "jobs": jobs,
        "trained": trained,
        "seconds": round(seconds, 2),
        "numba": _version("numba"),
        **arithmetic(),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def environment() -> dict[str, str]:
    """The variables with which another Python finds the rooms that this one has found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


@functools.cache
def _controller() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def one_thread() -> contextlib.AbstractContextManager[Any]:
    """One BLAS thread inside: two processes double the speed, two threads do not."""
    limit: contextlib.AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@functools.cache
def sources(clock: bool = False) -> str:
    """What is found again is tied to: the code and data of the rooms it comes from, the arithmetic.

    clock: the processor too, for times. Asked first when a run begins: what is edited later did not make it.
    """
    here = {k: v for k, v in machine(1, 0, 0.0).items() if k in ("processor", "cores")} if clock else {}
    here |= {name: importlib.metadata.version(name) for name in ("pandas", "pyarrow")}
    digest = hashlib.sha256(repr(sorted((arithmetic() | here).items())).encode())
    for room in ("datasets", "dlopt", "studies"):
        for path in sorted(one for one in (ROOT / room).rglob("*") if one.suffix in (".py", ".csv")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
