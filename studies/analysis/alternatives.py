"""What stands beside a pick on the same fresh blocks, and what is recommended in the end."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.analysis import statistics
from studies.analysis.comparison import called, equivalent, verdict
from studies.analysis.statistics import differences, hodges_lehmann, order_interval
from studies.analysis.verdicts import MARGINS
from studies.folder.schema.tables import PICK, TABLES


def alternatives(confirmed: pd.DataFrame, baselines: pd.DataFrame, tasks: dict[str, str]) -> pd.DataFrame:
    """The pick of each dataset and all that it is held against, block by block; one family a dataset.

    confirmed: test errors of the pick and of its optimizer's defaults by block; baselines: those of models
    without tuning. What is called better than the pick is recommended, the lowest mean of several; else the
    pick.
    """
    lines: list[dict[str, object]] = []
    for dataset, kind in tasks.items():
        trained = confirmed[confirmed.dataset == dataset].pivot(
            index="block", columns="what", values="test_error"
        )
        fitted = baselines[baselines.dataset == dataset]
        order = [*dict.fromkeys(fitted.model), *(name for name in trained if name != PICK)]
        wide = trained.join(fitted.pivot(index="block", columns="model", values="test_error"))
        d = np.array([differences(wide[PICK], wide[name]) for name in order])
        ranks = statistics.signed_ranks(d)
        p = statistics.sign_flip(ranks)
        adjusted, calls = called(p, ranks.sum(axis=1), d.shape[1], len(p))
        words = {"a": PICK, "b": "model"}
        found = [
            verdict(words.get(call, call), equivalent(gap, MARGINS[kind], pooled=False))
            for call, gap in zip(calls, d, strict=True)
        ]
        means = wide[[PICK, *order]].mean()
        better = [name for name, said in zip(order, found, strict=True) if said == "model"]
        recommended = str(means[better].idxmin()) if better else PICK
        for name in (PICK, *order):
            i = order.index(name) if name != PICK else None
            gap = (np.nan,) * 3 if i is None else hodges_lehmann(d[i])
            lines.append(
                {
                    "dataset": dataset,
                    "model": name,
                    **dict(
                        zip(("estimate", "low", "high", "level"), order_interval(wide[name]), strict=True)
                    ),
                    "mean": float(means[name]),
                    **dict(zip(("gap", "gap_low", "gap_high"), gap, strict=True)),
                    "p": np.nan if i is None else p[i],
                    "p_holm": np.nan if i is None else adjusted[i],
                    "verdict": "" if i is None else found[i],
                    "margin": MARGINS[kind],
                    "recommended": name == recommended,
                    "blocks": len(wide),
                }
            )
    return pd.DataFrame(lines)[list(TABLES["alternatives"].columns)]
