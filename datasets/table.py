"""Your table: a file, a frame or arrays as a dataset whose blocks are made like those of any other."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns import SAMPLE, Column, Notes, listed, n_features, shown, twins, understand
from datasets.files import as_path, known, named, read_frame, tables_in
from datasets.split import Block, seed_of, sizes
from datasets.target import check_target, groups_of, order_of, target_of

MOST_FEATURES = 20_000  # after encoding
MOST_CELLS = 50_000_000  # rows × features of a block: 400 MB
WINDOW = 0.8  # of the rows in order of time, in each block
RARE = 5  # rows of a class that a stratified 60/20/20 split needs
TRIES = 1_000  # splits drawn until every class is among the training rows
TASKS = ("classification", "regression")
Rows = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table of n rows; its blocks split, encode and scale it. Used like `datasets.Dataset`.

    columns: inputs at rest. y: class numbers 0 .. n_classes-1, or real targets where n_classes is 0.
    classes: their names. groups: the number of each row's group; rows of a group stay in one part. timed:
    rows are in order of time, and no training row is later than a validation row, nor that than a test row.
    notes: a sentence for everything that was decided.
    """

    name: str
    columns: tuple[Column, ...]
    y: NDArray[Any]
    classes: tuple[str, ...] = ()
    groups: NDArray[np.intp] | None = None
    timed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int:
        """How many classes there are; 0 in regression."""
        return len(self.classes)

    @property
    def task(self) -> str:
        """Either "classification" or "regression"."""
        return "classification" if self.n_classes else "regression"

    @property
    def n_rows(self) -> int:
        """All rows with a target."""
        return len(self.y)

    @functools.cached_property
    def n_features(self) -> int:
        """Features of every block, after encoding."""
        return n_features(self.columns)

    @property
    def n_block(self) -> int:
        """Rows that a block takes, of which groups may leave some out."""
        rows = math.ceil(WINDOW * self.n_rows) if self.timed else self.n_rows
        return min(rows, SAMPLE, MOST_CELLS // self.n_features)

    @property
    def held(self) -> NDArray[np.intp]:
        """The groups that may be held out of training."""
        return self._grouping[0]

    @property
    def n_train(self) -> int:
        """Training rows of every block."""
        return sizes(self.n_block)[0] if self.groups is None else self._grouping[1]

    @property
    def n_test(self) -> int:
        """Test rows of every block."""
        return sizes(self.n_block)[2]

    @functools.cached_property
    def digest(self) -> str:
        """A sha256 of the data: what a record of a training on it is tied to; of no path and no name."""
        found = hashlib.sha256(repr((self.classes, self.timed)).encode())
        for column in self.columns:
            found.update(repr((column._replace(values=np.empty(0)), column.values.dtype)).encode())
            found.update(np.ascontiguousarray(column.values).data)
        for array in (self.y, *([] if self.groups is None else [self.groups])):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def block(self, index: int, *, seed: int = 0) -> Block:
        """Block number index (from 0): its own rows and split, initial weights and mini-batch order.

        Encoder and scales are fitted on its training rows alone.
        """
        from sklearn.preprocessing import StandardScaler  # here, for it takes a second to import

        from datasets.encoders import encoder

        own = seed_of(seed, self.name, index)
        parts = self.rows(own)
        found = [np.column_stack([c.values[rows] for c in self.columns]).astype(np.float64) for rows in parts]
        fitted = encoder(self.columns).fit(found[0])
        X = [np.asarray(fitted.transform(part), np.float64) for part in found]
        y = [self.y[rows] for rows in parts]
        if not self.n_classes:
            scaler = StandardScaler().fit(y[0][:, None])
            y = [scaler.transform(part[:, None])[:, 0] for part in y]
        return Block(X[0], y[0], X[1], y[1], X[2], y[2], self.n_classes, own)

    def rows(self, seed: int) -> Rows:
        """The training, validation and test rows of a block's seed: row numbers, no row twice."""
        rng = np.random.RandomState(seed)  # what scikit-learn takes; one stream for all that is drawn
        for _ in range(TRIES):
            if self.fits(found := self.draw(rng)):
                return found
        raise ValueError(_unbalanced(self))

    def fits(self, rows: Rows) -> bool:
        """Is every class among the training rows?"""
        return not self.n_classes or len(np.unique(self.y[rows[0]])) == self.n_classes

    def draw(self, rng: np.random.RandomState) -> Rows:
        """One random split: by groups, by time, or stratified by class."""
        n_train, n_validation, n_test = sizes(self.n_block)
        if self.groups is not None:
            return self._by_group(rng, self.groups)
        if self.timed:
            window = math.ceil(WINDOW * self.n_rows)
            start = rng.randint(self.n_rows - window + 1)
            rows = start + np.sort(rng.choice(window, self.n_block, replace=False))
            train, validation, test = np.split(rows, [n_train, n_train + n_validation])
            return train, validation, test
        from sklearn.model_selection import train_test_split

        strata = self.y if self.n_classes else None
        rest, test = train_test_split(
            np.arange(self.n_rows),
            test_size=n_test,
            train_size=self.n_block - n_test,
            random_state=rng,
            stratify=strata,
        )
        train, validation = train_test_split(
            rest,
            test_size=n_validation,
            random_state=rng,
            stratify=None if strata is None else strata[rest],
        )
        return train, validation, test

    def _by_group(self, rng: np.random.RandomState, groups: NDArray[np.intp]) -> Rows:
        """Groups in random order fill test, then validation, to a fifth of all rows; the rest trains."""
        n_train, order = self._grouping[1], rng.permutation(self.held)
        filled, fifth = np.cumsum(np.bincount(groups)[order]), sizes(self.n_rows)[2]
        first = int(np.searchsorted(filled, fifth)) + 1
        second = int(np.searchsorted(filled, filled[first - 1] + fifth)) + 1
        part = np.zeros(groups.max() + 1, int)
        part[order[:first]], part[order[first:second]] = 2, 1
        train, validation, test = (
            rng.permutation(np.flatnonzero(part[groups] == number))[:size]
            for number, size in enumerate((n_train, *sizes(self.n_block)[1:]))
        )
        return train, validation, test

    @functools.cached_property
    def _grouping(self) -> tuple[NDArray[np.intp], int]:
        """The groups that may be held out, and the training rows that are left whatever their order.

        Filling a part stops at the first group that brings it to a fifth: it holds at most that group more
        than the largest sum below a fifth, and all sums are multiples of the sizes' common divisor. The
        largest groups always train where otherwise fewer than 40 % of the rows might.
        """
        counts, fifth = np.bincount(self.groups if self.groups is not None else []), sizes(self.n_rows)[2]
        held = np.argsort(counts, kind="stable")
        while len(held):
            step, largest = int(np.gcd.reduce(counts[held])), int(counts[held[-1]])
            most = (fifth - 1) // step * step + largest
            left = self.n_rows - 2 * most
            if left >= 0.4 * self.n_rows and counts[held].sum() >= most + fifth:
                return np.sort(held), min(left, sizes(self.n_block)[0])
            held = held[:-1]
        raise ValueError(
            f"The groups of {self.name} are too few or too large ({len(counts):,} groups, the largest with "
            f"{counts.max():,} of {self.n_rows:,} rows) to hold two fifths of the rows out.\n"
            "Choose a finer group, or leave group out."
        )


def read(
    path: str | Path,
    target: str,
    *,
    group: str | None = None,
    time: str | None = None,
    task: str | None = None,
) -> Table:
    """A file as a table: CSV, TSV or Parquet, plain or compressed (.gz, .bz2, .xz, .zip).

    target: the column to predict. group: a column whose equal values stay in one part. time: a column of
    dates or numbers that orders the rows. task: "classification" or "regression"; None looks at the target.
    Raises ValueError for what cannot be read or learned from: a sentence, then a line that says what to do.
    """
    path = as_path(path)
    frame, notes = read_frame(path)
    name = re.sub(r"\.(gz|bz2|xz|zip)$", "", path.name, flags=re.IGNORECASE)
    return _table(frame, target, Path(name).stem, group, time, task, notes)


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
) -> Table:
    """A data frame as a table; see `read`. The frame is copied, its index is not looked at."""
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(
            f"from_frame needs a data frame, not {shown(type(frame).__name__)}.\n"
            "Use from_arrays for arrays and lists, read for a file."
        )
    return _table(frame.reset_index(drop=True), target, name, group, time, task, [])


