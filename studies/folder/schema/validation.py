"""Does a table hold what its schema promises? Asked of whatever is read from a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from studies.folder.schema.columns import LARGEST, Column, Schema
from studies.system import files

TYPES = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
NO_LISTS: Mapping[str, pa.DataType] = {}
MOST = 2**53  # of a whole number: beyond it floats skip some


def arrow_schema(schema: Schema) -> pa.Schema:
    """A table's schema as Parquet has it."""
    columns = schema.columns.items()
    return pa.schema([pa.field(n, TYPES[c.type], metadata={"meaning": c.meaning}) for n, c in columns])


def problem(table: pa.Table, schema: Schema, lists: Mapping[str, pa.DataType] = NO_LISTS) -> str:
    """What is wrong with a table: a column, a type, a value, a key that stands twice; "" for nothing.

    lists: further columns, of lists, and their types; their values are not looked at.
    """
    kinds = {name: TYPES[column.type] for name, column in schema.columns.items()} | dict(lists)
    lost = [name for name in kinds if name not in table.schema.names]
    if lost:
        return f"it has no column {lost[0]!r}"
    for name, kind in kinds.items():
        if table.schema.field(name).type != kind:
            return f"it holds {table.schema.field(name).type} in its column {name!r}, and {kind} is meant"
    extra = [name for name in table.schema.names if name not in kinds]
    if extra:
        return f"it has a column {files.short(extra[0])!r}, which is none of it"
    for name, column in schema.columns.items():
        if wrong := misfit(table[name], column):
            return f"it has {wrong}, in its column {name!r}"
    keys = table.select(list(schema.key))
    if schema.unique and keys.group_by(list(schema.key)).aggregate([]).num_rows < table.num_rows:
        return f"it has two lines with the same {', '.join(schema.key)}"
    return ""


def misfit(values: pa.ChunkedArray | pa.Array, column: Column) -> str:
    """A value that the column does not allow, in words; "" where all is as it should be."""
    if not len(values):
        return ""
    if values.null_count and column.type != "float":  # of a float it is NaN
        return "an empty cell"
    if column.type == "string":
        try:
            values.validate(full=True)
        except pa.ArrowInvalid:
            return "bytes that are no text"
        if column.words:
            kinds = [one for one in pc.unique(values).to_pylist() if one not in column.words]
            return f"{files.short(kinds[0])!r}, which is none of {', '.join(column.words)}" if kinds else ""
        return _settings(values) if column.json else ""
    if column.type == "bool":
        return ""
    numbers = values.drop_null().to_numpy(zero_copy_only=False)
    least, most = column.least, column.most
    if column.type == "int":
        least, most = (0 if least is None else least), (MOST if most is None else most)
    low, high = -math.inf if least is None else least, math.inf if most is None else most
    wrong = numbers < low
    wrong |= (numbers > high) & (np.isfinite(numbers) | (high != LARGEST))
    if wrong.any():
        return f"{numbers[wrong][0]}, which lies outside {low:g} to {high:g}"
    return ""


def _settings(values: pa.ChunkedArray) -> str:
    """JSON objects of numbers, or of pairs of them."""
    for text in pc.unique(values).to_pylist():
        try:
            found = files.parsed(text)
        except ValueError:
            found = None
        if not isinstance(found, dict) or not all(map(_numbers, found.values())):
            return f"{files.short(json.dumps(text))}, which is no JSON object of numbers"
    return ""


def _numbers(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) == 2 and all(map(_numbers, value))
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
