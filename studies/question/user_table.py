"""Tables of one's own: files become datasets, and a run remembers which."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import datasets
from studies.errors import reworded
from studies.folder.schema.notes import TableSpec
from studies.system.files import there

_sources: dict[str, TableSpec] = {}


LONGEST = 60  # characters of a word for a table
# How a table is read, as `datasets.read` has it: one word each, and names of columns.
WORDS = ("group", "time", "task", "missing_target", "positive")
COLUMNS = ("drop", "category", "number", "date")
USUAL: dict[str, Any] = {"group": None, "time": None, "task": None}  # what a manifest always says


def read(path: str, target: str, **options: Any) -> list[datasets.Table]:
    """A file as a table, or all tables of a folder. options: `WORDS` and `COLUMNS`, None for none.

    Raises UsageError for what cannot be learned from.
    """
    place, given = Path(path), {key: value for key, value in options.items() if value is not None}
    try:
        if there(place) == "folder":
            return datasets.read_folder(place, target, **given)
        return [datasets.read(place, target, **given)]
    except ValueError as error:
        raise reworded(error) from None


def take(path: str, target: str, **options: Any) -> tuple[str, ...]:
    """Make a file, or all tables of a folder, known as datasets; gives their names. See `read`."""
    tables = read(path, target, **options)
    try:
        names = datasets.add(*tables)
    except ValueError as error:
        raise reworded(error) from None
    files = datasets.tables_in(Path(path)) if there(Path(path)) == "folder" else [Path(path)]
    for name, file in zip(names, files, strict=True):
        _sources[name] = spec(str(file), target, **options)
    return tuple(names)


def spec(path: str, target: str, **options: Any) -> TableSpec:
    """What a manifest says of a table: where it comes from, and how it is read where that is not as usual."""
    said: dict[str, Any] = {key: options[key] for key in WORDS if options.get(key) is not None}
    said |= {key: sorted(set(options[key])) for key in COLUMNS if options.get(key)}
    found = {"path": str(Path(path).resolve()), "target": target, **USUAL, **said}
    return cast("TableSpec", found)


def slug(path: str, target: str, **options: Any) -> str:
    """A word for a table, its target and how it is read, for the name of a folder; another one for others.

    It ends in a hash where the plain words could be those of another table, such as in another folder.
    """
    place = Path(path).resolve()
    if place.is_relative_to(Path.cwd()):
        place = place.relative_to(Path.cwd())
    asked = {k: sorted(set(v)) if k in COLUMNS else v for k, v in sorted(options.items()) if v}
    words = {k: "+".join(v) if isinstance(v, list) else v for k, v in asked.items()}
    said = [place.stem, target, *(f"{key}={value}" for key, value in words.items())]
    plain = "--".join(re.sub(r"[^\w.=+-]+", "-", str(word)).strip("-.") for word in said)[:LONGEST]
    if plain == f"{place.stem}--{target}" and "--" not in target and str(place) == f"{place.stem}.csv":
        return plain
    whole = json.dumps([str(place), target, asked])
    return f"{plain}~{hashlib.sha256(whole.encode(errors='surrogateescape')).hexdigest()[:6]}"


def sources(names: tuple[str, ...]) -> dict[str, TableSpec]:
    """Where the tables among these datasets come from."""
    return {name: _sources[name] for name in names if name in _sources}


def again(known: Mapping[str, TableSpec]) -> None:
    """Read the tables of a run again that are not known here yet."""
    for name, one in known.items():
        if name not in datasets.names():
            options = {key: value for key, value in one.items() if key not in ("path", "target")}
            take(one["path"], one.get("target") or "", **options)
