"""All columns of a table: each found or forced, read into memory, and said."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.choices import Choices
from datasets.columns.kinds import MOST_CATEGORIES, Finding, change, forced, kind_of
from datasets.columns.outliers import FAR, distant
from datasets.columns.quantities import LEAST_ROWS, LEAST_SHARE
from datasets.columns.readers import Category, Date, Part, Reader
from datasets.columns.readings import Reading, example
from datasets.columns.resting import Column, n_features, resting
from datasets.sentences import Notes


@dataclasses.dataclass(frozen=True)
class Source:
    """A column of the file that gives features: its name, its reader, and which parts are kept."""

    column: str
    reader: Reader
    parts: tuple[str, ...]

    def at_rest(self, series: pd.Series) -> list[NDArray[Any]]:
        """The kept parts of rows of that column, with a category's number for missing and unknown ones."""
        found = {part.name: part for part in self.reader.parts(series)}
        return [
            self._numbered(found[name]) if name in found else np.zeros(len(series)) for name in self.parts
        ]

    def _numbered(self, part: Part) -> NDArray[Any]:
        if part.kind != "category":
            return part.values
        assert isinstance(self.reader, Category)
        known = len(self.reader.labels)
        return np.where(part.values < 0, known, np.where(part.values >= known, known + 1, part.values))


class Understood(NamedTuple):
    """Columns at rest, what they came from, a reading for each column of the file, and the owners' names."""

    columns: list[Column]
    sources: list[Source]
    readings: list[Reading]
    owners: list[str]


def understand(
    frame: pd.DataFrame, notes: Notes, clock: str | None = None, chosen: Choices | None = None
) -> Understood:
    """What all columns of a frame are; those dropped are noted with the reason.

    clock: the column that orders the rows, of which no feature may tell the year. chosen: what the user said.
    """
    done = Understood([], [], [], [])
    for name in frame.columns:
        series, option = frame[name], chosen.of(name) if chosen else ""
        finding = forced(name, series, option) if option else kind_of(name, series)
        made = _made(name, series, finding, name == clock, notes)
        done.columns.extend(made.columns)
        if made.columns and finding.reader is not None:
            done.sources.append(Source(name, finding.reader, made.parts))
        if finding.owner and name != clock:
            done.owners.append(name)
        done.readings.append(_reading(name, series, made, name == clock))
    return done


class Made(NamedTuple):
    """What became of a column: parts at rest, their names, what it is in the end, its missing rows."""

    columns: list[Column]
    parts: tuple[str, ...]
    finding: Finding
    missing: int


def _made(name: str, series: pd.Series, finding: Finding, clock: bool, notes: Notes) -> Made:
    """Read a column's values, and note what was decided."""
    if finding.reader is None:
        for said in finding.said:
            notes.add(said, name)
        return Made([], (), finding, _missing(series))
    parts = finding.reader.parts(series)
    gone = _gone(parts[0])
    missing, dated = int(gone.sum()), isinstance(finding.reader, Date)
    if clock and not dated:
        return Made([], (), finding._replace(option=""), missing)
    if gone.all():
        notes.add("Dropped, all values are missing", name)
        return Made([], (), Finding(None, "empty", "all values are missing", (), ""), missing)
    varying = [part for part in parts if _varies(part)]
    if dated:
        whole = "day" not in [part.name for part in varying]  # months or quarters, which have no weekday
        useless = ("year" if clock else "", "weekday" if whole else "")
        varying = [part for part in varying if part.name not in useless]
    elif missing and parts[0] not in varying:
        varying = [parts[0], *varying]  # its holes vary
    if not varying:
        why = "one day only" if dated else "one value only"
        if not clock:
            notes.add(f"Dropped, {why}", name)
        return Made([], (), Finding(None, "constant", why, (), ""), missing)
    if isinstance(finding.reader, Category):
        return _category(name, parts[0], finding, finding.reader, notes)
    for said in finding.said:
        notes.add(said, name)
    if dated:
        notes.add(f"Dates expanded to {', '.join(part.name for part in varying)}", name)
    elif varying[0].kind == "number" and (found := distant(varying[0].values)) is not None:
        usual = f"cut at {FAR} standard deviations of the training rows"
        how = "0 where no training row has one" if found.alone else usual
        notes.add(f"Values far from all others ({found.value:g}), {how}", name)
    if missing:
        notes.add("Missing values imputed with an indicator", name)
    columns = [
        Column(f"{name}: {part.name}" if part.name else name, part.kind, resting(part.values))
        for part in varying
    ]
    columns[0] = columns[0]._replace(holes=bool(missing))  # the parts of a date are missing together
    return Made(columns, tuple(part.name for part in varying), finding, missing)


def _category(name: str, part: Part, finding: Finding, reader: Category, notes: Notes) -> Made:
    """How many features categories give: one for each that is not rare, and one for all rare ones."""
    labels, values, missing = reader.labels, part.values, int(_gone(part).sum())
    if missing:
        values = np.where(values < 0, len(labels), values)
        labels = (*labels, "(missing)")
    counts = np.bincount(values, minlength=len(labels))
    least = max(LEAST_ROWS, len(values) // LEAST_SHARE)
    common = min(int(np.sum(counts >= least)), MOST_CATEGORIES)
    rare = len(labels) - common
    if not common:
        notes.add("Dropped, every category is rare", name)
        why = f"{finding.why}; each is rare"
        return Made([], (), finding._replace(reader=None, why=why), missing)
    for said in finding.said:
        notes.add(said, name)
    if missing:
        notes.add("Missing values are a category of their own", name)
    if rare > 1:
        notes.add(f"Rare categories share a feature (below {least} rows, or beyond {MOST_CATEGORIES})", name)
    width = common + (rare > 0)
    column = Column(name, "category", values.astype(np.int32), labels=labels, width=width)
    return Made([column], ("",), finding, missing)


def _reading(name: str, series: pd.Series, made: Made, clock: bool) -> Reading:
    role = "time" if clock else "feature" if made.columns else "dropped"
    labels = next((len(one.labels) for one in made.columns if one.kind == "category"), 0)
    kind, why, option = made.finding.kind, made.finding.why, change(made.finding, name)
    features = n_features(made.columns)
    return Reading(name, role, kind, why, made.missing, labels, example(series), features, option)


def _gone(part: Part) -> NDArray[np.bool_]:
    return np.asarray(part.values < 0 if part.kind == "category" else np.isnan(part.values))


def _missing(series: pd.Series) -> int:
    """Rows without a value in a column that is dropped."""
    try:
        return int(_gone(Category(()).parts(series)[0]).sum())
    except TypeError:  # lists
        return int(series.isna().sum())


def _varies(part: Part) -> bool:
    present = part.values[~_gone(part)]
    return len(present) > 0 and bool((present != present[0]).any())
