"""What a part of the page is: a question, the sentence that answers it, a picture, its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.data import words
from reports.data.run import Run

MANY = 12  # optimizers; of more, a picture shows those placed first
VERDICTS = {
    "holds": ("✓", "ok"),
    "holds in part": ("◐", "info"),
    "does not hold here": ("✗", "look"),
    "undecided": ("?", "info"),
    "not run": ("○", "info"),
    "missed": ("⚠", "look"),
}
LAST = 99  # place in a chapter
ROWS = 200  # a longer table is not repeated on the page


class Look(NamedTuple):
    """What tells a series apart, with or without colour."""

    colour: str
    marker: str
    dash: str | tuple[int, tuple[float, ...]]


class Key(NamedTuple):
    """An entry of a legend: how a series looks, and what it is. optimizer: the one behind it, if any."""

    title: str
    look: Look
    optimizer: str = ""
    line: bool = True
    hollow: bool = False


class Panel(NamedTuple):
    """One picture of a part, with axes of its own. name: of its file. title: what it shows, in short."""

    name: str
    title: str
    figure: Figure
    dataset: str = ""


class Cell(NamedTuple):
    """A table's cell: its text, what it sorts by, a second line, a status (ok, look, info), a part's name.

    tone: of the whole cell (best, good, open, worse). hollow: its second line is less than it looks.
    """

    text: str
    sort: float | str = ""
    note: str = ""
    status: str = ""
    link: str = ""
    lang: str = ""  # of the second line
    tone: str = ""
    hollow: bool = False


@dataclass(frozen=True)
class Table:
    """A table on the page. columns: headings; numeric: those aligned to the right.

    optimizers, datasets: whose each row is, datasets_across: each column, "" for none: by them rows are lit
    and columns left out.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    numeric: frozenset[int] = frozenset()
    sortable: bool = True
    folded: bool = False
    optimizers: Sequence[str] = ()
    datasets: Sequence[str] = ()
    datasets_across: Sequence[str] = ()


@dataclass(frozen=True)
class Part:
    """One question with its answer. name: of its picture, which is also its anchor.

    answer: one sentence, computed from `data`, from which `draw` draws its panels too. legend: of all
    panels. how: how to read it. basis: n and what was resampled. csv: the tables behind it.
    """

    name: str
    question: str
    answer: str
    how: str = ""
    how_title: str = "How to read this."
    basis: str = ""
    draw: Callable[[], Sequence[Panel]] | None = None
    legend: Sequence[Key] = ()
    describe: str = ""
    data: pd.DataFrame | None = None
    csv: Sequence[str] = ()
    tables: Sequence[Table] = ()
    formula: str = ""
    code: Sequence[tuple[str, str]] = field(default_factory=tuple)
    code_title: str = "The confirmed settings in code"
    folded: bool = False  # shown on request
    picture_folded: bool = False  # likewise its picture alone
    tables_first: bool = False  # above the picture, where the table is the answer
    signs: Sequence[Cell] = ()  # of a table
    tabs: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)  # code, by what it is for


Makes = Callable[[Run], Part | Sequence[Part] | None]
PARTS: dict[str, list[tuple[int, Makes]]] = {}


def part(chapter: str, place: int = LAST) -> Callable[[Makes], Makes]:
    """Register a function that makes a part of a chapter from a run, or several; None: nothing to say.

    place: of its file among those that fill the chapter; parts of one file stand as they do there.
    """

    def register(make: Makes) -> Makes:
        PARTS.setdefault(chapter, []).append((place, make))
        return make

    return register


def makers(chapter: str) -> list[Makes]:
    """What makes the parts of a chapter, in the page's order."""
    return [make for _, make in sorted(PARTS.get(chapter, []), key=lambda one: one[0])]


def cell(value: Any) -> Cell:
    """A value of a table as a cell: numbers to four digits, sorted by what they are."""
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no", int(value))
    if isinstance(value, int | np.integer):
        return Cell(words.count(int(value)), int(value))
    if isinstance(value, float | np.floating):
        return Cell("" if np.isnan(value) else words.number(float(value), 4), float(value))
    return Cell(words.clean(value), words.clean(value))


def verdict(text: str, note: str = "") -> Cell:
    """A verdict as a cell: its sign, its words, and a status."""
    sign, status = VERDICTS.get(text, ("", "info"))
    return Cell(f"{sign} {text}".strip(), text, note, status)


def drawn(run: Run, reading: str = "error", most: int = MANY) -> list[str]:
    """The optimizers that a picture shows, in the study's order: all, or of many those placed first."""
    if len(run.optimizers) <= MANY:
        return run.optimizers
    first = set(run.order(reading)[:most])
    return [name for name in run.optimizers if name in first]


def left_out(run: Run, shown: Sequence[str], csv: str) -> str:
    """A sentence on what a picture leaves out, and where that is; empty if it leaves out nothing."""
    n = len(run.optimizers)
    if len(shown) == n:
        return ""
    return f" Drawn are {len(shown)} of {n}, those placed first; all of them are in csv/{csv}.csv."


def blocks_basis(run: Run) -> str:
    """What was repeated, for the last line of a part."""
    return (
        f"n: {words.plural(len(run.datasets), 'dataset')} × {words.plural(run.blocks, 'block')}; every "
        "block repeats everything: its own split, initial weights, mini-batch order and each optimizer's "
        f"search of {run.draws} draws."
    )
