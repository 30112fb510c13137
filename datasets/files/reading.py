"""The door of the wing: a path as a frame with its columns as they stand, and a sentence about each guess."""

from __future__ import annotations

import codecs
import contextlib
import re
from pathlib import Path
from typing import Any

import pandas as pd

from datasets.files import delimited, parquet
from datasets.files.packing import OPENERS, head
from datasets.sentences import shown

TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
PARQUET = (".parquet", ".pq")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how XLSX (a zip archive) and XLS begin
FORMS = {  # of text that is no table, by how it begins
    rb"version https://git-lfs": ("a pointer of Git LFS, not the file itself", "Fetch it: git lfs pull"),
    rb"(?i)<(!doctype html|html|\?xml|table)": ("a web page or XML", "Download the table itself, as CSV."),
    rb"\{\s*\"": ("JSON", "Save it as CSV, for example: pandas.read_json(path, lines=True).to_csv(...)"),
    rb"\[\s*[\[{]": ("JSON", "Save it as CSV, for example: pandas.read_json(path).to_csv(...)"),
    rb"(?i)@relation": ("ARFF", "Save it as CSV, for example with scipy.io.arff.loadarff."),
    rb"%PDF": ("a PDF", "Save its table as CSV."),
}


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
    first = head(path)
    if codecs.BOM_UTF8.startswith(first.strip()):
        raise delimited.empty(path)
    if first.startswith(WORKBOOKS):
        raise ValueError(
            f"{shown(path.name)} is a workbook or an archive, not a table.\nSave its sheet as CSV."
        )
    text = first.removeprefix(codecs.BOM_UTF8).lstrip()
    for form, (what, remedy) in FORMS.items():
        if re.match(form, text):
            raise ValueError(f"{shown(path.name)} is {what}.\n{remedy}")
    return parquet.read(path) if kind(path) == ".parquet" else delimited.read(path, first)
