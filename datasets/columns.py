"""The columns of a table: what each of them is, how it rests in memory, and how a block encodes it.

The kind of a column, its categories and how many features it gives are looked up in the whole table, from
inputs alone and never from the target: all blocks of a table have the same number of features. All that is
estimated (medians, means, scales, which categories stand for themselves) is fitted on training rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAMPLE = 50_000  # rows of a block at most; tables above it rest in float32 where that loses nothing
MISSING = ("", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-nan", "NULL", "null", "NaT")
MOSTLY = 0.95  # share of a text column that must be numbers, or dates, for the column to be that
LARGEST = 1e100  # larger numbers count as missing: their squares would overflow
MOST_CATEGORIES = 50  # that stand for themselves; all others share a feature
LONG = 30  # characters on average: free text
DATES = ("ISO8601", *("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d-%b-%Y", "%b %d, %Y"))
TIMES = ("", " %H:%M", " %H:%M:%S")
PARTS = ("year", "month", "day", "weekday", "hour")
THOUSANDS = r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"
LONGEST = 200  # characters of a value in a sentence
SIGNS = r"\s*[%$€£¥]\s*"
SIGNED = rf"([+-]?{SIGNS}[+-]?[\d.,]+|[+-]?[\d.,]+{SIGNS})"  # a price or a share
COMMA = r"[+-]?(\d*|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?"
DOTTED = r"[+-]?\d{1,3}(\.\d{3})+"  # thousands beside decimal commas
IDENTIFIER = re.compile(
    r"(.*[_ .-])?(?i:id|uuid|guid|key|index|idx|rownames?|rownum|row|nr|no|number)|.*[a-z]I[Dd]"
)


class Column(NamedTuple):
    """One column at rest.

    kind: "number", "boolean" (0, 1), or "category". values: (n,), floats with NaN where missing, or the
    numbers of categories. holes: does it get an indicator of missing values? labels: of the categories.
    width: features that its categories give.
    """

    label: str
    kind: str
    values: NDArray[Any]
    holes: bool = False
    labels: tuple[str, ...] = ()
    width: int = 1


class Notes:
    """What was decided about columns, gathered so that each decision is one sentence."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, what: str, column: object) -> None:
        """Note a decision about a column."""
        self._found.setdefault(what, []).append(repr(str(column)))

    def sentences(self) -> list[str]:
        """One sentence for each decision, with its columns."""
        return [f"{what}: {listed(columns)}." for what, columns in self._found.items()]


def shown(value: object) -> str:
    """A text, or the repr of anything else, in one line and cut in its middle where it is long."""
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # an integer of thousands of digits has none, and somebody's class may raise anything
        text = f"a value of {type(value).__name__} that cannot be shown"
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return line if len(line) <= LONGEST else f"{line[:120]} … {line[-60:]}"


