"""One recorded training once more, from its run folder alone, held against the record bit by bit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from studies.errors import FailedError, UsageError, nearest
from studies.folder.read import Tables
from studies.folder.run_folder import RunFolder
from studies.folder.schema.columns import KINDS
from studies.folder.schema.notes import Manifest
from studies.folder.schema.tables import TABLES
from studies.question import user_optimizer
from studies.question.engine import COMPILED, NUMPY, bytes_of, bytes_of_update, in_numpy
from studies.question.identity import RESULTS_VERSION, study_of
from studies.question.plan import Plan, planned
from studies.system.machine import one_thread
from studies.training.rows import KEY, Key, Row
from studies.training.stacks import attempt, stacks

TOLERANCE = 1e-5  # in which the best losses of 95 % of 816 rows stayed on other kernels (Haswell, Nehalem)
FLOOR = 1e-7  # of losses: those below it lie together


class Replay(NamedTuple):
    """rows, curves: of the one training, as tables have them. sentence: how they compare to the record."""

    rows: pd.DataFrame
    curves: pd.DataFrame
    sentence: str


def replay(path: Path, row: str) -> Replay:
    """Train one recorded row of a run again, and compare its curve and its scores bit by bit.

    path: the run folder. row: "dataset/block/optimizer/kind/draw", such as digits/3/adam/search/5, or a line
    of the run's csv/rows.csv, whose header is line 1. Raises UsageError for a row that the run does not have,
    and for data or a version other than the run's; FailedError where the same arithmetic gives other bytes,
    which a compiled training has on every machine.
    """
    tables = Tables(path)
    manifest, key = tables.manifest, _key(tables, row)
    study, name, question = study_of(manifest, path), "/".join(map(str, key)), manifest["question"]
    if question["arithmetic"].get("engine") != COMPILED:
        study = dataclasses.replace(study, engine=NUMPY)
    rows, curves = _recorded(tables, key)
    if rows.empty:
        raise UsageError(f"{path} has no row {name}.", "Look into its csv/rows.csv.")
    known = tables["datasets"].set_index("dataset").sha256
    plan = planned(dataclasses.replace(study, datasets=(key[0],)))
    if question.get("results_version") != RESULTS_VERSION or known[key[0]] != plan.facts[key[0]].digest:
        raise UsageError(
            f"{path} was made by another version of this suite, or from other data.",
            "Replay it with the version and the data that it was made with.",
        )
    again = _trained(path, manifest, plan, key, rows.iloc[0])
    apart = [*_apart(rows, again[0]), *_apart(curves, again[1])]
    had, got = (frame.test_error.iloc[0].item() for frame in (rows, again[0]))
    if not apart:
        return Replay(*again, f"{name} gives the same bytes: {len(curves)} checkpoints, test error {got!r}.")
    far = _far(rows.best_validation_loss, again[0].best_validation_loss)
    most = _far(curves.validation_loss, again[1].validation_loss)
    said = (
        f"{name} gives other bytes in {', '.join(dict.fromkeys(apart))}: the best validation loss is "
        f"{far:.1e} of itself apart, the curve up to {most:.1e}, "
        f"and the test error is {got!r} where {had!r} is recorded"
    )
    other = _other(bytes_of(study.engine), question["arithmetic"])
    if not other and bytes_of_update(study.engine, kind := plan.arms[key[2]].kind):
        other = f"steps in NumPy, perhaps elsewhere: {in_numpy(study.engine, kind)}"
    if not other:
        raise FailedError(
            f"{said}.", "The arithmetic is the run's, so the code or the record has changed: look which."
        )
    within = "within" if far <= TOLERANCE else "beyond"
    return Replay(
        *again,
        f"{said}. The arithmetic is another ({other}), and the best loss is {within} {TOLERANCE:g}, in which "
        "19 of 20 rows stay: a large learning rate magnifies rounding.",
    )


def _other(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """In what the arithmetic of this machine differs from a run's, in words."""
    both = [name for name in here if name in there]
    return ", ".join(f"{name} {here[name]}, then {there[name]}" for name in both if here[name] != there[name])


