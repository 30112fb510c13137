"""How a text is laid out: its separator, the lines before its names, what stands below them."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from datasets.columns.numbers import PLAIN
from datasets.columns.text import MISSING, PLACEHOLDERS

SEPARATORS = ",;\t|"
BLANKS = r"\s+"
LOOKED_AT = 200  # lines that tell the layout
MOST_ALIKE = 0.9  # share of lines with as many values, for a separator of blanks
LEAST_ALIGNED = 5  # lines that tell where columns are
MOST_WIDE = 1_000_000  # places of a line
COMMENTS = ("#", "%", "//")


Spans = tuple[tuple[int, int], ...]


class Layout(NamedTuple):
    """separator: one character, or BLANKS. skip: lines before the names. names: as they are written.

    values: in a row. units: does the line below the names hold none? notes: sentences about guesses.
    spans: of aligned columns, () for others.
    """

    separator: str
    skip: int
    names: list[str]
    values: int
    units: bool = False
    notes: tuple[str, ...] = ()
    spans: Spans = ()


class Row(NamedTuple):
    """Values of a row, and the number of its first line, from 1, and of the line after it."""

    values: list[str]
    line: int
    after: int


def rows_of(lines: Iterable[str], separator: str, start: int = 0, spans: Spans = ()) -> Iterable[Row]:
    """The rows of lines that are not empty, start lines below the first of a file. Raises csv.Error."""
    if spans:
        for number, line in enumerate(lines, start + 1):
            if line.strip():
                yield Row([line[low:high].strip() for low, high in spans], number, number)
        return
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
    spans = spans_of(body) if _is_ragged(separator, body, start, width) else ()
    if spans:
        separator, at, width = BLANKS, 0, len(spans)
    rows = list(itertools.islice(rows_of(body, separator, start, spans), LOOKED_AT))
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
    return Layout(separator, header.line - 1, names, max(width, len(names)), units, tuple(notes), spans)


def _is_ragged(separator: str, lines: Sequence[str], start: int, width: int) -> bool:
    """Is this text without separators, or with blanks that leave names and values unequal in number?"""
    if separator == BLANKS:
        rows = list(itertools.islice(rows_of(lines, separator, start), LOOKED_AT))
        alike = all(len(row.values) == width for row in rows)
        return not alike and not _may_be_short(rows[0].values, rows[1:], width)
    return width < 2


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


def spans_of(lines: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """The first and last place of each column of text whose columns are aligned; () if they are not.

    Columns lie between places that are blank in all lines below the names, each with a name above it.
    """
    some = [line.rstrip("\r\n") for line in lines if line.strip()][:LOOKED_AT]
    if len(some) < LEAST_ALIGNED or any("\t" in line for line in some):
        return ()
    width = max(map(len, some))
    used = [any(line[i : i + 1].strip() for line in some[1:]) for i in range(width)]
    edges = [
        i for i in range(width + 1) if (used[i] if i < width else False) != (used[i - 1] if i else False)
    ]
    blocks = list(zip(edges[::2], edges[1::2], strict=True))
    if not blocks:
        return ()
    named: set[int] = set()
    for match in re.finditer(r"\S+", some[0]):  # a name stands above its column, or nearly
        gaps = [max(low - match.end(), match.start() - high + 1, 0) for low, high in blocks]
        named.add(int(np.argmin(gaps)))
    # what has no name above, as a second word, is a part of the nearer column: the widest gap parts two names
    borders = [0]
    for left, right in itertools.pairwise(sorted(named)):
        last = max(range(left, right), key=lambda n: blocks[n + 1][0] - blocks[n][1])
        borders.append(blocks[last][1])
    return tuple(itertools.pairwise([*borders, MOST_WIDE]))


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
    if _are_names(rows[at].values):
        return at, width
    for i in range(at + 1):
        if _may_be_short(rows[i].values, rows[i + 1 :], width):
            return i, width
    above = rows[at - 1] if at else None
    near = above is not None and above.after + 1 == rows[at].line and len(above.values) > 1
    if above is not None and near and not any(map(is_number, above.values)):
        return at - 1, width  # which does not fit, and is to be said
    return _below_padding(rows, at), width


def _may_be_short(values: Sequence[str], below: Sequence[Row], width: int) -> bool:
    """Are these names fewer than the values, which begin with the row's name or end in empty ones?"""
    if not 1 < len(values) < width or any(map(is_number, values)) or not below:
        return False
    if all(not value.strip() for row in below for value in row.values[len(values) :]):
        return True
    first = [row.values[0] for row in below if len(row.values) == width]
    return (
        len(values) == width - 1 and len(set(first)) == len(first) > 1 and not any(map(_is_fraction, first))
    )


def _is_fraction(value: str) -> bool:
    return is_number(value) and float(value.replace(",", ".")) % 1 != 0


def _below_padding(rows: Sequence[Row], at: int) -> int:
    """The row of names below rows that a spreadsheet filled up with empty values; at, if there is none."""
    for i in range(at, len(rows)):
        filled = [value for value in rows[i].values if value.strip()]
        if _are_names(rows[i].values) and i > at:
            return i
        if 3 * len(filled) > 2 * len(rows[i].values):
            break
    return at


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
            words += bool(value.strip()) and not PLACEHOLDERS.fullmatch(value.strip().lower())
    return words > 0 and words >= _number_columns(others) / 2


def _number_columns(rows: Sequence[Sequence[str]]) -> int:
    width = max(map(len, rows))
    columns = [[row[i].strip() for row in rows if i < len(row)] for i in range(width)]
    kept = [[one for one in column if one not in MISSING] for column in columns]
    return sum(bool(column) and all(map(is_number, column)) for column in kept)
