"""Pictures as SVG and PNG, drawn on two cores where there are two."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import NamedTuple

from matplotlib.figure import Figure

from reports import style


class Order(NamedTuple):
    """A picture to be made. title, description: for those who do not see it."""

    draw: Callable[[], Figure]
    title: str
    description: str


class Picture(NamedTuple):
    """A picture, twice."""

    svg: str
    png: bytes


def make(orders: dict[str, Order]) -> dict[str, Picture]:
    """Make all pictures, by their names. A second process saves time, and what it leaves is made here."""
    names = list(orders)
    if len(names) < 2 or sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return {name: _one(name, orders[name]) for name in names}
    queue, fill = os.pipe()  # each process takes the next number from it
    os.write(fill, bytes(range(min(len(names), 256))))
    os.close(fill)
    fork = multiprocessing.get_context("fork")  # a picture is a closure over a run, which no pipe can carry
    ours, theirs = fork.Pipe(duplex=False)
    helper = fork.Process(target=_help, args=(queue, theirs, orders), daemon=True)
    with warnings.catch_warnings():
        # Python 3.12 on: of other threads, which are OpenBLAS's and Arrow's; both see to a fork
        warnings.filterwarnings("ignore", ".* use of fork", DeprecationWarning)
        helper.start()
    theirs.close()
    try:
        made = {name: _one(name, orders[name]) for name in _taken(queue, names)}
    finally:
        os.close(queue)
    with contextlib.suppress(EOFError):  # it was killed, or met what is met again below
        made |= ours.recv()
    helper.join()
    return {name: made.get(name) or _one(name, orders[name]) for name in names}


def _taken(queue: int, names: list[str]) -> Iterator[str]:
    while number := os.read(queue, 1):
        yield names[number[0]]


def _help(queue: int, answer: Connection, orders: dict[str, Order]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what there is to say, the first process says
    with contextlib.suppress(Exception):  # which the first process meets again
        answer.send({name: _one(name, orders[name]) for name in _taken(queue, list(orders))})


def _one(name: str, order: Order) -> Picture:
    with style.drawing():
        fig = order.draw()
    return Picture(style.svg(fig, name, order.title, order.description), style.png(fig))
