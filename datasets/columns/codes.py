"""Whole numbers that are no quantities: identifiers, codes, and the values that stand for missing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# a column of this name whose values never come again names its rows
IDENTIFIER = re.compile(
    r"(.*[_ .#-])?(?i:id|uuid|guid|key|index|idx|rownames?|rownum|row|nr|no|number|s\.?no)[.#]?|.*[a-z]I[Dd]"
)
# and one of this name whose values come again names what its rows belong to
OWNER = re.compile(
    r"(.*[_ .#-])?(?i:id|uuid|guid)[.#]?|.*[a-z]I[Dd]"
    r"|(?i:(patient|subject|participant|person|respondent|customer|client|user|member|student|pupil|player|donor"
    r"|animal|household|family|account|device|sensor|machine|engine|unit|specimen)"
    r"s?([_ .-]?(no|nr|num|number|code|key|name))?[.#]?)"
)
WORDS = (
    "code|type|zip|zipcode|postal|postcode|plz|fips|class|category|cat|kind|group|cluster|region|district|county"
    "|state|country|sector|status|channel|species|genre|cd|sic|naics|icd|occupation|industry|department|dept"
)
CODE = re.compile(
    rf"(?i:(.*[_ .-])?({WORDS})s?([_ .-]?(code|id|cd|no|nr|number))?)"
    r"|.*[a-z0-9](Code|Type|Zip|Class|Category|Group)"
)
MEASURED = re.compile(r"(?i:.*(_|\b)(n|num|number|count|total|share|rate|mean|age|size|score)(_|\b).*)")
NINES = re.compile(
    r"-?(9\.?9[9.]*|9{2,}|8{2,}|7{2,})0*|-1|-9|-?(32767|32768|65535|2147483647|2147483648)|-?1e\+?(20|30)"
)
LEADING = r"0\d+"
FAR = 2  # times the range of all other values, between them and one that stands for missing
MOST = 5  # of them at either end
DISTINCT = 5  # other values that a column needs for that


def leads_with_zeros(labels: pd.Series) -> bool:
    """Are all labels digits, and some begin with a 0 that a number would lose, such as 00501?"""
    return bool(labels.str.fullmatch(LEADING).any() and labels.str.fullmatch(r"\d+").all())


def is_named_a_code(name: str) -> bool:
    """Does a column's name say that its whole numbers are codes, such as zip, item_type or RegionID?"""
    return bool(CODE.fullmatch(name)) and not MEASURED.fullmatch(name)


def sentinels_of(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Values that stand for missing: spelled so (-999, 99999, -1), repeated, and far from all others."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    ends = np.concatenate([distinct[:MOST], distinct[-MOST:]])  # none of them lies between others
    spelled = [one for one in ends if NINES.fullmatch(f"{one:.15g}")]
    rest = distinct[~np.isin(distinct, spelled)]
    if len(rest) <= DISTINCT:
        return ()
    repeated = dict(zip(distinct.tolist(), (counts > 1).tolist(), strict=True))
    return tuple(sorted({float(one) for one in spelled if repeated[one] and _is_far(float(one), rest)}))


def _is_far(value: float, rest: NDArray[np.float64]) -> bool:
    if value == -1:  # of what is never negative, and counts more than a few
        return bool(rest[0] >= 0 and len(rest) > 2 * DISTINCT and rest[-1] >= 20 and np.median(rest) >= 10)
    if value == -9:
        return bool(rest[0] >= 0)
    gap = rest[0] - value if value < rest[0] else value - rest[-1]
    return bool(gap > FAR * (rest[-1] - rest[0]))
