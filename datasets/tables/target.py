"""What a table predicts: classes or numbers, found from the column and said."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.codes import leads_with_zeros
from datasets.columns.dates import layout_of
from datasets.columns.numbers import LARGEST, notation_of, plain
from datasets.columns.quantities import (
    FEW_LABELS,
    LEAST_ROWS,
    MOSTLY,
    QUANTITIES,
    Quantity,
    are_classes,
    believed,
    most_read,
)
from datasets.columns.text import MISSING, Text, numeric, plainly, text, truths, written
from datasets.sentences import counted, listed, shown
from datasets.tables.order import words

MOST_CLASSES = 20  # distinct whole numbers that are still taken for classes, with 10 rows each on average
ROWS_EACH = 10
LOST = (
    0.05  # share of the rows whose target is missing, above which it is doubted that the rest stands for all
)
LEAST = 50  # rows of a table
SEVERAL = 3  # units of one column
MISSING_TARGET = ("leave out", "refuse", "class")


class Target(NamedTuple):
    """y: class numbers (-1 where missing), or numbers (NaN). classes: their names, () in regression.

    why: a sentence about the task and what it was found from. more: sentences about its values.
    """

    y: NDArray[Any]
    classes: tuple[str, ...]
    why: str
    more: tuple[str, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a target."""
        return self.y >= 0 if self.y.dtype.kind == "i" else ~np.isnan(self.y)


def target_of(series: pd.Series, task: str | None, missing: str = "leave out") -> Target:
    """Read a target column. Text, booleans, categories and few whole numbers are classes, unless task says.

    missing: one of MISSING_TARGET; by "class", words such as NA are a class of their own.
    Raises ValueError for dates and compound values, and for words where task is "regression", and
    where missing ones would be a class among numbers.
    """
    found = _target_of(series, task, missing)
    if missing == "class" and not found.classes:
        raise ValueError(
            f"The target {series.name!r} holds numbers, among which missing ones are no class.\n"
            "Leave them out, or ask for classification: --task classification"
        )
    return found


def _target_of(series: pd.Series, task: str | None, missing: str) -> Target:
    name = series.name
    series = plainly(series)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        raise _dates(name)
    labelled = isinstance(series.dtype, pd.CategoricalDtype) or truths(series) is not None
    values = None if labelled else numeric(series)
    if values is not None:
        return _numbers(values, name, task, "")
    found = words(series)
    if not labelled and (read := _read(found, name, task)) is not None:
        how = "".join(f" {one}." for one in (*read.said, read.limited(found)) if one)
        as_numbers = _numbers(found.spread(read.values), name, task, how)
        lost = _unread(series, found, read.known)
        if not (as_numbers.classes and (_has_classes(lost) or (missing == "class" and lost))):
            return as_numbers._replace(more=(*as_numbers.more, *_said(lost, bool(as_numbers.classes))))
    if missing == "class":
        found = text(series, ("",))
    classes = _classes(found, name, task)
    lost = _unread(series, found, np.ones(len(found.labels), bool))
    return classes._replace(more=() if missing == "class" else _said(lost, classes=True))


def _read(found: Text, name: object, task: str | None) -> Quantity | None:
    """A target's labels as numbers; None for words. Raises ValueError for dates and for several units."""
    rest = found.without(found.placeholders())
    if len(rest.labels) == 0 or leads_with_zeros(rest.labels):
        return None
    if task == "regression":
        read = most_read(found)
    else:
        made = (rule(found) for rule in QUANTITIES)
        read = next((one for one in made if one is not None and believed(found, one.known)), None)
        if read is not None and are_classes(found, read, limits_tell=False):
            return None
    if read is not None:
        return read
    layout = layout_of(rest) if len(rest.labels) > MOST_CLASSES else None
    if layout is not None and rest.share(~np.isnat(layout[0].times(rest.labels))) >= MOSTLY:
        raise _dates(name)
    _, several = notation_of(rest.labels)
    numbered = rest.labels.str.contains(r"[0-9]").to_numpy(bool, copy=True)
    if 0 < len(several) <= SEVERAL and len(rest.labels) > FEW_LABELS and rest.share(numbered) >= MOSTLY:
        raise ValueError(
            f"The target {shown(str(name))!r} holds numbers in several units ({listed(several)}).\n"
            "Convert them into one unit."
        )
    return None


def _dates(name: object) -> ValueError:
    return ValueError(
        f"The target {shown(str(name))!r} holds dates.\nMake it a number, such as days since a start."
    )


def _unread(series: pd.Series, found: Text, known: NDArray[np.bool_]) -> list[tuple[str, int]]:
    """The words of a target that are missing in it, with their rows."""
    as_written, kept = text(series, ("",)), set(found.labels[known])
    return [
        (word, int(n))
        for word, n in zip(as_written.labels, as_written.counts, strict=True)
        if word in MISSING or word not in kept
    ]


