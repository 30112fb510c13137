"""Tables that come inside installed packages: sound blocks, and notes that a second look finds true."""

import re
import sysconfig
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import datasets

PLACES = ("sklearn/datasets/data", "matplotlib/mpl-data/sample_data", "pyarrow/tests/data/parquet")
PLACES += ("statsmodels/datasets",)  # where it is installed
SITE = Path(sysconfig.get_paths()["purelib"])
ENDINGS = (".csv", ".csv.gz", ".parquet")
FILES = sorted(
    path
    for place in PLACES
    for path in (SITE / place).rglob("*")
    if path.name.endswith(ENDINGS) and path.is_file()
)
MOST_TARGETS = 12
MARKERS = {"", "?", "NA", "N/A", "n/a", "nan", "NaN", "NULL", "None", "<NA>"}


def second_look(path):
    """The file as text, read without the suite."""
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        return frame.reset_index() if frame.index.names != [None] else frame
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def columns_of(note):
    """The columns that a note ends in, as far as they are listed."""
    listed = note.rsplit(": ", 1)[1]
    return [first or second for first, second in re.findall(r"'((?:[^'\\]|\\.)*)'|\"([^\"]*)\"", listed)]


def missing(column):
    return column.isna() | column.astype(str).str.strip().isin(MARKERS)


def number(column):
    return pd.to_numeric(column.where(~missing(column)), errors="coerce")


def distinct(column):
    return column[~missing(column)].astype(str).str.strip().nunique()


def rows_said(note, frame, name):
    """Does each value in brackets stand in as many rows as it says?"""
    said = re.findall(r"'([^']*)' \(([\d,]+) rows?\)", note)
    column = frame[name].astype(str).str.strip()
    return bool(said) and all((column == word).sum() == int(n.replace(",", "")) for word, n in said)


def far_rows(note, frame, name):
    values = number(frame[name])
    said = re.findall(r"(-?[\d.e+]+): ([\d,]+) rows?", note)
    return bool(said) and all((values == float(v)).sum() == int(n.replace(",", "")) for v, n in said)


def is_an_end(note, frame, name):
    value = float(re.search(r"\((\S+)\)", note)[1])
    values = number(frame[name])
    return np.isclose([values.min(), values.max()], value, rtol=1e-4).any()


def goes_along(column, target):
    """How well a column orders a target of numbers, or how often its neighbours are of one class."""
    values = number(column) if number(column).notna().mean() > 0.5 else column.rank()
    goal = number(target)
    if goal.isna().any() or goal.nunique() <= 20:
        pairs = pd.DataFrame({"x": values.fillna(values.min() - 1), "y": target.astype(str)}).sort_values("x")
        return 1 - max((pairs.y != pairs.y.shift())[1:].sum() - pairs.y.nunique(), 0) / len(pairs)
    means = goal.groupby(column.astype(str)).transform("mean")
    shared = column.astype(str).duplicated(keep=False)
    of_groups = (
        1 - ((goal - means)[shared] ** 2).sum() / ((goal - goal.mean()) ** 2).sum()
        if shared.mean() > 0.9
        else 0
    )
    return max(abs(values.corr(goal, method="spearman")), of_groups)


def without_index(note, frame):
    return frame.iloc[:, 0].is_unique


EACH = {  # a note's beginning, and what must then hold for each of its columns
    "Dropped, an identifier that comes again": lambda n, f, c: distinct(f[c]) < len(f),
    "Dropped, an identifier": lambda n, f, c: distinct(f[c]) > 0.9 * (~missing(f[c])).sum(),
    "Dropped, one value only": lambda n, f, c: f[c].astype(str).nunique() == 1,
    "Dropped, all values are missing": lambda n, f, c: missing(f[c]).all(),
    "Dropped, every category is rare": lambda n, f, c: (
        f[c].astype(str).value_counts().max() < max(5, len(f) / 500)
    ),
    "Missing values imputed with an indicator": lambda n, f, c: number(f[c]).isna().any(),
    "Missing values are a category of their own": lambda n, f, c: missing(f[c]).any(),
    "Rare categories share a feature": lambda n, f, c: (
        f[c].astype(str).value_counts().min() < max(5, len(f) / 500) or distinct(f[c]) > 50
    ),
    "Dates expanded to": lambda n, f, c: f[c].astype(str).str.contains(r"\d").all(),
    "Dates read as": lambda n, f, c: f[c].astype(str).str.contains(r"\d+\D\d+\D\d+").all(),
    "Taken as missing among": rows_said,
    "Mixed types": rows_said,
    "Far from all others, taken as missing": far_rows,
    "Values far from all others": is_an_end,
    "Taken as categories, whole numbers named as": lambda n, f, c: (number(f[c]).dropna() % 1 == 0).all(),
    "Taken as categories, whole numbers that begin with 0": lambda n, f, c: f[c].str.match("0\\d").any(),
    "Read commas as thousands": lambda n, f, c: f[c].str.contains(",").any(),
    "Read decimal commas": lambda n, f, c: f[c].str.contains(",").any(),
    "Read as": lambda n, f, c: f[c].astype(str).str.contains(r"\d").any(),
    "Look out, one-to-one": lambda n, f, c: goes_along(f[c], f["(target)"]) > 0.999,
    "Look out, tells the target nearly alone": lambda n, f, c: goes_along(f[c], f["(target)"]) > 0.95,
    "Dropped, lists or other compound values": lambda n, f, c: not pd.api.types.is_numeric_dtype(f[c]),
}


