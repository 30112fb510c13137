"""Tables of one's own: files become datasets, and a run remembers which."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import datasets
from studies.errors import reworded
from studies.folder.schema.notes import TableSpec
from studies.system.files import there

_sources: dict[str, TableSpec] = {}


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
        if there(place) == "folder":
            tables = datasets.read_folder(place, target, **options)
        else:
            tables = [datasets.read(place, target, **options)]
        names = datasets.add(*tables)
    except ValueError as error:
        raise reworded(error) from None
    for name in names:
        _sources[name] = {
            "path": str(place.resolve()),
            "target": target,
            "group": group,
            "time": time,
            "task": task,
        }
    return tuple(names)


def sources(names: tuple[str, ...]) -> dict[str, TableSpec]:
    """Where the tables among these datasets come from."""
    return {name: _sources[name] for name in names if name in _sources}


def again(known: Mapping[str, TableSpec]) -> None:
    """Read the tables of a run again that are not known here yet."""
    for name, spec in known.items():
        if name not in datasets.names():
            take(spec["path"], spec.get("target") or "", spec["group"], spec["time"], spec["task"])