def _has_classes(lost: list[tuple[str, int]]) -> bool:
    """Are there words beside the numbers of classes that are classes too: no markers, and in rows enough?"""
    names = [word for word, n in lost if word not in MISSING and n >= LEAST_ROWS]
    if not names:
        return False
    return not Text(np.arange(len(names)), pd.Series(names, dtype=str)).placeholders().all()


def _said(lost: list[tuple[str, int]], classes: bool) -> tuple[str, ...]:
    """A sentence about words that were taken as missing."""
    if not lost:
        return ()
    listing = listed([f"{shown(word)!r} ({counted(n, 'row')})" for word, n in lost])
    remedy = " Where that is a class, say --missing-target class." if classes else ""
    return (f"Taken as missing in the target: {listing}.{remedy}",)


def _classes(found: Text, name: object, task: str | None) -> Target:
    names = tuple(found.labels)
    if task == "regression":
        raise ValueError(
            f"The target {name!r} holds words ({listed(names, 3)}), and regression needs numbers.\n"
            "Leave the task out, or name a column of numbers."
        )
    return Target(found.codes, names, f"Classification: {name!r} has {len(names)} classes ({listed(names)}).")


def _numbers(written_ones: NDArray[np.float64], name: object, task: str | None, how: str) -> Target:
    values = plain(written_ones)
    wrong = int(np.sum(np.isnan(values)) - np.sum(np.isnan(written_ones)))
    more = (f"Infinite targets, or beyond {LARGEST:g}, taken as missing: {counted(wrong, 'row')}.",) * bool(
        wrong
    )
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    whole = bool((distinct % 1 == 0).all())
    few = whole and len(distinct) <= min(MOST_CLASSES, len(present) / ROWS_EACH)
    what = f"{name!r} holds {len(distinct):,} distinct {'whole ' if whole else ''}numbers"
    if not (few if task is None else task == "classification"):
        reason = (
            "as asked"
            if task
            else f"more than {MOST_CLASSES} or a tenth of the rows"
            if whole
            else "not whole"
        )
        return Target(values, (), f"Regression: {what} ({reason}).{how}", more)
    reason = "as asked" if task else f"at most {MOST_CLASSES}, {ROWS_EACH} rows or more each on average"
    names = tuple(str(int(one)) if whole else repr(float(one)) for one in distinct)
    numbers = np.where(np.isnan(values), -1, np.searchsorted(distinct, values))
    return Target(numbers, names, f"Classification: {what} ({reason}).{how}", more)


def against(target: Target, name: object, positive: object) -> Target:
    """Two classes: one of the target, number 1, against all others. Raises ValueError for an unknown one."""
    if not target.classes:
        raise ValueError(
            f"The target {name!r} holds numbers, and a positive class needs classes.\nAsk for classification."
        )
    number = isinstance(positive, int | float | np.number) and not isinstance(positive, bool | np.bool_)
    wanted = written(float(positive)) if number else shown(positive).strip()  # type: ignore[arg-type]
    if wanted not in target.classes:
        raise ValueError(
            f"The target {name!r} has no class {wanted!r}.\n"
            f"There are: {listed([*map(repr, target.classes)], 20)}."
        )
    at = target.classes.index(wanted)
    other = target.classes[1 - at] if len(target.classes) == 2 else f"not {wanted}"
    y = np.where(target.y < 0, -1, target.y == at).astype(np.int64)
    said = f"{wanted!r} is the positive class, against {other!r}."
    return target._replace(y=y, classes=(other, wanted), more=(*target.more, said))


def check_target(name: str, target: str, n: int, found: Target, missing: str) -> None:
    """Raise ValueError unless there are rows enough, with a target that varies, and none lacks it unasked."""
    y = found.y[found.known]
    lost = n - len(y)
    if not n:
        raise ValueError(f"{name} has no rows.\nGive at least {LEAST}.")
    if lost and missing == "refuse":
        raise ValueError(
            f"{lost:,} of the {n:,} rows of {name} have no {target!r}, and you refuse such rows.\n"
            "Fill them, or let them be left out: --missing-target 'leave out'"
        )
    if len(y) < LEAST:
        raise ValueError(
            f"{name} has {len(y)} rows with a target, and a comparison needs {LEAST}.\n"
            "Collect more rows; no split of so few could tell two optimizers apart."
        )
    if (y == y[0]).all():
        value = f"class, {found.classes[y[0]]!r}" if found.classes else f"value, {y[0]:g}"
        raise ValueError(f"The target {target!r} of {name} has one {value}.\nName a column that varies.")


def lost_rows(n: int, n_known: int) -> str:
    """A sentence about rows without a target; "" for none. It begins with "Look out" where they are many."""
    lost = n - n_known
    if not lost:
        return ""
    said = f"{counted(lost, 'row')} without a target {'was' if lost == 1 else 'were'} left out."
    if lost <= LOST * n:
        return said
    return f"Look out, {said[:-1]} ({lost / n:.0%} of all): what is left may not stand for all."