def copied(note, frame):
    many, rows = (int(one.replace(",", "")) for one in re.findall(r"([\d,]+) (?:of|rows)", note)[:2])
    return rows == len(frame) and many >= frame.drop(columns="(target)").duplicated().sum() > 0.0 * many


def owned(note, frame):
    name = re.search(r"rows of one '([^']*)'", note)[1]
    return frame[name].duplicated().any()


def far_target(note, frame):
    return any(
        np.isclose(
            float(v), [number(frame["(target)"]).min(), number(frame["(target)"]).max()], rtol=1e-4
        ).any()
        for v in re.findall(r"(-?\d[\d.e+]*) \(", note)
    )


def summed(note, frame):
    """Do least squares, or those of logarithms, make the target of the columns that are named?"""
    names = [one for one in re.findall(r"'([^']*)'", note) if one in frame.columns]
    X, y = np.column_stack([number(frame[one]) for one in names]), number(frame["(target)"]).to_numpy()
    if " * " in note or " / " in note:
        X, y = np.log(X), np.log(y)
    X = np.column_stack([X, np.ones(len(y))])
    return np.var(y - X @ np.linalg.lstsq(X, y)[0]) < 1e-6 * np.var(y)


def classes(note, frame):
    said = int(re.search(r"(?:has|holds) ([\d,]+) ", note)[1].replace(",", ""))
    return said == distinct(frame["(target)"]) or said == number(frame["(target)"]).nunique()


WHOLE = {  # of the table: what is said of the target, its rows and the file
    r"(Classification|Regression): ": classes,
    r"Look out: [\d,]+ of [\d,]+ rows are copies": copied,
    r"Look out: rows of one ": owned,
    r"Look out, .* gives the target": summed,
    r"Look out, targets far from all others": far_target,
    r"Dropped, an index": without_index,
}
OF_FILE = (  # of rows that are left out, which the frame here has no more, and of the file's own form
    r"[\d,]+ rows? without a target|Look out, [\d,]+ rows? without a target|Taken as missing in the target"
    r"|The index of |Look out, row [\d,]+ is named|Line \d+ |The first value of each row"
    r"|Look out, spelled in several ways|Rows with fewer values"
)


def check(note, frame):
    """Is a note true of a frame?"""
    for pattern, holds in WHOLE.items():
        if re.match(pattern, note):
            return holds(note, frame)
    column = next((name for name in EACH if note.startswith(name)), None)
    if column is None:
        return bool(re.match(OF_FILE, note))
    return all(EACH[column](note, frame, name) for name in columns_of(note) if name in frame.columns)


def read(path, target):
    """The table, or None and what is said instead."""
    try:
        return datasets.read(path, target), ""
    except ValueError as error:
        return None, str(error)


def test_there_are_tables():
    assert len(FILES) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_installed_table_is_sound_and_its_notes_are_true(path):
    try:
        frame = second_look(path)
    except Exception:  # what pandas cannot read need only be answered in words
        frame = None
    if frame is not None:
        frame.columns = [str(one).strip() for one in frame.columns]
    targets = ["y"] if frame is None else list(frame.columns)[:MOST_TARGETS]
    for target in targets:
        table, said = read(path, target)
        if table is None:
            assert said.count("\n") == 1, said
            continue
        assert sum(one.features for one in table.readings) == table.n_features
        for block in map(table.block, range(2)):
            for X in (block.X_train, block.X_validation, block.X_test):
                assert np.isfinite(X).all()
                assert np.abs(X).max() <= 20
        if frame is not None:
            rows = frame.iloc[np.sort(table.origin)] if len(frame) >= table.origin.max() + 1 else frame
            rows = rows.assign(**{"(target)": rows[target]})
            assert len(frame) - table.n_rows == next(r.missing for r in table.readings if r.role == "target")
            wrong = [note for note in table.notes if not check(note, rows)]
            assert not wrong, f"{target}: {wrong}"
