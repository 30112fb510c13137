"""The chapter, claim by claim: what is measured, and a verdict that follows from the measurement alone.

A claim is one declaration in a file of this folder: what the chapter says, the rule that was fixed
beforehand, a function that measures and one that judges. `judged` asks all of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

import dlopt
from studies.claims.tables import CLAIM_TABLES

HOLDS = "holds"
PARTLY = "holds in part"
FAILS = "does not hold here"
OPEN = "undecided"
ROOT = Path(dlopt.__file__).parents[1]
NAN = float("nan")


class Judged(NamedTuple):
    """A verdict. when: where it holds in part; effect: in `unit`, with its interval unless it is exact."""

    verdict: str
    effect: float
    unit: str
    when: str = ""
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True)
class Claim:
    """number: the chapter's order. part: of the chapter. says, chapter: its sentence, in both languages.

    rule: when it holds, with the threshold and its reason. code: what of dlopt ran. measure: the evidence,
    a line for each comparison (what, x, value, low, high, expected; NaN where there is none; an interval
    of NaN: exact). judge: a function of the evidence alone.
    """

    number: int
    part: str
    says: str
    chapter: str
    rule: str
    code: tuple[Any, ...]
    measure: Callable[[], pd.DataFrame]
    judge: Callable[[pd.DataFrame], Judged]
    resampled: str = field(default="exact: computed, nothing is drawn")


CLAIMS: dict[int, Claim] = {}


def claim(
    number: int, part: str, says: str, chapter: str, rule: str, code: tuple[Any, ...], **more: Any
) -> Callable[[Callable[[], pd.DataFrame]], Callable[[Callable[[pd.DataFrame], Judged]], Claim]]:
    """Declare a claim: decorates its measurement, and what that gives decorates its judge."""

    def measured(measure: Callable[[], pd.DataFrame]) -> Callable[[Callable[[pd.DataFrame], Judged]], Claim]:
        def judging(judge: Callable[[pd.DataFrame], Judged]) -> Claim:
            made = Claim(number, part, says, chapter, rule, code, measure, judge, **more)
            if number in CLAIMS:
                raise ValueError(f"Two claims have the number {number}. Give one of them another.")
            CLAIMS[number] = made
            return made

        return judging

    return measured


def evidence(*lines: tuple[Any, ...]) -> pd.DataFrame:
    """Lines of (what, x, value, expected) or (what, x, value, low, high, expected) as a frame."""
    whole = [line if len(line) == 6 else (*line[:3], NAN, NAN, line[3]) for line in lines]
    return pd.DataFrame(whole, columns=["what", "x", "value", "low", "high", "expected"])


def place(thing: Any) -> str:
    """Where its lines stand: dlopt/average.py:68-77."""
    lines, first = inspect.getsourcelines(thing)
    path = Path(inspect.getsourcefile(thing) or "").relative_to(ROOT)
    return f"{path}:{first}-{first + len(lines) - 1}"


def numbers() -> list[int]:
    """Of all claims, in the chapter's order."""
    from studies.claims import averages, methods, saddles  # noqa: F401  # each registers its own

    return sorted(CLAIMS)


def judged(number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One claim's lines of the tables "claims" and "evidence"."""
    numbers()  # in a worker nothing is registered yet
    one = CLAIMS[number]
    seen = one.measure()
    verdict = {
        "number": number,
        **{name: getattr(one, name) for name in ("part", "says", "chapter", "rule", "resampled")},
        **one.judge(seen)._asdict(),
        "code": ", ".join(map(place, one.code)),
    }
    proof = seen.assign(number=number, line=range(len(seen)))
    return (
        pd.DataFrame([verdict])[list(CLAIM_TABLES["claims"].columns)],
        proof[list(CLAIM_TABLES["evidence"].columns)],
    )


def nothing() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables of a study that asks no claim."""
    made = [pd.DataFrame(columns=list(CLAIM_TABLES[name].columns)) for name in ("claims", "evidence")]
    return made[0], made[1]
