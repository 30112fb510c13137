"""What orders rows and what keeps them together: a column of times, and one of groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.kinds import as_date, kind_of
from datasets.columns.numbers import notation_of
from datasets.columns.readers import Clock, Date
from datasets.columns.text import Text, numeric, text
from datasets.sentences import shown


def order_of(series: pd.Series, option: str = "") -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows in the order of a column of dates, times or numbers, and the number of each one's time in it.

    option: what the user said of the column. Raises ValueError for another column, or for gaps.
    """
    values = _values(series, option)
    times = pd.Series(values)
    if unread := int(times.isna().sum()):
        raise ValueError(
            f"{unread:,} values of the time {series.name!r} are missing or neither date nor number.\n"
            "Write dates as 2026-01-31, and leave rows without one out."
        )
    if times.nunique() == 1:
        raise ValueError(f"The time {series.name!r} has one value only.\nName a column that orders the rows.")
    order = np.asarray(times.argsort(kind="stable"), np.intp)
    return order, np.unique(values[order], return_inverse=True)[1].astype(np.intp)


def _values(series: pd.Series, option: str) -> NDArray[np.float64] | NDArray[np.datetime64]:
    words(series)  # no lists
    if option == "date":
        return as_date(str(series.name), series).times(series)
    reader = kind_of(str(series.name), series).reader if option != "number" else None
    if isinstance(reader, Date):
        return reader.times(series)
    if isinstance(reader, Clock):
        return np.asarray(reader.parts(series)[0].values, np.float64)
    values = numeric(series)
    if values is None:
        found = words(series)
        notation, _ = notation_of(found.labels)
        values = found.spread(notation.values(found.labels)[0])
    return values


def groups_of(series: pd.Series) -> NDArray[np.intp]:
    """The number of each row's group. Raises ValueError where a group is missing."""
    codes = words(series).codes
    if unread := int(np.sum(codes < 0)):
        raise ValueError(f"{unread:,} rows have no group in {series.name!r}.\nFill them, or leave them out.")
    return np.asarray(pd.factorize(codes)[0], np.intp)


def words(series: pd.Series) -> Text:
    """A column as text. Raises ValueError for lists and the like."""
    try:
        return text(series)
    except TypeError:
        raise ValueError(
            f"The column {shown(str(series.name))!r} holds lists or the like.\n"
            "Name a column of words or numbers."
        ) from None
