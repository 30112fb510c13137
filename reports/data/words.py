"""Numbers and names in words: significant digits, intervals, units, lists."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from studies.analysis.verdicts import LEVEL

THIN, MINUS, INFINITY = "\u202f", "\u2212", "∞"
NOT_KNOWN = "not known"


class Unit(NamedTuple):
    """How errors are written: factor, what follows a value, a difference, an axis' label, a short name."""

    factor: float
    value: str
    difference: str
    axis: str
    short: str

    @property
    def gap(self) -> str:
        """What a difference is counted in."""
        return self.difference.strip() or self.short


PERCENT = Unit(100.0, f"{THIN}%", " points", "% misclassified", "%")
RMSE = Unit(1.0, " RMSE", " RMSE", "RMSE, training standard deviations", "RMSE")


def unit_of(metric: str, classification: bool) -> Unit:
    """The unit of a metric on a task: shares are written in %."""
    if metric == "loss":
        name = "cross-entropy" if classification else "half mean squared error"
        return Unit(1.0, "", "", f"test loss, {name}", "loss")
    if not classification:
        return RMSE
    return (
        PERCENT._replace(axis="% misclassified, mean of classes") if metric == "balanced-error" else PERCENT
    )


def clean(name: object) -> str:
    """A name as one printable line: control, format and surrogate characters are shown as �."""
    return "".join(
        "�" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and c != "\u200d" else c
        for c in str(name)
    )


def lines(text: object) -> str:
    """A text as printable lines."""
    return "\n".join(map(clean, str(text).split("\n")))


def short(name: str, most: int = 22) -> str:
    """A name cut in its middle, so that names that share a beginning stay different."""
    return name if len(name) <= most else f"{name[: most // 2]}…{name[-(most // 2 - 1) :]}"


def fixed(x: float, decimals: int, sign: bool = False) -> str:
    """A number with so many decimals, a true minus and thin spaces; ∞ and "not known" as they are."""
    if math.isnan(x):
        return NOT_KNOWN
    if math.isinf(x):
        return (MINUS if x < 0 else "+" if sign else "") + INFINITY
    text = f"{abs(x):_.{max(decimals, 0)}f}".replace("_", THIN)
    if not text.strip("0._" + THIN):
        return text  # a zero has no sign
    return (MINUS if x < 0 else "+" if sign else "") + text


def decimals(x: float, digits: int) -> int:
    """Decimals that show so many significant digits of x."""
    if not math.isfinite(x) or x == 0:
        return 0
    places = digits - 1 - math.floor(math.log10(abs(x)))
    return digits - 1 - math.floor(math.log10(round(abs(x), places)))  # 0.0999 rounds to 0.10


def number(x: float, digits: int = 3) -> str:
    """A number with significant digits: 0.00316, 1.25, 12 300."""
    if math.isfinite(x) and x and abs(x) < 1e-4:
        mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", MINUS)
    return fixed(x, decimals(x, digits))


def count(n: int) -> str:
    """A whole number with thin spaces."""
    return f"{int(n):_}".replace("_", THIN)


def plural(n: int, one: str, many: str = "") -> str:
    """ "1 block", "20 blocks"."""
    return f"{count(n)} {one if n == 1 else many or one + 's'}"


def near_one(x: float) -> str:
    """A decay rate in [0, 1) with two significant digits of what it lacks to 1: 0.954, 0.99962."""
    return fixed(x, max(decimals(1 - x, 2), 2)) if x < 1 else fixed(x, 0)


def p_value(p: float, level: float = LEVEL) -> str:
    """A p-value with two digits, or as many as keep it on its side of the level."""
    for digits in range(1 if p < 0.001 else 2, 8):
        text = fixed(p, min(decimals(p, digits), 2 if p > 0.1 and digits == 2 else 9))
        if (float(text) <= level) == (p <= level):
            break
    return f"p{THIN}={THIN}{'1' if text == '1.0' else text}"


def interval(
    estimate: float, low: float, high: float, unit: Unit, *, difference: bool = False, name: bool = True
) -> str:
    """ "3.1 % [2.6, 4.4]": as many decimals as the unit has, more where an end would look like zero."""
    if math.isnan(estimate):
        return NOT_KNOWN
    if math.isinf(estimate):
        return "infinite"  # diverged in so many blocks that no finite median is left
    values = [v * unit.factor for v in (estimate, low, high)]
    places = 1 if unit.factor == 100 else 3
    while places < 6 and any(v and abs(v) < 0.5 * 10**-places for v in values):
        places += 1  # an end that is not zero must not look like zero
    signed = difference and values[1] < 0 < values[2]
    texts = [fixed(v, places, sign=signed or (difference and not name)) for v in values]
    suffix = (unit.difference if difference else unit.value) if name else ""
    return f"{texts[0]}{suffix} [{texts[1]}, {texts[2]}]"


def times(log_estimate: float, log_low: float, log_high: float) -> str:
    """ "1.92× [1.65, 2.24]" from logarithms of a ratio."""
    if math.isnan(log_estimate):
        return NOT_KNOWN
    low = 0.0 if log_low == -math.inf else math.exp(log_low)
    high = math.exp(log_high) if log_high < 700 else math.inf
    return f"{ratio(math.exp(log_estimate))}× [{ratio(low)}, {ratio(high)}]"


def ratio(x: float) -> str:
    """A ratio with three significant digits, none of them behind a whole hundred."""
    return number(x, 3) if x < 1000 else fixed(x, 0)


def join(names: Iterable[str], word: str = "and") -> str:
    """ "A", "A and B", "A, B and C"; of more than twelve the first eight, and how many more."""
    names = list(names)
    if len(names) > 12:
        names = [*names[:8], f"{len(names) - 8} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def listed(clauses: Iterable[str], most: int = 8, what: str = "more") -> str:
    """Clauses joined by semicolons; of more than `most` how many are left out."""
    clauses = list(clauses)
    rest = len(clauses) - most
    return "; ".join([*clauses[:most], *([f"and {rest} {what}"] if rest > 0 else [])])


SYMBOLS = {
    "beta": "β",
    "beta1": "β₁",
    "beta2": "β₂",
    "rho": "ρ",
    "eps": "ε",
    "gamma": "γ",
    "lr": "learning rate",
}


def plain(x: object) -> str:
    """A number that was written by hand, as it was written: 0.999, 1e−8."""
    return f"{x:g}".replace("e-0", "e-").replace("-", MINUS) if isinstance(x, int | float) else clean(x)


def symbol(field: str) -> str:
    """A hyperparameter's symbol, or its name in words; "1-beta" is 1−β."""
    if field.startswith("1-"):
        return f"1{MINUS}{symbol(field[2:])}"
    return SYMBOLS.get(field, clean(field).replace("_", " "))


def setting(field: str, value: float) -> str:
    """A hyperparameter's value: decay rates with the digits that matter near 1."""
    if field in ("beta", "beta1", "beta2", "rho", "gamma", "momentum"):
        return near_one(value)
    return number(value, 2)


def settings(text: str) -> dict[str, float]:
    """A table's JSON of hyperparameters; empty where it is none."""
    return _json(text)


def ranges(text: str) -> dict[str, list[float]]:
    """A table's JSON of hyperparameters' ranges, each a low and a high end; empty where it is none."""
    return _json(text)


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def sentence(parts: Sequence[str]) -> str:
    """Clauses joined by semicolons, with one full stop."""
    text = "; ".join(part for part in parts if part)
    return text[:1].upper() + text[1:] + "." if text else ""
