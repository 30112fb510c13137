"""python -m reports RUN [RUN ...] [-o page.html]: one page of finished runs."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import Any, NoReturn

from studies.system import files, interrupts, standard_streams


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}.\nSee: {self.prog} --help\n")

    def print_help(self, file: Any = None) -> None:
        standard_streams.say(self.format_help().rstrip())


def main(arguments: Sequence[str]) -> int:
    """Write the page, say the verdict, the page's path and what asks for a look. 0, or 2 for bad input."""
    parser = _Parser(
        prog="python -m reports", description="Write the report of finished runs, the first in full."
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument(
        "-o", "--out", metavar="PAGE", help="the page (default: report.html in the first run)"
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)  # whom this ends with, and who speaks
    try:
        asked = parser.parse_args(arguments)
        if asked.parent is not None:
            interrupts.watch_parent(asked.parent)
        standard_streams.say("\n".join(_report(asked.runs, asked.out)))
    except Exception as error:
        if "--debug" in arguments:
            raise
        return _failed(error)
    return 0


def _report(runs: list[str], out: str | None) -> list[str]:
    # here: all that is large is imported while signals are heard
    from reports import read, verdict, write
    from reports.chapters.trust.checks import doubts

    run, *further = found = [read(path) for path in runs]
    page = write(found, out)
    lines = [*verdict(run), str(page), *(f"look: {line}" for line in doubts(run))]
    return [*lines, *(f"look: study {other.name}: {line}" for other in further for line in doubts(other))]


def _failed(error: Exception) -> int:
    from reports import ReportError

    code, words = 2, str(error)
    if isinstance(error, OSError):
        remedy = "Free some space" if error.errno in files.FULL else "Mend that"
        words = f"{error.filename or 'Standard output'} could not be written or read: {error.strerror}."
        words += f"\n{remedy} and run again."
    elif not isinstance(error, ReportError):
        code, words = 1, f"This should not have happened ({type(error).__name__}: {error})."
        words += "\nRun again with --debug to see where."
    standard_streams.tell(words)
    return code


def _interrupted(arguments: Sequence[str]) -> str:
    """What there is to say then; whoever started this with --parent says it."""
    if "--parent" in arguments:
        return ""
    return f"Interrupted.\nGo on with: {shlex.join(['python', '-m', 'reports', *arguments])}"


def enter(words: Sequence[str]) -> int:
    """The process's one page, from its first moment to its last; returns the exit code."""
    standard_streams.prepare()
    interrupts.listen(_interrupted(words))
    code = main(words)
    interrupts.done(code)
    return code
