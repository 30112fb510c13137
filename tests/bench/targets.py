"""What was hoped for, and whether this run reached it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from dlopt.engine.processor import LANES
from studies.system.machine import arithmetic
from tests.bench.scale import exponent

Lines = list[dict[str, Any]]
DIGITS, DEEP, WINE = "digits 64-64-10", "64-64-32-10", "13-16-3"
WIDE = 16  # float32 in a register of 512 bits
# the mixed stack against the best JAX, without and with the default's checkpoints
AGAINST_JAX = {
    (DIGITS, 64): 1.3,
    (DIGITS, 512): 1.4,
    (DEEP, 64): 1.3 if LANES == WIDE else 1.2,
    ("30-32-2", 64): 1.5,
    ("20-32-4", 64): 1.5,
    (WINE, 64): 1.3,
    ("softmax 64-10", 64): 1.0,
    ("regression 10-32-1", 64): 1.1,
}
# and against our own stack in NumPy, by the kernels that its BLAS picks
AGAINST_NUMPY = {"SkylakeX": 1.8}
AGAINST_HASWELL = 2.5


class Target(NamedTuple):
    """One line of the first table."""

    what: str
    wanted: float
    found: float
    low: float
    high: float
    unit: str = "×"
    most: bool = False  # the wanted number is a maximum

    @property
    def reached(self) -> bool:
        """Is it?"""
        return self.found <= self.wanted if self.most else self.found >= self.wanted


def cell(lines: Lines, shape: str, batch: int, checkpoints: bool) -> Lines:
    """The kernel's lines of one cell."""
    where = ("kernel", shape, batch, checkpoints)
    return [
        one for one in lines if (one["section"], *map(one.get, ("shape", "batch", "checkpoints"))) == where
    ]


def one_of(lines: Lines, name: str, rows: int = 32) -> dict[str, Any] | None:
    """A contender's line."""
    return next((one for one in lines if one["contender"] == name and one.get("rows") == rows), None)


def ratio(a: dict[str, Any], b: dict[str, Any]) -> tuple[float, float, float]:
    """How many times faster a is, per trial and step: the median of the repeats' ratios, least and most.

    The repeats are interleaved, so each ratio is of one moment.
    """
    each = a["rows"] / np.array(a["cpu_s"]) / (b["rows"] / np.array(b["cpu_s"]))
    return float(np.median(each)), float(each.min()), float(each.max())


def best_jax(lines: Lines) -> dict[str, Any] | None:
    """The fastest form of the mixed stack."""
    forms = [one for one in lines if one["library"] == "JAX" and one["mixed"]]
    return max(forms, key=lambda one: one["value"]) if forms else None


def kernel(lines: Lines) -> Iterator[Target]:
    """Ratios of speeds in the same cell."""
    for (shape, batch), wanted in AGAINST_JAX.items():
        for checkpoints in (False, True):
            here = cell(lines, shape, batch, checkpoints)
            ours, rival = one_of(here, "ours, mixed"), best_jax(here)
            if ours and rival:
                words = f"mixed stack against the best JAX, {shape}, batch {batch}"
                yield Target(words + ", checkpoints" * checkpoints, wanted, *ratio(ours, rival))
    blas = arithmetic()["blas"].split()[-1]
    for shape in dict.fromkeys(shape for shape, _ in AGAINST_JAX):
        here = cell(lines, shape, 64, False)
        ours, numpy = one_of(here, "ours, mixed"), one_of(here, "ours in NumPy, mixed")
        if ours and numpy:
            wanted = AGAINST_NUMPY.get(blas, AGAINST_HASWELL)
            yield Target(f"compiled against NumPy ({blas} kernels), {shape}", wanted, *ratio(ours, numpy))
    for shape in (DIGITS, WINE):
        here = cell(lines, shape, 64, False)
        ours, rival = one_of(here, "ours, Adam", 1), one_of(here, "JAX Adam", 1)
        if ours and rival:
            yield Target(f"one trial against JAX, {shape}", 1.0, *ratio(ours, rival))
    for batch in (64, 512):
        here = cell(lines, DIGITS, batch, False) or cell(lines, DIGITS, batch, True)
        ours, adam = one_of(here, "ours, mixed"), one_of(here, "ours, Adam")
        for peer in ("PyTorch eager", "PyTorch fused", "scikit-learn"):
            rival = one_of(here, peer, 1)
            if adam and rival:
                wanted = 25.0 if batch == 64 else np.nan
                yield Target(
                    f"stack of 32 against {peer}, digits, batch {batch}", wanted, *ratio(adam, rival)
                )
        if ours and adam:
            words = f"mixed stack against 32 rows of Adam, digits, batch {batch}"
            yield Target(words, 0.95, *ratio(ours, adam))


