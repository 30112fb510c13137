"""Steps of trials per second: ours and the peers on the same cells."""

from __future__ import annotations

import cProfile
import importlib
import pstats
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.bench.floor import Products
from tests.bench.measure import (
    Contender,
    DisagreementError,
    Times,
    check,
    interleave,
    spread,
    timed,
)
from tests.bench.work import BATCHES, MIXED, SHAPES, Outcome, Work, adam, make, mixed

STACKS = (1, 8, 32, 64)
BLOCKS = 6
PEERS = {"jax_side": "JAX", "torch_side": "PyTorch", "sklearn_side": "scikit-learn"}
MAIN = "digits 64-64-10"  # here the peers too are shown at every size of the stack


class Ours:
    """dlopt.train."""

    library = "dlopt"

    def __init__(
        self, work: Work, stack: dict[str, dict[str, np.ndarray]], blocks: int = 1, engine: str = "compiled"
    ) -> None:
        self.work, self.stack, self.mixed, self.blocks = work, stack, len(stack) > 1, blocks
        self.engine = engine
        self.rows = blocks * sum(len(fields["lr"]) for fields in stack.values())
        self.name = "ours" if engine == "compiled" else "ours in NumPy"
        self.name += ", mixed" if self.mixed else ", Adam"
        self.name += f", {blocks} blocks" if blocks > 1 else ""

    def run(self) -> Outcome:
        """Train."""
        return self.work.ours(self.stack, self.blocks, self.engine)[0]


def peers() -> tuple[dict[str, Any], dict[str, str]]:
    """The sides that can be imported, and why the others cannot."""
    found, missing = {}, {}
    for module, library in PEERS.items():
        try:
            found[module] = importlib.import_module(f"tests.bench.{module}")
        except ImportError as error:
            missing[library] = str(error)
    return found, missing


def contenders(work: Work, sides: dict[str, Any], forms: Any, stacks: tuple[int, ...]) -> list[Contender]:
    """Who takes part in a cell. forms: of JAX's mixed stack."""
    found: list[Contender] = [Ours(work, mixed()), Ours(work, mixed(), engine="numpy")]
    found += [Ours(work, adam(rows)) for rows in stacks]
    if work.shape.sizes[0] < 64:  # as a study does with small datasets
        found.append(Ours(work, mixed(), BLOCKS))
    found.append(Products(work))
    both = stacks if (work.shape.name, work.batch) == (MAIN, 64) and not work.checkpoints else (32,)
    if jax := sides.get("jax_side"):
        found += jax.contenders(work, forms, both)
    if torch := sides.get("torch_side"):
        found += torch.contenders(work, both, by_hand_only=work.checkpoints)
    if sklearn := sides.get("sklearn_side"):
        found += sklearn.contenders(work)
    return found


def cell(work: Work, entrants: list[Contender], repeats: int, refused: list[str]) -> Iterator[dict[str, Any]]:
    """One cell's lines, the losses checked; who does other work than ours is refused."""
    truths: dict[tuple[bool, int], Outcome] = {}
    agreed, firsts, differences = [], [], []
    for one in entrants:
        cpu, _, outcome = timed(one.run)
        kind, far = (one.mixed, one.rows), np.nan
        if one.library == "dlopt":
            truths[kind] = outcome
        elif outcome is not None:
            if kind not in truths:
                truths[kind] = Ours(work, adam(one.rows)).run()
            how = {"optimizers": len(MIXED) if one.mixed else 1, "held": len(work.data["y_validation"])}
            try:
                far = check(f"{work.name}, {one.name}", truths[kind], outcome, **how)
            except DisagreementError as error:
                refused.append(str(error))
                continue
        agreed.append(one)
        firsts.append(cpu)
        differences.append(far)
    times = interleave(agreed, firsts, repeats)
    for one, time, far in zip(agreed, times, differences, strict=True):
        yield line(work, one, time, far)


