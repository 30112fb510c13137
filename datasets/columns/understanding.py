"""All columns of a table: each found or forced, read into memory, and said."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from datasets.columns.choices import Choices
from datasets.columns.kinds import MOST_CATEGORIES, Finding, change, forced, kind_of
from datasets.columns.readers import Category, Date, Part, Reader
from datasets.columns.readings import Reading, example
from datasets.columns.resting import Column, n_features, resting
from datasets.sentences import Notes, shown

LEAST_ROWS, LEAST_SHARE = 5, 500  # a category below so many rows, or one row in so many, is rare
FAR = 20  # standard deviations of the training rows, beyond which a feature is cut
FEW = 0.01  # share of a column's values that may lie far from the rest


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
        made, kept, finding, missing = _made(name, series, finding, name == clock, notes)
        done.columns.extend(made)
        if kept and finding.reader is not None:
            done.sources.append(Source(name, finding.reader, tuple(kept)))
        if finding.owner and name != clock:
            done.owners.append(name)
        role = "time" if name == clock else "feature" if made else "dropped"
        labels = next((len(c.labels) for c in made if c.kind == "category"), 0)
        done.readings.append(
            Reading(
                name,
                role,
                finding.kind,
                finding.why,
                missing,
                labels,
                example(series),
                n_features(made),
                change(finding, name),
            )
        )
    return done


def _made(
    name: str, series: pd.Series, finding: Finding, clock: bool, notes: Notes
) -> tuple[list[Column], list[str], Finding, int]:
    """A column's parts at rest, their names, what it is after a look at its values, and its missing rows."""
    if finding.reader is None:
        for said in finding.said:
            notes.add(said, name)
        return [], [], finding, _missing(series)
    parts = finding.reader.parts(series)
    gone = _gone(parts[0])
    missing = int(gone.sum())
    dated = isinstance(finding.reader, Date)
    if clock and not dated:
        return [], [], finding._replace(option=""), missing
    if gone.all():
        notes.add("Dropped, all values are missing", name)
        return [], [], Finding(None, "empty", "all values are missing", (), ""), missing
    for said in finding.said:
        notes.add(said, name)
    varying = [part for part in parts if _varies(part)]
    if dated:
        whole = "day" not in [part.name for part in varying]  # months or quarters, which have no weekday
        useless = ("year" if clock else "", "weekday" if whole else "")
        varying = [part for part in varying if part.name not in useless]
    elif missing and parts[0] not in varying:
        varying = [parts[0], *varying]  # its holes vary
    if not varying:
        if not clock:
            notes.add("Dropped, one day only" if dated else "Dropped, one value only", name)
        why = "one day only" if dated else "one value only"
        return [], [], Finding(None, "constant", why, (), ""), missing
    if dated:
        notes.add(f"Dates expanded to {', '.join(part.name for part in varying)}", name)
    found: list[Column] = []
    for part in varying:
        column = Column(f"{name}: {part.name}" if part.name else name, part.kind, part.values)
        if part.kind == "category":
            found += _category(column, finding.reader, notes)
        else:
            holes = bool(missing) and part is varying[0]  # the parts of a date are missing together
            found.append(column._replace(holes=holes, values=resting(column.values)))
            if part.kind == "number" and not dated and (far := distant(part.values)) is not None:
                where = "0 where no" if far[1] else f"cut at {FAR} standard deviations of the"
                where += " training row has one" if far[1] else " training rows"
                notes.add(f"Values far from all others ({far[0]:g}), {where}", name)
    if missing and found and found[0].kind != "category":
        notes.add("Missing values imputed with an indicator", name)
    if not found:
        return [], [], Finding(None, "identifier", "every category is rare", (), "", finding.owner), missing
    return found, [part.name for part in varying], finding, missing


def _gone(part: Part) -> NDArray[np.bool_]:
    return np.asarray(part.values < 0 if part.kind == "category" else np.isnan(part.values))


def _missing(series: pd.Series) -> int:
    """Rows without a value in a column that is dropped."""
    try:
        return int(Category(()).parts(series)[0].values.__lt__(0).sum())
    except TypeError:  # lists
        return int(series.isna().sum())


def _varies(part: Part) -> bool:
    present = part.values[~_gone(part)]
    return len(present) > 0 and bool((present != present[0]).any())


def distant(values: NDArray[np.float64]) -> tuple[float, bool] | None:
    """A value so far from the rest that where it does not train it is beyond FAR standard deviations.

    With it: are all others equal? None where no value is so far.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    middle = np.median(values)
    off = np.abs(values - middle)
    at = int(np.argmax(off))
    rest = values[off <= off[at] / 2]
    few = len(values) - len(rest) <= max(LEAST_ROWS, FEW * len(values))
    spread = float(rest.std()) if few and len(rest) else float(values.std())
    centre = float(rest.mean()) if few and len(rest) else float(values.mean())
    return (float(values[at]), not spread) if abs(values[at] - centre) > FAR * spread else None


def _category(column: Column, reader: Reader, notes: Notes) -> list[Column]:
    """How many features categories give: one for each that is not rare, and one for all rare ones."""
    labels, values = column.labels, column.values
    assert isinstance(reader, Category)
    labels = reader.labels
    if (values < 0).any():
        notes.add("Missing values are a category of their own", column.label)
        values = np.where(values < 0, len(labels), values)
        labels = (*labels, "(missing)")
    counts = np.bincount(values, minlength=len(labels))
    least = max(LEAST_ROWS, len(values) // LEAST_SHARE)
    common = min(int(np.sum(counts >= least)), MOST_CATEGORIES)
    rare = len(labels) - common
    if not common:
        notes.add("Dropped, every category is rare", column.label)
        return []
    if rare > 1:
        notes.add(
            f"Rare categories share a feature (below {least} rows, or beyond {MOST_CATEGORIES})", column.label
        )
    return [column._replace(values=values.astype(np.int32), labels=labels, width=common + (rare > 0))]


def shared_spellings(labels: Sequence[str]) -> list[str]:
    """Pairs of labels that differ in case and blanks only."""
    found: dict[str, str] = {}
    pairs = []
    for label in labels:
        key = "".join(label.casefold().split())
        if key in found:
            pairs.append(f"{shown(found[key])!r} and {shown(label)!r}")
        found.setdefault(key, label)
    return pairs
