"""What a column is, found from its name and values alone, and never from the target; the reason is kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.codes import (
    HALF,
    MOST_CATEGORIES,
    are_codes,
    leads_with_zeros,
    names_owners,
    names_rows,
    sentinels_of,
    words_name_owners,
)
from datasets.columns.dates import clock_of, layout_of, stamp_of
from datasets.columns.numbers import notation_of, plain, plain_numbers
from datasets.columns.readers import Boolean, Category, Clock, Compound, Date, Number, Reader, compound_of
from datasets.columns.text import Text, numeric, plainly, text, truths, written
from datasets.sentences import counted, flag, listed, shown

MOSTLY = 0.95  # share of a column's values, without those that stand for missing, that must be of one kind
FEW_WORDS, MANY_NUMBERS = 3, 20  # so few words among so many numbers stand for missing, whatever their share
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
    if values is not None:
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
    """A column as the user said. Raises ValueError where most of its values are not so."""
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
    return Finding(as_date(name, series), "date", why)


def as_date(name: str, series: pd.Series) -> Date:
    """The reader of a column that the user calls dates. Raises ValueError where most values are none."""
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
            raise _mostly_none(name, "date", series, np.zeros(len(series), bool), "2026-01-31")
    times = reader.times(series)
    if np.isnat(times[_present(series)]).mean() > HALF:
        raise _mostly_none(name, "date", series, ~np.isnat(times), "2026-01-31")
    return reader


def _as_numbers(name: str, series: pd.Series, why: str) -> Finding:
    words = None if numeric(series) is not None or truths(series) is not None else _text(name, series)
    notation, several = notation_of(words.labels) if words is not None else (Number().notation, ())
    reader = Number(notation)
    values, _ = reader.values(series)
    present = _present(series)
    if several or np.isnan(values[present]).mean() > HALF:
        raise _mostly_none(name, "number", series, ~np.isnan(values), "1234.5")
    said = list(notation.said)
    if words is not None and (lost := np.isnan(reader.notation.values(words.labels)[0])).any():
        said.append(_mixed("numbers", words, lost & ~words.placeholders(), lost & words.placeholders()))
    return Finding(reader, "number", why, tuple(one for one in said if one))


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


def _mostly_none(
    name: str, kind: str, series: pd.Series, good: NDArray[np.bool_], example: str
) -> ValueError:
    bad = _present(series) & ~good
    values = [shown(one) for one in series[bad].astype(str).drop_duplicates().head(3)]
    share = bad.sum() / max(int(_present(series).sum()), 1)
    return ValueError(
        f"{share:.0%} of the values of {shown(name)!r} are no {kind}s ({listed(values)}).\n"
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
    blank = words.placeholders()
    rest = words.without(blank)
    notation, several = notation_of(rest.labels)
    if several:
        return None
    read, limits = notation.values(words.labels)
    lost = np.isnan(read)
    known, blank = ~lost, blank & lost
    others = lost & ~blank
    among = words.share(known) / max(words.share(known | others), 1e-12)
    few = others.sum() <= FEW_WORDS and known.sum() >= MANY_NUMBERS and among >= HALF
    if not known.any() or not (among >= MOSTLY or few):
        return None
    said = [*notation.said, _mixed("numbers", words, others, blank)]
    if limits.any():
        how = "read as numbers, with an indicator" if not limits[known].all() else "read as numbers"
        said.append(f"Limits ({listed(list(words.labels[limits]), 3)}) {how}")
    why = "all values are numbers" if not lost.any() else "nearly all values are numbers"
    if notation.said:
        why = "; ".join(one[0].lower() + one[1:] for one in notation.said)
    base = Finding(Number(notation), "number", why, tuple(one for one in said if one))
    return _numbers(name, words.spread(read), base, words)


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


def _mixed(what: str, words: Text, others: NDArray[np.bool_], blank: NDArray[np.bool_]) -> str:
    """What is said of words among numbers or dates."""
    if others.any():
        return f"Mixed types: {what}, of which others ({_with_rows(words, others | blank)}) are missing"
    return f"Taken as missing among {what}: {_with_rows(words, blank)}" if blank.any() else ""


def _with_rows(words: Text, which: NDArray[np.bool_]) -> str:
    rows = words.counts[which]
    return listed(
        [f"{shown(one)!r} ({counted(n, 'row')})" for one, n in zip(words.labels[which], rows, strict=True)]
    )


def _dates(name: str, words: Text) -> Finding | None:
    blank = words.placeholders()
    rest = words.without(blank)
    found = layout_of(rest)
    if found is None:
        return None
    layout, guessed = found
    known = ~np.isnat(layout.times(words.labels))
    blank &= ~known
    if words.share(known) < MOSTLY * words.share(~blank):
        return None
    said = []
    if layout.name == "day and month":
        first = "day/month" if layout.day_first else "month/day"
        doubt = ", which is a guess" if guessed else ""
        said.append(f"Dates read as {first}{doubt}")
    said.append(_mixed("dates", words, ~known & ~blank, blank))
    why = f"dates written as {layout.name}"
    return Finding(Date(layout), "date", why, tuple(one for one in said if one))


def _clocks(name: str, words: Text) -> Finding | None:
    minutes, of_a_day = clock_of(words.labels)
    known, blank = ~np.isnan(minutes), words.placeholders()
    blank &= ~known
    if not known.any() or words.share(known) < MOSTLY * words.share(~blank):
        return None
    kind, several = ("time of day", "times of day") if of_a_day else ("duration", "durations")
    said = (f"Read as {several}, in minutes", _mixed("times", words, ~known & ~blank, blank))
    why = f"{several}, such as {shown(words.labels[known].iloc[0])}"
    return Finding(Clock(), kind, why, tuple(one for one in said if one))


def _compounds(name: str, words: Text) -> Finding | None:
    found = compound_of(words.labels)
    if not found:
        return None
    known, blank = ~np.isnan(Compound(found).values(words.labels)), words.placeholders()
    blank &= ~known
    if words.share(known) < MOSTLY * words.share(~blank):
        return None
    said = (f"Read as {found}", _mixed("numbers", words, ~known & ~blank, blank))
    return Finding(Compound(found), "number", said[0].lower(), tuple(one for one in said if one))


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