def line(work: Work, one: Contender, times: Times, far: float) -> dict[str, Any]:
    """What is written down of a contender in a cell."""
    done = work.steps * one.rows
    speed, low, high = spread(done / times.cpu)
    return {
        "section": "kernel",
        "shape": work.shape.name,
        "batch": work.batch,
        "checkpoints": work.checkpoints,
        "contender": one.name,
        "library": one.library,
        "rows": one.rows,
        "mixed": one.mixed,
        "steps": work.steps,
        "unit": "trial-steps/s",
        "value": speed,
        "low": low,
        "high": high,
        "first_call_s": times.first,
        "cores": float(times.cpu.sum() / times.wall.sum()),
        "loss_difference": far,
        "cpu_s": times.cpu.tolist(),
    }


def profile(work: Work) -> dict[str, float]:
    """Shares of our mixed stack's time by room of the code, and of the bare products.

    From cProfile by file, so that it survives a new name; NumPy's own time counts for the file that calls.
    """
    ours = Ours(work, mixed())
    ours.run()
    profiler = cProfile.Profile()
    profiler.enable()
    ours.run()
    profiler.disable()
    rooms = {
        "passes.py": "compiled code",
        "rows.py": "loop",
        "training.py": "loop",
        "formula.py": "reading formulas",
    }
    shares: dict[str, float] = {}
    for (path, _, _), (_, _, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        inside = "/dlopt/" in path.replace("\\", "/")
        room = rooms.get(path.rpartition("/")[2], "optimizers") if inside else "NumPy's Python, built-ins"
        shares[room] = shares.get(room, 0.0) + own
    total = sum(shares.values())
    return {room: own / total for room, own in shares.items()}


def profiles(quick: bool) -> Iterator[dict[str, Any]]:
    """The profile of each shape, and the floor's share of the same time."""
    for shape in list(SHAPES.values())[: 1 if quick else None]:
        for batch in BATCHES[: 1 if quick else None]:
            work = make(shape, batch, False, quick=quick)
            ours, floor = Ours(work, mixed()), Products(work)
            ours.run(), floor.run()
            share = min(timed(floor.run)[0] for _ in range(3)) / min(timed(ours.run)[0] for _ in range(3))
            common = {"section": "profile", "shape": shape.name, "batch": batch, "unit": "share"}
            for part, value in ({"bare products": share} | profile(work)).items():
                yield common | {"contender": part, "library": "dlopt", "value": value}


def cells(quick: bool) -> Iterator[Work]:
    """All cells, each without checkpoints before it has them; quick: one of each shape."""
    for shape in SHAPES.values():
        for batch in BATCHES:
            for checkpoints in (False, True):
                few = checkpoints if batch == 64 else shape.name == MAIN and not checkpoints
                if few or not quick:
                    yield make(shape, batch, checkpoints, quick=quick)


def section(
    sides: dict[str, Any], repeats: int, refused: list[str], *, quick: bool, say: Any
) -> Iterator[dict[str, Any]]:
    """All cells' lines. With checkpoints JAX runs in the form that was fastest without."""
    fastest: dict[tuple[str, int], Any] = {}
    jax = sides.get("jax_side")
    for work in cells(quick):
        where, forms = (work.shape.name, work.batch), jax.VARIANTS if jax else ()
        if work.checkpoints:
            forms = fastest.get(where, forms[:1])
        elif work.shape.name != MAIN:
            forms = forms[: 1 if quick else jax.STRONG] if jax else ()
        stacks = (32,) if work.checkpoints or quick else STACKS
        found = list(cell(work, contenders(work, sides, forms, stacks), repeats, refused))
        yield from found
        rivals = {one["contender"]: one["value"] for one in found if one["library"] == "JAX" and one["mixed"]}
        text = f"{work.name}: ours {found[0]['value'] / 1e3:.1f} k"
        if rivals:
            top = max(rivals, key=lambda name: rivals[name])
            fastest[where] = [form for form in jax.VARIANTS if jax.named(form) == top]
            text += f", {top} {rivals[top] / 1e3:.1f} k"
        say(text)
