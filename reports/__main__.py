"""python -m reports RUN [RUN ...] [-o page.html]: one page of finished runs."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, say the verdict, the page's path and what asks for a look. 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m reports", description="Write the report of finished runs, the first in full."
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run folder, such as runs/default")
    parser.add_argument(
        "-o", "--out", metavar="PAGE", help="the page (default: report.html in the first run)"
    )
    asked = parser.parse_args(arguments)
    from reports import ReportError, read, verdict, write  # here: Ctrl-C is answered while this is imported

    try:
        page = write([Path(path) for path in asked.runs], asked.out)
        run, *further = [read(path) for path in asked.runs]
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    from reports.trust import doubts

    lines = [*verdict(run), str(page), *(f"look: {line}" for line in doubts(run))]
    lines += [f"look: study {other.name}: {line}" for other in further for line in doubts(other)]
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # stdout was closed, as by `| head`; the page is written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _leave(*_: Any) -> NoReturn:
    """End at once: every file is whole, the old one or the new one."""
    command = shlex.join(["python", "-m", "reports", *sys.argv[1:]])
    with contextlib.suppress(OSError):
        os.write(2, f"\nInterrupted.\nGo on with: {command}\n".encode(errors="replace"))
    os._exit(130)


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    sys.exit(main())
