"""Tables from files: CSV, TSV and Parquet, plain or compressed, as frames with sound names."""

from __future__ import annotations

import bz2
import contextlib
import csv
import difflib
import gzip
import io
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd

from datasets.columns import MISSING, Notes, listed

TEXT = (".csv", ".tsv", ".tab", ".txt")
PARQUET = (".parquet", ".pq")
OPENERS: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
SEPARATORS = ",;\t|"
MOST_COLUMNS = 20_000
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how XLSX (a zip archive) and XLS begin
BROKEN = (zlib.error, EOFError, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)


def kind(path: Path) -> str:
    """Either ".csv" (any text), ".parquet" or "" for what is no table, by the name without compression."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in (*OPENERS, ".zip"):
        endings.pop()
    last = endings[-1] if endings else ""
    return ".csv" if last in TEXT else ".parquet" if last in PARQUET else ""


def read_frame(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """A file's table, with its columns named as they stand, and a sentence about each guess.

    Raises ValueError for what is no table: the sentence names the file, the second line says what to do.
    """
    if not path.exists():
        raise ValueError(f"There is no file {str(path)!r}.\nCheck the path; it is taken from {Path.cwd()}.")
    if path.is_dir():
        raise ValueError(
            f"{str(path)!r} is a folder.\nRead all of its tables with read_folder, or name one file."
        )
    if path.suffix.lower() in (".xlsx", ".xls", ".xlsm", ".ods"):
        raise ValueError(f"{path.name} is a workbook.\nSave its sheet as CSV and read that.")
    if not kind(path):
        raise ValueError(
            f"{path.name} has no ending of a table.\n"
            f"Known are {', '.join((*TEXT, *PARQUET))}, each also with .gz, .bz2, .xz or .zip."
        )
    try:
        with _opened(path) as handle:
            head = handle.read(65_536)
        if not head.strip():
            raise ValueError(f"{path.name} is empty.\nWrite a line of column names and at least 50 rows.")
        if head.startswith(WORKBOOKS):
            raise ValueError(f"{path.name} is a workbook or an archive, not a table.\nSave its sheet as CSV.")
        return _parquet(path) if kind(path) == ".parquet" else _text(path, head)
    except BROKEN as error:
        raise ValueError(
            f"{path.name} cannot be unpacked ({error}).\nCompress it again, or unpack it first."
        ) from None
    except PermissionError:
        raise ValueError(f"{path.name} may not be read.\nGive yourself the right: chmod u+r {path}") from None


def _opened(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked."""
    if path.suffix.lower() != ".zip":
        return cast("IO[bytes]", OPENERS.get(path.suffix.lower(), Path.open)(path, "rb"))
    archive = zipfile.ZipFile(path)
    inside = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX")]
    if len(inside) != 1:
        raise ValueError(
            f"{path.name} holds {len(inside)} files, and one table is wanted.\n"
            "Unpack it; a folder of tables is read as one study."
        )
    return archive.open(inside[0])


def _parquet(path: Path) -> tuple[pd.DataFrame, list[str]]:
    with _opened(path) as handle:
        try:
            return pd.read_parquet(io.BytesIO(handle.read())), []
        except (ValueError, OSError) as error:
            said = str(error).splitlines()[0]
            raise ValueError(
                f"{path.name} is no Parquet file ({said}).\nWrite it again, or save CSV."
            ) from None


