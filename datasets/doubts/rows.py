"""Doubts about rows and names: rows of one owner, sums, odd targets, spellings that differ by case."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.codes import sentinels_of, suspects_of
from datasets.columns.numbers import plain, plain_numbers
from datasets.columns.outliers import distant
from datasets.columns.resting import Column
from datasets.columns.text import numeric
from datasets.sentences import counted, flag, listed, shown

TOTALS = {"total", "totals", "sum", "grand total", "overall", "average", "mean", "all"}
TOTALS |= {
    "summe",
    "gesamt",
    "insgesamt",
    "gesamtsumme",
    "total general",
    "totale",
    "totaal",
    "suma",
    "somme",
}
SUBTOTALS = {"subtotal", "subtotals", "sub-total", "sub total", "zwischensumme", "sous-total", "subtotale"}
THIRD = 3  # one row in so many may be named as a part's sum
SUMMED = 10  # values, none of them 0, that a nameless sum needs
FARTHER = 50  # standard deviations of all others, for a target to be doubted
ENDS = 2  # rows at each end of a table that may hold sums
AGAIN = 1.5  # rows of an owner on average, from which they stand on both sides of a split


def owners(frame: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """A sentence for each column that names what rows belong to, where those have several rows each."""
    found = []
    for name in names:
        distinct = frame[name].nunique()
        if distinct > 2 and len(frame) / distinct >= AGAIN:
            where = f"rows of one {shown(name)!r} stand on both sides of a split"
            found.append(f"Look out: {where}; add {flag('group', name)}.")
    return found


def spellings(name: str, labels: Sequence[str]) -> list[str]:
    """A sentence about classes or categories that differ in case, blanks, hyphens or accents' bytes only."""
    seen: dict[str, str] = {}
    pairs = []
    for label in labels:
        first = seen.setdefault(_spelled(label), label)
        if first != label:
            pairs.append(f"{shown(first)!r} and {shown(label)!r}")
    return [f"Look out, spelled in several ways in {shown(name)!r}: {listed(pairs, 3)}."] if pairs else []


def _spelled(label: str) -> str:
    """A label without what people write in several ways; a sign before a number stays."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return re.sub(r"\s+|(?<=[^\W\d])[\s_-]+(?=[^\W\d])", "", plain)


def targets(name: str, y: NDArray[np.float64]) -> list[str]:
    """A sentence about targets that lie far from all others, such as a number that stands for missing."""
    found = sentinels_of(y) or tuple(far.value for far in [distant(y, FARTHER)] if far is not None)
    said = [f"{one:g} ({counted(int((y == one).sum()), 'row')})" for one in found]
    where = f"Look out, targets far from all others in {shown(name)!r}: {listed(said)}"
    return [f"{where}; leave such rows out if that is no value."] if said else []


def suspects(columns: Sequence[Column]) -> list[str]:
    """A sentence for each column of numbers with a value at an end that may stand for missing."""
    found = []
    for column in columns:
        for one in suspects_of(column.values) if column.kind == "number" else ():
            many = counted(int((column.values == one).sum()), "row")
            found.append(
                f"Look out, {one:g} ({many}) may stand for missing in {shown(column.label)!r}: "
                "leave such values empty if so."
            )
    return found


def totals(frame: pd.DataFrame) -> list[str]:
    """A sentence about rows that sum others up: named so, and nothing else is, or the sum of all above."""
    n = len(frame)
    ends = {*range(min(ENDS, n)), *range(max(n - ENDS, 0), n)}
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes]]:
        labels = [one.strip().rstrip(":") if isinstance(one, str) else "" for one in frame[name]]
        small = pd.Series([one.casefold() for one in labels], dtype=object)  # Arrow takes no lone surrogate
        for rows in (np.flatnonzero(small.isin(SUBTOTALS)), np.flatnonzero(small.isin(TOTALS))):
            parts = len(rows) > 0 and small[rows[0]] in SUBTOTALS
            if parts and len(rows) <= n / THIRD:
                return [_summed([int(at) for at in rows], f"named {shown(labels[rows[0]])!r}")]
            alone = [at for at in rows if at in ends and (small == small[at]).sum() == 1]
            if alone:
                return [_summed([int(alone[0])], f"named {shown(labels[alone[0]])!r}")]
    return [_summed([n - 1], "the sum of all above")] if n > SUMMED and _is_sum(frame) else []


def _summed(rows: Sequence[int], what: str) -> str:
    one = len(rows) == 1
    which = (
        f"row {rows[0] + 1:,} is"
        if one
        else f"{len(rows):,} rows ({listed([f'{i + 1:,}' for i in rows])}) are"
    )
    those, end = ("it", "it sums others up") if one else ("them", "they sum others up")
    return f"Look out, {which} {what}: leave {those} out of the file if {end}."


def _is_sum(frame: pd.DataFrame) -> bool:
    """Is the last row the sum of all others in most columns of numbers?"""
    found = numbers = 0
    for _, column in frame.items():
        read = numeric(column)
        read = plain_numbers(column) if read is None else read
        if read is None:
            continue
        values = plain(read)
        above, last = values[:-1][~np.isnan(values[:-1])], values[-1]
        if np.count_nonzero(above) < SUMMED or np.isnan(last):
            continue
        numbers += 1
        found += bool(abs(last - above.sum()) <= 1e-6 * abs(above).sum() and abs(last) > abs(above).max())
    return found > 0 and 2 * found > numbers
