"""What a table is made of: columns with their types and meanings, and those that many tables share."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column: its type ("string", "int", "float", "bool"), what it holds, and what it may hold.

    words: the only ones. least, most: of a number; without them whole numbers are >= 0. A float may be NaN,
    and infinite where nothing or LARGEST bounds it. json: an object of numbers, or of pairs, as text.
    """

    type: str
    meaning: str
    words: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    json: bool = False


class Schema(NamedTuple):
    """A table: its key, which is also its sort order, and its columns. unique: no key stands twice."""

    key: tuple[str, ...]
    columns: dict[str, Column]
    unique: bool = True


DATASET = {"dataset": Column("string", "the dataset's name")}
BLOCK = {**DATASET, "block": Column("int", "the block's number, from 0; from 1,000,000 for confirmations")}
OPTIMIZER = {"optimizer": Column("string", "the optimizer's name")}
SCOPE = {"scope": Column("string", "a dataset's name, or 'pooled' for all of them together")}
READINGS = ("error", "ratio")
KINDS = ("search", "untuned", "choose", "confirm")
STATUS = ("ok", "diverged")
LARGEST = 3.5e38  # of a float32: what a training reaches is finite below it, or infinite
READING = {
    "reading": Column("string", "'error': expected test error of a search; 'ratio': of examples", READINGS)
}
ROW = {
    **BLOCK,
    **OPTIMIZER,
    "kind": Column(
        "string",
        "'search', 'untuned' (its defaults), 'choose' (a candidate) or 'confirm' (a pick, in fresh blocks)",
        KINDS,
    ),
    "draw": Column("int", "the draw's number within its search, from 0"),
}
ESTIMATE = {
    "estimate": Column("float", "the estimate"),
    "low": Column("float", "lower end of its interval"),
    "high": Column("float", "upper end of its interval"),
    "level": Column("float", "the interval's level"),
}
N = {"blocks": Column("int", "blocks behind it")}
