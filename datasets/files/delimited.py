"""Text files as frames of text: every value as it is written, with what is left out said by its line."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import warnings
from pathlib import Path

import pandas as pd

from datasets.files.encodings import encodings, said, undecodable
from datasets.files.layout import BLANKS, Layout, is_number, layout_of, rows_of
from datasets.files.naming import MOST_COLUMNS, names_rows
from datasets.files.packing import opened
from datasets.sentences import counted, shown

HEAD_LINES = 1_000
LONGEST_HEAD = 4_000_000  # characters


def empty(path: Path) -> ValueError:
    """What is said of a file without a line."""
    return ValueError(f"{shown(path.name)} is empty.\nWrite a line of column names and at least 50 rows.")


def read(path: Path, head: bytes) -> tuple[pd.DataFrame, list[str]]:
    """A file's table, all values as text, and a sentence about each guess.

    head: its first bytes. Raises ValueError for what is no table: the sentence names file and line.
    """
    tried = encodings(path, head)
    for encoding in tried:
        try:
            frame, notes = _read(path, encoding)
            return frame, [*said(path, encoding), *notes]
        except UnicodeDecodeError as error:
            failed = error
    raise undecodable(path, failed) from None


def _read(path: Path, encoding: str) -> tuple[pd.DataFrame, list[str]]:
    with _lines(path, encoding) as lines:
        first = list(itertools.islice(lines, HEAD_LINES))
        while len(first) > 1 and sum(map(len, first)) > LONGEST_HEAD:
            del first[len(first) // 2 :]
    try:
        layout = layout_of(first)
    except csv.Error as error:
        raise _unfit(path, shown(str(error)), ",") from None
    _check_names(path, layout)
    frame, layout = _frame(path, encoding, layout)
    notes = list(layout.notes)
    if layout.units:
        frame = frame.iloc[1:].reset_index(drop=True)
    names, width = layout.names, layout.values
    if width > len(names):
        extra = frame.iloc[:, len(names) :]
        if (extra == "").all(axis=None):
            frame = frame.iloc[:, : len(names)]  # separators at the ends of lines
        elif width == len(names) + 1 and names_rows(frame[0]):
            frame, names = frame.iloc[:, 1:], names
            notes.append(
                "The first value of each row has no name and is unique: it was left out as the row's name."
            )
        else:
            raise _unfit(path, _first_long(path, encoding, layout), layout.separator)
    frame.columns = names
    frame, repeated = _without_repeated_names(path, encoding, layout, frame)
    short = _short_rows(path, encoding, layout, frame)
    if short:
        notes.append(f"Rows with fewer values than columns: {short:,}; those that they lack are missing.")
    return frame, [*notes, *repeated]


def _lines(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(opened(path), encoding=encoding, newline="")


def _check_names(path: Path, layout: Layout) -> None:
    names = layout.names
    if not names or not any(
        name.strip("\ufeff \r\n") for name in names
    ):  # no more than the mark of its bytes
        raise empty(path)
    if len(names) > MOST_COLUMNS:
        raise ValueError(
            f"{shown(path.name)} has {len(names):,} columns, and at most {MOST_COLUMNS:,} can be used.\n"
            "Keep those that may matter, or first reduce them (sums, principal components)."
        )
    if all(map(is_number, names)):
        raise ValueError(
            f"The first line of {shown(path.name)} holds numbers ({shown(names[0])}, …), not the names of "
            "columns.\n"
            "Write a line of names above it."
        )


def _frame(path: Path, encoding: str, layout: Layout) -> tuple[pd.DataFrame, Layout]:
    """All rows below the names, as text; and the layout, wider where some lines end in separators."""
    try:
        return _rows(path, encoding, layout), layout
    except ValueError:
        longest = _longest(path, encoding, layout)
        if longest <= layout.values:
            raise
        wider = layout._replace(values=longest)
        return _rows(path, encoding, wider), wider


def _longest(path: Path, encoding: str, layout: Layout) -> int:
    """The values of the longest row, if all behind those that have a name are empty; else 0."""
    longest, named = 0, max(len(layout.names), layout.values)
    with _lines(path, encoding) as lines, contextlib.suppress(csv.Error):
        for row in rows_of(lines, layout.separator, 0, layout.spans):
            if row.line > layout.skip and any(value.strip() for value in row.values[named:]):
                return 0
            longest = max(longest, len(row.values))
    return longest


def _rows(path: Path, encoding: str, layout: Layout) -> pd.DataFrame:
    """All rows below the names, as text. Raises ValueError for rows that do not fit."""
    with _lines(path, encoding) as lines:
        _past_names(lines, layout)
        if layout.spans:
            return pd.DataFrame([row.values for row in rows_of(lines, BLANKS, 0, layout.spans)], dtype=str)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)
                return pd.read_csv(
                    lines,
                    sep=layout.separator,
                    header=None,
                    names=range(layout.values),
                    index_col=False,
                    skipinitialspace=layout.separator != BLANKS,
                    dtype=str,
                    na_filter=False,
                )
        except pd.errors.EmptyDataError:
            return pd.DataFrame({i: pd.Series([], dtype=str) for i in range(layout.values)})
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            if "EOF inside string" in str(error):
                where = _open_quote(path, encoding, layout)
                remedy = "Close it, or double each quote inside a value."
                raise ValueError(
                    f"In {shown(path.name)} a quote is left open (line {where}).\n{remedy}"
                ) from None
            raise _unfit(path, _first_long(path, encoding, layout), layout.separator) from None


def _past_names(lines: io.TextIOWrapper, layout: Layout) -> int:
    """Read on to the line below the names; gives how many lines that were."""
    for _ in range(layout.skip):
        next(lines)
    row = next(iter(rows_of(lines, layout.separator, layout.skip, layout.spans)))
    return row.after


def _first_long(path: Path, encoding: str, layout: Layout) -> str:
    """Which line has more values than there are names."""
    with _lines(path, encoding) as lines:
        try:
            for row in rows_of(lines, layout.separator, 0, layout.spans):
                if row.line > layout.skip and len(row.values) > len(layout.names):
                    return f"line {row.line} has {len(row.values)} values, not {len(layout.names)}"
        except csv.Error as error:  # of a value that is very long
            return shown(str(error))
    return "a line has more values than names"


def _open_quote(path: Path, encoding: str, layout: Layout) -> int:
    """The line of the row in which the last quote is not closed."""
    line = 0
    with _lines(path, encoding) as lines, contextlib.suppress(csv.Error):
        for row in rows_of(lines, layout.separator, 0, layout.spans):
            line = row.line
    return line


def _unfit(path: Path, detail: str, separator: str) -> ValueError:
    apart = {"\t": "a tab", BLANKS: "blanks"}.get(separator, repr(separator))
    return ValueError(
        f"The rows of {shown(path.name)} do not fit its line of names ({detail}).\n"
        f"Each row needs a value for each name, separated by {apart}; quote values that hold it."
    )


def _without_repeated_names(
    path: Path, encoding: str, layout: Layout, frame: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """The rows but those that are the names again, as files put together have them."""
    names = [name.strip() for name in layout.names][-frame.shape[1] :]
    same = (frame.iloc[:, 0].str.strip() == names[0]).to_numpy(bool, copy=True)
    for i in range(1, len(names)):
        if not same.any():
            return frame, []
        same[same] = (frame.iloc[:, i][same].str.strip() == names[i]).to_numpy(bool, copy=True)
    found = []
    with _lines(path, encoding) as lines:
        for row in rows_of(lines, layout.separator, 0, layout.spans):
            if row.line > layout.skip + 1 and [v.strip() for v in row.values][: len(names)] == names:
                found.append(row.line)
    listing = ", ".join(map(str, found[:5])) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    said = f"Line {listing} repeats the names and was left out."
    if len(found) > 1:
        said = f"{counted(len(found), 'line')} repeat the names and were left out (line {listing})."
    return frame[~same].reset_index(drop=True), [said]


def _short_rows(path: Path, encoding: str, layout: Layout, frame: pd.DataFrame) -> int:
    """How many rows have fewer values than columns: pandas fills what they lack."""
    if layout.separator == BLANKS or not (frame.iloc[:, -1] == "").any():
        return 0
    least = min(len(layout.names), layout.values)
    with _lines(path, encoding) as lines, contextlib.suppress(csv.Error):
        _past_names(lines, layout)
        return sum(len(row.values) < least for row in rows_of(lines, layout.separator, 0, layout.spans))
    return 0
