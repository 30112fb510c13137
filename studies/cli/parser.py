"""What can be asked on the command line: parses and calls. `python -m studies --help` lists it."""

from __future__ import annotations

import argparse
import functools
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from studies.errors import UsageError, nearest
from studies.takehome import FRAMEWORKS

KINDS = ("studies", "optimizers", "schedules", "datasets", "surfaces", "models", "tables")  # that are listed


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.", f"See: {self.prog} --help")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def _reading(one: argparse.ArgumentParser) -> None:
    """How a table is read."""
    one.add_argument("--target", help="the column to predict")
    one.add_argument("--group", help="a column whose equal values stay in one part of a split")
    one.add_argument("--time", help="a column that orders the rows: training before test")
    one.add_argument("--task", help="classification or regression; default: what the target looks like")
    one.add_argument("--drop", action="append", metavar="COLUMN", help="leave a column out; again for more")
    one.add_argument("--category", action="append", metavar="COLUMN", help="read a column as categories")
    one.add_argument("--number", action="append", metavar="COLUMN", help="read a column as numbers")
    one.add_argument("--date", action="append", metavar="COLUMN", help="read a column as dates")
    one.add_argument("--positive", metavar="CLASS", help="this class against all others, by balanced-error")
    one.add_argument(
        "--missing-target",
        metavar="HOW",
        help="rows without a target: leave out (the default), refuse, or class: a word such as NA is one",
    )


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = _Parser(prog="python -m studies", description="Fair comparisons of gradient optimizers.")
    top.add_argument("--debug", action="store_true", help="show the traceback of an error")
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON document on stdout")
    common.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    commands_ = top.add_subparsers(
        dest="command",
        required=True,
        metavar="list | describe | check | table | run | show | replay | mirror | try | calibrate",
    )

    one = commands_.add_parser("list", parents=[common], help="what there is")
    one.add_argument("kind", nargs="?", default="studies", help=", ".join(KINDS))

    one = commands_.add_parser(
        "describe", parents=[common], help="an optimizer, a schedule or a table of a run, in words"
    )
    one.add_argument("name", help="such as adam, exponential or rows, or path.py:Class")

    one = commands_.add_parser("check", parents=[common], help="does an optimizer keep to the contract?")
    one.add_argument("name", help="path.py, path.py:Class, or the name of an installed or built-in one")

    one = commands_.add_parser("run", parents=[common], help="run a named study, or go on with it")
    one.add_argument(
        "name",
        nargs="?",
        help="see: python -m studies list; or path.py:my_study; default: what --out holds, or default",
    )
    one.add_argument("--optimizers", type=_names, help="comma-separated")
    one.add_argument(
        "--optimizer",
        action="append",
        help="one more, of yours: path.py, path.py:Class, name=path.py; or, slower, of torch or optax: "
        "torch:torch.optim.NAdam, optax:optax.lion(b1=0.95)",
    )
    one.add_argument("--datasets", type=_names, help="comma-separated")
    one.add_argument("--data", help="a table of yours instead: CSV, TSV or Parquet, or a folder of tables")
    _reading(one)
    one.add_argument("--blocks", type=_whole, help="repetitions of the whole search")
    one.add_argument("--trials", type=_whole, dest="draws", help="draws of a search")
    one.add_argument("--fresh", type=_whole, help="blocks to choose a pick in, and again to confirm it (20)")
    one.add_argument("--epochs", type=_whole, help="instead of the budget's rule")
    one.add_argument("--seed", type=_whole, help="of everything")
    one.add_argument("--set", action="append", help="hold one: adam.beta2=0.99")
    one.add_argument("--search", action="append", help="another range: adam.lr=1e-5:1e-1")
    one.add_argument("--ablate", action="append", help="one more, without a part: adam.beta1=0")
    one.add_argument("--model", help="linear, mlp or mlp:64,64; then activation=, init=, weight_decay=")
    one.add_argument("--metric", help="error, balanced-error or loss")
    one.add_argument("--sampler", help="random, qmc, tpe or gp")
    one.add_argument("--engine", help="compiled, numpy or auto: compiled where it can be, the default")
    one.add_argument("--config", help="a TOML file with the same names; flags come first")
    one.add_argument("--jobs", type=_whole, help="worker processes; default 0: one per core")
    one.add_argument("--out", help="the run folder; default: runs/NAME")
    one.add_argument("--dry-run", action="store_true", help="print what would run, and how long it may take")
    one.add_argument("--where", action="store_true", help="print the run folder and train nothing")
    one.add_argument("--quiet", action="store_true", help="no progress")
    one.add_argument("--report", action="store_true", help="write its page too, as `make study` does")
    one.add_argument("--parent", type=_whole, help=argparse.SUPPRESS)  # whom it ends with
    one.add_argument("--typed", help=argparse.SUPPRESS)  # the variables that make was given

    one = commands_.add_parser("table", parents=[common], help="how a table of yours would be read")
    one.add_argument("data", help="CSV, TSV or Parquet, or a folder of tables")
    _reading(one)

    one = commands_.add_parser("show", parents=[common], help="the results of a run, as text")
    one.add_argument("run", type=Path, help="a run folder")

    one.add_argument("--best", action="store_true", help="the confirmed setting for each dataset, as code")
    one.add_argument("--as", dest="framework", default="dlopt", help=", ".join(FRAMEWORKS))

    one = commands_.add_parser("replay", parents=[common], help="train one recorded row again, bit for bit")
    one.add_argument("run", type=Path, help="a run folder")
    one.add_argument("row", help="dataset/block/optimizer/kind/draw, or a line of RUN/csv/rows.csv")

    one = commands_.add_parser("mirror", parents=[common], help="a run as Optuna studies, for its dashboard")
    one.add_argument("run", type=Path, help="a run folder")
    one.add_argument(
        "--storage",
        help="a database instead of a file: env:NAME or a file's name, which holds its URL; or the URL",
    )

    one = commands_.add_parser("try", parents=[common], help="train once and print the curves")
    one.add_argument("dataset", help="or a surface; see: python -m studies list datasets, or surfaces")
    one.add_argument("--optimizers", type=_names, help="comma-separated; default: all")
    one.add_argument("--epochs", type=_whole, help="instead of the budget's rule; on a surface: steps")
    one.add_argument("--seed", type=_whole, default=0)

    one = commands_.add_parser("calibrate", parents=[common], help="compare an optimizer with its own copies")
    one.add_argument(
        "size", nargs="?", default="full", help="small: a minute; full: an hour and a half, the default"
    )
    one.add_argument("--jobs", type=_whole, default=0, help="worker processes; default 0: one per core")
    one.add_argument("--out", type=Path, default=Path("runs/calibration"), help="where its runs are kept")
    return top


