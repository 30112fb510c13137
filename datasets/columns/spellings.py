"""Dates spelled in other languages and by other programs, written as the layouts of `dates` know them."""

from __future__ import annotations

import re
import unicodedata

import pandas as pd

MONTHS = {  # of German, French, Spanish, Italian, Portuguese and Dutch, without accents
    "jan": "januar janner janvier janv januari enero ene gennaio gen janeiro",
    "feb": "februar feber februari fevrier fevr fev febrero febbraio fevereiro",
    "mar": "marz mrz mars marzo marco maart mrt",
    "apr": "avril avr abril abr aprile",
    "may": "mai mayo maggio mag maio mei",
    "jun": "juni juin junio giugno giu junho",
    "jul": "juli juillet juil julio luglio lug julho",
    "aug": "aout agosto ago augustus",
    "sep": "septembre septiembre settembre set setembro",
    "oct": "oktober okt octobre octubre ottobre ott outubro out",
    "nov": "novembre noviembre novembro",
    "dec": "dezember dez decembre diciembre dic dicembre dezembro",
}
ENGLISH = {one: month for month, names in MONTHS.items() for one in names.split()}
NAMES = "|".join(sorted(ENGLISH, key=len, reverse=True))
# hours ahead of UTC
ZONES = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "cet": 1}
USUAL = tuple(
    (re.compile(pattern), how)
    for pattern, how in (
        (r"(\d{4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]", r"\1-\2-\3"),
        (r"^(\d{4})\. ?(\d{1,2})\. ?(\d{1,2})\.", r"\1-\2-\3"),
        (r"^(\d{1,2})\. (\d{1,2})\. (\d{4})", r"\1.\2.\3"),
        (r"(?<=\d) ?([ap])\. ?m\.?", r" \1m"),
        (r"^(\d{1,2}-[a-z]{3}-\d{2,4}) (\d\d)\.(\d\d)\.(\d\d)", r"\1 \2:\3:\4"),
        (r"^(\d{1,2})er ", r"\1 "),
        (r" de(?:l)? ", " "),
        (r"^(q[1-4])(?:[-/ ]+'?|')([0-6]\d)$", r"\1 20\2"),
        (r"^(q[1-4])(?:[-/ ]+'?|')([7-9]\d)$", r"\1 19\2"),
        (r"^(\d{4})[-, ]*(?:week|wk|kw|w) ?(\d{1,2})$", r"\1-w\2"),
        (r"^(?:week|wk|kw|w)[- ]?(\d{1,2})[-,/ ]+(\d{4})$", r"\2-w\1"),
        *((rf"(?<=\d) ?{zone}$", f"{hours:+03d}00") for zone, hours in ZONES.items()),
    )
)
# what needs no other spelling
PLAIN = (
    r"[0-9/:tz+ -]*(?:\.\d+z?)?(?: ?[ap]m)?|\d{1,4}([./-])\d{1,2}\1\d{1,4}"
    r"|\d{1,2}[ -](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[ -][0-9: -]*"
)


def usual(labels: pd.Series) -> pd.Series:
    """Labels in lower case, with English names of months and the marks that layouts know."""
    lower = labels.str.lower()
    other = ~lower.str.fullmatch(PLAIN).to_numpy(bool, copy=True)
    return lower.where(~other, lower[other].map(_usual)) if other.any() else lower


def _usual(label: str) -> str:
    if not any(map(str.isdigit, label)):
        return label
    if not label.isascii():
        apart = unicodedata.normalize("NFKD", label)
        label = unicodedata.normalize("NFC", "".join(one for one in apart if not unicodedata.combining(one)))
    label = re.sub(rf"(?<![a-z])({NAMES})(?![a-z])", lambda found: ENGLISH[found[0]], label)
    for pattern, how in USUAL:
        label = pattern.sub(how, label)
    return label
