"""A claim: what the chapter says, a rule fixed beforehand, what measures and what judges."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

import dlopt
from studies import claims

ROOT = Path(dlopt.__file__).parents[1]
NAN = float("nan")
PARTS = ("Mini-batches", "Averages", "Momentum", "RMSprop", "Adam", "Decay", "Local optima")
Measure = Callable[..., pd.DataFrame]
Judge = Callable[[pd.DataFrame], "Judged"]


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
    of NaN: exact), a function of the tables it reads. judge: a function of the evidence alone.
    reads: tables of finished runs, "default/decay", or "own/readings" of the run that asks. clock: it
    measures time, so it runs last, alone, and differs between two runs. x, y: what x and value are, as a
    picture's axes say; log: which of them is on a log scale, "", "x", "y" or "xy". blind: was the rule with
    its setting fixed before any number was seen?
    """

    number: int
    part: str
    says: str
    chapter: str
    rule: str
    code: tuple[Any, ...]
    measure: Measure
    judge: Judge
    resampled: str = "exact: computed, nothing is drawn"
    reads: tuple[str, ...] = ()
    clock: bool = False
    x: str = ""
    y: str = ""
    log: str = ""
    blind: bool = True


def evidence(*lines: tuple[Any, ...]) -> pd.DataFrame:
    """Lines of (what, x, value, expected) or (what, x, value, low, high, expected) as a frame."""
    whole = [line if len(line) == 6 else (*line[:3], NAN, NAN, line[3]) for line in lines]
    frame = pd.DataFrame(whole, columns=["what", "x", "value", "low", "high", "expected"])
    return frame.astype(dict.fromkeys(frame.columns[1:], float))


def place(thing: Any) -> str:
    """Where its lines stand: dlopt/average.py:68-77."""
    plain = inspect.unwrap(thing)
    path = Path(inspect.getsourcefile(plain) or "")
    first, last = _spans(path)[plain.__qualname__]
    return f"{path.relative_to(ROOT)}:{first}-{last}"


@functools.cache
def _spans(path: Path) -> dict[str, tuple[int, int]]:
    """First and last line of each class and function of a file; inspect reads the file for each anew."""
    found = {}

    def walk(node: ast.AST, within: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef):
                name = f"{within}{child.name}"
                first = min(one.lineno for one in (child, *child.decorator_list))
                found[name] = (first, child.end_lineno or first)
                walk(child, f"{name}." if isinstance(child, ast.ClassDef) else f"{name}.<locals>.")
            else:
                walk(child, within)

    walk(ast.parse(path.read_text("utf-8")), "")
    return found


@functools.cache
def declared(clock: bool = False) -> dict[int, Claim]:
    """All claims in the chapter's order: a file of this folder is all that a new one needs.

    clock: those that measure time; a number may stand in both. Raises ValueError for a number or a part of
    the chapter that a claim cannot have.
    """
    found: dict[int, Claim] = {}
    for file in pkgutil.walk_packages(claims.__path__, f"{claims.__name__}."):
        for one in vars(importlib.import_module(file.name)).values():
            if not isinstance(one, Claim) or one.clock != clock:
                continue
            if found.setdefault(one.number, one) is not one:
                raise ValueError(f"Two claims have the number {one.number}. Give one of them another.")
            if one.part not in PARTS:
                raise ValueError(f"The chapter has no part {one.part!r}. Choose from: {', '.join(PARTS)}.")
    return dict(sorted(found.items()))
