"""Numbers as people write them: separators, signs, brackets, currencies, units, magnitudes and limits."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.text import MISSING
from datasets.sentences import listed

QUICK = 100  # rows that tell whether a column may be plain
SAMPLE = 20_000  # labels that tell a column's notation
LARGEST = 1e100  # larger numbers count as missing: their squares would overflow
PLAIN = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"
)
SEPARATORS = (
    (",", "."),
    (".", ","),
    (" ", "."),
    (" ", ","),
    ("'", "."),
    ("'", ","),
    ("_", "."),
)  # thousands, decimals
NAMED = {",": "commas", ".": "points", " ": "blanks", "'": "apostrophes", "_": "underscores"}
ALIKE = str.maketrans("−–‒﹣－’‘´`\u00a0\u2007\u2009\u202f\u2002\u2003\u3000", "-----''''" + " " * 7)
WRITTEN = re.compile(
    r"(?P<limit>[<>≤≥]=?)?\s*(?P<open>\()?\s*(?P<before>[^\d(),<>]{0,8}?)\s*(?P<inner>\()?\s*"
    r"(?P<digits>\d(?:[\d.,' _]*\d)?\.?|[.,]\d+)(?P<power>[eE][+-]?\d+)?(?P<more>\+)?"
    r"\s*(?P<after>[^\d()+<>][^()<>]{0,19}?)?\s*(?P<close>\))?"
)
LONGEST = 80  # characters of a number with all that may stand around it
BELOW = r"(?:less than|fewer than|lower than|smaller than|under|below|up to|at most|no more than|max\.?)"
ABOVE = r"(?:more than|greater than|higher than|larger than|over|above|at least|no less than|min\.?)"
BEYOND = r"(?:or|and) (?:more|greater|higher|over|above|older|up|upwards)|plus"
BENEATH = r"(?:or|and) (?:less|fewer|lower|under|below|younger)"
# other ways to write the same number: of spreadsheets, programs and publications, and limits in words
OTHERWISE = tuple(
    (re.compile(pattern, re.IGNORECASE), how)
    for pattern, how in (
        (r'="(?!0\d)([^"]*)"|"(?!0\d)([^"]*)"|\'(?!0\d)([^\']*\d)\'?|\[([^\[\],]*)\]', r"\1\2\3\4"),
        (r"([+-]?\d[\d.,]*) ?[x×·*] ?10(?:\^|\*\*)?\(?([+-]?\d+)\)?", r"\1e\2"),
        (r"([+-]?\d*\.?\d+|[+-]?\d+\.)d([+-]?\d+)", r"\1e\2"),
        (rf"{BELOW} (.*\d.*)", r"<\1"),
        (rf"{ABOVE} (.*\d.*)", r">\1"),
        (rf"(.*\d.*?) ?(?:{BEYOND})", r">\1"),
        (rf"(.*\d.*?) ?(?:{BENEATH})", r"<\1"),
        (r"(?:nd|n\.d\.|bdl|lod|not detected) ?\(<? ?([\d.,]+)\)", r"<\1"),
        (r"([+-]?[\d.,]*\d) ?(?:\[[a-z0-9]{1,2}\]|\*{1,3}|[†‡§])+", r"\1"),  # with a note below the table
    )
)
UNIT = re.compile(r"[^\d]*|[^\d]*[^\W\d_][23]|[^\d]*/\d+\s?[^\d]+")  # "m2", "l/100 km", but not "A12"
CODES = (
    "usd eur gbp jpy cny rmb inr chf cad aud nzd sek nok dkk pln czk huf rub try brl mxn zar krw idr thb "
    "php vnd sgd hkd twd aed sar ils egp ngn kes ghs pkr lkr bdt uah ron bgn clp cop ars pen rs rp kr zł kč "
    "r$ us$ a$ c$ s$ hk$ nt$ euro euros dollar dollars"
)
CURRENCIES = frozenset(CODES.split())
MAGNITUDES = {
    **dict.fromkeys(("k", "tsd", "tsd.", "thousand", "thousands"), 1e3),
    **dict.fromkeys(("m", "mm", "mn", "mln", "mio", "mio.", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "bn", "bln", "mrd", "mrd.", "md", "billion", "billions"), 1e9),
    **dict.fromkeys(("t", "tn", "trn", "trillion", "trillions"), 1e12),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 1e5),
    **dict.fromkeys(("cr", "crore", "crores"), 1e7),
}
BYTES = {name: 1000.0**i for i, name in enumerate(("b", "kb", "mb", "gb", "tb"))} | {
    "bytes": 1.0,
    "byte": 1.0,
}


class Notation(NamedTuple):
    """How a column writes its numbers.

    thousands, decimals: the separators, "" and "." for none. currency, unit: what all values carry. factors:
    what each suffix multiplies by. plain: is nothing of this there? bookkeeping: is a minus written as
    brackets, or behind the number?
    """

    thousands: str = ""
    decimals: str = "."
    currency: str = ""
    unit: str = ""
    factors: tuple[tuple[str, float], ...] = ()
    plain: bool = True
    bookkeeping: bool = False

    def values(self, labels: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Labels as numbers, NaN where one is none, and which are limits, such as "<0.5" and "10+"."""
        easy = pd.to_numeric(labels.where(labels.str.fullmatch(PLAIN.pattern)), errors="coerce")
        found, limits = easy.to_numpy(np.float64, copy=True), np.zeros(len(labels), bool)
        if self.plain:
            return found, limits
        factors, words = dict(self.factors), labels.tolist()
        for i in _others(labels, self.thousands):
            if (part := _part(words[i])) is None:
                continue
            suffix = part.suffix if self.factors else ""
            alike = part.currency in ("", self.currency) and part.suffix in ("", self.unit, *factors)
            if alike and (number := self.number(part.digits)) is not None:
                found[i] = part.sign * number * factors.get(suffix, 1.0)
                limits[i] = part.limit
        return found, limits

    def number(self, digits: str) -> float | None:
        """Digits with their separators as a number; None if they are written otherwise."""
        mantissa, power = re.fullmatch(r"(.*?)([eE][+-]?\d+)?", digits).groups("")  # type: ignore[union-attr]
        if _grouped(self.thousands, self.decimals).fullmatch(mantissa):
            mantissa = mantissa.replace(self.thousands, "") if self.thousands else mantissa
            return float(mantissa.replace(self.decimals, ".") + power)
        return float(mantissa + power) if PLAIN.fullmatch(mantissa) else None

    @property
    def said(self) -> list[str]:
        """What was decided, a sentence's beginning each."""
        found = []
        if self.bookkeeping:
            found.append("Read brackets, or a minus behind, as negative numbers")
        if self.decimals == ",":
            found.append("Read decimal commas")
        elif self.thousands:
            found.append(f"Read {NAMED[self.thousands]} as thousands separators")
        if self.currency:
            found.append(f"Read as amounts of money ({self.currency})")
        if self.factors:
            found.append(f"Read with magnitudes ({listed([name for name, _ in self.factors])})")
        elif self.unit:
            found.append(
                f"Read without signs ({self.unit})" if len(self.unit) == 1 else f"Read in {self.unit!r}"
            )
        return found


