"""python -m reports RUN [RUN ...] [-o page.html]: one page of finished runs."""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}.\nSee: {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, say the verdict, the page's path and what asks for a look. 0, or 2 for bad input."""
    parser = _Parser(
        prog="python -m reports", description="Write the report of finished runs, the first in full."
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument(
        "-o", "--out", metavar="PAGE", help="the page (default: report.html in the first run)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    asked = parser.parse_args(arguments)
    from reports import ReportError  # here: Ctrl-C is answered while this is imported

    try:
        _print(_report(asked.runs, asked.out))
    except Exception as error:
        if asked.debug:
            raise
        code, words = 2, str(error)
        if isinstance(error, OSError):
            words = f"{error.filename or 'Standard output'} could not be written or read: {error.strerror}."
            words += "\nMend that and run again."
        elif not isinstance(error, ReportError):
            code, words = 1, f"This should not have happened ({type(error).__name__}: {error})."
            words += "\nRun again with --debug to see where."
        print(words, file=sys.stderr)
        return code
    return 0


def _report(runs: list[str], out: str | None) -> list[str]:
    from reports import read, verdict, write
    from reports.trust import doubts

    run, *further = found = [read(path) for path in runs]
    page = write(found, out)
    lines = [*verdict(run), str(page), *(f"look: {line}" for line in doubts(run))]
    return [*lines, *(f"look: study {other.name}: {line}" for other in further for line in doubts(other))]


def _print(lines: list[str]) -> None:
    try:
        print("\n".join(lines), flush=True)
    except OSError as error:
        # at its end Python would try once more, and leave with 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # stdout was closed, as by `| head`; the page is written
            raise


def _leave(*_: Any) -> NoReturn:
    """End at once: every file is whole, the old one or the new one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who runs this may pass on what the terminal has told
    command = shlex.join(["python", "-m", "reports", *sys.argv[1:]])
    with contextlib.suppress(OSError):
        os.write(2, f"\nInterrupted.\nGo on with: {command}\n".encode(errors="replace"))
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(130)


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a sign gets its number
        sys.stdout.reconfigure(errors="backslashreplace")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    sys.exit(main())
