"""Work in processes of its own: a fresh one for honest memory, two at once for the machine's other core."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import onecore
from tests.bench.work import SHAPES, make, mixed

SPAWN = multiprocessing.get_context("spawn")


def apart(function: Callable[..., Any], *args: Any, everywhere: bool = False) -> Any:
    """What a function returns in a fresh process. everywhere: it may use every core."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        if everywhere:
            with onecore.all_cores():
                return pool.submit(function, *args).result()
        return pool.submit(function, *args).result()


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux's ru_maxrss begins with that of the process that started this one
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) * 1024 if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _serve(line: Any, core: int, quick: bool) -> None:
    onecore.pin(core)
    work = make(SHAPES["digits 64-64-10"], 64, True, quick=quick)
    work.ours(mixed())
    line.send(0.0)
    while line.recv():
        started = time.perf_counter()
        work.ours(mixed())
        line.send(time.perf_counter() - started)


def two_processes(repeats: int, *, quick: bool) -> dict[str, Any]:
    """How much more two processes train than one: each alone, then both at once, by the clock."""
    line = {"section": "processes", "shape": "digits 64-64-10", "contender": "two processes", "unit": "x"}
    if len(onecore.CORES) < 2:
        return line | {"value": np.nan, "low": np.nan, "high": np.nan}
    lines, started = [], []
    with onecore.all_cores():
        for core in (0, 1):
            mine, its = SPAWN.Pipe()
            process = SPAWN.Process(target=_serve, args=(its, core, quick))
            process.start()
            lines.append(mine)
            started.append(process)
    for one in lines:
        one.recv()
    gains = []
    for _ in range(repeats):
        alone = []
        for one in lines:
            one.send(True)
            alone.append(one.recv())
        for one in lines:
            one.send(True)
        gains.append(sum(alone) / max(one.recv() for one in lines))
    for one, process in zip(lines, started, strict=True):
        one.send(False)
        process.join()
    return line | {"value": float(np.median(gains)), "low": min(gains), "high": max(gains)}