def products(sizes: Sequence[int], batch: int) -> int:
    """The floating-point operations of one step's matrix products; the first layer passes no gradient on."""
    pairs = list(itertools.pairwise(sizes))
    return 2 * batch * (2 * sum(a * b for a, b in pairs) + sum(a * b for a, b in pairs[1:]))


def compiled(lines: Lines) -> Iterator[Target]:
    """The core's limit, and what compiling costs."""
    found = {one["contender"]: one["value"] for one in lines if one["section"] == "compiled"}
    ours = one_of(cell(lines, DIGITS, 64, False), "ours, mixed")
    if ours and found:
        each = products((64, 64, 10), 64) / found["FMA peak"] / 1e9
        speeds = (ours["value"] * each, ours["low"] * each, ours["high"] * each)
        yield Target(f"share of the FMA peak ({found['FMA peak']:.0f} GFLOP/s), digits", 0.45, *speeds)
    for name, most in (("first call", 10.0), ("later call", 1.0)):
        if name in found:
            yield Target(f"{name} of a compiled training", most, *single(found[name]), "s", True)


def studies(lines: Lines) -> Iterator[Target]:
    """Whole studies against scripts."""
    found: dict[str, dict[str, tuple[float, float, float, float]]] = {}
    for one in lines:
        if one["section"] == "studies" and not one["contender"].startswith("ours"):
            title, shape = one["contender"], one["shape"]
            ours = next(
                o for o in lines if o["contender"] == f"ours, for {title}" and o.get("shape") == shape
            )
            found.setdefault(title, {})[shape] = (one["value"], ours["value"], ours["low"], ours["high"])
    for title, sets in found.items():
        wanted = {"Optuna + PyTorch": (np.nan, 40.0)}.get(title, (np.nan, np.nan))
        if "digits" in sets:
            theirs, *ours = sets["digits"]
            ratios = (theirs / ours[0], theirs / ours[2], theirs / ours[1])
            yield Target(f"whole study against {title}, digits", wanted[0], *ratios)
        if len(sets) > 1:
            theirs, *ours = np.sum(list(sets.values()), axis=0)
            ratios = (theirs / ours[0], theirs / ours[2], theirs / ours[1])
            yield Target(f"whole study against {title}, {len(sets)} datasets", wanted[1], *ratios)


def single(value: float) -> tuple[float, float, float]:
    """A number that was measured once."""
    return value, value, value


def phases(lines: Lines) -> Iterator[Target]:
    """The default study's."""
    took = {one["contender"]: one["value"] for one in lines if one["section"] == "phases"}
    if not took or any(one["shape"] != "default" for one in lines if one["section"] == "phases"):
        return
    whole = took["study"]
    beside = sum(took[phase] for phase in ("draws", "storage", "comparison", "tables"))
    share = 100 * beside / (whole + took["page"])
    yield Target("draws, storage, comparison and tables of the default", 10, *single(share), "%", True)
    yield Target("page of the default", 15, *single(took["page"]), "s", True)
    yield Target("mirror of the default", 15, *single(took["mirror"]), "s", True)
    yield Target("default study with its page", 180, *single(whole + took["page"]), "s", True)


def scale(lines: Lines) -> Iterator[Target]:
    """Growth at the upper end of each axis of rows: 1 is linear; and the bound on memory."""
    axes: dict[str, Lines] = {}
    for one in lines:
        if one["section"] == "scale":
            axes.setdefault(one["shape"], []).append(one)
    for axis, points in axes.items():
        if "rows" in axis and len(points) > 1:
            sizes = [one["size"] for one in points]
            for what, key in (("time", "value"), ("memory", "memory_mib")):
                power = exponent(sizes, [one[key] for one in points])
                yield Target(f"exponent of {what} against {axis}", 1.05, *single(power), "", True)
        shares = [one["memory_mib"] / one["bound_mib"] for one in points if one["bound_mib"] > 0]
        if shares:
            words = f"memory as a share of its bound, at most, {axis}"
            yield Target(words, 1.0, max(shares), min(shares), max(shares), "", True)


def processes(lines: Lines) -> Iterator[Target]:
    """The second core."""
    for one in lines:
        if one["section"] == "processes" and one["value"] > 0:
            yield Target("two processes against one", 1.85, one["value"], one["low"], one["high"])


SECTIONS: tuple[Callable[[Lines], Iterator[Target]], ...] = (
    kernel,
    compiled,
    processes,
    studies,
    phases,
    scale,
)


def targets(lines: Lines) -> list[Target]:
    """All of which this run has the numbers."""
    return [target for section in SECTIONS for target in section(lines)]
