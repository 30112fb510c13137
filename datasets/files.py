"""Tables from files: CSV, TSV and Parquet, plain or compressed, as frames with sound names."""

from __future__ import annotations

import bz2
import contextlib
import csv
import difflib
import errno
import gzip
import io
import lzma
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import pandas as pd

from datasets.columns import MISSING, Notes, listed, shown

TEXT = (".csv", ".tsv", ".tab", ".txt")
PARQUET = (".parquet", ".pq")
OPENERS: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
SEPARATORS = ",;\t|"
MOST_COLUMNS = 20_000
HEAD = 65_536  # bytes that tell a text from a workbook
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how XLSX (a zip archive) and XLS begin


def kind(path: Path) -> str:
    """Either ".csv" (any text), ".parquet" or "" for what is no table, by the name without compression."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in (*OPENERS, ".zip"):
        endings.pop()
    last = endings[-1] if endings else ""
    return ".csv" if last in TEXT else ".parquet" if last in PARQUET else ""


def as_path(path: Any) -> Path:
    """A path or its text as a path. Raises ValueError for anything else."""
    try:
        return Path(path)
    except TypeError:
        raise ValueError(
            f"A path must be text, not {shown(path)}.\nName a file, such as 'data.csv'."
        ) from None


def tables_in(path: Path) -> list[Path]:
    """The files of a folder that are tables by their names, in order. Raises ValueError for none."""
    inside = None
    with contextlib.suppress(OSError):  # of a name that is too long, or a folder that is not ours
        inside = list(path.iterdir()) if path.is_dir() else None
    if inside is None:
        raise ValueError(
            f"There is no folder {str(path)!r} that can be read.\n"
            f"Check the path; it is taken from {shown(str(Path.cwd()))}."
        )
    files = sorted(one for one in inside if one.is_file() and kind(one) and one.name[0] not in "._")
    if not files:
        raise ValueError(f"The folder {str(path)!r} holds no table.\nPut CSV, TSV or Parquet files into it.")
    return files


def read_frame(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """A file's table, with its columns named as they stand, and a sentence about each guess.

    Raises ValueError for what is no table: the sentence names the file, the second line says what to do.
    """
    there = False
    with contextlib.suppress(OSError):  # of a name that is too long
        there = path.exists()
    if not there:
        raise ValueError(
            f"There is no file {str(path)!r}.\nCheck the path; it is taken from {shown(str(Path.cwd()))}."
        )
    if path.is_dir():
        raise ValueError(
            f"{str(path)!r} is a folder.\nRead all of its tables with read_folder, or name one file."
        )
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is a device or a pipe.\nSave the table as a file.")
    if path.suffix.lower() in (".xlsx", ".xls", ".xlsm", ".ods"):
        raise ValueError(f"{shown(path.name)} is a workbook.\nSave its sheet as CSV and read that.")
    if not kind(path):
        raise ValueError(
            f"{shown(path.name)} has no ending of a table.\n"
            f"Known are {', '.join((*TEXT, *PARQUET))}, each also with .gz, .bz2, .xz or .zip."
        )
    head = _head(path)
    if not head.strip():
        raise _empty(path)
    if head.startswith(WORKBOOKS):
        raise ValueError(
            f"{shown(path.name)} is a workbook or an archive, not a table.\nSave its sheet as CSV."
        )
    return _parquet(path) if kind(path) == ".parquet" else _text(path, head)


def _empty(path: Path) -> ValueError:
    return ValueError(f"{shown(path.name)} is empty.\nWrite a line of column names and at least 50 rows.")


def _head(path: Path) -> bytes:
    """The first bytes, after all that is packed was unpacked once: no later reading meets a broken place."""
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
    except OSError as error:
        mine = f"Give yourself the right: chmod u+r {shown(str(path))}"
        remedy = mine if error.errno == errno.EACCES else "Copy it to another disk, and read that."
        raise ValueError(f"{shown(path.name)} may not be read ({error.strerror}).\n{remedy}") from None
    if path.suffix.lower() not in (*OPENERS, ".zip"):
        return head
    try:
        inside = _inside(path)
        if len(inside) == 1:
            with _opened(path) as handle:
                head = handle.read(HEAD)
                while handle.read(2**20):
                    pass
    except Exception as error:  # each kind of packing has its own errors, and zip files some ten
        why = shown(str(error)) or type(error).__name__
        raise ValueError(
            f"{shown(path.name)} cannot be unpacked ({why}).\nCompress it again, or unpack it first."
        ) from None
    if len(inside) != 1:
        raise ValueError(
            f"{shown(path.name)} holds {len(inside)} files, and one table is wanted.\n"
            "Unpack it; a folder of tables is read as one study."
        )
    return head


def _inside(path: Path) -> list[str]:
    """The files in an archive; the file itself where it is none."""
    if path.suffix.lower() != ".zip":
        return [path.name]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return [one for one in names if not one.endswith("/") and not one.startswith("__MACOSX")]


def _opened(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked."""
    if path.suffix.lower() != ".zip":
        return cast("IO[bytes]", OPENERS.get(path.suffix.lower(), Path.open)(path, "rb"))
    return zipfile.ZipFile(path).open(_inside(path)[0])


