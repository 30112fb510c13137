"""What compiled code costs before it is fast, and the most that this core could do."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from dlopt.engine import rows
from dlopt.engine.products import FIXED, product
from dlopt.engine.vectors import ROWS, WIDE

ROOT = Path(__file__).parents[2]
LONG = 100_000  # terms of each sum
CALL = """
import time
import numpy as np, dlopt
X, y = np.eye(64), np.arange(64) % 2
split = dlopt.Split(X, y, X, y, X, y, n_classes=2)
started = time.perf_counter()
dlopt.train(dlopt.MLP(8), split, dlopt.Adam(), batch_size=32, epochs=1, engine="compiled")
print(time.perf_counter() - started)
"""


@njit(**FIXED)
def _sums(a: Any, x: Any, out: Any) -> None:
    product(a, 0, 1, 0, x, 0, 0, LONG, a, 0, 0, out, 0, WIDE, ROWS, WIDE, np.float32(-np.inf))


def peak(repeats: int) -> float:
    """GFLOP/s of one core: the tile of the products, whose operands never leave the nearest cache."""
    a, x, out = rows.zeros(ROWS), rows.zeros(WIDE), rows.zeros(ROWS * WIDE)
    _sums(a, x, out)
    took = []
    for _ in range(max(repeats, 5)):
        started = time.process_time()
        for _ in range(10):
            _sums(a, x, out)
        took.append(time.process_time() - started)
    return 20 * ROWS * WIDE * LONG / min(took) / 1e9


def calls() -> Iterator[float]:
    """Seconds of the first call of `train` on a new machine, then of one in a later process."""
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(ROOT)}
            command = [sys.executable, "-c", CALL]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            yield float(done.stdout)


def section(repeats: int) -> Iterator[dict[str, Any]]:
    """Its lines."""
    common = {"section": "compiled", "shape": f"{8 * 4 * WIDE // 2} bit", "library": "dlopt"}
    yield common | {"contender": "FMA peak", "unit": "GFLOP/s", "value": peak(repeats)}
    for name, seconds in zip(("first call", "later call"), calls(), strict=True):
        yield common | {"contender": name, "unit": "s", "value": seconds}
