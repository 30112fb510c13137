"""How far a training is, in a line for a terminal."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable

Progress = Callable[[int, int], object]  # called with (done epochs, epochs)
PATIENCE = 5.0  # seconds of training that nobody needs to be told of


class _Line:
    """One line on stderr, written over once a second, of a training that takes longer than `PATIENCE`."""

    def __init__(self) -> None:
        self.started, self.said = time.monotonic(), 0.0

    def __call__(self, done: int, epochs: int) -> None:
        now = time.monotonic()
        spent = now - self.started
        if done == epochs and self.said:
            print(f"\rtrain: {epochs} epochs in {spent:.0f} s".ljust(60), file=sys.stderr)
        elif done < epochs and spent > PATIENCE and now - self.said > 1:
            left = f"about {spent * (epochs - done) / done:.0f} s left"
            print(f"\rtrain: epoch {done} of {epochs}, {left}".ljust(60), end="", file=sys.stderr, flush=True)
            self.said = now


def chosen(progress: bool | Progress) -> Progress:
    """What is called after each epoch: see `dlopt.train`."""
    if callable(progress):
        return progress
    alone = multiprocessing.parent_process() is None
    if progress and alone and sys.stderr is not None and sys.stderr.isatty():
        return _Line()
    return lambda done, epochs: None
