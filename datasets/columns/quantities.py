"""Columns of text that are quantities: numbers, clocks and compounds, and what tells them from classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.columns.dates import clock_of
from datasets.columns.numbers import PLAIN, notation_of, points_in_doubt
from datasets.columns.readers import Clock, Compound, Number, compound_of
from datasets.columns.text import Text
from datasets.sentences import counted, listed, shown

MOSTLY = 0.95  # share of a column's values, without those that stand for missing, that must be of one kind
FEW_WORDS, MANY_NUMBERS = 3, 20  # so few words among so many numbers stand for missing, whatever their share
NUMBERS_EACH = 10  # and more words do where so many distinct numbers come on each
HALF = 0.5
FEW_NUMBERS = 10  # distinct numbers beside which words are classes, such as 0, a, b, c
FEW_LABELS = 20  # labels that are classes where their numbers alone do not tell them apart
LEAST_ROWS, LEAST_SHARE = 5, 500  # a class below so many rows, or one row in so many, is rare
EXACT = 15  # digits that a float surely holds


class Quantity(NamedTuple):
    """Labels as numbers.

    values: of the labels, NaN where one is none. limits: which are limits such as "<0.5". said: sentences'
    beginnings on how they are written.
    """

    reader: Number | Clock | Compound
    kind: str
    why: str
    values: NDArray[np.float64]
    limits: NDArray[np.bool_]
    said: tuple[str, ...] = ()

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which labels are numbers."""
        return ~np.isnan(self.values)

    def limited(self, words: Text) -> str:
        """What is said of limits; "" where there are none."""
        some = list(words.labels[self.limits])
        return f"Limits ({listed(some, 3)}) read as numbers" if some else ""


def as_numbers(words: Text) -> Quantity | None:
    """Numbers in one notation; None where no label is one, or where they have several units."""
    notation, several = notation_of(words.without(words.placeholders()).labels)
    if several:
        return None
    values, limits = notation.values(words.labels)
    known = ~np.isnan(values)
    if not known.any():
        return None
    said = list(notation.said)
    if notation.decimals == "." and points_in_doubt(words.labels):
        said.append("Look out, points read as decimals, though they may separate thousands")
    why = "all values are numbers" if known.all() else "nearly all values are numbers"
    if notation.said:
        why = "; ".join(one[0].lower() + one[1:] for one in notation.said)
    return Quantity(Number(notation), "number", why, values, limits, tuple(said))


def as_clocks(words: Text) -> Quantity | None:
    """Times of a day or durations in minutes; None where no label is one."""
    minutes, of_a_day = clock_of(words.labels)
    known = ~np.isnan(minutes)
    if not known.any():
        return None
    kind, several = ("time of day", "times of day") if of_a_day else ("duration", "durations")
    why = f"{several}, such as {shown(words.labels[known].iloc[0])}"
    return Quantity(Clock(), kind, why, minutes, np.zeros_like(known), (f"Read as {several}, in minutes",))


def as_compounds(words: Text) -> Quantity | None:
    """Numbers in two units, such as 5'11"; None where no label is one."""
    name = compound_of(words.labels)
    if not name:
        return None
    reader = Compound(name)
    values = reader.values(words.labels)
    limits = np.zeros(len(values), bool)
    return Quantity(reader, "number", f"read as {name}", values, limits, (f"Read as {name}",))


QUANTITIES = (as_numbers, as_clocks, as_compounds)


def most_read(words: Text) -> Quantity | None:
    """The quantity that reads most rows; None where none reads any."""
    found = [one for rule in QUANTITIES if (one := rule(words)) is not None and one.known.any()]
    return max(found, key=lambda one: words.share(one.known), default=None)


def believed(words: Text, known: NDArray[np.bool_]) -> bool:
    """Are labels of one kind, but for words that stand for missing: nearly all, or a few words among many?"""
    others = ~known & ~words.placeholders()
    among = words.share(known) / max(words.share(known | others), 1e-12)
    few = others.sum() <= max(FEW_WORDS, known.sum() / NUMBERS_EACH) and known.sum() >= MANY_NUMBERS
    return bool(known.any()) and (among >= MOSTLY or (bool(few) and among >= HALF))


def are_classes(words: Text, found: Quantity, *, limits_tell: bool = True) -> bool:
    """Would numbers lose what the words tell?

    Words among few numbers are lost, and so are numbers with more digits than floats hold, and limits of one
    number in several directions. limits_tell: does an indicator of limits go with the numbers?
    """
    known, values = found.known, found.values
    others = ~known & ~words.placeholders()
    distinct = np.unique(values[known])
    least = max(LEAST_ROWS, words.present / LEAST_SHARE)
    if len(distinct) <= FEW_NUMBERS and words.counts[others].sum() >= least:
        return True
    if _rounded(words, found):
        return True
    labels = words.labels[known].reset_index(drop=True)
    if len(labels) > FEW_LABELS or labels.str.fullmatch(PLAIN.pattern).all():
        return False
    if len(distinct) == 1:
        return len(labels) > 1
    at = found.limits[known]
    pairs = np.column_stack([values[known], at if limits_tell else np.zeros_like(at)])
    lost = np.unique(pairs[_same(pairs)], axis=0)
    return bool(any(at[values[known] == one].any() for one in lost[:, 0]))


def _same(pairs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows come more than once."""
    _, back, counts = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(counts[back.ravel()] > 1)


def _rounded(words: Text, found: Quantity) -> bool:
    """Do long whole numbers become equal as floats?"""
    long = words.labels.str.fullmatch(rf"[+-]?[0-9]{{{EXACT + 1},}}").to_numpy(bool, copy=True)
    return bool(long.any()) and len(np.unique(found.values[long])) <= HALF * long.sum()


def mixed(what: str, words: Text, known: NDArray[np.bool_]) -> str:
    """What is said of words among numbers or dates; "" where there are none."""
    blank = words.placeholders() & ~known
    if (~known & ~blank).any():
        return f"Mixed types: {what}, of which others ({with_rows(words, ~known)}) are missing"
    return f"Taken as missing among {what}: {with_rows(words, blank)}" if blank.any() else ""


def with_rows(words: Text, which: NDArray[np.bool_]) -> str:
    """Labels with their rows, cut short."""
    pairs = zip(words.labels[which], words.counts[which], strict=True)
    return listed([f"{shown(one)!r} ({counted(n, 'row')})" for one, n in pairs])
