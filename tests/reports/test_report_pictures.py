"""Pictures drawn by two processes: the same bytes, whatever happens to the second one."""

import multiprocessing
import os
import signal
import time
from functools import partial

import pytest
from matplotlib.figure import Figure

from reports.draw import pictures, processes
from reports.parts import Panel


@pytest.fixture
def cores(monkeypatch):
    def have(count):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(count)), raising=False)

    return have


def orders(count, before=lambda: None):
    def order(number):
        def draw():
            before()
            panels = []
            for name in ("wine", "moons"):
                fig = Figure(figsize=(3, 2))
                fig.subplots().plot([1, 2], [number, 1], "o-", label=f"of {number}")
                panels.append(Panel(name, f"On {name}", fig, name))
            return panels

        return pictures.Order(draw, f"What is {number}?", "A line.")

    return {(name := f"picture-{number}"): partial(order(number).make, name) for number in range(count)}


def test_two_processes_make_the_bytes_of_one(cores):
    cores(1)
    alone = processes.each(orders(7))
    cores(2)
    shared = processes.each(orders(7))
    assert list(shared) == list(alone)
    assert shared == alone


def test_both_processes_draw(cores, tmp_path):
    cores(2)

    def tell():
        (tmp_path / f"{os.getpid()}").touch()
        time.sleep(0.2)

    processes.each(orders(6, tell))
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_killed_helper_leaves_is_drawn(cores):
    cores(2)
    first = os.getpid()

    def die():
        if os.getpid() != first:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.1)

    made = processes.each(orders(5, die))
    cores(1)
    assert made == processes.each(orders(5))


def test_an_error_of_a_picture_is_told_once_by_the_first_process(cores, capfd):
    cores(2)
    first = os.getpid()

    def fail():
        time.sleep(0.1)
        if os.getpid() != first:
            raise ValueError("no such colour")

    assert len(processes.each(orders(4, fail))) == 4

    def fail_everywhere():
        raise ValueError("no such colour")

    with pytest.raises(ValueError, match="no such colour"):
        processes.each(orders(4, fail_everywhere))
    assert capfd.readouterr().err == ""


def test_no_helper_is_left_after_an_error(cores):
    cores(2)
    first = os.getpid()

    def fail():
        if os.getpid() == first:
            raise OSError("disk full")
        time.sleep(0.1)

    before = {child.pid for child in multiprocessing.active_children()}
    with pytest.raises(OSError, match="disk full"):
        processes.each(orders(40, fail))
    assert {child.pid for child in multiprocessing.active_children()} <= before