def listed(words: Sequence[str], most: int = 5) -> str:
    """The first few words, and how many more there are."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(map(shown, words[:most])) + more


class Text(NamedTuple):
    """A column of text: the number of each row's label, -1 where missing, and the sorted labels."""

    codes: NDArray[np.int64]
    labels: pd.Series

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each label."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.labels))

    def spread(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values of labels, floats or dates, as values of rows: NaN or NaT where a row has none."""
        missing = "NaT" if values.dtype.kind == "M" else np.nan
        return np.append(values, np.array(missing, values.dtype))[self.codes]  # a NaT has the dates' unit

    def share(self, known: NDArray[np.bool_]) -> float:
        """How much of the present rows has these labels."""
        counts = self.counts
        return float(counts[known].sum() / max(counts.sum(), 1))


def text(series: pd.Series) -> Text:
    """A column as stripped text. Raises TypeError for values such as lists, which are none."""
    try:
        codes, found = pd.factorize(series)
        clean = pd.Series(found, dtype=object).astype(str).str.strip()
    except ValueError as error:  # an integer of thousands of digits, a span of time without a unit
        raise TypeError(str(error)) from None
    again, labels = pd.factorize(clean.mask(clean.isin(MISSING)), sort=True)
    return Text(np.append(again, -1)[codes], pd.Series(labels, dtype=str))


def numbers_in(labels: pd.Series) -> tuple[NDArray[np.float64], str]:
    """Labels as numbers, NaN where one is none, and how commas and signs were read ("" without any)."""
    how = ""
    if len(labels) and labels.str.fullmatch(SIGNED).mean() >= MOSTLY:
        labels, how = labels.str.replace(SIGNS, "", regex=True), "Read without signs (%, $, €, £, ¥)"
    commas = labels.str.contains(",", regex=False)
    if commas.any():
        if labels[commas].str.fullmatch(THOUSANDS).all():
            labels, how = labels.str.replace(",", "", regex=False), "Read commas as thousands separators"
        else:
            dotted = labels.str.fullmatch(COMMA) | labels.str.fullmatch(DOTTED)
            bare = labels.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
            labels, how = labels.mask(dotted, bare), "Read decimal commas"
    return pd.to_numeric(labels, errors="coerce").to_numpy(np.float64), how


def dates_in(labels: pd.Series) -> tuple[pd.Series, str]:
    """Labels as times in UTC, NaT where one is none, by the first format that fits most, and that format."""
    labels = labels.where(labels.str.contains(r"\d"))  # pandas reads "now" and "today" as dates
    formats = [day + hour for day in DATES for hour in (TIMES if "%" in day else ("",))]

    def parsed(some: pd.Series, one: str) -> pd.Series:
        return pd.to_datetime(some, format=one, errors="coerce", utc=True)

    few = labels.dropna()[:: max(int(labels.count()) // 50, 1)]
    likely = [one for one in formats if len(few) and parsed(few, one).notna().any()] or formats[:1]
    tried = [parsed(labels, one) for one in likely]
    best = max(range(len(tried)), key=lambda i: tried[i].notna().sum())  # the first on a tie
    return tried[best], likely[best]


def plain(values: NDArray[Any]) -> NDArray[np.float64]:
    """Floats in which all that cannot be computed with is NaN."""
    values = np.array(values, np.float64)  # a copy: the table never follows its source
    values[~(np.abs(values) < LARGEST)] = np.nan
    return values


def resting(values: NDArray[np.float64]) -> NDArray[Any]:
    """In float32 where the table is large and rounding moves nothing by a millionth of its spread."""
    if len(values) > SAMPLE:
        with np.errstate(over="ignore"):
            small = values.astype(np.float32)
        if np.nanmax(np.abs(small - values)) <= 1e-6 * np.nanstd(values):
            return small
    return values


def numeric(series: pd.Series) -> NDArray[np.float64] | None:
    """The values of a column of numbers, NaN where missing; None for a column of something else."""
    kind = series.dtype
    if pd.api.types.is_timedelta64_dtype(kind):
        return np.asarray(series.dt.total_seconds(), np.float64)
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return np.asarray(series.to_numpy(np.float64, na_value=np.nan), np.float64)
    return None


def understand(frame: pd.DataFrame, clock: str | None, notes: Notes) -> list[Column]:
    """All columns of a frame that can be learned from; those dropped are noted with the reason.

    clock: the column that orders the rows, of which no feature may tell the year.
    """
    found: list[Column] = []
    for name in frame.columns:
        for i, column in enumerate(_read(name, frame[name], name == clock, notes)):
            missing = column.values < 0 if column.kind == "category" else np.isnan(column.values)
            if missing.all():
                notes.add("Dropped, all values are missing", column.label)
            elif not missing.any() and (column.values == column.values[0]).all():
                notes.add("Dropped, one value only", name)
            elif column.kind == "category":
                found += _category(column, notes)
            else:
                if holes := bool(missing.any()) and i == 0:  # the parts of a date are missing together
                    notes.add("Missing values imputed with an indicator", name)
                found.append(column._replace(holes=holes, values=resting(column.values)))
    return found


def _read(name: str, series: pd.Series, clock: bool, notes: Notes) -> Iterable[Column]:
    """A column of the frame as one at rest, as several (a date), or as none (with a note)."""
    if pd.api.types.is_bool_dtype(series.dtype) or pd.api.types.infer_dtype(series, skipna=True) == "boolean":
        return [Column(name, "boolean", series.astype("boolean").to_numpy(np.float64, na_value=np.nan))]
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _parts(name, series, clock, notes)
    values = numeric(series)
    if values is None:
        if pd.api.types.is_complex_dtype(series.dtype):
            notes.add("Dropped, complex numbers", name)
            return []
        try:
            words = text(series)
        except TypeError:
            notes.add("Dropped, lists or other compound values", name)
            return []
        if isinstance(series.dtype, pd.CategoricalDtype):
            return [Column(name, "category", words.codes, labels=tuple(words.labels))]
        read, how = numbers_in(words.labels)
        known = ~np.isnan(read)
        if not (known.any() and words.share(known) >= MOSTLY):
            return _words(name, words, clock, notes)
        if how:
            notes.add(how, name)
        if not known.all():
            notes.add(
                f"Mixed types: numbers, of which others ({listed(words.labels[~known])}) are missing", name
            )
        values = words.spread(read)
    clean = plain(values)
    if (wrong := int(np.sum(np.isnan(clean)) - np.sum(np.isnan(values)))) > 0:
        notes.add(f"Infinite values ({wrong:,}) taken as missing", name)
    if IDENTIFIER.fullmatch(name) and (clean % 1 == 0).all() and len(np.unique(clean)) == len(clean):
        notes.add("Dropped, an identifier", name)
        return []
    return [] if clock else [Column(name, "number", clean)]


def _words(name: str, words: Text, clock: bool, notes: Notes) -> Iterable[Column]:
    """Text that is no number: dates, categories, or what is dropped."""
    times, form = dates_in(words.labels)
    known = times.notna().to_numpy()
    if known.any() and words.share(known) >= MOSTLY:
        if form.startswith(("%m/%d", "%d/%m", "%d-%m")):
            notes.add(f"Dates read as {'day/month' if form[1] == 'd' else 'month/day'}", name)
        if not known.all():
            notes.add(
                f"Mixed types: dates, of which others ({listed(words.labels[~known])}) are missing", name
            )
        rows = pd.Series(words.spread(times.dt.tz_localize(None).to_numpy()))
        return _parts(name, rows, clock, notes)
    distinct, present = len(words.labels), int(words.counts.sum())
    if distinct > 0.5 * present and words.labels.str.len().mean() >= LONG:
        notes.add("Dropped, free text", name)
        return []
    if distinct > 0.9 * present:
        notes.add("Dropped, an identifier", name)
        return []
    return [Column(name, "category", words.codes, labels=tuple(words.labels))]


def _parts(name: str, times: pd.Series, clock: bool, notes: Notes) -> Iterable[Column]:
    """A date as numbers; without its year if it orders the rows, for later years were never trained on."""
    fields = {**{part: part for part in PARTS}, "weekday": "day_of_week"}
    made = [(part, plain(getattr(times.dt, fields[part]))) for part in PARTS[1 if clock else 0 :]]
    varying = [(part, values) for part, values in made if len(np.unique(values[~np.isnan(values)])) > 1]
    if varying:
        notes.add(f"Dates expanded to {', '.join(part for part, _ in varying)}", name)
    elif not clock:
        notes.add("Dropped, all values are missing" if times.isna().all() else "Dropped, one day only", name)
    return [Column(f"{name}: {part}", "number", values) for part, values in varying]


def _category(column: Column, notes: Notes) -> list[Column]:
    """How many features categories give: one for each that is not rare, and one for all rare ones."""
    labels, values = column.labels, column.values
    if (values < 0).any():
        notes.add("Missing values are a category of their own", column.label)
        labels, values = (*labels, "(missing)"), np.where(values < 0, len(labels), values)
    counts = np.bincount(values, minlength=len(labels))
    least = max(5, len(values) // 500)
    common = min(int(np.sum(counts >= least)), MOST_CATEGORIES)
    rare = len(labels) - common
    if not common:
        notes.add("Dropped, every category is rare", column.label)
        return []
    if rare > 1:
        notes.add(
            f"Rare categories share a feature (below {least} rows, or beyond {MOST_CATEGORIES})", column.label
        )
    return [column._replace(values=values.astype(np.int32), labels=labels, width=common + (rare > 0))]


def n_features(columns: Sequence[Column]) -> int:
    """Features after encoding: one for a number or boolean, one for an indicator, those of categories."""
    return sum(column.width + column.holes for column in columns)


def twins(columns: Sequence[Column], y: NDArray[Any], classification: bool) -> list[str]:
    """Columns one-to-one with the target: with its classes, or in the order of its values (10,000 rows)."""
    rows = np.linspace(0, len(y) - 1, min(len(y), 10_000)).astype(int)
    wanted = pd.factorize(y[rows])[0] if classification else pd.Series(y[rows]).rank().to_numpy()
    found = []
    for column in columns:
        values = pd.Series(column.values[rows])
        if classification:
            codes = values.factorize(use_na_sentinel=False)[0]
            pairs = len(np.unique(codes * np.int64(len(rows)) + wanted))
            same = pairs == codes.max() + 1 == wanted.max() + 1
        else:
            ranks = values.rank().to_numpy()  # a rank that is missing equals nothing
            same = np.array_equal(ranks, wanted) or np.array_equal(ranks, len(rows) + 1 - wanted)
        if same:
            found.append(column.label)
    return found
