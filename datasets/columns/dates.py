"""Dates and times as people write them: one layout for a whole column, without locale or clock."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.spellings import usual
from datasets.columns.text import Text

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
FULL = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
NAME = rf"(?P<name>{'|'.join([*FULL, 'sept', *MONTHS])})\.?"
DAY_NAME = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? )?"
YEAR, SHORT = r"(?P<y>\d{4})", r"'?(?P<y>\d{4}|\d{2})"
LIKELY = r"(?P<y>1[5-9]\d\d|2[01]\d\d)"  # without a day, other numbers are of parts or invoices
TIME = (
    r"(?P<H>\d{1,2}):(?P<M>[0-5]\d)(?::(?P<S>[0-5]\d|60)(?:[.,](?P<f>\d{1,9}))?)?(?: ?(?P<p>[ap])\.?m\.?)?"
    r"(?: ?(?P<z>z|utc|gmt|[+-]\d\d(?::?\d\d)?))?"
)
AFTER = rf"(?:(?:t|:|,? | - ){TIME}|,? (?P<hour>1[0-2]|0?[1-9]) ?(?P<half>[ap])\.?m\.?)?"
# by name, with what each part means: a and b are day and month in an order that the whole column decides
LAYOUTS = {
    "year-month-day": rf"{YEAR}(?P<s>[-/._ ])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}}){AFTER}",
    "day and month": rf"{DAY_NAME}(?P<a>\d{{1,2}})(?P<s>[-/._ ])(?P<b>\d{{1,2}})(?P=s){SHORT}{AFTER}",
    "compact": rf"{YEAR}(?P<m>\d\d)(?P<d>\d\d)"
    r"(?:[t _-]?(?P<H>\d\d):?(?P<M>[0-5]\d):?(?P<S>[0-5]\d)?(?P<z>z)?)?",
    "day, month's name": rf"{DAY_NAME}(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)?[-/ ]?{NAME}"
    rf",?[-/ ]?{SHORT}{AFTER}",
    "month's name, day": rf"{DAY_NAME}{NAME}[-/ ]?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[-/ ]{YEAR}{AFTER}",
    "year, month's name, day": rf"{YEAR}[-/ ]?{NAME}[-/ ]?(?P<d>\d{{1,2}}){AFTER}",
    "day's and month's name": rf"{DAY_NAME}{NAME} (?P<d>\d{{1,2}}) {TIME}(?: [a-z]{{3,4}})? {YEAR}",
    "month's name and year": rf"{NAME},?[-/ ']*{SHORT}",
    "year and month's name": rf"(?P<y>\d{{4}})[-/ ]*{NAME}",
    "short year and month's name": rf"(?P<y>\d{{2}})-{NAME}",
    "year and month": rf"{LIKELY}(?:[-/]|[- ]?m)(?P<m>\d{{1,2}})",
    "month and year": rf"(?P<m>\d{{1,2}})[-/]{LIKELY}",
    "year and quarter": rf"{YEAR}[-/ ]*(?:q|quarter ?)(?P<q>[1-4])",
    "quarter and year": rf"(?:q|quarter ?)(?P<q>[1-4])[-/ ']*{YEAR}|(?P<q2>[1-4])q[-/ ]*(?P<y2>\d{{4}})",
    "year and week": rf"{YEAR}-?w(?P<w>\d{{1,2}})(?:-?(?P<wd>[1-7]))?",
}
CLOCK = (
    r"(?P<sign>-)?(?P<H>\d{1,3})[:h](?P<M>[0-5]\d)(?::(?P<S>[0-5]\d)(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<p>[ap])\.?m\.?)?|(?P<hour>\d{1,2}) ?(?P<half>[ap])\.?m\.?"
)
PIVOT = 69  # a year written 69 .. 99 is of the last century
FEW = 60  # labels that tell which layouts are worth trying


NO_DAYS = (  # of programs that have no missing date
    *("0001-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01"),
    *("1970-01-01", "2099-12-31", "2100-01-01", "2999-12-31", "3000-01-01", "9999-01-01", "9999-12-31"),
)
FAR = 2  # times the span of all other days, between them and one of these


class Layout(NamedTuple):
    """How a column writes its dates: a name of LAYOUTS, and whether "day and month" begins with the day."""

    name: str
    day_first: bool = False

    def times(self, labels: pd.Series) -> NDArray[np.datetime64]:
        """Labels as times in UTC to the microsecond, NaT where one is none."""
        return _times(_parts(labels, LAYOUTS[self.name]), self.day_first)


def layout_of(words: Text) -> tuple[Layout, bool] | None:
    """The layout that most labels have; is the order of day and month a guess? None if no label has any."""
    labels = words.labels
    few = usual(labels.iloc[:: max(len(labels) // FEW, 1)])
    likely = [name for name, one in LAYOUTS.items() if few.str.fullmatch(one).any()]
    if not likely:
        return None
    found = [(int((~np.isnat(Layout(name).times(labels))).sum()), -i, name) for i, name in enumerate(likely)]
    best = max(found)[2]
    if best != "day and month":
        return Layout(best), False
    orders = [Layout(best, first) for first in (False, True)]
    times = [one.times(labels) for one in orders]
    known = [int((~np.isnat(one)).sum()) for one in times]
    if known[0] != known[1]:
        return orders[int(known[1] > known[0])], False
    rising = [_rises(words.spread(one)) for one in times]  # rows are often written in order of time
    if rising[0] != rising[1]:
        return orders[int(rising[1])], False
    marks = [labels.str.contains(mark, regex=False).any() for mark in "/."]
    return orders[int(not marks[0])], not marks[1] and not np.array_equal(times[0], times[1])


def sentinels_in(times: NDArray[np.datetime64]) -> tuple[str, ...]:
    """Days that stand for missing: spelled so, such as 9999-12-31, repeated, and far from all others."""
    days = times[~np.isnat(times)].astype("M8[D]")
    distinct, counts = np.unique(days, return_counts=True)
    spelled = np.isin(distinct, np.array(NO_DAYS, "M8[D]"))
    rest = distinct[~spelled].astype(np.int64)
    if len(rest) < 2:
        return ()
    first, last = int(rest[0]), int(rest[-1])
    gaps = np.maximum(first - distinct.astype(np.int64), distinct.astype(np.int64) - last)
    found = distinct[spelled & (counts > 1) & (gaps > FAR * (last - first))]
    return tuple(str(one) for one in found)


def clock_of(labels: pd.Series) -> tuple[NDArray[np.float64], bool]:
    """Labels such as 21:38, 7:05 PM or 54:30.2 in minutes, NaN where one is none; are all times of a day?"""
    found = labels.str.lower().str.extract(f"^(?:{CLOCK})$")
    found["M"] = found["M"].mask(found["hour"].notna(), "0")
    parts = {name: pd.to_numeric(found[name]).to_numpy(np.float64) for name in ("H", "M", "S", "hour")}
    whole = np.where(np.isnan(parts["H"]), parts["hour"], parts["H"])
    hours = _hours(whole, found["p"].fillna(found["half"]))
    minutes = hours * 60 + parts["M"] + np.nan_to_num(parts["S"]) / 60
    minutes += pd.to_numeric("0." + found["f"].fillna("0")).to_numpy(np.float64) / 60
    signed = np.where(found["sign"].notna(), -minutes, minutes)
    known = ~np.isnan(signed)
    return signed, bool(known.any() and (hours[known] < 24).all() and found["sign"].isna().all())


def _rises(times: NDArray[np.datetime64]) -> bool:
    present = times[~np.isnat(times)]
    return bool(
        (np.diff(present) >= np.timedelta64(0, "us")).all()
        or (np.diff(present) <= np.timedelta64(0, "us")).all()
    )


def _parts(labels: pd.Series, layout: str) -> dict[str, pd.Series]:
    found = usual(labels).str.extract(f"^(?:{layout})$")
    for name in ("y", "q"):  # written in two places
        if name + "2" in found:
            found[name] = found[name].fillna(found.pop(name + "2"))
    return {str(name): found[name] for name in found.columns}


def _hours(hours: NDArray[np.float64], half: pd.Series) -> NDArray[np.float64]:
    """Hours of a day of 24, NaN where 13 PM or the like is none."""
    twelve = half.notna().to_numpy(bool, copy=True)
    wrong = twelve & ((hours < 1) | (hours > 12))
    moved = hours % 12 + 12 * (half == "p").to_numpy(bool, copy=True)
    return np.asarray(np.where(wrong, np.nan, np.where(twelve, moved, hours)), np.float64)


def _times(found: dict[str, pd.Series], day_first: bool) -> NDArray[np.datetime64]:
    n = len(found["y"])

    def number(name: str, missing: float) -> NDArray[np.float64]:
        if name not in found:
            return np.full(n, missing)
        return np.asarray(pd.to_numeric(found[name]).fillna(missing), np.float64)

    year, day = number("y", np.nan), number("d", 1)
    short = (found["y"].str.len() == 2).to_numpy(bool, copy=True)
    year = np.where(short, year + np.where(year < PIVOT, 2000, 1900), year)
    month = number("m", 1)
    if "name" in found:
        month = (
            found["name"].str[:3].map({name: i + 1.0 for i, name in enumerate(MONTHS)}).to_numpy(np.float64)
        )
    if "q" in found:
        month = 3 * number("q", np.nan) - 2
    if "a" in found:
        day, month = (number("a", np.nan), number("b", np.nan))[:: 1 if day_first else -1]
    hour = number("H", 0)
    if "p" in found:
        hour = _hours(hour, found["p"])
    if "half" in found:
        hour = np.where(found["half"].notna(), _hours(number("hour", 0), found["half"]), hour)
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (hour < 24) & (year >= 1)
    days = _days(np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1))
    good &= days.astype("M8[M]").astype(int) % 12 + 1 == month  # no 30th of February
    if "w" in found:
        days, good = _weeks(np.where(np.isnan(year), 1970, year), number("w", np.nan), number("wd", 1))
        good &= ~np.isnan(year)
    fraction = ("0." + found["f"].fillna("0")).astype(float).to_numpy() if "f" in found else 0.0
    seconds = np.nan_to_num(hour) * 3600 + number("M", 0) * 60 + number("S", 0) + fraction - _shift(found, n)
    times = days.astype("M8[us]") + np.round(seconds * 1e6).astype("m8[us]")
    return np.asarray(np.where(good, times, np.datetime64("NaT", "us")))


def _days(
    year: NDArray[np.float64], month: NDArray[np.float64], day: NDArray[np.float64]
) -> NDArray[np.datetime64]:
    months = ((year - 1970) * 12 + month - 1).astype(np.int64).astype("M8[M]")
    return np.asarray(months.astype("M8[D]") + (day - 1).astype(np.int64).astype("m8[D]"))


def _weeks(
    year: NDArray[np.float64], week: NDArray[np.float64], day: NDArray[np.float64]
) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    """The days of ISO weeks: week 1 holds the 4th of January, and begins on a Monday."""
    good = (week >= 1) & (week <= 53)
    fourth = _days(year, np.ones_like(year), np.full_like(year, 4))
    monday = fourth - ((fourth.astype(np.int64) + 3) % 7).astype("m8[D]")
    since = np.where(good, (week - 1) * 7 + day - 1, 0)
    return monday + since.astype(np.int64).astype("m8[D]"), good


def _shift(found: dict[str, pd.Series], n: int) -> NDArray[np.float64]:
    """Seconds that each zone is ahead of UTC."""
    if "z" not in found:
        return np.zeros(n)
    zones = found["z"].str.extract(r"^([+-])(\d\d):?(\d\d)?$")
    ahead = pd.to_numeric(zones[1]).fillna(0) * 3600 + pd.to_numeric(zones[2]).fillna(0) * 60
    return np.asarray(ahead.to_numpy(np.float64) * np.where(zones[0] == "-", -1, 1), np.float64)


STAMPS: dict[
    str, tuple[str, float, float]
] = {  # whole numbers that are times: the unit, and the range from 1980 to 2040
    "seconds": ("s", 3.15e8, 2.21e9),
    "milliseconds": ("ms", 3.15e11, 2.21e12),
    "microseconds": ("us", 3.15e14, 2.21e15),
    "nanoseconds": ("ns", 3.15e17, 2.21e18),
}
DIGITS: dict[
    str, tuple[int, int, bool]
] = {  # whole numbers whose digits are a time's: the range, and whether the name must say so
    "YYYYMM": (190001, 210012, True),
    "YYYYMMDD": (19000101, 21001231, False),
    "YYYYMMDDhhmm": (190001010000, 210012312359, False),
    "YYYYMMDDhhmmss": (19000101000000, 21001231235959, False),
}
STAMP_NAME = re.compile(
    r"(.*[_ .-])?(time|date|datetime|timestamp|stamp|epoch|ts|unix|unixtime|when|created|updated|modified|at"
    r"|day|month|period|yyyymm|yyyymmdd|dt)([_ .-]?(s|ms|us|ns|utc|at|on|time|date|id|key))?"
    r"|.*(date|time|timestamp)"
)

AMOUNT_NAME = re.compile(
    r"(?i:.*(volume|amount|revenue|sales|price|cost|income|population|gdp|budget|value|balance|capital|assets"
    r"|views|bytes|profit|turnover|debt|worth|gross|total|count).*)"
)


def stamp_of(name: str, values: NDArray[np.float64]) -> str:
    """How whole numbers write times (a name of DIGITS, or a unit of STAMPS); "" if they do not.

    0 and numbers of nines alone stand for missing.
    """
    some = np.unique(values[~np.isnan(values) & (values != 0)])
    if len(some) < 2 or some[0] < 190001 or some[-1] > 9e18 or (some % 1 != 0).any():
        return ""
    some = some[[set(str(int(one))) != {"9"} for one in some]] if some[-1] % 1_000 == 999 else some
    if len(some) < 2:
        return ""
    named = bool(STAMP_NAME.fullmatch(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()))
    for written, (first, last, needs_name) in DIGITS.items():
        if first <= some[0] and some[-1] <= last and (named or not needs_name):
            return written if not np.isnat(stamped(some, written)).any() else ""
    for unit, (_, least, most) in STAMPS.items():
        inside = least <= some[0] and some[-1] <= most and (named or not AMOUNT_NAME.fullmatch(name))
        # without a name that says so, only what lies close together after 2000, as no amounts do
        if inside and (named or (some[0] > 3 * least and some[-1] < 1.3 * some[0])):
            return unit
    return ""


def stamped(values: NDArray[np.float64], stamp: str) -> NDArray[np.datetime64]:
    """Whole numbers as times, by a name that `stamp_of` gives; NaT where one is none."""
    if stamp == "YYYYMMDD":
        return compact(values)
    if stamp == "YYYYMM":
        return compact(values * 100 + 1)
    if stamp in DIGITS:
        clock = values * 100 if stamp == "YYYYMMDDhhmm" else values
        hour, minute, second = clock // 10_000 % 100, clock // 100 % 100, clock % 100
        good = (hour < 24) & (minute < 60) & (second < 60)
        since = np.where(good, hour * 3600 + minute * 60 + second, 0)
        times = compact(clock // 1_000_000) + since.astype(np.int64).astype("m8[s]")
        return np.where(good, times, np.datetime64("NaT", "us"))
    unit, least, most = STAMPS[stamp]
    good = (values >= least / 10) & (values <= most * 2)
    return np.where(
        good, np.where(good, values, 0).astype(np.int64).astype(f"M8[{unit}]"), np.datetime64("NaT", "us")
    )


def compact(values: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Numbers such as 20230131 as days, NaT where one is none."""
    year, month, day = values // 10_000, values // 100 % 100, values % 100
    good = (
        (year >= 1)
        & (year <= 9999)
        & (month >= 1)
        & (month <= 12)
        & (day >= 1)
        & (day <= 31)
        & (values % 1 == 0)
    )
    days = _days(np.where(good, year, 1970), np.where(good, month, 1), np.where(good, day, 1))
    good &= days.astype("M8[M]").astype(np.int64) % 12 + 1 == month
    return np.where(good, days, np.datetime64("NaT", "us")).astype("M8[us]")
