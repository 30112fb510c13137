"""What a table is made of: columns with their types and meanings, and those that many tables share."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column: its type ("string", "int", "float", "bool") and what it holds."""

    type: str
    meaning: str


class Schema(NamedTuple):
    """A table: its key, which is also its sort order, and its columns."""

    key: tuple[str, ...]
    columns: dict[str, Column]


DATASET = {"dataset": Column("string", "the dataset's name")}
BLOCK = {**DATASET, "block": Column("int", "the block's number, from 0; from 1,000,000 for confirmations")}
OPTIMIZER = {"optimizer": Column("string", "the optimizer's name")}
SCOPE = {"scope": Column("string", "a dataset's name, or 'pooled' for all of them together")}
READING = {"reading": Column("string", "'error': expected test error of a search; 'ratio': of examples")}
ROW = {
    **BLOCK,
    **OPTIMIZER,
    "kind": Column("string", "'search', 'untuned' (its defaults) or 'confirm' (a pick in a fresh block)"),
    "draw": Column("int", "the draw's number within its search, from 0"),
}
ESTIMATE = {
    "estimate": Column("float", "the estimate"),
    "low": Column("float", "lower end of its interval"),
    "high": Column("float", "upper end of its interval"),
    "level": Column("float", "the interval's level"),
}
N = {"blocks": Column("int", "blocks behind it")}
