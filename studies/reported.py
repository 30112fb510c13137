"""A study with its page, which is what `make study` asks for; after the default one come the claims."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studies.commands import plan, run_study
from studies.errors import EndedError, FailedError, masked
from studies.handles import Asked, asked
from studies.machine import environment

BESIDE = {Path("runs/default"): "claims"}  # asked next, for the same page


def reported(first: Asked, *, quiet: bool, as_json: bool) -> Iterator[Any]:
    """Run a study and write its page; gives what is to be printed, as it comes.

    The page is written of what there is: also where an optimizer of somebody's own failed, or the claims
    could not be asked. Such an error is raised at the end. Raises EndedError where the page failed and
    said so.
    """
    document, wrong, folders = dict[str, Any](), list[Exception](), list[Path]()
    for one in (first, *_beside(first)):
        try:
            text = run_study(one.study, one.out, one.jobs, quiet=quiet or as_json, as_json=as_json)
            if as_json:
                document = document or text
            else:
                yield text
        except FailedError as error:
            wrong.append(error)
        except Exception as error:
            if one is first:
                raise
            wrong.append(error)
            continue
        if (one.out / "tables").is_dir():
            folders.append(one.out)
    if first.out in folders:
        page = (first.out.parent if first.out in BESIDE else first.out) / "report.html"
        code = _write(folders, page, silent=as_json)
        if code and not (wrong and code != 130):
            raise EndedError(code)
        document["report"] = str(page)
    for earlier in wrong[:-1]:
        print(masked(str(earlier)), file=sys.stderr, flush=True)
    if wrong:
        raise wrong[-1]
    if as_json:
        yield document


def planned(first: Asked, *, as_json: bool) -> Iterator[Any]:
    """What `reported` would run."""
    for one in (first,) if as_json else (first, *_beside(first)):
        yield plan(one.study, one.out, one.jobs, as_json=as_json)


def _beside(first: Asked) -> list[Asked]:
    return [asked(BESIDE[first.out], {"jobs": first.jobs})] if first.out in BESIDE else []


def _write(folders: Sequence[Path], page: Path, *, silent: bool) -> int:
    """The page, by a process of its own, for no room imports `reports`; gives its exit code."""
    words = ["-m", "reports", *map(str, folders), "-o", str(page)]
    heard = subprocess.DEVNULL if silent else None
    with _interrupted_there() as (children, interrupts):
        child = subprocess.Popen([sys.executable, *words], stdout=heard, env=environment())
        children.append(child)
        if interrupts:  # before there was a child that could be told
            child.send_signal(signal.SIGINT)
        code = child.wait()
    if interrupts and code not in (0, 130):  # it had not begun to listen
        raise KeyboardInterrupt
    if code < 0:
        raise FailedError(
            f"The process that draws the page was ended by signal {-code}.",
            f"Write the page again: python {shlex.join(words)}",
        )
    return code


@contextlib.contextmanager
def _interrupted_there() -> Iterator[tuple[list[subprocess.Popen[bytes]], list[int]]]:
    """Inside, Ctrl-C is for a child, which ends and says how to go on. Gives children and interrupts."""
    children: list[subprocess.Popen[bytes]] = []
    interrupts: list[int] = []
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield children, interrupts
        return

    def pass_on(number: int, _: Any) -> None:  # a terminal has told the child already; `kill` has not
        interrupts.append(number)
        for child in children:
            child.send_signal(signal.SIGINT)

    woken = signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, pass_on)
    try:
        yield children, interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
