"""Tables of one's own: files become datasets, and a run remembers which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
from studies.errors import UsageError

OPTIONS = ("target", "group", "time", "task")
_sources: dict[str, dict[str, Any]] = {}


def take(
    path: str, target: str, group: str | None = None, time: str | None = None, task: str | None = None
) -> tuple[str, ...]:
    """Make a file, or all tables of a folder, known as datasets; gives their names.

    group, time, task: as `datasets.read` has them. Raises UsageError for what cannot be learned
    from.
    """
    place = Path(path)
    options = {"group": group, "time": time, "task": task}
    try:
        if place.is_dir():
            tables = datasets.read_folder(place, target, **options)
        else:
            tables = [datasets.read(place, target, **options)]
        names = datasets.add(*tables)
    except ValueError as error:
        sentence, _, remedy = str(error).partition("\n")
        raise UsageError(sentence, remedy or "Mend that table.") from None
    for name in names:
        _sources[name] = {"path": str(place.resolve()), "target": target, **options}
    return tuple(names)


def sources(names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Where the tables among these datasets come from."""
    return {name: _sources[name] for name in names if name in _sources}


def again(known: Mapping[str, Mapping[str, Any]]) -> None:
    """Read the tables of a run again that are not known here yet."""
    for name, spec in known.items():
        if name not in datasets.names():
            take(spec["path"], *(spec[option] for option in OPTIONS))
