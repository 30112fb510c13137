"""What a table predicts and what orders its rows: classes or numbers, found from the column and said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns import MOSTLY, Text, dates_in, listed, numbers_in, numeric, plain, text

MOST_CLASSES = 20  # distinct whole numbers that are still taken for classes, with 10 rows each on average
ROWS_EACH = 10
LOST = 0.05  # share of the rows whose target may be missing
LEAST = 50  # rows of a table


class Target(NamedTuple):
    """y: class numbers (-1 where missing), or numbers (NaN). classes: their names, () in regression.

    why: a sentence about the task and what it was found from.
    """

    y: NDArray[Any]
    classes: tuple[str, ...]
    why: str

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a target."""
        return self.y >= 0 if self.y.dtype.kind == "i" else ~np.isnan(self.y)


def target_of(series: pd.Series, task: str | None) -> Target:
    """Read a target column. Text, booleans, categories and few whole numbers are classes, unless task says.

    Raises ValueError for dates and compound values, and for words where task is "regression".
    """
    name = series.name
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        raise ValueError(f"The target {name!r} holds dates.\nMake it a number, such as days since a start.")
    labelled = isinstance(series.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(series.dtype)
    values, how = None if labelled else numeric(series), ""
    if values is None:
        words = _text(series)
        read, how = numbers_in(words.labels)
        if labelled or words.share(~np.isnan(read)) < MOSTLY:
            return _classes(words, name, task)
        values = words.spread(read)
    return _numbers(plain(values), name, task, f" {how}." if how else "")


def _classes(words: Text, name: object, task: str | None) -> Target:
    names = tuple(words.labels)
    if task == "regression":
        raise ValueError(
            f"The target {name!r} holds words ({listed(names, 3)}), and regression needs numbers.\n"
            "Leave the task out, or name a column of numbers."
        )
    return Target(words.codes, names, f"Classification: {name!r} has {len(names)} classes ({listed(names)}).")


def _numbers(values: NDArray[np.float64], name: object, task: str | None, how: str) -> Target:
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
        return Target(values, (), f"Regression: {what} ({reason}).{how}")
    reason = "as asked" if task else f"at most {MOST_CLASSES}, {ROWS_EACH} rows or more each on average"
    names = tuple(str(int(one)) if whole else repr(float(one)) for one in distinct)
    numbers = np.where(np.isnan(values), -1, np.searchsorted(distinct, values))
    return Target(numbers, names, f"Classification: {what} ({reason}).{how}")


def _text(series: pd.Series) -> Text:
    try:
        return text(series)
    except TypeError:
        raise ValueError(
            f"The column {series.name!r} holds lists or the like.\nName a column of words or numbers."
        ) from None


def order_of(series: pd.Series) -> NDArray[np.intp]:
    """The rows in the order of a column of dates or numbers. Raises ValueError for another, or for gaps."""
    values = numeric(series)
    times = series if values is None else pd.Series(values)
    if values is None and not pd.api.types.is_datetime64_any_dtype(series.dtype):
        words = _text(series)
        values, _ = numbers_in(words.labels)
        if np.isnan(values).any():
            values = dates_in(words.labels)[0].dt.tz_localize(None).to_numpy()
        times = pd.Series(words.spread(values))
    if unread := int(times.isna().sum()):
        raise ValueError(
            f"{unread:,} values of the time {series.name!r} are missing or neither date nor number.\n"
            "Write dates as 2026-01-31, and leave rows without one out."
        )
    if times.nunique() == 1:
        raise ValueError(f"The time {series.name!r} has one value only.\nName a column that orders the rows.")
    return np.asarray(times.argsort(kind="stable"), np.intp)


def groups_of(series: pd.Series) -> NDArray[np.intp]:
    """The number of each row's group. Raises ValueError where a group is missing."""
    _text(series)  # no lists
    codes = pd.factorize(series)[0]
    if unread := int(np.sum(codes < 0)):
        raise ValueError(f"{unread:,} rows have no group in {series.name!r}.\nFill them, or leave them out.")
    return np.asarray(codes, np.intp)


def check_target(name: str, target: str, n: int, y: NDArray[Any], classes: Sequence[str]) -> None:
    """Raise ValueError unless there are rows enough, with a target that varies."""
    lost = n - len(y)
    if not n:
        raise ValueError(f"{name} has no rows.\nGive at least {LEAST}.")
    if lost > LOST * n:
        raise ValueError(
            f"{lost:,} of the {n:,} rows of {name} have no {target!r}, and at most {LOST:.0%} may lack it.\n"
            "Leave those rows out yourself if what is left stands for all, or fill them."
        )
    if len(y) < LEAST:
        raise ValueError(
            f"{name} has {len(y)} rows with a target, and a comparison needs {LEAST}.\n"
            "Collect more rows; no split of so few could tell two optimizers apart."
        )
    if (y == y[0]).all():
        value = f"class, {classes[0]!r}" if classes else f"value, {y[0]:g}"
        raise ValueError(f"The target {target!r} of {name} has one {value}.\nName a column that varies.")