class Part(NamedTuple):
    """A written number taken apart."""

    digits: str
    sign: int
    bookkeeping: bool  # a minus written as brackets, or behind the number
    currency: str
    suffix: str
    limit: bool


def notation_of(labels: pd.Series) -> tuple[Notation, tuple[str, ...]]:
    """How labels write numbers, and the several units or currencies for which they are none together."""
    labels = labels.iloc[:: max(len(labels) // SAMPLE, 1)]
    plain = labels.str.fullmatch(PLAIN.pattern).to_numpy(bool, copy=True)
    others = [part for one in labels[~plain] if (part := _part(one)) is not None]
    if not others:
        return Notation(), ()
    currencies = sorted({part.currency for part in others} - {""})
    suffixes = sorted({part.suffix for part in others} - {""})
    factors: dict[str, float] = {}
    for family in (MAGNITUDES, BYTES):
        if suffixes and all(one in family for one in suffixes):
            bare = plain.any() or any(not part.suffix for part in others)
            if currencies or len(suffixes) > 1 or (bare and suffixes != ["m"]) or family is BYTES:
                factors = {one: family[one] for one in suffixes}
                break
    if len(currencies) > 1:
        return Notation(), tuple(currencies)
    if len(suffixes) > 1 and not factors:
        return Notation(), tuple(suffixes)
    digits = [part.digits for part in others if not PLAIN.fullmatch(part.digits)]
    separators = [("", "."), *SEPARATORS]
    if digits:
        made = [Notation(*pair, plain=False) for pair in separators]
        read = [sum(one.number(d) is not None for d in digits) for one in made]
        strict = [sum(_grouped(*pair).fullmatch(d) is not None for d in digits) for pair in separators]
        every = [one for one in labels[plain] if one.count(".") == 1]
        fits = [
            sum(_grouped(*pair).fullmatch(d.lstrip("+-")) is not None for d in every) for pair in separators
        ]
        best = max(range(len(separators)), key=lambda i: (read[i], strict[i] + fits[i], -i))
        pair = separators[best]
    else:
        pair = separators[0]
    unit = "" if factors else (suffixes or [""])[0]
    bookkeeping = any(part.bookkeeping for part in others)
    scales = tuple(sorted(factors.items()))
    return Notation(*pair, (currencies or [""])[0], unit, scales, False, bookkeeping), ()


def _others(labels: pd.Series, thousands: str) -> Any:
    """The positions of labels that must be taken apart."""
    plain = labels.str.fullmatch(PLAIN.pattern).to_numpy(bool, copy=True)
    if thousands == ".":  # "1.234" is a thousand and more here
        plain = plain & ~labels.str.contains(".", regex=False).to_numpy(bool, copy=True)
    return np.flatnonzero(~plain)


def _grouped(thousands: str, decimals: str) -> re.Pattern[str]:
    whole = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{2,3}})*{re.escape(thousands)}\d{{3}}"
    if thousands != ",":  # groups of two are written in India only, with commas
        whole = rf"[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+"
    point = re.escape(decimals)
    return re.compile(rf"(?:{whole}|\d+)(?:{point}\d*)?|{point}\d+" if thousands else r"\d+\.?\d*|\.\d+")


