"""Mini-batches and the full batch: examples to the losses both reach, and test error at the end."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

import datasets
import dlopt
from dlopt.landscapes import Doubles
from studies.analysis.readings import TARGETS, descent, examples_at
from studies.analysis.statistics import hodges_lehmann, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY, weighed
from studies.claims.claim import Claim, Judged, evidence
from studies.claims.searches import BLOCKS, trainings
from studies.question.budget import budget

FULL = 0  # stands for all training rows
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)  # up to the largest that the suite searches for SGD
AS_GOOD = 0.01  # of test error: the suite's margin
HARD_STEPS = "at equal epochs on hard, 10, the full batch makes 10 steps, 512 makes 150 and 64 makes 1,130"
TOGETHER = 5  # blocks that train in one stack: what is quickest


def full_or(name: str, size: int) -> int:
    """A batch size, the training rows in place of FULL."""
    return size or datasets.load(name).n_train


@functools.lru_cache(maxsize=32)
def searched(name: str, size: int) -> tuple[dlopt.Training, ...]:
    """SGD with all the rates on every block of a dataset, by the suite's network and budget."""
    given, rates = budget(datasets.load(name)), dlopt.SGD(lr=list(RATES))
    how = (full_or(name, size), given.epochs, TOGETHER)
    return tuple(trainings(name, given.model, rates, *how))


def best_so_far(one: dlopt.Training) -> tuple[Doubles, Doubles]:
    """The `descent` of the lowest loss that any rate has reached, by examples seen."""
    losses = one.curves.validation_loss.copy()
    losses[1:, one.diverged_step > 0] = np.inf  # a diverged one gives the shared start alone
    return descent(one.curves.examples.astype(float), np.minimum.accumulate(losses.min(axis=1)))


def times_as_many(whole: tuple[Doubles, Doubles], mini: tuple[Doubles, Doubles]) -> Doubles:
    """Examples of the full batch over those of a mini-batch, at 8 losses down to the lowest of both."""
    falls = [side[1][-1] > 0 for side in (whole, mini)]
    if not all(falls):  # one of them never gets below the start
        return np.full(len(TARGETS), 1.0 if not any(falls) else np.inf if falls[1] else 0.0)
    targets = TARGETS * min(whole[1][-1], mini[1][-1])
    ratios: Doubles = examples_at(*whole, targets) / examples_at(*mini, targets)
    return ratios


def more_than_once(seen: pd.DataFrame, unit: str) -> Judged:
    """Is every ratio above 1? The effect is the first line's last: the way down to the end."""
    above, below = seen.low > 1, seen.high <= 1
    verdict = HOLDS if above.all() else FAILS if below.all() else OPEN
    if verdict is OPEN and (above | below).all():
        verdict = PARTLY
    where = seen[below].what.unique()
    one = seen[seen.what == seen.what.iloc[0]].iloc[-1]
    return Judged(
        verdict,
        float(one.value),
        unit,
        f"not for all losses with {', '.join(where)}" if verdict is PARTLY else "",
        float(one.low),
        float(one.high),
    )


def fewer_examples() -> pd.DataFrame:
    """How many times as many examples the full batch needs, loss by loss."""
    whole, lines = [best_so_far(one) for one in searched("hard", FULL)], []
    for size in (64, 512):
        pairs = zip(whole, map(best_so_far, searched("hard", size)), strict=True)
        ratios = np.array([times_as_many(*pair) for pair in pairs])
        lines += [
            (f"batch {size}", share, *order_interval(ratios[:, i])[:3], 1.0)
            for i, share in enumerate(TARGETS)
        ]
    return evidence(*lines)


def fewer_examples_judged(seen: pd.DataFrame) -> Judged:
    """Does the full batch need more of them everywhere?"""
    return more_than_once(seen, "times as many examples with the full batch as with 64")


