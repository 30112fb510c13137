"""Pictures as SVG and PNG, and whatever else takes long, made on two cores where there are two."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from reports.data import words
from reports.draw import style, svg
from reports.parts import Key, Panel
from studies.system import interrupts

MOST = 256  # numbers of tasks in one byte; further ones are done by the first process
Tasks = Mapping[str, Callable[[], Any]]


class Order(NamedTuple):
    """The panels of a part to be made. title, description: for those who do not see them."""

    draw: Callable[[], Sequence[Panel]]
    title: str
    description: str
    legend: Sequence[Key] = ()

    def make(self, name: str) -> list[Picture]:
        """A picture of each panel; the ids in its SVG begin with the name."""
        with style.drawing():
            return self._made(name)

    def _made(self, name: str) -> list[Picture]:
        made, taken = [], set[str]()
        for panel in self.draw():
            short = base = re.sub(r"[^a-z0-9]+", "-", panel.name.lower()).strip("-")[:40] or "panel"
            number = 2
            while short in taken:
                short, number = f"{base}-{number}", number + 1
            taken.add(short)
            asked = f"{self.title} {panel.title}"
            drawn = svg.svg(panel.figure, f"{name}-{short}", asked, self.description)
            alone = svg.png(panel.figure, asked, self.legend)
            made.append(Picture(short, panel.title, words.clean(panel.dataset), drawn, alone))
        return made


class Picture(NamedTuple):
    """A panel, twice. name: of its file, after its part's. dataset: that it shows, if it is one's."""

    name: str
    title: str
    dataset: str
    svg: str
    png: bytes


def each(tasks: Tasks) -> dict[str, Any]:
    """What all tasks give, by their names. A second process saves time; what it leaves is done here.

    A task may be done twice, and by both.
    """
    names = list(tasks)
    if len(names) < 2 or not _two():
        return {name: tasks[name]() for name in names}
    queue, fill = os.pipe()  # each process takes the next number from it
    os.write(fill, bytes(range(min(len(names), MOST))))
    os.close(fill)
    ours, theirs = multiprocessing.Pipe(duplex=False)
    helper = _forked(_help, queue, theirs, tasks)
    theirs.close()
    try:
        made = {name: tasks[name]() for name in _taken(queue, names)}
    except BaseException:
        helper.terminate()  # or it would wait for ever to be heard
        helper.join()
        raise
    finally:
        os.close(queue)
    with contextlib.suppress(EOFError):  # it was killed, or met what is met again below
        made |= ours.recv()
    helper.join()
    return {name: made[name] if name in made else tasks[name]() for name in names}


@contextlib.contextmanager
def beside(task: Callable[[], None]) -> Iterator[None]:
    """Do a task that writes files in another process meanwhile; here, where there is none or it fails."""
    helper = _forked(_do, task) if _two() else None
    try:
        yield
    except BaseException:
        if helper:
            helper.terminate()
            helper.join()
        raise
    if helper:
        helper.join()
    if helper is None or helper.exitcode:
        task()


def _two() -> bool:
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1


def _forked(target: Callable[..., None], *arguments: Any) -> Any:
    fork = multiprocessing.get_context("fork")  # a task is a closure over a run, which no pipe can carry
    helper = fork.Process(target=_alone, args=(os.getpid(), target, *arguments), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 on: of other threads, OpenBLAS's, Arrow's and that of interrupts; all see to a fork
        warnings.filterwarnings("ignore", ".* use of fork", DeprecationWarning)
        helper.start()
    return helper


def _alone(parent: int, target: Callable[..., None], *arguments: Any) -> None:
    """What a helper does: it ends when it is told to, or when the first process is gone."""
    interrupts.obey()
    interrupts.watch_parent(parent)
    target(*arguments)


def _do(task: Callable[[], None]) -> None:
    try:
        task()
    except Exception:  # which the first process meets again
        sys.exit(1)


def _taken(queue: int, names: list[str]) -> Iterator[str]:
    while number := os.read(queue, 1):
        yield names[number[0]]


def _help(queue: int, answer: Connection, tasks: Tasks) -> None:
    with contextlib.suppress(Exception):  # which the first process meets again
        answer.send({name: tasks[name]() for name in _taken(queue, list(tasks))})
