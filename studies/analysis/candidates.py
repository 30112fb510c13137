"""The pick of a dataset: which settings may become it, and which does, in fresh blocks of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from studies.analysis.picks import DEFAULTS, MEDIAN, WINNER, Pick, pick, winners
from studies.analysis.statistics import differences
from studies.folder.schema.tables import TABLES
from studies.question.arm import Arm

SIMPLE_FIRST = (DEFAULTS, MEDIAN, WINNER)  # of candidates as good as the lowest


def candidates(rows: pd.DataFrame, placed: pd.DataFrame, arms: dict[str, Arm], dataset: str) -> list[Pick]:
    """What may become the pick of a dataset.

    Of every optimizer that nobody beats there: the median of its winners, and its defaults. Of the first
    placed of them also the winner of every block.
    """
    here = placed[(placed.reading == "error") & (placed.scope == dataset)].sort_values("place")
    names = here.optimizer[here.unbeaten].tolist()
    won, untuned = winners(rows[rows.dataset == dataset]), rows[rows.kind == "untuned"]
    made: list[Pick] = []
    for name in names:
        mine = won[won.optimizer == name]
        sound = mine[mine.status == "ok"]  # where a whole search diverged, its first row points nowhere
        median = pick(dataset, arms[name], sound if len(sound) else mine)
        plain = untuned[(untuned.dataset == dataset) & (untuned.optimizer == name)].iloc[0]
        made.append(median)
        if plain.decay in arms[name].decays():  # or they would be another arm's
            made.append(_of(plain, median, DEFAULTS, 1))
        if name == names[0]:
            made += [_of(row, median, WINNER, 2 + int(row.block)) for _, row in sound.iterrows()]
    return made


def _of(row: pd.Series, median: Pick, what: str, number: int) -> Pick:
    """The setting of a row, beside the winners of its optimizer."""
    setting = {"batch_size": int(row.batch_size), "decay": row.decay, "settings": json.loads(row.settings)}
    return median._replace(**setting, what=what, number=number)


def choose(made: list[Pick], scores: ArrayLike) -> tuple[Pick, pd.DataFrame]:
    """The pick among the candidates of one dataset, and the table that shows why.

    scores: (candidates, blocks), the test error of each in each fresh block. The lowest mean is taken; but a
    candidate that lies behind it by no more than the standard error of their paired difference comes first if
    it is simpler: defaults, then medians of winners.
    """
    errors = np.asarray(scores, float)
    mean, failed = errors.mean(axis=1), np.isinf(errors).sum(axis=1)
    middle = np.where(np.isfinite(errors), errors, 0).sum(axis=1)  # of those that fail in as few blocks
    best = min(range(len(made)), key=lambda i: (failed[i], middle[i]))
    apart = np.array([differences(one, errors[best]) for one in errors])
    finite = np.isfinite(apart).all(axis=1)
    behind = np.full(len(made), np.inf)
    behind[finite] = apart[finite].mean(axis=1)
    error = np.full(len(made), np.nan)
    error[finite] = apart[finite].std(axis=1, ddof=1) / np.sqrt(errors.shape[1])
    close = [i for i in range(len(made)) if i == best or (finite[i] and behind[i] <= error[i])]
    chosen = min(close, key=lambda i: (SIMPLE_FIRST.index(made[i].what), mean[i], i))
    table = pd.DataFrame(_lines(made), columns=list(TABLES["candidates"].columns)[:8]).assign(
        mean=mean, behind=behind, error=error, chosen=np.arange(len(made)) == chosen, blocks=errors.shape[1]
    )
    return made[chosen], table


def _lines(made: list[Pick]) -> Iterator[tuple[object, ...]]:
    for place, one in enumerate(made):
        setting = (one.batch_size, one.decay, json.dumps(one.settings))
        yield (one.dataset, place, one.arm.name, one.number, one.what, *setting)
