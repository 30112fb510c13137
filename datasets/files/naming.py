"""The names of a table's columns: stripped, each there once; unnamed ones that hold nothing are left out."""

from __future__ import annotations

import re

import pandas as pd

from datasets.sentences import Notes, nearest, shown

MOST_COLUMNS = 20_000


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
    unnamed = [i for i, one in enumerate(names) if re.fullmatch(r"(Unnamed: \d+([._]\d+)*)?", one)]
    left = [i for i in unnamed if _is_empty(frame.iloc[:, i])]
    if left:
        seen.add("Left out, without a name and a value", f"column {', '.join(str(i + 1) for i in left)}")
    first = next((i for i in range(len(names)) if i not in unnamed), len(names))
    for i in unnamed:  # an index that was saved, perhaps twice, or that another column was put in front of
        saved = i < first or names[i]
        if i not in left and saved and names_rows(frame.iloc[:, i]):
            left.append(i)
            seen.add("Dropped, an index", f"column {i + 1}")
    if wrong := [i for i in unnamed if i not in left]:
        raise ValueError(f"Column {wrong[0] + 1} of {name} has no name.\nGive it one, or leave it out.")
    kept = [i for i in range(len(names)) if i not in left]
    frame, names = frame.iloc[:, kept], [names[i] for i in kept]
    if twice := [one for one, count in pd.Series(names, dtype=object).value_counts().items() if count > 1]:
        raise ValueError(f"{name} has two columns named {twice[0]!r}.\nRename one of them, or leave it out.")
    return frame.set_axis(names, axis=1)


def _word(column: object) -> str:
    """A column's name as text."""
    try:
        return str(column).strip()
    except ValueError:  # an integer of thousands of digits
        return shown(column)


def names_rows(column: pd.Series) -> bool:
    """Is each value there once, and none of them a fraction?"""
    numbers = pd.to_numeric(column.astype(object), errors="coerce")
    return bool(column.is_unique) and bool((numbers.isna() | (numbers % 1 == 0)).all())


def _is_empty(column: pd.Series) -> bool:
    return bool((column.isna() | (column.astype(object) == "")).all())


def known(frame: pd.DataFrame, column: str, name: str) -> str:
    """The name of a column that is there. Raises ValueError, with the nearest, if it is not."""
    if (wanted := _word(column)) in frame.columns:
        return wanted
    raise ValueError(f"{name} has no column {wanted!r}.\n{nearest(wanted, list(frame.columns))}")
