"""How a text is laid out: its separator, the lines before its names, what stands below them."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from datasets.columns.numbers import PLAIN
from datasets.columns.text import MISSING

SEPARATORS = ",;\t|"
BLANKS = r"\s+"
LOOKED_AT = 200  # lines that tell the layout
MOST_ALIKE = 0.9  # share of lines with as many values, for a separator of blanks
COMMENTS = ("#", "%", "//")


class Layout(NamedTuple):
    """separator: one character, or BLANKS. skip: lines before the names. names: as they are written.

    values: in a row. units: does the line below the names hold no values? notes: sentences about guesses.
    """

    separator: str
    skip: int
    names: list[str]
    values: int
    units: bool = False
    notes: tuple[str, ...] = ()


class Row(NamedTuple):
    """Values of a row, and the number of its first line, from 1, and of the line after it."""

    values: list[str]
    line: int
    after: int


def rows_of(lines: Iterable[str], separator: str, start: int = 0) -> Iterable[Row]:
    """The rows of lines that are not empty, start lines below the first of a file. Raises csv.Error."""
    if separator == BLANKS:
        lines = (re.sub(r"\s+", " ", line.strip()) for line in lines)
    delimiter = " " if separator == BLANKS else separator
    found = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    before = 0
    for values in found:
        if values and any(value.strip() for value in values):
            yield Row(values, start + before + 1, start + found.line_num)
        before = found.line_num


def layout_of(lines: Sequence[str]) -> Layout:
    """The layout of a text by its first lines. Raises csv.Error for a value that is too long."""
    declared = re.fullmatch(r"\ufeff?\"?sep=(.|\\t)\"?[,;\t]*\s*", lines[0]) if lines else None
    start = 1 if declared else 0
    while start < len(lines) and _is_comment(lines, start):
        start += 1
    body = list(itertools.islice(lines, start, None))
    if declared:
        separator = declared[1].replace("\\t", "\t")
        at, width = _names_at(list(rows_of(body, separator, start)))
    else:
        separator, at, width = _separator(body, start)
    rows = list(itertools.islice(rows_of(body, separator, start), LOOKED_AT))
    if not rows:
        return Layout(separator, start, [], 0)
    header, below = rows[at], rows[at + 1 :]
    names = header.values
    if header.line > start and names and names[0].lstrip().startswith("#") and len(names) > 1:
        names = [names[0].lstrip("# "), *names[1:]]
    notes = []
    if at:
        notes.append(_lines(rows[0].line, header.line - 1) + " before the names and was left out.")
    units = bool(below) and _holds_units(below)
    if units:
        found = ", ".join(value.strip() for value in below[0].values if value.strip())
        notes.append(f"Line {below[0].line} holds no values ({found[:80]}) and was left out.")
    return Layout(separator, header.line - 1, names, max(width, len(names)), units, tuple(notes))


def _lines(first: int, last: int) -> str:
    return f"Line {first} stands" if first == last else f"What stands from line {first} to {last} is"


def _is_comment(lines: Sequence[str], at: int) -> bool:
    """Is a line a comment, and not the names behind a #?"""
    line = lines[at].lstrip()
    if not line.startswith(COMMENTS):
        return False
    below = next((one for one in lines[at + 1 :] if one.strip()), "")
    if below.lstrip().startswith(COMMENTS):
        return True
    return not any(line.count(one) and line.count(one) == below.count(one) for one in SEPARATORS)


def _separator(lines: Sequence[str], start: int) -> tuple[str, int, int]:
    """The separator, which row holds the names, and how many values rows have."""
    found: list[tuple[int, float, int, int, str]] = []
    failed: csv.Error | None = None
    for i, separator in enumerate((*SEPARATORS, BLANKS)):
        try:
            rows = list(itertools.islice(rows_of(lines, separator, start), LOOKED_AT))
        except csv.Error as error:  # a value that is very long: perhaps another one separates
            failed = error
            continue
        if not rows:
            continue
        at, width = _names_at(rows)
        share = sum(len(row.values) == width for row in rows) / len(rows)
        if width < 2 or (separator == BLANKS and (share < MOST_ALIKE or found)):
            continue
        found.append((at, -round(share, 1), -width, i, separator))
    if not found and failed is not None:
        raise failed
    if not found:
        return ",", 0, 1
    best = min(found)
    return best[-1], best[0], -best[2]


def _names_at(rows: Sequence[Row]) -> tuple[int, int]:
    """Which row holds the names, and how many values most rows have."""
    counts = Counter(len(row.values) for row in rows)
    width = max(counts, key=lambda count: (counts[count], count))
    at = next(i for i, row in enumerate(rows) if len(row.values) == width)
    above = rows[at - 1] if at else None
    if above is not None and not _are_names(rows[at].values) and above.after + 1 == rows[at].line:
        near = len(above.values) > width or len(above.values) == width - 1
        if near and len(above.values) > 1 and not any(map(is_number, above.values)):
            return at - 1, width
    return at, width


def _are_names(values: Sequence[str]) -> bool:
    words = [value.strip() for value in values]
    return all(words[1:]) and len(set(words)) == len(words) and not any(map(is_number, words))


def is_number(value: str) -> bool:
    """Is a value a plain number?"""
    return bool(PLAIN.fullmatch(value.strip().replace(",", ".")))


def _holds_units(rows: Sequence[Row]) -> bool:
    """Has the first row words, found nowhere else, in all columns that hold numbers in every other row?"""
    first, others = rows[0].values, [row.values for row in rows[1:]]
    if len(others) < 5 or any(map(is_number, first)):
        return False
    words = 0
    for i, value in enumerate(first):
        below = [row[i].strip() for row in others if i < len(row)]
        present = [one for one in below if one not in MISSING]
        if value.strip() and value.strip() in below:
            return False
        if present and all(map(is_number, present)):
            if value.strip() in MISSING and value.strip():
                return False
            words += bool(value.strip())
    return words > 0 and words >= _number_columns(others) / 2


def _number_columns(rows: Sequence[Sequence[str]]) -> int:
    width = max(map(len, rows))
    columns = [[row[i].strip() for row in rows if i < len(row)] for i in range(width)]
    kept = [[one for one in column if one not in MISSING] for column in columns]
    return sum(bool(column) and all(map(is_number, column)) for column in kept)
