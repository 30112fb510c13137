"""How a column of the file becomes columns at rest: found once in the whole table, the same for any rows.

A reader is plain data. It reads a raw column, as pandas or a file gives it, as parts with a kind each:
"number" (floats, NaN where missing), "boolean" (0, 1, NaN), "category" (numbers of labels, -1 where missing).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns import dates
from datasets.columns.numbers import Notation, plain, plain_numbers
from datasets.columns.text import numeric, plainly, text, truths

PLAINLY = Notation()
DATE_PARTS = ("year", "month", "day", "weekday", "hour")


class Part(NamedTuple):
    """A part of a column: its name ("" for the column itself), its kind and the values of its rows."""

    name: str
    kind: str
    values: NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Number:
    """Numbers in one notation, some of which stand for missing."""

    notation: Notation = PLAINLY
    sentinels: tuple[float, ...] = ()

    def parts(self, series: pd.Series) -> list[Part]:
        """The numbers, and whether they are limits such as "<0.5" where a column has some."""
        values, limits = self.values(series)
        found = [Part("", "number", values)]
        return found if limits is None else [*found, Part("limit", "boolean", limits)]

    def values(self, series: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """The numbers, and 1 where one is a limit; None where no text could say so."""
        values, limits = truths(series), None
        if values is None:
            values = numeric(series)
            if values is not None and self.notation.thousands == "." and (values % 1 > 0).any():
                raise ValueError(
                    f"The points of {series.name!r} part thousands, and they were read as decimals.\n"
                    "Read the file with datasets.read_frame, or with pandas and dtype=str."
                )
        if values is None and (self.notation.plain or not self.notation.thousands):
            values = plain_numbers(series)
        if values is None:
            words = text(series)
            read, some = self.notation.values(words.labels)
            values = words.spread(read)
            limits = np.append(some, False)[words.codes].astype(np.float64)
        values = plain(values)
        values[np.isin(values, self.sentinels)] = np.nan
        return values, limits


@dataclasses.dataclass(frozen=True)
class Boolean:
    """True and False, as such or as words."""

    def parts(self, series: pd.Series) -> list[Part]:
        """0 for false, 1 for true."""
        values = truths(series)
        if values is None:
            words = text(series)
            named = words.labels.str.lower().map({"false": 0.0, "true": 1.0}).to_numpy(np.float64)
            values = words.spread(named)
        return [Part("", "boolean", values)]


@dataclasses.dataclass(frozen=True)
class Date:
    """Dates in one layout, or in whole numbers (stamp: see `dates.stamp_of`); neither where the type says."""

    layout: dates.Layout | None = None
    stamp: str = ""
    sentinels: tuple[str, ...] = ()  # days that stand for missing

    def times(self, series: pd.Series) -> NDArray[np.datetime64]:
        """The time of each row in UTC, NaT where missing."""
        times = self._written(series)
        if self.sentinels:
            gone = np.isin(times.astype("M8[D]"), np.array(self.sentinels, "M8[D]"))
            return np.asarray(np.where(gone, np.datetime64("NaT", "us"), times))
        return times

    def _written(self, series: pd.Series) -> NDArray[np.datetime64]:
        series = plainly(series)
        if pd.api.types.is_datetime64_any_dtype(series.dtype):
            whole = pd.DatetimeIndex(series)
            return np.asarray((whole.tz_convert(None) if whole.tz is not None else whole).to_numpy())
        values = numeric(series)
        if values is not None:
            stamp = self.stamp or "YYYYMMDD"
            return dates.stamped(values, stamp)
        words = text(series)
        if self.stamp:
            return words.spread(dates.stamped(Notation().values(words.labels)[0], self.stamp))
        layout = self.layout or dates.Layout("year-month-day")
        return words.spread(layout.times(words.labels))

    def parts(self, series: pd.Series) -> list[Part]:
        """Year, month (1-12), day (1-31), weekday (0-6 from Monday) and hour (0-24, with its fraction)."""
        times = pd.Series(self.times(series))
        fields = {
            "year": times.dt.year,
            "month": times.dt.month,
            "day": times.dt.day,
            "weekday": times.dt.day_of_week,
            "hour": times.dt.hour + times.dt.minute / 60 + times.dt.second / 3600,
        }
        return [Part(name, "number", plain(fields[name])) for name in DATE_PARTS]


@dataclasses.dataclass(frozen=True)
class Clock:
    """Times of a day or durations, such as 21:38, in minutes."""

    def parts(self, series: pd.Series) -> list[Part]:
        """The minutes."""
        words = text(series)
        return [Part("", "number", words.spread(dates.clock_of(words.labels)[0]))]


COMPOUNDS = {  # two numbers with a unit each, and what each counts in the smaller unit
    "feet and inches": (
        r"(\d+) ?(?:'|′|ft\.?|feet)(?: ?((?:\d|1[01])(?:\.\d+)?) ?(?:\"|″|''|in\.?|inches)?)?",
        (12.0, 1.0),
    ),
    "hours and minutes": (
        r"(?=\d)(?:(\d+) ?(?:h|hrs?|hours?)\.?)?,? ?(?:(\d+) ?(?:m|mins?|minutes?)\.?)?",
        (60.0, 1.0),
    ),
    "minutes and seconds": (
        r"(?=\d)(?:(\d+) ?(?:m|mins?|minutes?)\.?)?,? ?(?:(\d+) ?(?:s|secs?|seconds?)\.?)?",
        (60.0, 1.0),
    ),
    "degrees and minutes": (r"(\d+) ?° ?(\d+(?:\.\d+)?) ?['′]", (60.0, 1.0)),
    "years and months": (
        r"(?=\d)(?:(\d+) ?(?:y|yrs?|years?)\.?)?,? ?(?:(\d+) ?(?:m|mon|mons|months?)\.?)?",
        (12.0, 1.0),
    ),
}


def compound_of(labels: pd.Series) -> str:
    """The name in COMPOUNDS of what most labels are written as; "" for none."""
    some = labels.iloc[:: max(len(labels) // 100, 1)].str.lower()
    fits = {name: int(some.str.fullmatch(pattern).sum()) for name, (pattern, _) in COMPOUNDS.items()}
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] else ""


@dataclasses.dataclass(frozen=True)
class Compound:
    """Numbers in two units, such as 5'11" and 2h 50m, as numbers of the smaller one."""

    name: str

    def values(self, labels: pd.Series) -> NDArray[np.float64]:
        """Labels as numbers, NaN where one is none."""
        pattern, factors = COMPOUNDS[self.name]
        found = labels.str.lower().str.extract(f"^{pattern}$")
        numbers = np.column_stack([pd.to_numeric(found[i]).to_numpy(np.float64) for i in (0, 1)])
        sums = (np.nan_to_num(numbers) * factors).sum(axis=1)  # a matrix product's last bit is the machine's
        return np.where(np.isnan(numbers).all(axis=1), np.nan, sums)

    def parts(self, series: pd.Series) -> list[Part]:
        """The numbers."""
        words = text(series)
        return [Part("", "number", words.spread(self.values(words.labels)))]


@dataclasses.dataclass(frozen=True)
class Category:
    """Labels, in order; others are numbered after them."""

    labels: tuple[str, ...]

    def parts(self, series: pd.Series) -> list[Part]:
        """The number of each row's label. A number finds the label that it would be: 501 finds 00501."""
        words = text(series)
        number = {label: i for i, label in enumerate(self.labels)}
        by_value = _by_value(self.labels)
        found = [number.get(one, by_value.get(_value(one), len(self.labels))) for one in words.labels]
        return [Part("", "category", np.array([*found, -1], np.int64)[words.codes])]


Reader = Number | Boolean | Date | Clock | Compound | Category


def _value(label: str) -> float | None:
    try:
        return float(label)
    except ValueError:
        return None


def _by_value(labels: Sequence[str]) -> dict[float | None, int]:
    """The labels that are numbers, by their value, where it is theirs alone."""
    found: dict[float | None, int] = {}
    twice: set[float | None] = {None}
    for i, label in enumerate(labels):
        value = _value(label)
        twice |= {value} if value in found else set()
        found[value] = i
    return {value: i for value, i in found.items() if value not in twice}
