"""Tables from files, frames and arrays: columns understood, target found, doubts gathered, all of it said."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.choices import OPTIONS, choices
from datasets.columns.readings import Reading, example
from datasets.columns.resting import n_features
from datasets.columns.understanding import Understood, understand
from datasets.doubts import copies, leaks, rows
from datasets.files import reading as files
from datasets.files.naming import known, named
from datasets.files.reading import as_path, tables_in
from datasets.sentences import Notes, listed, shown
from datasets.tables.order import groups_of, order_of
from datasets.tables.splits import WINDOW
from datasets.tables.table import Table
from datasets.tables.target import (
    MISSING_TARGET,
    Target,
    against,
    check_target,
    lost_rows,
    target_of,
)

MOST_FEATURES = 20_000  # after encoding
RARE = 5  # rows of a class that a stratified 60/20/20 split needs
DOUBT = "Look out"  # how a sentence begins that doubts something
TASKS = ("classification", "regression")
Names = str | Sequence[str] | None  # of columns


class Options(NamedTuple):
    """What a caller says about a table beside its target; see `read`."""

    group: str | None = None
    time: str | None = None
    task: str | None = None
    drop: Names = ()
    category: Names = ()
    number: Names = ()
    date: Names = ()
    missing_target: str | None = None
    positive: object = None


def read(
    path: str | Path,
    target: str,
    *,
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
    drop: Names = (),
    category: Names = (),
    number: Names = (),
    date: Names = (),
    missing_target: str | None = None,
    positive: object = None,
) -> Table:
    """A file as a table: CSV, TSV or Parquet, plain or compressed (.gz, .bz2, .xz, .zip).

    target: the column to predict. group: a column whose equal values stay in one part. time: a column of
    dates or numbers that orders the rows. task: "classification" or "regression"; None looks at the target.
    drop, category, number, date: columns to leave out, or to read as such whatever they seem to be.
    missing_target: rows whose target is missing are left out ("leave out", or None), refused ("refuse"), or,
    where they hold a word such as NA, a class of their own ("class"). positive: a class; others become one.
    Raises ValueError for what cannot be read or learned from: a sentence, then a line that says what to do.
    """
    said = Options(group, time, task, drop, category, number, date, missing_target, positive)
    path = as_path(path)
    frame, notes = files.read_frame(path)
    name = re.sub(r"\.(gz|bz2|xz|zip)$", "", path.name, flags=re.IGNORECASE)
    return _table(frame, target, Path(name).stem, said, notes)


def read_frame(path: str | Path) -> pd.DataFrame:
    """The rows of a file as they stand there, which `Table.origin` counts, with columns named as `read` does.

    Raises ValueError as `read` does.
    """
    path = as_path(path)
    return named(files.read_frame(path)[0], shown(path.name), Notes())


def read_folder(path: str | Path, target: str, **options: Any) -> list[Table]:
    """All tables of a folder, in the order of their names, each with the target; options as `read` has.

    Raises ValueError as `read` does, for a folder without tables, and for two tables of one name.
    """
    path = as_path(path)
    found: dict[str, Table] = {}
    for one in tables_in(path):
        table = read(one, target, **options)
        if table.name in found:
            raise ValueError(
                f"Two files of {str(path)!r} are named {table.name!r}.\nRename {shown(one.name)}."
            )
        found[table.name] = table
    return list(found.values())


def from_frame(
    frame: pd.DataFrame,
    target: str,
    *,
    name: str = "table",
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
    drop: Names = (),
    category: Names = (),
    number: Names = (),
    date: Names = (),
    missing_target: str | None = None,
    positive: object = None,
) -> Table:
    """A data frame as a table; see `read`. The frame is copied, its index is not looked at."""
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"from_frame needs a data frame, not {shown(type(frame).__name__)}.\n"
            "Use from_arrays for arrays and lists, read for a file."
        )
    said = Options(group, time, task, drop, category, number, date, missing_target, positive)
    return _table(frame.reset_index(drop=True), target, name, said, [])


def from_arrays(
    X: Any,
    y: Any,
    *,
    name: str = "table",
    task: str | None = None,
    drop: Names = (),
    category: Names = (),
    number: Names = (),
    date: Names = (),
    missing_target: str | None = None,
    positive: object = None,
) -> Table:
    """Arrays as a table; see `read`. X: (n, F) numbers, named x0, x1, ..., or a frame. y: (n,)."""
    frame = X.reset_index(drop=True) if isinstance(X, pd.DataFrame) else _array("X", X)
    targets = _array("y", y)
    if frame.ndim != 2 or targets.ndim != 1 or len(frame) != len(targets):
        raise ValueError(
            f"X and y have the shapes {frame.shape} and {targets.shape}, which do not belong together.\n"
            "Give X as (n, features) and y as (n,), with a row of X for each value of y."
        )
    if not isinstance(frame, pd.DataFrame):
        frame = pd.DataFrame(frame, columns=[f"x{i}" for i in range(frame.shape[1])])
    if "target" in map(str, frame.columns):
        raise ValueError("X has a column 'target' beside y.\nRename it, or use from_frame.")
    whole = pd.concat([frame, pd.Series(targets, name="target")], axis=1)
    said = Options(None, None, task, drop, category, number, date, missing_target, positive)
    return _table(whole, "target", name, said, [])


def _array(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # lists of unequal lengths
        raise ValueError(f"{name} is no array ({shown(str(error))}).\nGive rows of one length.") from None


def _table(frame: pd.DataFrame, target: str, name: str, said: Options, told: Sequence[str]) -> Table:
    name = _checked(name, said)
    seen = Notes()
    frame, origin = named(frame, name, seen), np.arange(len(frame))
    whole = frame
    target = known(frame, target, name)
    group, clock = (None if one is None else known(frame, one, name) for one in (said.group, said.time))
    if target in (group, clock):
        raise ValueError(f"The target {target!r} cannot also split the rows.\nName another column for that.")
    asked = {option: getattr(said, option) for option in OPTIONS}
    chosen = choices(asked, list(frame.columns), name, target, group)
    if clock is not None and chosen.of(clock) in ("drop", "category", "number"):
        raise ValueError(
            f"The time {clock!r} orders the rows, and {chosen.of(clock)} says otherwise.\nSay one of them."
        )
    missing = said.missing_target or MISSING_TARGET[0]
    found = target_of(frame[target], said.task, missing)
    if said.positive is not None:
        found = against(found, target, said.positive)
    check_target(name, target, len(frame), found, missing)
    lost = lost_rows(len(frame), int(found.known.sum()))
    y, frame, origin = found.y[found.known], frame[found.known].reset_index(drop=True), origin[found.known]
    groups, moments = None if group is None else groups_of(frame[group]), None
    if clock is not None:
        order, moments = order_of(frame[clock], chosen.of(clock))
        frame, y, origin = frame.iloc[order].reset_index(drop=True), y[order], origin[order]
    inputs = frame.drop(columns=[target] if group is None else [target, group])
    done = understand(inputs, seen, clock, chosen)
    _check_columns(name, done, seen)
    doubts = _doubts(frame, done, found, y, target, split=group is not None or clock is not None)
    readings = _readings(whole, frame, target, group, found, done)
    table = Table(
        name, tuple(done.columns), y, found.classes, groups, moments, origin, tuple(done.sources), readings
    )
    same = copies.copies(done.columns, y)
    if same is not None and not table.timed and group is None:
        table = _apart(table, same[1])
    if same is not None and (copied := _copied(table, *same)):
        doubts.append(copied)
    _check_splits(table)
    notes = [*told, found.why, *found.more, *([lost] if lost else []), *seen.sentences()]
    notes += [*_split_notes(table, group, clock), *doubts]
    doubts = [one for one in notes if one.startswith(DOUBT)]
    return dataclasses.replace(table, notes=tuple(notes), doubts=tuple(doubts))


def _checked(name: str, said: Options) -> str:
    """The name of a table, cleaned. Raises ValueError for it, or for options, that cannot be."""
    if not isinstance(name, str):
        raise ValueError(f"The name of a table must be text, not {shown(name)}.\nName it, such as 'mine'.")
    for what, value, allowed in (
        ("task", said.task, (None, *TASKS)),
        ("missing target", said.missing_target, (None, *MISSING_TARGET)),
    ):
        if not (value is None or isinstance(value, str)) or value not in allowed:
            word = shown(repr(value) if isinstance(value, str) else value)
            usual = "none" if what == "task" else MISSING_TARGET[0]
            others = " or ".join(one for one in allowed if one not in (None, usual))
            raise ValueError(f"The {what} cannot be {word}.\nChoose {others}, or {usual}.")
    if said.group is not None and said.time is not None:
        raise ValueError("No split is by group and by time at once.\nGive group or time, not both.")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "table"


def _check_columns(name: str, done: Understood, seen: Notes) -> None:
    """Raise ValueError for a table without features, or with too many."""
    if not done.columns:
        why = " ".join(seen.sentences()) or "It has no column beside the target."
        raise ValueError(f"{name} has no column to learn from. {why}\nAdd columns that may tell the target.")
    if (count := n_features(done.columns)) > MOST_FEATURES:
        raise ValueError(
            f"{name} has {count:,} features after encoding, and at most {MOST_FEATURES:,} can be used.\n"
            "Leave columns out, above all those with many categories."
        )


def _doubts(
    frame: pd.DataFrame, done: Understood, found: Target, y: NDArray[Any], target: str, split: bool
) -> list[str]:
    """Sentences that begin "Look out", cheapest first."""
    doubts = rows.spellings(target, found.classes) if found.classes else rows.targets(target, y)
    for source in done.sources:
        labels = next(
            (c.labels for c in done.columns if c.label == source.column and c.kind == "category"), ()
        )
        doubts += rows.spellings(source.column, labels)
    doubts += [*rows.suspects(done.columns), *rows.totals(frame)]
    if not split:
        doubts += rows.owners(frame, done.owners)
    return doubts + leaks.leaks(done.columns, y, bool(found.classes))


def _apart(table: Table, originals: NDArray[np.intp]) -> Table:
    """The table with copies of rows in one part; as it is where too few rows differ to be held out."""
    grouped = dataclasses.replace(table, groups=originals)
    try:
        _check_splits(grouped)
    except ValueError:
        return table
    return grouped


def _copied(table: Table, many: int, originals: NDArray[np.intp]) -> str:
    """A sentence about copies; "" where the user's groups or times keep all of them in one part.

    many: rows that are copies. originals: the number of each row's original.
    """
    differ, how = int(originals.max()) + 1, "are kept in one part (so classes are not stratified)"
    if table.groups is not originals:
        how = "stand on both sides of a split"
        parts = table.moments if table.moments is not None else table.groups
        if parts is not None:
            pairs = pd.DataFrame({"original": originals, "part": parts}).drop_duplicates()
            many = len(pairs) - differ
    if not many:
        return ""
    return (
        f"{DOUBT}: {many:,} of {len(originals):,} rows are copies of others, which {how}; "
        f"{differ:,} rows differ."
    )


def _readings(
    whole: pd.DataFrame, frame: pd.DataFrame, target: str, group: str | None, found: Target, done: Understood
) -> tuple[Reading, ...]:
    """A reading for each column of the file, in its order."""
    by_name = {one.column: one for one in done.readings}
    if group is not None:
        distinct = int(frame[group].nunique())
        by_name[group] = Reading(
            group, "group", "identifier", "as you said", 0, distinct, example(frame[group]), 0, ""
        )
    other = "regression" if found.classes else "classification"
    changeable = not found.classes or all(re.fullmatch(r"-?\d+", one) for one in found.classes)
    by_name[target] = Reading(
        target,
        "target",
        "category" if found.classes else "number",
        found.why.split(": ", 1)[1].rstrip("."),
        len(whole) - len(frame),
        len(found.classes),
        example(whole[target]),
        0,
        f"--task {other}" if changeable else "",
    )
    return tuple(by_name[name] for name in whole.columns)


def _check_splits(table: Table) -> None:
    """Raise ValueError if a class is too rare for the splits of the table, or no split is possible."""
    _ = table.n_train  # is there any split?
    if not table.n_classes:
        return
    share = min(1, table.n_block / table.n_rows)
    counts = np.bincount(table.y)
    rare = [f"{table.classes[i]!r} ({counts[i]})" for i in np.flatnonzero(counts * share < RARE)]
    if rare:
        where = f" among the {table.n_block:,} that a block takes" if share < 1 else ""
        raise ValueError(
            f"{len(rare):,} of {table.n_classes:,} classes of {table.name} have too few rows to be split: "
            f"{listed(rare)}; each needs {RARE}{where}.\n"
            "Merge them into one class or into a near one, leave them out, or, where the target is a number, "
            "ask for regression."
        )
    if table.groups is not None or table.timed:
        rng = np.random.RandomState(0)
        if sum(table.fits(table.draw(rng)) for _ in range(20)) < 4:
            raise ValueError(table.unbalanced())


def _split_notes(table: Table, group: str | None, clock: str | None) -> list[str]:
    """Sentences about how blocks take and split their rows."""
    found = []
    if group is not None and table.groups is not None:
        groups, held = int(table.groups.max()) + 1, len(table.splits.held)  # type: ignore[union-attr]
        found.append(
            f"Rows of one {group!r} stay together ({groups:,} groups), not stratified; it is no feature. "
            f"Each block trains on {table.n_train:,} rows; what groups bring above that is left out."
        )
        if held < groups:
            found.append(f"The {groups - held:,} largest groups always train.")
    if clock is not None:
        found.append(
            f"Rows are in order of {clock!r}, training before validation before test, not stratified; "
            "its year (or number) is no feature. Rows of one time are in one part. "
            f"Each block takes a window of {WINDOW:.0%} of them in a row, with a random start."
        )
    window = math.ceil(WINDOW * table.n_rows) if table.timed else table.n_rows
    if table.n_block < window:
        found.append(f"Each block takes its own random sample of {table.n_block:,} of {table.n_rows:,} rows.")
    return found