FEWER_EXAMPLES = Claim(
    number=1,
    part="Mini-batches",
    says=(
        "One pass makes many steps, so a large set reaches a target with fewer examples than by the full "
        "batch."
    ),
    chapter="使用mini-batch梯度下降法,一次遍历训练集,能让你做多个梯度下降",
    rule=(
        "on 7,200 training rows and with the same learning rates to choose from, the full batch needs more "
        "examples than sizes 64 and 512 to each of 8 losses, spread evenly down to the lowest that both "
        "reach: every interval above 1, where the needs are equal"
    ),
    code=(dlopt.train, dlopt.MLP, dlopt.SGD),
    measure=fewer_examples,
    judge=fewer_examples_judged,
    resampled=f"{BLOCKS} blocks, paired; medians with order-statistic intervals",
    x="share of the way down",
    y="examples, full batch / mini-batch",
    log="y",
)


def between() -> pd.DataFrame:
    """How much more test error the full batch ends with, on two small sets and a large one."""
    lines = []
    for name, sizes in (("breast_cancer", (64,)), ("digits", (64,)), ("hard", (64, 512))):
        n, full = datasets.load(name).n_train, winners(name, FULL)
        lines += [
            (f"{name}, {n} rows", size, *hodges_lehmann(full - winners(name, size)), 0.0) for size in sizes
        ]
    return evidence(*lines)


def winners(name: str, size: int) -> Doubles:
    """Test error of the rate with the lowest validation loss, block by block."""
    found = searched(name, size)
    return np.array([float(one.test_errors[one.best_validation_losses.argmin()]) for one in found])


def parts(seen: pd.DataFrame) -> pd.Series[Any]:
    """What is true of each line: "yes", "no" or "open"."""
    small = _small(seen)
    yes = np.where(small, seen.high < AS_GOOD, seen.low > 0)
    no = np.where(small, seen.low > AS_GOOD, seen.high <= 0)
    return pd.Series(np.where(yes, "yes", np.where(no, "no", "open")), seen.index)


def _small(seen: pd.DataFrame) -> pd.Series[bool]:
    return seen.what.str.extract(r", (\d+) rows")[0].astype(int) < 2000


def between_judged(seen: pd.DataFrame) -> Judged:
    """As well on each of the small sets, worse than each size on the large one?"""
    found = parts(seen)
    verdict = weighed(found == "yes", found == "no")
    said = [
        f"{word} for {'; '.join(f'{line.what}, size {line.x:.0f}' for line in lines.itertuples())}"
        for word, answer in (("true", "yes"), ("not true", "no"), ("undecided", "open"))
        if len(lines := seen[found == answer])
    ]
    worst = found.map({"no": 0, "open": 1, "yes": 2}).idxmin()  # what decides
    one = seen.loc[worst]
    return Judged(
        verdict,
        float(one.value),
        f"more test error with the full batch than with {one.x:.0f}, {one.what}",
        "; ".join([*([] if verdict == HOLDS else said), HARD_STEPS]),
        float(one.low),
        float(one.high),
    )


BETWEEN = Claim(
    number=4,
    part="Mini-batches",
    says=(
        "Of sizes from 64 to the full batch: below 2,000 rows the full batch does as well, above it 64 to "
        "512 do better."
    ),
    chapter="这里的少是说小于2000个样本,这样比较适合使用batch梯度下降法。不然,样本数目较大的话,一般的b大小为64到512",
    rule=(
        f"below 2,000 rows the full batch's test error is above that of size 64 by less than {AS_GOOD}, the "
        "suite's margin: it does as well where the 95 % interval ends below that, and does not where it "
        "begins above; above 2,000 rows it is higher than those of 64 and of 512 (intervals above 0). At "
        "equal epochs; every size has the same five learning rates, the winner is chosen by validation and "
        "read on test. Nothing below 64 is trained here: the study batch-size does. In part: so in some of "
        "the comparisons and not so in others"
    ),
    code=(dlopt.train, dlopt.MLP, dlopt.SGD),
    measure=between,
    judge=between_judged,
    resampled=f"{BLOCKS} blocks, paired; Hodges-Lehmann differences with signed-rank intervals",
    x="batch size",
    y="test error, full batch - this size",
    log="x",
    blind=False,
)
