"""Bend the tables of a small real run into the cases that a report must survive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Frames = dict[str, pd.DataFrame]
Manifest = dict[str, Any]
Edit = Callable[[Frames, Manifest], None]
Bend = Callable[[Edit], Path]
HOSTILE = [
    "<script>alert(1)</script>",
    '"&]]>--><b onload=x>',
    "$x_1$ and $\\frac",
    "a very long name " * 20,
    "🙂 𝔘𝔫𝔦 \u202e\x07",
]


KEPT = (
    "baselines",
    "alternatives",
    "learning_rates",
    "size_effects",
    "audit",
    "timings",
)  # though all diverges
FRESH = ("picks", "candidates", "confirmations")  # tables whose optimizer is that of a pick


def unchanged(frames: Frames, manifest: Manifest) -> None:
    """Leave the tables as they are."""


def rename(frames: Frames, manifest: Manifest, names: dict[str, str]) -> None:
    """Rename optimizers (their titles too) or datasets everywhere."""
    for table, frame in frames.items():
        for column in frame.columns.intersection(
            ["dataset", "scope", "optimizer", "a", "b", "first", "second", "reference", "what"]
        ):
            frame[column] = frame[column].replace(names)
        if table == "picks":
            for column in ("as_good", "not_decided"):
                frame[column] = [
                    ",".join(names.get(one, one) for one in text.split(",")) for text in frame[column]
                ]
        if table == "optimizers":
            frame["title"] = [names.get(name.lower(), name) for name in frame.title]
    for key in ("optimizers", "datasets"):
        had = manifest["asked"][key]
        new = [names.get(name, name) for name in had]
        manifest["asked"][key] = dict(zip(new, had.values(), strict=True)) if key == "optimizers" else new


def call(frames: dict[str, pd.DataFrame], calls: dict[tuple[str, str], str], reading: str = "error") -> None:
    """Plant pooled verdicts: "beats" for (better, worse), or a word for a pair; ranks follow.

    All other pairs are not decided.
    """
    table, placed = frames["comparisons"], frames["ranking"]
    table["verdict"] = table.verdict.astype(object)
    here = (table.reading == reading) & (table.scope == "pooled")
    table.loc[here, ["verdict", "p", "p_holm"]] = ["not decided", 0.6, 0.8]
    for (better, worse), verdict in calls.items():
        for a, b, side in ((better, worse, "a"), (worse, better, "b")):
            pair = here & (table.a == a) & (table.b == b)
            table.loc[pair, ["verdict", "p", "p_holm"]] = [
                side if verdict == "beats" else verdict,
                0.001,
                0.003,
            ]
            size = 0.5 if reading == "ratio" else 0.02
            table.loc[pair, ["estimate", "low", "high"]] = (
                [-size, -2 * size, -size / 2] if side == "a" else [size, size / 2, 2 * size]
            )
    beaten = {worse for (_, worse), verdict in calls.items() if verdict == "beats"}
    mine = (placed.reading == reading) & (placed.scope == "pooled")
    free = [name for name in placed.optimizer[mine] if name not in beaten]
    placed.loc[mine, "unbeaten"] = [not free or name in free for name in placed.optimizer[mine]]
    placed.loc[mine, "stable"] = placed.unbeaten[mine].astype(float)


def hostile_names(frames: Frames, manifest: Manifest) -> None:
    rename(frames, manifest, {"sgd": HOSTILE[0], "momentum": HOSTILE[3], "adam": HOSTILE[2]})
    rename(frames, manifest, {"wine": HOSTILE[1], "diabetes": HOSTILE[4]})
    call(frames, {(HOSTILE[0], HOSTILE[2]): "beats"})
    manifest["asked"]["name"] = HOSTILE[0]
    manifest["changes"] = [f"blocks: {HOSTILE[1]}"]
    frames["audit"]["detail"] = HOSTILE[0]
    frames["audit"]["status"] = "look"
    frames["optimizers"]["summary"] = HOSTILE[1]


def one_optimizer(frames: Frames, manifest: Manifest) -> None:
    for name, frame in frames.items():
        if "optimizer" in frame and name not in FRESH:
            frames[name] = frame[frame.optimizer.isin(["adam", "all"])]
        if {"a", "first"} & set(frame):
            frames[name] = frame.iloc[:0]
    for name in FRESH:
        frames[name]["optimizer"] = "adam"
    frames["picks"]["as_good"] = frames["picks"]["not_decided"] = ""
    frames["forest"]["reference"] = "adam"
    frames["ranking"] = frames["ranking"].assign(place=1, unbeaten=True)
    manifest["asked"]["optimizers"] = {"adam": manifest["asked"]["optimizers"]["adam"]}


def one_dataset(frames: Frames, manifest: Manifest) -> None:
    for name, frame in frames.items():
        for column in ("dataset", "scope"):
            if column in frame:
                frames[name] = frame = frame[frame[column].isin(["wine", "pooled", "all"])]
    manifest["asked"]["datasets"] = ["wine"]


def too_few(frames: Frames, manifest: Manifest) -> None:
    for name in ("comparisons", "decay"):
        frames[name] = frames[name].assign(verdict="too few blocks", low=-np.inf, high=np.inf)
    frames["ranking"]["unbeaten"] = True


def all_diverged(frames: Frames, manifest: Manifest) -> None:
    """In regression nothing is finite any more, on any row."""
    for name, frame in frames.items():
        here = frame.dataset == "diabetes" if "dataset" in frame else pd.Series(False, index=frame.index)
        if name in ("rows", "choices", "confirmations"):
            frame.loc[here, "status"] = "diverged"
        for column in frame.select_dtypes("float"):
            if name in KEPT or column in ("lr", "level"):
                continue
            if column.endswith("_level"):
                continue
            gone = np.nan if column in ("estimate", "low", "high") and name in ("tuning", "decay") else np.inf
            frame.loc[here, column] = gone
    ratio = (frames["comparisons"].reading == "ratio") & (frames["comparisons"].scope == "diabetes")
    frames["comparisons"].loc[ratio, ["estimate", "low", "high"]] = np.nan
    frames["learning_rates"]["band"] = False
    sizes = frames["size_effects"]
    frames["size_effects"] = sizes[sizes.dataset != "diabetes"]
    one = frames["envelopes"]
    one.loc[one.dataset == "diabetes", "loss"] = np.inf