@functools.lru_cache(maxsize=2**17)  # a column is looked at several times
def _part(label: str) -> Part | None:
    """A label taken apart; None if it is no number with a sign, a currency, a unit or a limit."""
    if len(label) > LONGEST:  # the patterns below take the square of its length
        return None
    label = label.translate(ALIKE)
    for pattern, how in OTHERWISE:
        if found := pattern.fullmatch(label):
            label = found.expand(how).strip()
    minus = re.fullmatch(r"([^-]*\d[^-]*?)\s*-", label)  # "12.50-", as some book-keeping writes it
    match = WRITTEN.fullmatch(minus[1] if minus else label)
    if not match or bool(match["close"]) != bool(match["open"] or match["inner"]):
        return None
    bookkeeping = bool(match["close"] or minus)
    before, after = match["before"] or "", (match["after"] or "").strip()
    signs = re.sub(r"[^+-]", "", before)
    before = re.sub(r"[+\-\s]|^[~≈]$|^ca\.?$", "", before).lower().rstrip(".")
    if len(signs) > 1 or not (before == "" or before == "%" or _is_currency(before)):
        return None
    suffix = after.lower()
    currency = before if before != "%" else ""
    for word in sorted(re.split(r"\s+|(?<=[^\W\d_])(?=[^\w\s])|(?<=[^\w\s])(?=[^\W\d_])", suffix), key=len):
        if word and _is_currency(word) and not currency:
            currency, suffix = word, suffix.replace(word, "", 1).strip()
    suffix = "%" if before == "%" else suffix.rstrip(".") or suffix
    if len(suffix) > 3 and suffix.isalpha():
        suffix = suffix.removesuffix("s")  # "1 year" and "2 years"
    if not UNIT.fullmatch(suffix):
        return None
    return Part(
        match["digits"] + (match["power"] or ""),
        -1 if bookkeeping or "-" in signs else 1,
        bookkeeping,
        currency,
        suffix,
        bool(match["limit"] or match["more"]),
    )


def points_in_doubt(labels: pd.Series) -> bool:
    """May points be of thousands: has each three digits behind it, with whole numbers below 1000 beside?"""
    bare = labels.str.replace(r"[^0-9.,]", "", regex=True)
    pointed = bare[bare.str.contains(".", regex=False)]
    others = bare[~bare.str.contains(".", regex=False) & (bare != "")]
    whole = others.str.fullmatch(r"[1-9][0-9]{2}")
    return bool(
        len(pointed)
        and pointed.str.fullmatch(r"[1-9][0-9]{0,2}\.[0-9]{3}").all()
        and len(others)
        and whole.any()
        and others.str.fullmatch(r"0|[1-9][0-9]{0,2}").all()
    )


def _is_currency(word: str) -> bool:
    return word in CURRENCIES or (len(word) == 1 and unicodedata.category(word) == "Sc")


def plain_numbers(series: pd.Series) -> NDArray[np.float64] | None:
    """A column of text in which all is a plain number or missing as floats, quickly; None for any other."""
    if not isinstance(series.dtype, pd.StringDtype):
        return None
    labels = series.str.strip()
    labels = labels.mask(labels.isin(MISSING))
    few = labels.iloc[:QUICK].dropna()
    if not len(few) or not few.str.fullmatch(PLAIN.pattern).all():
        return None
    present = labels.dropna()
    if points_in_doubt(few):
        return None
    if not present.str.fullmatch(PLAIN.pattern).all() or present.str.match(r"[+-]?0\d").any():
        return None
    return np.asarray(pd.to_numeric(labels).to_numpy(np.float64, na_value=np.nan), np.float64)


def plain(values: NDArray[Any]) -> NDArray[np.float64]:
    """Floats in which all that cannot be computed with is NaN."""
    values = np.array(values, np.float64)  # a copy: the table never follows its source
    values[~(np.abs(values) < LARGEST)] = np.nan
    return values
