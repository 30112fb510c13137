"""Whatever takes long, made on two cores where there are two."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from studies.system import interrupts

MOST = 256  # numbers of tasks in one byte; further ones are done by the first process
Result = TypeVar("Result")
Tasks = Mapping[str, Callable[[], Any]]


def each(tasks: Tasks) -> dict[str, Any]:
    """What all tasks give, by their names. A second process saves time; what it leaves is done here.

    A task may be done twice, and by both.
    """
    with _rare_collections():
        return _each(tasks)


def _each(tasks: Tasks) -> dict[str, Any]:
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
    with contextlib.suppress(EOFError, OSError):  # it was killed, or met what is met again below
        made |= ours.recv()
    helper.join()
    return {name: made[name] if name in made else tasks[name]() for name in names}


class Later(Generic[Result]):
    """What a task gives, once it is done."""

    value: Result


@contextlib.contextmanager
def beside(task: Callable[[], Result]) -> Iterator[Later[Result]]:
    """Do a task in another process meanwhile; here at the end, where there is none or it fails.

    Its value is there after the block. An error in the block ends the task.
    """
    later = Later[Result]()
    if not _two():
        yield later
        later.value = task()
        return
    ours, theirs = multiprocessing.Pipe(duplex=False)
    helper = _forked(_tell, theirs, task)
    theirs.close()
    try:
        yield later
    except BaseException:
        helper.terminate()
        helper.join()
        raise
    try:
        later.value = ours.recv()
    except (EOFError, OSError):  # it was killed, maybe while it told, or met what is met here again
        later.value = task()
    helper.join()


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Look seldom for garbage in circles: a figure is a hundred thousand objects, a fifth of its time."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


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


def _tell(answer: Connection, task: Callable[[], Any]) -> None:
    with contextlib.suppress(Exception):  # which the first process meets again
        answer.send(task())


def _taken(queue: int, names: list[str]) -> Iterator[str]:
    while number := os.read(queue, 1):
        yield names[number[0]]


def _help(queue: int, answer: Connection, tasks: Tasks) -> None:
    _tell(answer, lambda: {name: tasks[name]() for name in _taken(queue, list(tasks))})