def _text(path: Path, head: bytes) -> tuple[pd.DataFrame, list[str]]:
    """Text in UTF-8, else in Windows-1252, in which every number and most words are the same."""
    if any(byte < 9 or 13 < byte < 28 for byte in head):
        raise ValueError(
            f"{path.name} holds bytes that are not text.\nSave it as CSV in UTF-8, or as Parquet."
        )
    try:
        return _csv(path, "utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        frame, notes = _csv(path, "cp1252")
        return frame, [f"{path.name} is not UTF-8 and was read as Windows-1252.", *notes]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} holds bytes that are not text ({error.object[error.start]:#x}).\n"
            f"Save it in UTF-8, for example: iconv -f latin1 -t utf-8 {path.name} > utf8.csv"
        ) from None


def _csv(path: Path, encoding: str) -> tuple[pd.DataFrame, list[str]]:
    with io.TextIOWrapper(_opened(path), encoding=encoding, newline="") as lines:
        first = next((line for line in lines if line.strip()), "")
        separator = max(SEPARATORS, key=lambda one: _outside_quotes(first).count(one))
        names = next(csv.reader([first, *_rest(first, lines)], delimiter=separator, skipinitialspace=True))
    if len(names) > MOST_COLUMNS:
        raise ValueError(
            f"{path.name} has {len(names):,} columns, and at most {MOST_COLUMNS:,} can be used.\n"
            "Keep those that may matter, or first reduce them (sums, principal components)."
        )
    if all(_is_number(name) for name in names):
        raise ValueError(
            f"The first line of {path.name} holds numbers ({names[0]}, …), not the names of columns.\n"
            "Write a line of names above it."
        )

    def read(**options: Any) -> pd.DataFrame:
        with _opened(path) as handle:
            return pd.read_csv(
                handle,
                sep=separator,
                encoding=encoding,
                header=0,
                names=range(len(names)),
                index_col=False,
                skipinitialspace=True,
                na_values=list(MISSING),
                keep_default_na=False,
                **options,
            )

    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", pd.errors.DtypeWarning)
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = read()
        if caught:  # pieces of a column differ in type: all of them are text
            mixed = [i for i in frame if pd.api.types.infer_dtype(frame[i]).startswith("mixed")]
            frame = read(dtype=dict.fromkeys(mixed, str))
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise ValueError(_said(path, str(error).strip(), separator)) from None
    short = 0
    if frame[len(names) - 1].isna().any():  # pandas fills what a row lacks, and says nothing
        lines = io.TextIOWrapper(_opened(path), encoding=encoding, newline="")
        with lines, contextlib.suppress(csv.Error):  # of a value that is very long
            for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
                short += 0 < len(row) < len(names)
    frame.columns = names
    said = f"Rows with fewer values than columns: {short:,}; those that they lack are missing."
    return frame, [said] if short else []


def _rest(first: str, lines: io.TextIOWrapper) -> list[str]:
    """The lines that a name with a line break goes on in."""
    return lines.readlines(1_000_000) if first.count('"') % 2 else []


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _said(path: Path, error: str, separator: str) -> str:
    if "EOF inside string" in error:
        where = error.rsplit(" ", 1)[-1]
        remedy = "Close it, or double each quote inside a value."
        return f"In {path.name} a quote is left open (row {where}).\n{remedy}"
    shown = "tab" if separator == "\t" else separator
    detail = error.removeprefix("Error tokenizing data. C error: ")
    return (
        f"The rows of {path.name} do not fit its line of names ({detail}).\n"
        f"Each row needs a value for each name, separated by {shown!r}; quote values that hold it."
    )


def named(frame: pd.DataFrame, name: str, seen: Notes) -> pd.DataFrame:
    """The frame with stripped names, each there once; an index without a name is left out.

    Raises ValueError for another column without a name, for two of one name and for too many.
    """
    names = ["" if pd.api.types.is_scalar(c) and pd.isna(c) else str(c).strip() for c in frame.columns]
    if len(names) > MOST_COLUMNS:
        raise ValueError(
            f"{name} has {len(names):,} columns, and at most {MOST_COLUMNS:,} can be used.\n"
            "Keep those that may matter, or first reduce them (sums, principal components)."
        )
    unnamed = [i for i, one in enumerate(names) if re.fullmatch(r"(Unnamed: \d+)?", one)]
    if unnamed == [0] and pd.api.types.is_integer_dtype(frame.iloc[:, 0]) and frame.iloc[:, 0].is_unique:
        frame, names, unnamed = frame.iloc[:, 1:], names[1:], []
        seen.add("Dropped, an index", "column 1")
    if unnamed:
        raise ValueError(f"Column {unnamed[0] + 1} of {name} has no name.\nGive it one, or leave it out.")
    if twice := [one for one, count in pd.Series(names, dtype=object).value_counts().items() if count > 1]:
        raise ValueError(f"{name} has two columns named {twice[0]!r}.\nRename one of them, or leave it out.")
    return frame.set_axis(names, axis=1)


def known(frame: pd.DataFrame, column: str, name: str) -> str:
    """The name of a column that is there. Raises ValueError, with the nearest, if it is not."""
    if (wanted := str(column).strip()) in frame.columns:
        return wanted
    near = difflib.get_close_matches(wanted, frame.columns, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {listed(list(frame.columns), 20)}."
    raise ValueError(f"{name} has no column {wanted!r}.\n{hint}")
