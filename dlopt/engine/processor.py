"""The processor that code is compiled for."""

from __future__ import annotations

import os

from llvmlite import binding

# of those that NUMBA_CPU_NAME may name instead of this machine's own
WIDE = (
    "skylake-avx512", "cascadelake", "cooperlake", "cannonlake", "icelake-client", "icelake-server",
    "tigerlake", "rocketlake", "sapphirerapids", "emeraldrapids", "graniterapids", "znver4", "znver5",
    "x86-64-v4",
)  # fmt: skip


def _lanes() -> int:
    if given := os.environ.get("DLOPT_LANES"):  # for tests: the bytes are the same
        return int(given)
    if name := os.environ.get("NUMBA_CPU_NAME"):
        return 16 if name in WIDE else 8
    return 16 if binding.get_host_cpu_features().get("avx512f") else 8


LANES = _lanes()  # float32 in a register
