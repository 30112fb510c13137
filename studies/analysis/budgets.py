"""Who ends best with less: after a part of the epochs, and after a search of fewer or more draws."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from studies.analysis import comparison, readings
from studies.folder.schema.tables import TABLES
from studies.training.rows import EARLY

SEARCHES = (1, 4, 16)  # draws


def budgets(rows: pd.DataFrame, names: list[str], tasks: dict[str, str], *, winner: bool) -> pd.DataFrame:
    """The ranking over all datasets together in the error at the end, by budget.

    By epochs each reading is what `search_readings` gives, of the rows as they stood then; by draws the
    expected test error of the best of so many. winner: do draws depend on each other? Then none is left out.
    """
    lines = []
    for kind, amount, read in _budgets(rows, winner):
        optimizers = list(dict.fromkeys(rows.optimizer))
        scores = comparison.error_scores(read, optimizers, names)
        calls = comparison.comparisons(scores, tasks)
        placed = comparison.ranking(scores, calls, optimizers)
        pooled = placed[placed.scope == "pooled"]
        called = int(calls[calls.scope == "pooled"].verdict.isin(["a", "b"]).sum()) if len(calls) else 0
        lines += [
            (kind, amount, r.place, r.optimizer, r.mean_rank, r.unbeaten, called, r.blocks)
            for r in pooled.itertuples()
        ]
    return pd.DataFrame(lines, columns=list(TABLES["budgets"].columns))


def _budgets(rows: pd.DataFrame, winner: bool) -> Iterator[tuple[str, float, pd.DataFrame]]:
    search = rows[rows.kind == "search"]
    for name, share in EARLY.items():
        then = {"best_validation_loss": f"{name}_validation_loss", "test_error": f"{name}_test_error"}
        stood = search.drop(columns=list(then)).rename(columns={old: new for new, old in then.items()})
        yield "epochs", share, readings.search_readings(stood, winner=winner)
    yield "epochs", 1.0, readings.search_readings(search, winner=winner)
    if not winner:
        best = readings.best_of_k(search).rename(columns={"test_error": "search_error"})
        for k in SEARCHES:
            if k <= best.k.max():
                yield "draws", float(k), best[best.k == k]
