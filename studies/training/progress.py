"""How far a run is, in counts and time left: one live line on a terminal, one line per task elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.status import Status

from studies.system.standard_streams import tell
from studies.training.rows import CHOOSING, CONFIRMING
from studies.training.stacks import Stack, cost

if TYPE_CHECKING:
    from types import TracebackType


def duration(seconds: float) -> str:
    """A time in words: "41s", "2m10s"."""
    whole = round(seconds)
    return f"{whole // 60}m{whole % 60:02d}s" if whole >= 60 else f"{whole}s"


class Progress:
    """What a run tells on the way: here, nothing but what went wrong."""

    def start(self, tasks: list[list[Stack]]) -> None:
        """These tasks begin."""

    def finished(self, dataset: str, blocks: list[int], rows: int, diverged: int) -> None:
        """A task is recorded: these blocks of a dataset."""

    def told(self, line: str) -> None:
        """Something else is done."""

    def warned(self, line: str) -> None:
        """Something was found that nobody meant, and the run goes on."""
        tell(line)


class Shown(Progress):
    """Writes to stderr, so that results on stdout can be piped."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.status: Status | None = None

    def __enter__(self) -> Shown:
        if self.console.is_terminal:
            self.status = self.console.status("starting")
            self.status.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.status:
            self.status.stop()

    def start(self, tasks: list[list[Stack]]) -> None:
        """See `Progress`."""
        self.left: dict[tuple[str, int], list[float]] = {}
        for task in tasks:
            self.left.setdefault((task[0].dataset.name, task[0].block), []).append(sum(map(cost, task)))
        self.total, self.began = sum(map(sum, self.left.values())), time.monotonic()
        self.done: dict[str, set[int]] = {}
        blocks = {(stack.dataset.name, stack.block) for task in tasks for stack in task}
        self.to_do = {name: sum(d == name for d, _ in blocks) for name, _ in blocks}

    def finished(self, dataset: str, blocks: list[int], rows: int, diverged: int) -> None:
        """See `Progress`."""
        self.left[dataset, blocks[0]].pop()
        done = self.done.setdefault(dataset, set())
        done.update(blocks)  # somebody's own optimizers pass through a block once more
        remaining = sum(map(sum, self.left.values()))
        elapsed = time.monotonic() - self.began
        time_left = elapsed * remaining / max(self.total - remaining, 1e-9)
        first = blocks[0]
        what = "choosing" if first >= CHOOSING else "confirming" if first >= CONFIRMING else "block"
        line = (
            f"{dataset} · {what} {len(done)}/{self.to_do[dataset]} · "
            f"{diverged} of {rows} diverged · {duration(time_left)} left"
        )
        self.told(line)

    def told(self, line: str) -> None:
        """See `Progress`."""
        if self.status:
            self.status.update(line)
        else:
            tell(line)
