"""What the batch size does within searches that draw it: each size against the smallest, block by block."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from studies.analysis import readings, statistics
from studies.analysis.comparison import called, equivalent, verdict
from studies.analysis.verdicts import MARGINS
from studies.folder.schema.tables import TABLES

BETTER, WORSE = "better", "worse"
DIGITS = 12
WINNER = ["dataset", "optimizer", "block", "batch_size"]


def size_effects(rows: pd.DataFrame, names: list[str], tasks: dict[str, str]) -> pd.DataFrame:
    """One line per dataset and batch size but the smallest; empty where no search draws several.

    In each block and of each optimizer the draw with the lowest validation loss at a size stands against that
    at the smallest size: test errors as a difference (negative: the size is better), learning rates as a
    logarithm of their ratio; both are averaged over optimizers, so that a block counts once. Exact
    signed-rank tests of the errors, Holm over sizes × datasets; Hodges-Lehmann intervals. Blocks and
    optimizers in which all draws of one of the two sizes diverged are left out.
    tasks: keys of `MARGINS` by dataset.
    """
    sound = rows[(rows.kind == "search") & (rows.status == "ok")]
    best = readings.ranked(sound).drop_duplicates(WINNER)
    found: list[tuple[str, int, int, np.ndarray, np.ndarray]] = []
    for name in names:
        here = best[best.dataset == name]
        here = here[here.groupby("optimizer").batch_size.transform("nunique") > 1]  # not arms of one
        wide = here.pivot(index=["block", "optimizer"], columns="batch_size", values=["test_error", "lr"])
        sizes = sorted(map(int, here.batch_size.unique()))
        for size in sizes[1:]:
            smallest = sizes[0]
            both = wide[wide["lr"][[smallest, size]].notna().all(axis=1)]
            error = statistics.differences(both["test_error"][size], both["test_error"][smallest])
            rate = np.log(both["lr"][size] / both["lr"][smallest])
            means = pd.DataFrame({"error": error, "rate": rate}).groupby("block").mean().dropna()
            errors = means.error.to_numpy(float).round(DIGITS)  # or a sum of differences is never 0
            rates = means.rate.to_numpy(float).round(DIGITS)
            if len(errors):
                found.append((name, size, smallest, errors, rates))
    if not found:
        return pd.DataFrame(columns=list(TABLES["size_effects"].columns))
    counts = [len(errors) for *_, errors, _ in found]
    ranks = np.zeros((len(found), max(counts)))
    for line, (*_, errors, _) in zip(ranks, found, strict=True):
        line[: len(errors)] = statistics.signed_ranks(errors)
    p = statistics.sign_flip(ranks)
    adjusted, calls = called(p, ranks.sum(axis=1), counts, len(p))
    lines = []
    for i, (name, size, smallest, errors, rates) in enumerate(found):
        margin = MARGINS[tasks[name]]
        word = {"a": BETTER, "b": WORSE}.get(calls[i], calls[i])
        said = verdict(word, equivalent(errors, margin, pooled=False))
        ends = itertools.chain(statistics.hodges_lehmann(errors), [0.95], statistics.hodges_lehmann(rates))
        lines.append((name, size, smallest, p[i], adjusted[i], said, *ends, margin, len(errors)))
    return pd.DataFrame(lines, columns=list(TABLES["size_effects"].columns))
