"""Winners of searches, and the one setting for a dataset that they point to."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import dlopt
from dlopt import hyperparameters
from dlopt.exact import rounded
from studies.analysis.readings import ranked
from studies.analysis.statistics import order_interval
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED, PICK, TOO_FEW
from studies.question.arm import Arm
from studies.training.rows import KEY, Row

MEDIAN, DEFAULTS, WINNER = "median of winners", "defaults", "winner"
OPEN = {"as_good": (AS_GOOD,), "not_decided": (NOT_DECIDED, TOO_FEW)}  # by column


def picks_table(
    chosen: list[Pick],
    read: pd.DataFrame,
    calls: pd.DataFrame,
    confirmed: pd.DataFrame,
    beside: pd.DataFrame,
) -> pd.DataFrame:
    """The picks with two scores: what a search reached, and this setting confirmed in fresh blocks.

    beside: the table "alternatives", which says what is recommended.
    """
    lines = []
    searching, confirming = (
        (name, f"{name}_low", f"{name}_high", f"{name}_level") for name in ("searched", "confirmed")
    )
    for one in chosen:
        here = calls[(calls.reading == "error") & (calls.scope == one.dataset)]
        mine = here[(here.a == one.arm.name) | (here.b == one.arm.name)]
        searched = read[(read.dataset == one.dataset) & (read.optimizer == one.arm.name)].search_error
        fresh = confirmed[(confirmed.dataset == one.dataset) & (confirmed.what == PICK)]
        score = order_interval(fresh.test_error)
        reached = order_interval(searched)
        lines.append(
            {
                "dataset": one.dataset,
                "optimizer": one.arm.name,
                **{column: _others(mine, one.arm.name, known) for column, known in OPEN.items()},
                "what": one.what,
                "batch_size": one.batch_size,
                "decay": one.decay,
                "settings": json.dumps(one.settings),
                "quartiles": json.dumps(one.quartiles),
                "winners": one.winners,
                **dict(zip(searching, reached, strict=True)),
                **dict(zip(confirming, score, strict=True)),
                "confirmed_blocks": len(fresh),
                "confirmed_diverged": int((fresh.status == "diverged").sum()),
                "recommended": beside[(beside.dataset == one.dataset) & beside.recommended].model.iloc[0],
                "examples": int(fresh.examples.max()),
                "steps": int(fresh.steps.max()),
            }
        )
    return pd.DataFrame(lines)


def _others(pairs: pd.DataFrame, name: str, verdicts: tuple[str, ...]) -> str:
    """The other sides of an optimizer's pairs with one of these verdicts, comma-separated."""
    here = pairs[pairs.verdict.isin(verdicts)]
    return ",".join(np.where(here.a == name, here.b, here.a))


def winners(rows: pd.DataFrame) -> pd.DataFrame:
    """The row with the lowest best validation loss of every search, ties by draw number."""
    best_first = ranked(rows[rows.kind == "search"])
    return best_first.drop_duplicates(["dataset", "block", "optimizer"]).sort_values(list(KEY))


class Pick(NamedTuple):
    """One setting for a dataset, which may become its pick.

    what: where it comes from. number: among those of its optimizer. quartiles: of the optimizer's winners at
    their most frequent batch size, of which there are so many.
    """

    dataset: str
    arm: Arm
    batch_size: int
    decay: str
    settings: dict[str, float]
    quartiles: dict[str, tuple[float, float]]
    winners: int
    what: str = MEDIAN
    number: int = 0

    @property
    def setting(self) -> list[Any]:
        """All that it fixes, as plain data."""
        return [self.batch_size, self.decay, self.settings]

    def row(self, block: int, kind: str) -> Row:
        """Its training in a fresh block."""
        key = (self.dataset, block, self.arm.name, kind, self.number)
        return Row(*key, self.batch_size, self.decay, tuple(self.settings.items()), self.arm.uses)


def pick(dataset: str, arm: Arm | str, won: pd.DataFrame) -> Pick:
    """The setting that the winners of one arm on one dataset point to.

    Batch size: the most frequent, the smaller on a tie. Decay: the kind that more than half of the
    winners at that size have, else none. The rest: medians on the log scale of the winners at that size.
    """
    arm = Arm(arm) if isinstance(arm, str) else arm
    counts = won.batch_size.value_counts()
    batch_size = int(counts[counts == counts.max()].index.min())
    won = won[won.batch_size == batch_size]
    kinds = won.decay.value_counts()
    decay = str(kinds.index[0]) if kinds.iloc[0] > len(won) / 2 else "none"
    settings: dict[str, float] = {}
    quartiles: dict[str, tuple[float, float]] = {}
    decayed = won[won.decay == decay]
    declared = [(won, name, field) for name, field in hyperparameters.declared(arm.kind).items()]
    if decay != "none":
        schedule = dlopt.SCHEDULES[decay]
        declared += [(decayed, name, field) for name, field in hyperparameters.declared(schedule).items()]
    for rows, name, field in declared:
        values = [json.loads(text)[name] for text in rows.settings]
        if name not in arm.ranges(decay):
            settings[name] = float(values[0])
            continue
        searched = [field.to_trial(value) for value in values]
        logs = np.quantile(np.log(searched), (0.25, 0.5, 0.75))
        found = [rounded(float(x), min(searched), max(searched)) for x in np.exp(logs)]
        low, settings[name], high = map(field.from_trial, found)
        quartiles[name] = (min(low, high), max(low, high))
    return Pick(dataset, arm, batch_size, decay, settings, quartiles, len(won))