def from_arrays(X: Any, y: Any, *, name: str = "table", task: str | None = None) -> Table:
    """Arrays as a table. X: (n, F) numbers, or a frame. y: (n,) numbers or labels. See `read`."""
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
    return _table(whole, "target", name, None, None, task, [])


def _array(name: str, values: Any) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:  # lists of unequal lengths
        raise ValueError(f"{name} is no array ({shown(str(error))}).\nGive rows of one length.") from None


def _table(
    frame: pd.DataFrame,
    target: str,
    name: str,
    group: str | None,
    time: str | None,
    task: str | None,
    said: Sequence[str],
) -> Table:
    if not isinstance(name, str):
        raise ValueError(f"The name of a table must be text, not {shown(name)}.\nName it, such as 'mine'.")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "table"
    if not (task is None or (isinstance(task, str) and task in TASKS)):
        said = shown(repr(task) if isinstance(task, str) else task)
        raise ValueError(f"The task cannot be {said}.\nChoose classification or regression, or none.")
    if group is not None and time is not None:
        raise ValueError("No split is by group and by time at once.\nGive group or time, not both.")
    seen = Notes()
    frame = named(frame, name, seen)
    target = known(frame, target, name)
    group, clock = (None if one is None else known(frame, one, name) for one in (group, time))
    if target in (group, clock):
        raise ValueError(f"The target {target!r} cannot also split the rows.\nName another column for that.")
    found = target_of(frame[target], task)
    y, notes = found.y[found.known], [*said, found.why]
    check_target(name, target, len(frame), y, found.classes)
    if len(y) < len(frame):
        notes.append(f"{len(frame) - len(y):,} rows without a target were left out.")
        frame = frame[found.known].reset_index(drop=True)
    groups = None if group is None else groups_of(frame[group])
    if clock is not None:
        order = order_of(frame[clock])
        frame, y = frame.iloc[order].reset_index(drop=True), y[order]
    inputs = frame.drop(columns=[target] if group is None else [target, group])
    columns = tuple(understand(inputs, clock, seen))
    if not columns:
        why = " ".join(seen.sentences()) or "It has no column beside the target."
        raise ValueError(f"{name} has no column to learn from. {why}\nAdd columns that may tell the target.")
    if (count := n_features(columns)) > MOST_FEATURES:
        raise ValueError(
            f"{name} has {count:,} features after encoding, and at most {MOST_FEATURES:,} can be used.\n"
            "Leave columns out, above all those with many categories."
        )
    table = Table(name, columns, y, found.classes, groups, clock is not None)
    _check_classes(table)
    notes += [*seen.sentences(), *_split_notes(table, group, clock)]
    if leaks := twins(columns, y, bool(found.classes)):
        notes.append(f"Look out, one-to-one with the target, perhaps a leak: {listed([*map(repr, leaks)])}.")
    return dataclasses.replace(table, notes=tuple(notes))


