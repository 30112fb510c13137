"""`make bench`: what runs, in which order, and what is left at the end. See `--help`."""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import onecore  # before NumPy: it sets threads

SECTIONS = ("kernel", "studies", "scale")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    about = argparse.ArgumentParser(
        prog="make bench ARGS=...",
        description="Ours beside PyTorch, JAX, scikit-learn and bare matrix products, in one run.",
    )
    about.add_argument("--only", choices=SECTIONS, help="one section (default: all)")
    about.add_argument("--repeats", type=int, default=5, help="of every contender, in turn (default 5)")
    about.add_argument("--quick", action="store_true", help="small and once: a check, not a measurement")
    about.add_argument("--strict", action="store_true", help="a peer that is missing is an error")
    about.add_argument("--out", type=Path, default=Path("runs/bench"), help="folder (default runs/bench)")
    return about


def sections(
    options: argparse.Namespace, sides: dict[str, Any], refused: list[str], say: Any
) -> Iterator[dict[str, Any]]:
    """All lines of the run."""
    from tests.bench import apart, compiled, kernel, phases, scale, study

    quick, repeats = options.quick, options.repeats
    if options.only in (None, "kernel"):
        yield from kernel.section(sides, repeats, refused, quick=quick, say=say)
        yield from kernel.profiles(quick)
        yield from compiled.section(repeats)
        yield apart.two_processes(repeats, quick=quick)
    if options.only in (None, "studies"):
        yield from study.section(repeats, quick=quick, say=say)
        yield from phases.section(options.out / "default", quick=quick, say=say)
    if options.only in (None, "scale"):
        yield from scale.section(options.out / "scale", min(3, repeats), quick=quick, say=say)


def main(arguments: Sequence[str]) -> int:
    """Run it: 0 done, 1 a peer is missing under --strict or does other work than ours."""
    options = parser().parse_args(arguments)
    if options.repeats < 1:
        parser().error(f"--repeats must be a whole number >= 1, not {options.repeats}.")
    if options.quick:
        options.repeats = 1
    onecore.pin()
    import numpy as np

    from tests.bench import kernel, table
    from tests.bench.measure import DisagreementError

    started = time.perf_counter()

    def say(text: str) -> None:
        print(f"{datetime.timedelta(seconds=round(time.perf_counter() - started))}  {text}", flush=True)

    sides, missing = kernel.peers()
    for library, reason in missing.items():
        print(f"{library} is left out: {reason}", file=sys.stderr)
    if missing and options.strict:
        print("--strict wants all peers. Make them anew: rm -r .venv-peers; make bench", file=sys.stderr)
        return 1
    lines: list[dict[str, Any]] = []
    refused: list[str] = []
    command = " ".join(["make bench", *([f'ARGS="{" ".join(arguments)}"'] if arguments else [])])
    try:
        for line in sections(options, sides, refused, say):
            lines.append(line)
    except DisagreementError as error:
        refused.append(str(error))
    finally:
        how = (options.out, lines, command, options.repeats, missing)
        found = table.write(*how, quick=options.quick) if lines else []
    for one in found:
        if np.isnan(one.wanted):
            continue
        where = f"{'<=' if one.most else '>='} {one.wanted:g}"
        print(f"{'reached ' if one.reached else 'NOT     '} {one.what}: {one.found:.3g} {one.unit} ({where})")
    say(f"{options.out / 'bench.md'}")
    for reason in refused:
        print(f"not the same work, so not timed: {reason}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