def _key(tables: Tables, row: str) -> Key:
    """The key that is meant."""
    if row.isdecimal():
        rows, line = tables["rows"], int(row)
        if not 2 <= line <= len(rows) + 1:
            raise UsageError(
                f"rows.csv of {tables.path} has no row in line {row}.",
                f"Give a line from 2 to {len(rows) + 1}.",
            )
        dataset, block, optimizer, kind, draw = rows.iloc[line - 2][list(KEY)]
        return dataset, int(block), optimizer, kind, int(draw)
    parts = row.rsplit("/", 4)
    if len(parts) != 5 or not parts[1].isdecimal() or not parts[4].isdecimal():
        raise UsageError(
            f"{row!r} is no row.", "Write dataset/block/optimizer/kind/draw, such as digits/3/adam/search/5."
        )
    if parts[3] not in KINDS:
        raise UsageError(f"There is no kind of row {parts[3]!r}.", nearest(parts[3], KINDS))
    return parts[0], int(parts[1]), parts[2], parts[3], int(parts[4])


def _recorded(tables: Tables, key: Key) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row and its curve, both empty where there is none."""
    rows, curves = (tables[name] for name in ("rows", "curves"))
    if key[3] in ("choose", "confirm"):  # which only the records hold whole, beside candidates of before
        how = ["dataset", "optimizer", "draw", "batch_size", "decay", "settings"]
        records, candidates = RunFolder(tables.path, tables.manifest).records, tables["candidates"]
        for one in records.reached():
            if one[:5] == key:
                found = records.read([one])
                if len(found[0].merge(candidates, on=how)):
                    rows, curves = found
    mine = ((frame, (frame[list(KEY)] == list(key)).all(axis=1)) for frame in (rows, curves))
    row, curve = (frame[chosen].reset_index(drop=True) for frame, chosen in mine)
    return row, curve


def _trained(
    path: Path, manifest: Manifest, plan: Plan, key: Key, line: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row and its curve, trained now; of a user's optimizer by the run's own copy."""
    uses = plan.arms[key[2]].uses
    source = manifest["asked"]["optimizers"][key[2]].get("source")
    for copy in (path / "optimizers").glob(f"*{source}.py") if user_optimizer.file(uses)[0] else ():
        uses = f"{copy.resolve()}:{uses.rpartition(':')[2]}"
    settings = tuple(json.loads(line.settings).items())
    (task,) = stacks(plan, [Row(*key, int(line.batch_size), line.decay, settings, uses)])
    with one_thread():
        done = attempt(task)
    if not isinstance(done, list):
        raise FailedError(f"{key[2]} failed: {done.said}.", "Mend it and replay again.")
    record = done[0][0]
    curve = pd.DataFrame({**{name: record[name] for name in KEY}, **record["curve"]})
    return pd.DataFrame([record])[list(TABLES["rows"].columns)], curve[list(TABLES["curves"].columns)]


def _apart(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """The columns in which a bit or more differs."""

    def bits(column: Any) -> Any:
        values = column.to_numpy()
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.nan, values)  # of a NaN's bits nobody knows the sign
        return values.tobytes() if values.dtype.kind in "if" else values.tolist()

    return [name for name in old if bits(old[name]) != bits(new[name])]


def _far(old: pd.Series, new: pd.Series) -> float:
    """The largest relative distance of two series of losses; inf where not the same ones are finite."""
    a, b = old.to_numpy(), new.to_numpy()
    if a.shape != b.shape or not np.array_equal(np.isfinite(a), np.isfinite(b)):
        return np.inf
    a, b = (values[np.isfinite(values)] for values in (a, b))
    return float(np.max(np.abs(b - a) / np.maximum(np.abs(a), FLOOR), initial=0.0))
