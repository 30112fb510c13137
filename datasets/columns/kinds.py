"""What a column is, found from its name and values alone, and never from the target; the reason is kept."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.codes import (
    MOST_CATEGORIES,
    are_codes,
    leads_with_zeros,
    names_owners,
    names_rows,
    sentinels_of,
    words_name_owners,
)
from datasets.columns.dates import layout_of, sentinels_in, stamp_of
from datasets.columns.numbers import notation_of, plain, plain_numbers
from datasets.columns.quantities import (
    FEW_WORDS,
    HALF,
    MOSTLY,
    Quantity,
    are_classes,
    as_clocks,
    as_compounds,
    as_numbers,
    believed,
    mixed,
    most_read,
)
from datasets.columns.readers import Boolean, Category, Date, Number, Reader
from datasets.columns.text import Text, numeric, plainly, rounded, text, truths, written
from datasets.sentences import counted, flag, listed, shown

LONG = 30  # characters on average: free text


class Finding(NamedTuple):
    """What a column is.

    reader: None where it is dropped. kind: the field's noun. why: what it was found from. said: sentences'
    beginnings, with the column to follow. option: what makes it something else. owner: does it name what rows
    belong to, such as a patient?
    """

    reader: Reader | None
    kind: str
    why: str
    said: tuple[str, ...] = ()
    option: str = "drop"
    owner: bool = False


def kind_of(name: str, series: pd.Series) -> Finding:
    """What a column is, by the first rule that knows."""
    found = _kind_of(name, series)
    return _dated(found, found.reader, series) if isinstance(found.reader, Date) else found


def _dated(found: Finding, reader: Date, series: pd.Series) -> Finding:
    """Dates of which some days stand for missing."""
    times = reader.times(series)
    days = sentinels_in(times)
    if not days:
        return found
    rows = [counted(int((times.astype("M8[D]") == np.datetime64(day)).sum()), "row") for day in days]
    pairs = ", ".join(f"{day}: {many}" for day, many in zip(days, rows, strict=True))
    said = f"Far from all others, taken as missing ({pairs}); `--date` keeps it a date"
    why = f"{found.why}; {', '.join(days)} taken as missing"
    reader = dataclasses.replace(reader, sentinels=days)
    return found._replace(reader=reader, why=why, said=(*found.said, said), option="date")


def _kind_of(name: str, series: pd.Series) -> Finding:
    series = plainly(series)
    if truths(series) is not None:
        return Finding(Boolean(), "boolean", "true and false")
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return Finding(Date(), "date", "the column's type")
    if pd.api.types.is_complex_dtype(series.dtype):
        return Finding(None, "complex", "complex numbers", ("Dropped, complex numbers",), "")
    values = numeric(series)
    if values is None:
        values = plain_numbers(series)
    if values is not None and not rounded(series, values):
        return _numbers(name, values, Finding(Number(), "number", "all values are numbers"), None)
    try:
        words = text(series)
    except TypeError:
        what = "Dropped, lists or other compound values"
        return Finding(None, "compound", "lists or other compound values", (what,), "")
    if isinstance(series.dtype, pd.CategoricalDtype):
        return Finding(Category(tuple(words.labels)), "category", "the column's type")
    for rule in (_booleans, _leading_zeros, _written_numbers, _dates, _clocks, _compounds, _several_units):
        if (found := rule(name, words)) is not None:
            return found
    return _words(name, words)


def forced(name: str, series: pd.Series, option: str) -> Finding:
    """A column as the user said. Raises ValueError where none of its values is so."""
    series = plainly(series)
    why = "as you said"
    if option == "drop":
        return Finding(None, "dropped", why, (), "")
    if option == "category":
        try:
            words = text(series)
        except TypeError:
            raise ValueError(
                f"{shown(name)!r} holds lists or the like, which are no categories.\nDrop it."
            ) from None
        return Finding(Category(tuple(words.labels)), "category", why)
    if option == "number":
        return _as_numbers(name, series, why)
    reader = as_date(name, series)
    said = ""
    if reader.layout is not None:
        words = text(series)
        said = mixed("dates", words, ~np.isnat(reader.layout.times(words.labels)))
    return Finding(reader, "date", why, (said,) * bool(said))


def as_date(name: str, series: pd.Series) -> Date:
    """The reader of a column that the user calls dates. Raises ValueError where no value is one."""
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return Date()
    values = numeric(series)
    words = None if values is not None else _text(name, series)
    if words is not None and (layout := layout_of(words.without(words.placeholders()))) is not None:
        reader = Date(layout[0])
    else:
        if words is not None:
            values = words.spread(notation_of(words.labels)[0].values(words.labels)[0])
        assert values is not None
        reader = Date(stamp=stamp_of("time", values))
        if not reader.stamp:
            raise _none(name, "date", series, "2026-01-31")
    if np.isnat(reader.times(series)).all():
        raise _none(name, "date", series, "2026-01-31")
    return reader


def _as_numbers(name: str, series: pd.Series, why: str) -> Finding:
    if numeric(series) is not None or truths(series) is not None:
        return Finding(Number(), "number", why)
    words = _text(name, series)
    found = most_read(words)
    if found is None and (several := notation_of(words.labels)[1]):
        raise ValueError(
            f"{shown(name)!r} holds numbers in several units ({listed(several)}).\n"
            "Convert them into one unit."
        )
    if found is None:
        raise _none(name, "number", series, "1234.5")
    return _quantities(words, found, "numbers")._replace(kind="number", why=why)


def _present(series: pd.Series) -> NDArray[np.bool_]:
    if numeric(series) is not None or truths(series) is not None:
        return np.asarray(series.notna())
    words = text(series)
    return np.append(~words.placeholders(), False)[words.codes]


def _text(name: str, series: pd.Series) -> Text:
    try:
        return text(series)
    except TypeError:
        raise ValueError(f"{shown(name)!r} holds lists or other compound values.\nDrop it.") from None


def _none(name: str, kind: str, series: pd.Series, example: str) -> ValueError:
    bad = _present(series)
    values = [shown(one) for one in series[bad].astype(str).drop_duplicates().head(3)]
    return ValueError(
        f"100% of the values of {shown(name)!r} are no {kind}s ({listed(values)}).\n"
        f"Write them as {example}, or leave {shown(name)!r} out of {kind}."
    )


def _booleans(name: str, words: Text) -> Finding | None:
    if len(words.labels) == 2 and set(words.labels.str.lower()) == {"false", "true"}:
        return Finding(Boolean(), "boolean", "true and false")
    return None


def _leading_zeros(name: str, words: Text) -> Finding | None:
    labels = words.without(words.placeholders()).labels
    if not len(labels) or not leads_with_zeros(labels):
        return None
    example = labels[labels.str.match("0")].iloc[0]
    why = f"numbers that begin with 0, such as {example}"
    if len(words.labels) == words.present and words.present > 1:
        return Finding(None, "identifier", f"{why}; each but once", ("Dropped, an identifier",), "number")
    said = f"Taken as categories, whole numbers that begin with 0 ({example})"
    return Finding(
        Category(tuple(words.labels)),
        "category",
        why,
        (said,),
        "number",
        words_name_owners(name, words.counts),
    )


def _written_numbers(name: str, words: Text) -> Finding | None:
    found = as_numbers(words)
    if found is None or not believed(words, found.known) or are_classes(words, found):
        return None
    return _numbers(name, words.spread(found.values), _quantities(words, found, "numbers"), words)


def _quantities(words: Text, found: Quantity, what: str) -> Finding:
    limited = found.limited(words)
    if limited and not found.limits[found.known].all():
        limited += ", with an indicator"
    said = (*found.said, mixed(what, words, found.known), limited)
    return Finding(found.reader, found.kind, found.why, tuple(one for one in said if one))


def _several_units(name: str, words: Text) -> Finding | None:
    rest = words.without(words.placeholders())
    _, several = notation_of(rest.labels)
    if not 0 < len(several) <= FEW_WORDS or rest.share(_with_unit(rest)) < MOSTLY:
        return None
    found = _words(name, words)
    what = f"numbers in several units ({listed(several)})"
    how = "Taken as categories" if found.reader else "Dropped"
    return found._replace(kind="category" if found.reader else "text", why=what, said=(f"{how}, {what}",))


def _with_unit(words: Text) -> NDArray[np.bool_]:
    """Which labels are a number with something after it."""
    return np.asarray(words.labels.str.match(r"[<>~(+-]?\s*[^\w\s]?\s*[\d.,]*\d"), bool)


def _dates(name: str, words: Text) -> Finding | None:
    found = layout_of(words.without(words.placeholders()))
    if found is None:
        return None
    layout, guessed = found
    known = ~np.isnat(layout.times(words.labels))
    if not believed(words, known):
        return None
    said = []
    if layout.name == "day and month":
        first = "day/month" if layout.day_first else "month/day"
        doubt = ", which is a guess" if guessed else ""
        said.append(f"Dates read as {first}{doubt}")
    said.append(mixed("dates", words, known))
    why = f"dates written as {layout.name}"
    return Finding(Date(layout), "date", why, tuple(one for one in said if one))


def _clocks(name: str, words: Text) -> Finding | None:
    found = as_clocks(words)
    return _quantities(words, found, "times") if found and believed(words, found.known) else None


def _compounds(name: str, words: Text) -> Finding | None:
    found = as_compounds(words)
    return _quantities(words, found, "numbers") if found and believed(words, found.known) else None


def _numbers(name: str, values: NDArray[np.float64], base: Finding, words: Text | None) -> Finding:
    """Numbers: quantities, or identifiers, codes and times that are written so."""
    clean = plain(values)
    present = clean[~np.isnan(clean)]
    if (wrong := int(np.sum(np.isnan(clean)) - np.sum(np.isnan(values)))) > 0:
        base = base._replace(said=(*base.said, f"Infinite values ({wrong:,}) taken as missing"))
    if not len(present) or (present % 1 != 0).any():
        return _quantity(clean, base)
    distinct = np.unique(present)
    if len(present) == len(clean) and names_rows(name, present):
        why = "its name, and every value but once"
        return Finding(None, "identifier", why, ("Dropped, an identifier",), "number")
    owner = names_owners(name, present)
    if stamp := stamp_of(name, clean):
        said = f"Read as {'dates' if stamp == 'YYYYMMDD' else 'times'}, written as {stamp}"
        return Finding(Date(stamp=stamp), "date", said[0].lower() + said[1:], (*base.said, said), "number")
    if owner or (len(distinct) > 2 and are_codes(name, present) and isinstance(base.reader, Number)):
        labels = tuple(sorted(map(written, distinct.tolist()))) if words is None else tuple(words.labels)
        if owner and len(distinct) > MOST_CATEGORIES:
            why = f"its name: {len(distinct):,} identifiers, each in several rows"
            return Finding(
                None, "identifier", why, ("Dropped, an identifier that comes again",), "number", True
            )
        what = "identifiers" if owner else "codes"
        said = f"Taken as categories, whole numbers named as {what}"
        why = f"its name, and {len(distinct):,} distinct whole numbers"
        return Finding(Category(labels), "category", why, (said,), "number", owner)
    return _quantity(clean, base)


def _quantity(clean: NDArray[np.float64], base: Finding) -> Finding:
    before = base.reader
    assert isinstance(before, Number)
    option = "category" if len(np.unique(clean[~np.isnan(clean)])) <= MOST_CATEGORIES else "drop"
    base = base._replace(option=option)
    if found := sentinels_of(clean):
        counts = [f"{written(one)}: {counted(int((clean == one).sum()), 'row')}" for one in found]
        said = f"Far from all others, taken as missing ({', '.join(counts)}); `--number` keeps it a number"
        why = f"{base.why}; {', '.join(map(written, found))} taken as missing"
        reader = Number(before.notation, found)
        return base._replace(reader=reader, said=(*base.said, said), why=why, option="number")
    return base


def _words(name: str, words: Text) -> Finding:
    """Text that is neither number nor date: categories, or what is dropped."""
    distinct, present = len(words.labels), words.present
    if distinct > HALF * present and words.labels.str.len().mean() >= LONG:
        return Finding(None, "text", "long, and most values but once", ("Dropped, free text",), "category")
    if present > 1 and distinct > 0.9 * present:
        return Finding(
            None, "identifier", "nearly every value but once", ("Dropped, an identifier",), "category"
        )
    labels = tuple(words.labels)
    owner = words_name_owners(name, words.counts)
    return Finding(Category(labels), "category", f"{distinct:,} distinct words", owner=owner)


def change(finding: Finding, column: str) -> str:
    """How to say on the command line that a column is something else; "" where nothing would be."""
    return flag(finding.option, column) if finding.option else ""
