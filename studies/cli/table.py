"""How a table of one's own would be read: every column, and what to say where that is wrong."""

from __future__ import annotations

from typing import Any

import pandas as pd

import datasets
from studies.cli.listing import document
from studies.question import user_table

WIDE = 40  # characters of a cell
HEADS = {
    "column": "column",
    "role": "role",
    "kind": "read as",
    "missing": "missing",
    "categories": "categories",
    "features": "features",
    "example": "example",
    "why": "why",
    "change": "to change it",
}


def table(given: dict[str, Any], *, as_json: bool) -> Any:
    """What a run would make of a file, or of each of a folder. given: as `user_table.read` takes it."""
    tables = user_table.read(**given)
    if as_json:
        return document(tables=[_facts(one) for one in tables])
    return "\n\n".join(map(_text, tables))


def _facts(one: datasets.Table) -> dict[str, Any]:
    return {
        "name": one.name,
        "task": one.task,
        "rows": one.n_rows,
        "features": one.n_features,
        "training_rows": one.n_train,
        "classes": dict(one.shares),
        "columns": [reading._asdict() for reading in one.readings],
        "doubts": list(one.doubts),
        "notes": list(one.notes),
    }


def _text(one: datasets.Table) -> str:
    head = (
        f"{one.name}: {one.task}, {one.n_rows:,} rows, {one.n_features:,} features, of which each block "
        f"trains on {one.n_train:,} rows."
    )
    parts = [head, *one.doubts]
    if one.shares:
        shares = (f"{name} {count:,} ({count / one.n_rows:.1%})" for name, count in one.shares)
        parts.append(f"Classes: {', '.join(shares)}.")
    frame = pd.DataFrame([reading._asdict() for reading in one.readings])[list(HEADS)]
    whole = frame.change  # to be copied
    cut = frame.map(lambda cell: cell if len(str(cell)) <= WIDE else f"{str(cell)[: WIDE - 1]}…")
    cut = cut.mask(cut.isin([0]), "").assign(change=whole).rename(columns=HEADS)
    parts.append(cut.to_string(index=False, justify="left"))
    parts += [note for note in one.notes if note not in one.doubts]
    return "\n".join(parts)