def _check_classes(table: Table) -> None:
    """Raise ValueError if a class is too rare for the splits of the table."""
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
            raise ValueError(_unbalanced(table))


def _unbalanced(table: Table) -> str:
    """Which classes splits leave without training rows."""
    how, rng = "time" if table.timed else "group", np.random.RandomState(0)
    trained = [set(table.y[table.draw(rng)[0]]) for _ in range(20)]
    lacking = [repr(c) for i, c in enumerate(table.classes) if not all(i in found for found in trained)]
    return (
        f"Split by {how}, {table.name} mostly has no training row of a class: {listed(lacking)}.\n"
        f"Merge it with another class, or leave {how} out."
    )


def _split_notes(table: Table, group: str | None, clock: str | None) -> list[str]:
    """Sentences about how blocks take and split their rows."""
    found = []
    if group is not None and table.groups is not None:
        groups, held = int(table.groups.max()) + 1, len(table.held)
        found.append(
            f"Rows of one {group!r} stay together ({groups:,} groups), not stratified; it is no feature. "
            f"Each block trains on {table.n_train:,} rows; what groups bring above that is left out."
        )
        if held < groups:
            found.append(f"The {groups - held:,} largest groups always train.")
    if clock is not None:
        found.append(
            f"Rows are in order of {clock!r}, training before validation before test, not stratified; "
            "its year (or number) is no feature. "
            f"Each block takes a window of {WINDOW:.0%} of them in a row, with a random start."
        )
    if table.n_block in (SAMPLE, MOST_CELLS // table.n_features) and table.n_block < table.n_rows:
        found.append(f"Each block takes its own random sample of {table.n_block:,} of {table.n_rows:,} rows.")
    return found
