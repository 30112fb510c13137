"""Whole numbers that are no quantities: identifiers, codes, and the values that stand for missing.

A name that can mean nothing else is enough (id, zip); one that may also name a quantity (customers, status)
needs values that no quantity has.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# a column of this name whose values never come again names its rows
IDENTIFIER = re.compile(
    r"(.*[_ .#-])?(?i:id|uuid|guid|key|rownames?|rownum|row|nr|no|number|s\.?no)[.#]?|.*[a-z]I[Dd]"
    r"|(?i:index|idx)"
)
# these, too, where they count up; else they are amounts, such as price_index and employees_number
COUNTING = re.compile(r"(?i:.*([_ .#-](index|idx)|s[_ .-]?(number|no|nr))[.#]?)")
PERSONS = (
    "patient|subject|subj|participant|person|respondent|customer|client|user|member|student|pupil|player|donor"
    "|animal|mouse|speaker|driver|worker|employee|author|rater|visitor|proband|e?-?mail|pid|ptid|specimen"
)
THINGS = "household|family|families|account|device|sensor|machine|engine|unit|vehicle|plot"
# and one of this name whose values come again names what its rows belong to
OWNER = re.compile(
    r"(.*[_ .#-])?(?i:id|uuid|guid)[.#]?|.*[a-z]I[Dd]"
    rf"|(?i:({PERSONS}|{THINGS})[_ .-]?(no|nr|num|number|code|key|name)[.#]?)"
)
PERSON, THING = re.compile(rf"(?i:{PERSONS})"), re.compile(rf"(?i:{THINGS})")
ONES = re.compile(rf"(?i:({PERSONS}|{THINGS})s?)")  # of words, which are no counts
PLACES = re.compile(
    r"(?i:(.*[_ .-])?(zip|zipcode|postal|postcode|plz|fips|sic|naics|icd)s?([_ .-]?(code|no|nr))?)"
)
WORDS = (
    "code|type|zip|zipcode|postal|postcode|plz|fips|class|category|cat|kind|group|cluster|region|district|county"
    "|state|country|sector|status|channel|species|genre|cd|sic|naics|icd|occupation|industry|department|dept"
)
CODE = re.compile(
    rf"(?i:(.*[_ .-])?({WORDS})([_ .-]?(code|id|cd|no|nr|number))?)"
    r"|.*[a-z0-9](Code|Type|Zip|Class|Category|Group)"
)
CODED = re.compile(  # as in well-known tables, where few numbers are
    r"(?i:sex|gender|race|ethnicity|ethnic_group|religion|marital(_status)?|store|shop|branch|warehouse|cp|thal)"
)
MEASURED = re.compile(r"(?i:.*(_|\b)(n|num|number|count|total|share|rate|mean|age|size|score|lines)(_|\b).*)")
MOST_CATEGORIES = 50  # that stand for themselves; all others share a feature
LEAST_ROWS, LEAST_SHARE = 5, 500  # a category below so many rows, or one row in so many, is rare
SEVERAL = 1.5  # rows of an owner on average, from which they stand on both sides of a split
MANY = 10  # owners, for rows that stand together to tell them
HALF = 0.5
NINES = re.compile(
    r"-?(9\.?9[9.]*|9{2,}|8{2,}|7{2,})0*|-1|-9|-?(32767|32768|65535|2147483647|2147483648)|-?1e\+?(20|30)"
    r"|9\.969\d*e\+36"
)
LEADING = r"0\d+"
FAR = 2  # times the range of all other values, between them and one that stands for missing
MOST = 5  # of them at either end
DISTINCT = 5  # other values that a column needs for that
OFTEN = 0.02  # of the rows, for one that may be a value: positive, or -1
DOUBTED = 0.005  # of the rows, for one that may stand for missing
NEAR_ZERO = 0.2  # times the range of others, between them and a doubted 0


def leads_with_zeros(labels: pd.Series) -> bool:
    """Are all labels digits, and some begin with a 0 that a number would lose, such as 00501?"""
    return bool(labels.str.fullmatch(LEADING).any() and labels.str.fullmatch(r"\d+").all())


def names_rows(name: str, values: NDArray[np.float64]) -> bool:
    """Do whole numbers (n,), none of them missing, name their rows?"""
    if len(np.unique(values)) < len(values):
        return False
    counts_up = np.ptp(values) + 1 <= 1.2 * len(values)
    if COUNTING.fullmatch(name):
        return bool(counts_up)
    return bool(IDENTIFIER.fullmatch(name))


def names_owners(name: str, values: NDArray[np.float64]) -> bool:
    """Do whole numbers (n,), none of them missing, name what rows belong to, by name and repetition?"""
    different = len(np.unique(values))
    if different <= 2:
        return False
    if OWNER.fullmatch(name):
        return True
    if len(values) < SEVERAL * different:
        return False  # as amounts do, such as customers of a shop
    together = np.count_nonzero(np.diff(values)) + 1 <= 1.1 * different and different >= MANY
    return bool(PERSON.fullmatch(name) or (THING.fullmatch(name) and together))


def words_name_owners(name: str, counts: NDArray[np.int64]) -> bool:
    """Do words of so many rows each name what rows belong to: by name, or in equally many rows?"""
    if OWNER.fullmatch(name) or ONES.fullmatch(name):
        return True
    many = len(counts) > 3 * MANY and 2 <= counts.mean() <= len(counts) / 2
    return bool(many and counts.var() <= counts.mean() / 20)  # by chance it would be the mean


def are_codes(name: str, values: NDArray[np.float64]) -> bool:
    """Are whole numbers (n,), none of them missing, codes: by their name, and as few as categories are?"""
    if MEASURED.fullmatch(name):
        return False
    if PLACES.fullmatch(name):
        return True
    counts = np.sort(np.unique(values, return_counts=True)[1])[::-1][:MOST_CATEGORIES]
    kept = counts[counts >= least_rows(len(values))].sum()
    named = CODE.fullmatch(name) or CODED.fullmatch(name)
    return bool(named) and bool(kept >= HALF * len(values))


def least_rows(rows: int) -> int:
    """How many rows a category needs, of so many, not to be rare."""
    return max(LEAST_ROWS, rows // LEAST_SHARE)


def sentinels_of(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Values that stand for missing: spelled so (-999, 99999, -1), repeated, and far from all others."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    ends = np.concatenate([distinct[:MOST], distinct[-MOST:]])  # none of them lies between others
    spelled = [one for one in ends if NINES.fullmatch(f"{one:.15g}")]
    rest = distinct[~np.isin(distinct, spelled)]
    if len(rest) <= DISTINCT:
        return ()
    repeated = dict(zip(distinct.tolist(), counts.tolist(), strict=True))
    often = max(2.0, OFTEN * counts.sum())
    usual = float(np.median(counts))
    least = {one: 2.0 if one < -1 else often if one > 0 else max(often, 3 * usual) for one in spelled}
    far = {float(one) for one in spelled if repeated[one] >= least[one] and _is_far(float(one), rest)}
    return tuple(sorted(far))


def suspects_of(values: NDArray[np.float64]) -> list[float]:
    """The lowest and the highest value where they may stand for missing: repeated, and away from all others.

    Weaker than `sentinels_of`: enough to ask, not to change a value.
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    ends = ((0, slice(1, None)), (-1, slice(None, -1)))
    return [
        float(distinct[end])
        for end, others in ends
        if len(distinct) > 3
        and counts[end] >= max(2, DOUBTED * counts.sum())
        and _is_odd(float(distinct[end]), distinct[others], counts[end] / np.median(counts))
    ]


def _is_odd(value: float, rest: NDArray[np.float64], more: float) -> bool:
    """Does a value lie off all others, in ascending order, or look like none and come more often?"""
    gap, wide, several = float(np.abs(rest - value).min()), float(np.ptp(rest)), len(rest) > 2 * DISTINCT
    if NINES.fullmatch(f"{value:.15g}"):
        return gap > (0.5 if several else 10) * wide or (several and more >= 3 and abs(value) > 9)
    if value == 0 and rest[0] > 0 and len(rest) > 4 * DISTINCT:
        return gap > NEAR_ZERO * wide
    return several and gap > wide


def _is_far(value: float, rest: NDArray[np.float64]) -> bool:
    if value == -1:  # of what is never negative, and counts more than a few
        return bool(rest[0] >= 0 and len(rest) > 2 * DISTINCT and rest[-1] >= 20 and np.median(rest) >= 10)
    if value == -9:
        return bool(rest[0] >= 0)
    if 0 < value < 100:
        return False  # a price of 99
    gap = rest[0] - value if value < rest[0] else value - rest[-1]
    return bool(gap > FAR * (rest[-1] - rest[0]))