def _list(options: argparse.Namespace) -> Any:
    from studies.cli import listing

    return listing.listing(options.kind, as_json=options.json)


def _describe(options: argparse.Namespace) -> Any:
    from studies.cli import listing

    return listing.describe(options.name, as_json=options.json)


def _check(options: argparse.Namespace) -> Any:
    from studies.cli import listing

    return listing.check(options.name, as_json=options.json)


def _run(options: argparse.Namespace) -> Any:
    from studies.cli import listing, overrides, run

    flags = {key: getattr(options, key) for key in (*overrides.KEYS, "config") if hasattr(options, key)}
    without = functools.partial(overrides.setting, flag="ablate")
    for key, read in (("set", overrides.setting), ("search", overrides.span), ("ablate", without)):
        if flags[key]:
            flags[key] = overrides.once(key, map(read, flags[key]))
    if options.where:
        out = overrides.place(options.name, flags)
        return listing.document(run=str(out)) if options.json else str(out)
    one = overrides.asked(options.name, flags)
    if options.report and options.dry_run:
        return run.planned(one, as_json=options.json)
    if options.report:
        return run.reported(one, quiet=options.quiet, as_json=options.json)
    if options.dry_run:
        return run.plan(*one, as_json=options.json)
    return run.run_study(*one, quiet=options.quiet or options.json, as_json=options.json)


def _table(options: argparse.Namespace) -> Any:
    from studies.cli import overrides, table

    given = {key: getattr(options, key) for key in ("data", "target", *overrides.READ)}
    found = overrides.data({key: value for key, value in given.items() if value is not None})
    return table.table(found, as_json=options.json)


def _show(options: argparse.Namespace) -> Any:
    from studies.cli import show

    if options.best:
        return show.best(options.run, as_json=options.json, framework=options.framework)
    return show.show(options.run, as_json=options.json)


def _replay(options: argparse.Namespace) -> Any:
    from studies.cli import show

    return show.replayed(options.run, options.row, as_json=options.json)


def _mirror(options: argparse.Namespace) -> Any:
    from studies.cli import show

    return show.make_mirror(options.run, options.storage, as_json=options.json)


def _try(options: argparse.Namespace) -> Any:
    from studies.cli import try_out

    one = options
    return try_out.try_out(one.dataset, one.optimizers, one.epochs, one.seed, as_json=one.json)


def _calibrate(options: argparse.Namespace) -> Any:
    from studies.cli import show

    return show.calibration(options.size, options.out, options.jobs, as_json=options.json)


COMMANDS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "list": _list,
    "describe": _describe,
    "check": _check,
    "table": _table,
    "run": _run,
    "show": _show,
    "replay": _replay,
    "mirror": _mirror,
    "try": _try,
    "calibrate": _calibrate,
}
NEEDS = dict.fromkeys(COMMANDS, "show") | {  # the module behind each
    **dict.fromkeys(("list", "describe", "check"), "listing"),
    "run": "run",
    "table": "table",
    "try": "try_out",
}


def prepare(arguments: Sequence[str]) -> None:
    """Import what a command line needs, while there is nothing to lose yet; help needs nothing."""
    if not {"-h", "--help"} & set(arguments):
        for word in arguments:
            if word in NEEDS:
                importlib.import_module(f"studies.cli.{NEEDS[word]}")
                return


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line. Raises UsageError for what cannot be meant."""
    words = [word for word in arguments if not word.startswith("-")]
    if words and words[0] not in COMMANDS:
        raise UsageError(f"There is no command {words[0]!r}.", nearest(words[0], list(COMMANDS)))
    return parser().parse_args(arguments)
