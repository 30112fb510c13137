"""Standard input, output and error, whoever hears: closed, full, a pipe that ends, a sign unknown."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import sys


def prepare() -> None:
    """Let nothing depend on who hears: to be called first of all.

    A closed stdin, stdout or stderr would be the next file that is opened: there is the null device
    instead. What a full stderr has not taken is forgotten at the end, or Python would leave with 120.
    A terminal that lacks a sign gets its number.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        with contextlib.suppress(OSError):
            os.fstat(number)
            continue
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it takes the lowest free number
        setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    atexit.register(_forget)


def _forget() -> None:
    try:
        sys.stderr.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def say(text: str) -> None:
    """A line on stdout; one who closed it, as `| head` does, has heard enough."""
    try:
        print(text, flush=True)
    except OSError as error:
        # at its end Python would try once more, and leave with 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise


def tell(text: str) -> None:
    """A line on stderr, which may be full, or read by nobody: the exit code says it too."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
