"""How time and memory grow: rows trained, rows of data, features, classes, hidden width."""

from __future__ import annotations

import shutil
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import dlopt
from tests.bench.apart import apart, peak
from tests.bench.work import MIXED, generate, no_checkpoints, trials

MIB = 2**20


class Size(NamedTuple):
    """One point of an axis."""

    axis: str
    size: int
    features: int = 20
    hidden: int = 32
    classes: int = 4
    data: int = 1_797
    rows: int = 32
    batch: int = 64
    epochs: int = 2


def points(quick: bool) -> list[Size]:
    """The axes; a quick check takes the small end of each."""
    found = [
        *(
            Size("rows trained in one call", k, 13, 16, 3, 178, rows=k)
            for k in (32, 320, 3_200, 32_000, 100_000)
        ),
        *(Size("rows of data", n, data=n, batch=512, epochs=1) for n in (10_000, 100_000, 1_000_000)),
        *(Size("features", f, features=f) for f in (10, 100, 1_000)),
        *(Size("classes", c, classes=c) for c in (2, 10, 100)),
        *(Size("hidden width", h, hidden=h) for h in (16, 64, 256, 1_024)),
    ]
    return [one for one in found if one.size <= 10_000 and one.size < 1_000] if quick else found


def bound(one: Size, parameters: int) -> int:
    """Bytes that a call of `train` stays below.

    Five arrays of (rows, parameters): parameters, gradient, the best ones, and what states and temporaries
    come to over the eight optimizers; the data in float64, in float32 and in chunks with their targets;
    per trial 1 KiB of curves; and a workspace that nothing enlarges.
    """
    data = one.data * (16 * (one.features + 1) + 8 * one.classes + 16)
    return 4 * 5 * one.rows * parameters + data + 1024 * one.rows + 24 * MIB


def measure(one: Size, repeats: int) -> dict[str, Any]:
    """Time and memory of one call of `train`."""
    split = generate(one.features, one.classes, one.data)
    model = dlopt.MLP(one.hidden)
    stack = [dlopt.OPTIMIZERS[name](**trials(name, one.rows // len(MIXED))) for name in MIXED]

    def run() -> None:
        with no_checkpoints():
            dlopt.train(model, split, stack, batch_size=one.batch, epochs=one.epochs)

    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
        if sum(seconds) > 10:
            break
    tracemalloc.start()
    run()
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    parameters = model.layers(one.features, one.classes)[-1].slice.stop
    return line(one.axis, one.size, float(np.median(seconds)), memory, bound(one, parameters))


def line(axis: str, size: int, seconds: float, memory: int, most: int | None) -> dict[str, Any]:
    """What is written down."""
    return {
        "section": "scale",
        "shape": axis,
        "contender": "ours",
        "library": "dlopt",
        "size": size,
        "unit": "s",
        "value": seconds,
        "memory_mib": memory / MIB,
        "bound_mib": most / MIB if most else np.nan,
    }


def run_of(folder: Path, blocks: int) -> tuple[int, float, int]:
    """A run on wine, an epoch each, in this process: rows, seconds of CPU, bytes beyond the imports."""
    import reports  # noqa: F401  # the memory of imports is not the study's
    from studies import (
        Study,
        assemble,  # noqa: F401
    )
    from studies.catalog import STUDIES
    from studies.question.plan import planned
    from studies.runner import run
    from studies.training.draws import Search

    study = Study("scale", STUDIES["default"].optimizers, ("wine",), blocks=blocks, epochs=1)
    Search(planned(study), "wine", study.arms[0], 0).ask()
    shutil.rmtree(folder, ignore_errors=True)
    before, started = peak(), time.process_time()
    done = run(study, out=folder, jobs=1)
    seconds = time.process_time() - started
    shutil.rmtree(folder, ignore_errors=True)
    return done.trained, seconds, peak() - before


def section(folder: Path, repeats: int, *, quick: bool, say: Any) -> Iterator[dict[str, Any]]:
    """All axes."""
    for one in points(quick):
        yield (found := measure(one, repeats))
        say(f"{one.axis} {one.size:,}: {found['value']:.2f} s, {found['memory_mib']:.0f} MiB")
    for blocks in (2, 8) if quick else (8, 74, 735):
        rows, seconds, memory = apart(run_of, folder, blocks)
        say(f"rows of a study {rows:,}: {seconds:.1f} s, {memory / MIB:.0f} MiB")
        yield line("rows of a study", rows, seconds, memory, None)


def exponent(sizes: list[float], values: list[float]) -> float:
    """The slope of the logarithms over the upper end of an axis: the largest size against the one before."""
    return float(np.log(values[-1] / values[-2]) / np.log(sizes[-1] / sizes[-2]))
