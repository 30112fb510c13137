"""Which engine trained a run, in words."""

from __future__ import annotations

from reports.data import words
from reports.data.run import Run


def compiled(run: Run) -> bool:
    """Is a training's every byte the same on every machine, but for optimizers in NumPy?"""
    return run.manifest["question"]["arithmetic"].get("engine") == "compiled"


def in_numpy(run: Run) -> list[str]:
    """The optimizers of a compiled run whose steps were taken in NumPy all the same, each with why."""
    frame = run["optimizers"].sort_values("position")
    return [
        f"{run.title(one.optimizer)} ({words.clean(one.in_numpy)})"
        for one in frame[frame.in_numpy.ne("")].itertuples()
    ]


def arithmetic(run: Run) -> str:
    """One line of it."""
    if compiled(run):
        some = in_numpy(run)
        rest = f"; the steps of {words.join(some)} in NumPy, the same on one kind of machine" if some else ""
        return f"compiled, the same on every x86-64 machine{rest}"
    why = "; ".join(dict.fromkeys(words.clean(one) for one in run["optimizers"].in_numpy if one))
    return f"NumPy, the same on one kind of machine{f'. {why}' if why else ''}".rstrip(".")