def _parquet(path: Path) -> tuple[pd.DataFrame, list[str]]:
    with _opened(path) as handle:
        try:
            frame = pd.read_parquet(io.BytesIO(handle.read()))
            for _, column in frame.items():
                if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
                    list(column.unique())  # Arrow believes that text is UTF-8, until it is looked at
            return frame, []
        except Exception as error:  # Arrow's are of many classes
            said = shown(str(error)) or type(error).__name__
            raise ValueError(
                f"{shown(path.name)} is no Parquet file ({said}).\nWrite it again, or save CSV."
            ) from None


def _text(path: Path, head: bytes) -> tuple[pd.DataFrame, list[str]]:
    """Text in UTF-8, else in Windows-1252, in which every number and most words are the same."""
    if any(byte < 9 or 13 < byte < 28 for byte in head):
        raise ValueError(
            f"{shown(path.name)} holds bytes that are not text.\nSave it as CSV in UTF-8, or as Parquet."
        )
    try:
        return _csv(path, "utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        frame, notes = _csv(path, "cp1252")
        return frame, [f"{shown(path.name)} is not UTF-8 and was read as Windows-1252.", *notes]
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{shown(path.name)} holds bytes that are not text ({error.object[error.start]:#x}).\n"
            f"Save it in UTF-8, for example: iconv -f latin1 -t utf-8 {shown(path.name)} > utf8.csv"
        ) from None


def _csv(path: Path, encoding: str) -> tuple[pd.DataFrame, list[str]]:
    with io.TextIOWrapper(_opened(path), encoding=encoding, newline="") as lines:
        first = next((line for line in lines if line.strip()), "")
        separator = max(SEPARATORS, key=lambda one: _outside_quotes(first).count(one))
        found = csv.reader([first, *_rest(first, lines)], delimiter=separator, skipinitialspace=True)
        try:
            names = next(found)
        except csv.Error as error:
            raise ValueError(_said(path, str(error), separator)) from None
    if not names:  # no more than the mark of a text's bytes
        raise _empty(path)
    if len(names) > MOST_COLUMNS:
        raise ValueError(
            f"{shown(path.name)} has {len(names):,} columns, and at most {MOST_COLUMNS:,} can be used.\n"
            "Keep those that may matter, or first reduce them (sums, principal components)."
        )
    if all(_is_number(name) for name in names):
        raise ValueError(
            f"The first line of {shown(path.name)} holds numbers ({shown(names[0])}, …), not the names of "
            "columns.\n"
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
        return f"In {shown(path.name)} a quote is left open (row {where}).\n{remedy}"
    apart = "tab" if separator == "\t" else separator
    detail = error.removeprefix("Error tokenizing data. C error: ")
    return (
        f"The rows of {shown(path.name)} do not fit its line of names ({shown(detail)}).\n"
        f"Each row needs a value for each name, separated by {apart!r}; quote values that hold it."
    )


def named(frame: pd.DataFrame, name: str, seen: Notes) -> pd.DataFrame:
    """The frame with stripped names, each there once; an index without a name is left out.

    Raises ValueError for another column without a name, for two of one name and for too many.
    """
    names = ["" if pd.api.types.is_scalar(c) and pd.isna(c) else _word(c) for c in frame.columns]
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


def _word(column: object) -> str:
    """A column's name as text."""
    try:
        return str(column).strip()
    except ValueError:  # an integer of thousands of digits
        return shown(column)


def known(frame: pd.DataFrame, column: str, name: str) -> str:
    """The name of a column that is there. Raises ValueError, with the nearest, if it is not."""
    if (wanted := _word(column)) in frame.columns:
        return wanted
    near = difflib.get_close_matches(wanted, frame.columns, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {listed(list(frame.columns), 20)}."
    raise ValueError(f"{name} has no column {wanted!r}.\n{hint}")
