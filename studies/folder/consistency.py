"""Do the tables of a run belong together? Names that all of them share, and no line that is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from studies.folder.schema.columns import READINGS
from studies.folder.schema.provenance import FRAMEWORKS
from studies.system import files

# By table the columns of which every combination stands in it, and "pair" for any two optimizers.
WHOLE = {
    "rows": ("dataset", "block", "optimizer"),
    "readings": ("dataset", "block", "optimizer"),
    "envelopes": ("dataset", "block", "optimizer"),
    "ratios": ("dataset", "block", "pair"),
    "comparisons": ("reading", "scope", "pair"),
    "ranking": ("reading", "scope", "optimizer"),
    "forest": ("dataset", "optimizer"),
    "tuning": ("dataset", "optimizer"),
    "importances": ("dataset", "optimizer"),
    "picks": ("dataset",),
    "candidates": ("dataset",),
    "choices": ("dataset",),
    "confirmations": ("dataset",),
    "alternatives": ("dataset",),
    "baselines": ("dataset",),
    "takehome": ("dataset", "framework"),
}
NAMES = {
    "a": "optimizer",
    "b": "optimizer",
    "first": "optimizer",
    "second": "optimizer",
    "reference": "optimizer",
}
NONE = {"", "all", "pooled"}  # names that stand for none, or for all of them
APART = ("calibration", "quadratic_deep")  # what is known beforehand has names of its own


def apart(manifest: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]) -> tuple[str, str] | None:
    """A table that does not fit the others or its manifest, and why; None where all do."""
    asked = manifest["asked"]
    datasets, optimizers = list(frames["datasets"].dataset), list(frames["optimizers"].optimizer)
    if sorted(datasets) != sorted(asked["datasets"]):
        return "datasets", "its datasets are not those of the manifest"
    if not optimizers or not set(optimizers) <= set(asked["optimizers"]):
        return "optimizers", "its optimizers are not those of the manifest"
    known = {
        "dataset": set(datasets),
        "optimizer": set(optimizers),
        "block": set(range(asked["blocks"])),
        "reading": set(READINGS),
        "scope": {"pooled", *datasets},
        "framework": set(FRAMEWORKS),
    }
    for name in (name for name in frames if name not in APART):
        if wrong := _unknown(frames[name], known) or _lacks(name, frames[name], known):
            return name, wrong
    return None


def _unknown(frame: pd.DataFrame, known: Mapping[str, set[Any]]) -> str:
    """A name in a table that no other has."""
    for column in frame:
        kind = NAMES.get(str(column), str(column))
        if kind in ("dataset", "optimizer", "scope"):
            strange = set(frame[column].unique()) - known[kind] - NONE
            if strange:
                return f"it has the {kind} {files.short(ascii(min(strange)))}, which the run has not"
    return ""


def _lacks(name: str, frame: pd.DataFrame, known: Mapping[str, set[Any]]) -> str:
    """Which combination a table lacks."""
    columns = WHOLE.get(name, ())
    if not columns:
        return ""
    here = (
        frame.assign(pair=[frozenset(one) for one in zip(frame.a, frame.b, strict=True)])
        if "pair" in columns
        else frame
    )
    if "block" in columns:
        here = here[here.block.isin(known["block"])]
    many = math.comb(len(known["optimizer"]), 2)
    wanted = math.prod(many if column == "pair" else len(known[column]) for column in columns)
    found = len(here[list(columns)].drop_duplicates())
    return "" if found == wanted else f"it has {found} of {wanted} combinations of {', '.join(columns)}"
