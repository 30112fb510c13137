"""What would make a comparison doubtful, looked for in its own rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from studies.analysis.picks import winners
from studies.analysis.verdicts import LEVEL
from studies.folder.schema.tables import TOO_FEW
from studies.question.arm import Arm
from studies.training.rows import KEY

INCLUSIONS = (("momentum", "sgd"), ("adam", "sgd"), ("adam", "momentum"), ("adam", "rmsprop"))


def audit(
    rows: pd.DataFrame, curves: pd.DataFrame, calls: pd.DataFrame, picked: pd.DataFrame, arms: dict[str, Arm]
) -> pd.DataFrame:
    """What would make it doubtful: unequal budgets, edges, inclusion, divergence, unconfirmed picks."""
    lines: list[tuple[Any, ...]] = []
    search = rows[rows.kind == "search"]
    for dataset, group in search.groupby("dataset"):
        counts = group.groupby(["block", "optimizer"]).size()
        even = counts.min() == counts.max()
        detail = f"{counts.min()} to {counts.max()} draws for each optimizer in each block"
        lines.append(("budget", dataset, "all", "", counts.min() / counts.max(), 1.0, even, detail))
    for (dataset, optimizer), group in winners(rows).groupby(["dataset", "optimizer"]):
        lines += _edges(str(dataset), arms[str(optimizer)], group)
    for (dataset, optimizer), group in search.groupby(["dataset", "optimizer"]):
        share = float((group.status == "diverged").mean())
        detail = f"{share:.0%} of {len(group)} draws diverged; they rank last"
        lines.append(("divergence", dataset, optimizer, "", share, np.nan, None, detail))
    plain = {a.name for a in arms.values() if not a.fixed and not a.search}  # what is held contains less
    for worse, better in INCLUSIONS:
        pair = calls[
            (calls.reading == "error") & calls.a.isin([worse, better]) & calls.b.isin([worse, better])
        ]
        for one in pair.itertuples() if plain >= {worse, better} else ():
            winner = {"a": one.a, "b": one.b}.get(one.verdict)
            detail = f"{worse} contains {better}, so it should not lose at equal tuning; found: {one.verdict}"
            ok = None if one.verdict == TOO_FEW else winner != better
            lines.append(("inclusion", one.scope, worse, better, one.p_holm, LEVEL, ok, detail))
    for one in picked.itertuples():
        ok = one.confirmed_low <= one.searched_high and one.confirmed_diverged == 0
        detail = f"a search reached {one.searched:.4f}, the setting alone {one.confirmed:.4f} in fresh blocks"
        gap = one.confirmed - one.searched
        lines.append(("confirmed", one.dataset, one.optimizer, "", gap, np.nan, ok, detail))
    agreed = _chosen_by_validation(rows, curves)
    detail = (
        f"in {agreed:.2%} of trainings the tested checkpoint is the first with the lowest validation loss"
    )
    lines.append(("test read", "all", "all", "", agreed, 1.0, agreed == 1.0, detail))
    columns = ["check", "dataset", "optimizer", "what", "value", "limit", "ok", "detail"]
    table = pd.DataFrame(lines, columns=columns)
    table["status"] = ["info" if ok is None else ("ok" if ok else "look") for ok in table.ok]
    return table


def _chosen_by_validation(rows: pd.DataFrame, curves: pd.DataFrame) -> float:
    """The share of trainings whose tested checkpoint validation alone would choose: test selects nothing."""
    key = list(KEY)
    curves = curves.sort_values("examples", kind="stable", ignore_index=True)
    lowest = (
        curves.validation_loss.fillna(np.inf).groupby([curves[name] for name in key], sort=False).idxmin()
    )
    first = curves.loc[lowest, [*key, "examples", "validation_loss"]]
    both = rows[rows.status == "ok"].merge(first, on=key)
    same = (both.best_examples == both.examples) & (both.best_validation_loss == both.validation_loss)
    return float(same.mean()) if len(both) else 1.0


def _edges(dataset: str, arm: Arm, won: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Do winners crowd at an end of a search range: at least a quarter of them in its outer 5 %?"""
    lines = []
    searched: dict[str, Any] = {}
    for kind in won.decay.unique():
        searched |= arm.ranges(kind)
    settings = [json.loads(text) for text in won[won.status == "ok"].settings]
    for name, (field, ends) in searched.items():
        values = np.array([field.to_trial(s[name]) for s in settings if name in s])
        place = (np.log(values) - np.log(ends[0])) / (np.log(ends[1]) - np.log(ends[0]))
        for end, outer in (("low", place <= 0.05), ("high", place >= 0.95)):
            share = float(outer.mean()) if len(outer) else 0.0
            what = f"{field.trial_name(name)} {end} end"
            detail = f"{share:.0%} of {len(outer)} winners in the outer 5 % of {ends[0]:g} .. {ends[1]:g}"
            lines.append(("edge", dataset, arm.name, what, share, 0.25, share < 0.25, detail))
    return lines
