"""A column as text: stripped labels, the words that stand for missing, and the values of other types."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

EXACT = 2.0**53  # larger whole numbers are not all floats
# what pandas.read_csv takes for missing too, "?" and NaT: a frame that it read is the same table
MISSING = (
    *("", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan"),
    *("NULL", "null", "None", "none", "NaT", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
)
# missing only among numbers and dates, for a category may be named so; in lower case
PLACEHOLDERS = re.compile(
    r"[^\w\s<>]+|0{2,4}([-/.])00?\1(0000|00?)([ t]00:00(:00)?)?"
    r"|[(\[<]?(na|n\.?a\.?|nd|n\.d\.?|n/[ad]|nr|n/r|k\.? ?a\.?|nan|nil|null|none|missing|unk(nown)?"
    r"|blank|empty|not (available|applicable|reported|recorded|known|tested|measured|done|given)|no data"
    r"|tbd|undefined|unavailable|invalid|error|missing value|xx+)[)\]>]?"
    r"|#(ref!|div/0!|value!|num!|name\?|null!)"
)


class Text(NamedTuple):
    """A column of text: the number of each row's label, -1 where missing, and the sorted labels."""

    codes: NDArray[np.int64]
    labels: pd.Series

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each label."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.labels))

    @property
    def present(self) -> int:
        """Rows with a label."""
        return int((self.codes >= 0).sum())

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values of labels, floats or dates, as values of rows: NaN or NaT where a row has none."""
        missing = "NaT" if values.dtype.kind == "M" else np.nan
        return np.append(values, np.array(missing, values.dtype))[self.codes]  # a NaT has the dates' unit

    def share(self, known: NDArray[np.bool_]) -> float:
        """How much of the present rows has these labels."""
        counts = self.counts
        return float(counts[known].sum() / max(counts.sum(), 1))

    def placeholders(self) -> NDArray[np.bool_]:
        """Which labels stand for missing where all others are numbers or dates."""
        found = ~np.array(
            self.labels.str.match(r"[+-]?(\.?[1-9]|0?\.\d)"), bool
        )  # nearly all of a column of numbers
        found[found] = self.labels[found].str.lower().str.fullmatch(PLACEHOLDERS.pattern)
        return found

    def without(self, labels: NDArray[np.bool_]) -> Text:
        """The same column, in which some labels are missing."""
        numbers = np.append(np.where(labels, -1, np.cumsum(~labels) - 1), -1)
        return Text(numbers[self.codes], self.labels[~labels].reset_index(drop=True))


def text(series: pd.Series, missing: tuple[str, ...] = MISSING) -> Text:
    """A column as stripped text. Raises TypeError for values such as lists, which are none."""
    codes, clean = _factorized(series)
    again, labels = pd.factorize(clean.mask(clean.isin(missing)), sort=True)
    return Text(np.append(again, -1)[codes], pd.Series(labels, dtype=str))


def _factorized(series: pd.Series) -> tuple[NDArray[np.int64], pd.Series]:
    values = numeric(series)
    if values is not None and pd.api.types.is_integer_dtype(series.dtype):
        codes, found = pd.factorize(series)
        return codes, pd.Series([str(int(one)) for one in found], dtype=object)
    if values is not None:  # whole numbers have no point, also where a hole made them floats
        codes, found = pd.factorize(values)
        return codes, pd.Series([written(one) for one in found.tolist()], dtype=object)
    try:
        codes, found = pd.factorize(plainly(series))
        return codes, _ascii(pd.Series(found, dtype=object).astype(str).str.strip())
    except ValueError as error:  # an integer of thousands of digits, a span of time without a unit
        raise TypeError(str(error)) from None


def _ascii(labels: pd.Series) -> pd.Series:
    """Labels in which the digits of every script are 0 to 9."""
    foreign = labels.str.contains(r"[^\W\D]", regex=True) & ~labels.map(str.isascii).astype(bool)
    return labels.where(~foreign, labels[foreign].map(_digits)) if foreign.any() else labels


def _digits(label: str) -> str:
    arabic = label.replace("\u066b", ".").replace("\u066c", ",")  # its decimals and thousands
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in arabic)


def rounded(series: pd.Series, values: NDArray[np.float64]) -> bool:
    """Do at least half of the distinct whole numbers of a column become equal to others as floats?"""
    if not (np.abs(values) > EXACT).any():
        return False
    if pd.api.types.is_float_dtype(series.dtype):
        return False
    long = series[np.abs(values) > EXACT].astype(str)
    whole = long[long.str.strip().str.fullmatch(r"[+-]?[0-9]+")]
    return len(np.unique(values[whole.index])) <= whole.nunique() / 2 if len(whole) else False


def written(number: float) -> str:
    """A number as people write it: without a point where it is whole."""
    return str(int(number)) if number % 1 == 0 and abs(number) < 2**63 else repr(float(number))


def plainly(series: pd.Series) -> pd.Series:
    """A column of Arrow's own types (dates, decimals, lists) as Python's objects; any other as it is."""
    if isinstance(series.dtype, pd.ArrowDtype) and series.dtype.kind not in "biufUM":
        return series.astype(object)
    return series


def numeric(series: pd.Series) -> NDArray[np.float64] | None:
    """The values of a column of numbers, NaN where missing; None for a column of something else."""
    series = plainly(series)
    kind = series.dtype
    if pd.api.types.is_bool_dtype(kind) or isinstance(kind, pd.CategoricalDtype):
        return None
    if pd.api.types.is_timedelta64_dtype(kind):
        return np.asarray(series.dt.total_seconds(), np.float64)
    if kind == np.dtype(object) and pd.api.types.infer_dtype(series, skipna=True) == "timedelta":
        return np.asarray(pd.to_timedelta(series).dt.total_seconds(), np.float64)
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return np.asarray(series.to_numpy(np.float64, na_value=np.nan), np.float64)
    return None


def truths(series: pd.Series) -> NDArray[np.float64] | None:
    """A column of booleans as 0 and 1, NaN where missing; None for a column of something else."""
    if pd.api.types.is_bool_dtype(series.dtype) or (
        series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) == "boolean"
    ):
        return np.asarray(series.astype("boolean").to_numpy(np.float64, na_value=np.nan), np.float64)
    return None
