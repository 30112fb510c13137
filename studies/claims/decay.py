"""Decay: fast at first and stable later, its worth on test data, and γ = .95."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from studies.analysis.statistics import clopper_pearson, differences, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, MARGINS, OPEN, PARTLY, weighed
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.claims.searches import BLOCKS, between, trained, winners
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED

GAMMA = 0.95
LR, START, EPOCH, EPOCHS = 0.1, 10.0, 10, 40  # curvature and noise are 1; EPOCH: steps of one
GROUPS, EACH = 40, 100  # independent directions: the mean of a group is one reading
GAMMAS = (1.0, 0.99, GAMMA, 0.9, 0.8)
BUDGETS, BATCH, WIDTH = (10, 200), 256, 4
SETS: dict[str, tuple[Any, tuple[float, ...]]] = {  # rates with ends that are rarely the best
    "breast_cancer": (dlopt.Momentum, (0.2, 1.0, 5.0, 25.0)),
    "moons": (dlopt.Adam, (0.008, 0.04, 0.2, 1.0)),
}
READ = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 25, 30, 35, 40)
OFF = 0.15  # of the law; a median of 40 groups of 100 has a standard error of 3 %
LARGE, SMALL, PER_EPOCH, PER_STEP = (
    "no decay",
    "no decay, small rate",
    "γ = .95 per epoch",
    "γ = .95 per step",
)
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)  # ends that are nobody's best


def risk_law(rates: Doubles) -> Doubles:
    """Mean height ½(m² + v) after each step of ½w² from START, gradients with noise of variance 1.

    m ← (1-lr)·m and v ← (1-lr)²·v + lr², with each step's learning rate; constant, v ends at lr/(2-lr).
    """
    mean, variance, heights = START, 0.0, [START**2 / 2]
    for lr in rates:
        mean, variance = (1 - lr) * mean, (1 - lr) ** 2 * variance + lr**2
        heights.append((mean**2 + variance) / 2)
    return np.array(heights)


def walked(optimizers: list[Any], epoch: int) -> Doubles:
    """Heights (rows, steps, groups) on that landscape; epoch: the steps of what schedules count."""
    size = GROUPS * EACH
    ground = dlopt.Quadratic(np.ones(size), np.full(size, START), np.zeros((epoch, size)), noise=1.0)
    walk = dlopt.descend(ground, optimizers, steps=EPOCH * EPOCHS)
    squares = (walk.params**2).reshape(-1, len(optimizers), GROUPS, EACH)
    return np.moveaxis(squares.mean(axis=3) / 2, 1, 0)


class PerStep(dlopt.SGD):
    """Plain descent whose learning rate is multiplied by γ at each step."""

    def update(self, grad: Any, state: Any, lr: Any) -> Any:
        """Return lr·γᵗ·g, t from 0."""
        return super().update(grad, state, lr * GAMMA ** (state.t - 1))


def stopped() -> Doubles:
    """Lowest validation losses (blocks, 2) on digits, per epoch and per step, the best rate of each."""
    decayed = dlopt.SGD(lr=RATES, schedule=dlopt.Exponential(gamma=GAMMA))
    kind: Any = PerStep
    found = trained("digits", dlopt.MLP(16), [decayed, kind(lr=RATES)], 64, 20)
    best: Doubles = found.validation.reshape(BLOCKS, 2, len(RATES)).min(axis=2)
    return best


def fast_then_stable() -> pd.DataFrame:
    """Heights by epoch, walked and by the law; and what counting γ per step costs on digits."""
    last, steps = LR * GAMMA ** (EPOCHS - 1), np.arange(EPOCH * EPOCHS)
    decay = dlopt.Exponential(gamma=GAMMA)
    epochs = [dlopt.SGD(lr=LR), dlopt.SGD(lr=last), dlopt.SGD(lr=LR, schedule=decay)]
    heights = [*walked(epochs, EPOCH), *walked([dlopt.SGD(lr=LR, schedule=decay)], 1)]
    rates = (
        np.full(len(steps), LR),
        np.full(len(steps), last),
        LR * GAMMA ** (steps // EPOCH),
        LR * GAMMA**steps,
    )
    lines: list[tuple[Any, ...]] = []
    for name, here, lr in zip((LARGE, SMALL, PER_EPOCH, PER_STEP), heights, rates, strict=True):
        law = risk_law(lr)
        lines += [(name, e, *order_interval(here[e * EPOCH])[:3], law[e * EPOCH]) for e in READ]
    best = stopped()
    ratio = order_interval(best[:, 1] / best[:, 0])[:3]
    return evidence(*lines, ("digits, lowest loss: per step / per epoch", NAN, *ratio, NAN))


def reached(heights: pd.DataFrame, level: float) -> dict[str, float]:
    """The first epoch at which each way is at most so high; inf if none is."""
    there = {str(name): heights.index[heights[name] <= level] for name in heights}
    return {name: float(epochs[0]) if len(epochs) else math.inf for name, epochs in there.items()}


def fast_judged(seen: pd.DataFrame) -> Judged:
    """As fast as the large rate, as stable as the small one: per epoch, and per step."""
    digits, walks = seen.iloc[-1], seen.iloc[:-1]
    off = float((walks.value / walks.expected - 1).abs().max())
    value, low, high = (walks.pivot(index="x", columns="what", values=of) for of in ("value", "low", "high"))
    hover, least, most = (heights[LARGE].iloc[-1] for heights in (value, low, high))
    early, late = reached(low, 2 * most), reached(high, 2 * least)
    fine, not_so = [], []
    for name in (PER_EPOCH, PER_STEP):
        fast = late[name] <= 1.5 * early[LARGE] and late[name] <= early[SMALL] / 2
        slow = early[name] > 1.5 * late[LARGE] or early[name] > late[SMALL] / 2
        fine.append(fast and bool(high[name].iloc[-1] < least / 2))
        not_so.append(slow or bool(low[name].iloc[-1] >= most / 2))
    verdict = weighed(fine, not_so)
    verdict = verdict if verdict == FAILS or off <= OFF else OPEN
    words = [
        f"{'yes' if yes else 'no' if no else 'undecided'} with {name}"
        for name, yes, no in zip((PER_EPOCH, PER_STEP), fine, not_so, strict=True)
    ]
    way = (
        f"per step it moves lr/(1-γ) = {1 / (1 - GAMMA):.0f} lr at most, and training ends before it arrives"
    )
    reach = f"{digits.value:.2g} times that per epoch [{digits.low:.2g}, {digits.high:.2g}]"
    cost = f"on digits its lowest validation loss, at its best rate, is {reach}"
    told = "; ".join([*words, *([way] if not_so[1] else []), cost])
    ends = [float(heights[PER_EPOCH].iloc[-1] / hover) for heights in (value, low, high)]
    unit = "of the height at which an undecayed rate hovers, at the end, γ per epoch"
    told = told if verdict == PARTLY else ""
    return Judged(verdict, ends[0], unit, told, *ends[1:])


FAST_THEN_STABLE = Claim(
    number=27,
    part="Decay",
    says="Decay makes training fast at first and stable later.",
    chapter="通过逐步降低学习率,帮助模型在训练初期快速收敛,后期稳定精细调整",
    rule=(
        "on a noisy bowl, γ = .95 comes within twice the height at which an undecayed rate hovers in at most "
        "1.5 times its epochs and half of those of a rate that is as small from the start as decay's last, "
        "and ends at less than half of that height: fast as one, stable as the other; shown so where it is "
        "with the worse ends of all intervals, shown not so where it is not even with the better ones; asked "
        "of γ per epoch and per step, which the chapter leaves open (in part: so for one, not for the "
        "other); the heights within 15 % of the closed form"
    ),
    code=(dlopt.Exponential, dlopt.descend, dlopt.train),
    measure=fast_then_stable,
    judge=fast_judged,
    resampled=f"{GROUPS} groups of {EACH} independent directions; digits: {BLOCKS} blocks (order statistics)",
    x="epoch",
    y="height above the minimum",
    log="y",
    blind=False,
)


def generalizes(table: pd.DataFrame) -> pd.DataFrame:
    """The difference in test error over all datasets, by optimizer, and how often the calls say what."""
    known = {"decay": -1.0, "none": 1.0, AS_GOOD: 0.0, NOT_DECIDED: 0.0}  # too few blocks: nobody can say
    table = table.assign(call=table.verdict.map(known)).sort_values("optimizer")
    lines: list[tuple[Any, ...]] = [
        (one.optimizer, one.call, *np.divide((one.estimate, one.low, one.high), one.margin), 0.0)
        for one in table[table.scope == "pooled"].itertuples()
    ]
    each = table[table.scope != "pooled"]
    for word, sign in (("better", -1), ("worse", 1)):
        count = int((each.call == sign).sum())
        ends = clopper_pearson(count, len(each))
        lines.append((f"share of optimizer × dataset: {word}", NAN, count / max(1, len(each)), *ends, NAN))
    return evidence(*lines)


def generalizes_judged(seen: pd.DataFrame) -> Judged:
    """The calls, by optimizer."""
    shares = seen.what.str.startswith("share")
    whole = seen[~shares]
    better, worse = whole[whole.x == -1].what.tolist(), whole[whole.x == 1].what.tolist()
    little = bool(len(whole) and (whole.low > -1).all())
    if 2 * len(better) > len(whole) and not worse:
        verdict = HOLDS
    elif better:
        verdict = PARTLY
    else:
        verdict = FAILS if worse or little else OPEN
    ordered = whole.sort_values("value", kind="stable")
    middle = ordered.iloc[(len(ordered) - 1) // 2]
    more, less = seen[shares].value
    told = (
        f"better with {', '.join(better) or 'none'}, worse with {', '.join(worse) or 'none'} of {len(whole)} "
        f"optimizers; one by one on the datasets better in {more:.0%}, worse in {less:.0%}; each schedule "
        "against none: make study NAME=decay"
    )
    unit = f"margins of test error with decay - without, the middle optimizer ({middle.what})"
    ends = (float(middle.low), float(middle.high))
    return Judged(verdict, float(middle.value), unit, "" if verdict == HOLDS else told, *ends)


GENERALIZES = Claim(
    number=28,
    part="Decay",
    says="A good decay improves generalization.",
    chapter="合理的学习率衰减策略能避免振荡、提升泛化能力",
    rule=(
        "over all datasets, a search among draws with exponential decay reaches a lower test error than one "
        "among as many without it, for more than half of the optimizers, and a higher one for none (the "
        "study's calls); a gain within the study's margin everywhere is too little to matter"
    ),
    code=(dlopt.Exponential,),
    measure=generalizes,
    judge=generalizes_judged,
    resampled=(
        "blocks: the two halves of each search's draws, γ drawn from .7 to .999; both keep their best "
        "checkpoint, which spares the undecayed some of the harm"
    ),
    reads=("default/decay",),
    x="-1: called better with decay, 1: worse, 0: neither",
    y="margins of test error with decay - without; share",
)


def regrets(name: str, epochs: int) -> Doubles:
    """(blocks, γ): log test loss of the winner at each γ less that of the winner over all of them."""
    kind, rates = SETS[name]
    cells = [(gamma, lr) for gamma in GAMMAS for lr in rates]
    schedule = dlopt.Exponential(gamma=[gamma for gamma, _ in cells])
    optimizer = kind(lr=[lr for _, lr in cells], schedule=schedule)
    run = trained(name, dlopt.MLP(WIDTH), [optimizer], BATCH, epochs)
    validation = run.validation.reshape(BLOCKS, len(GAMMAS), len(rates))
    with np.errstate(divide="ignore"):
        loss = np.log(winners(validation, run.loss.reshape(validation.shape)))
    return differences(loss, winners(validation.min(axis=2), loss)[:, None])


def near_one() -> pd.DataFrame:
    """What holding γ costs in test loss, in margins, budget by budget."""
    lines: list[tuple[Any, ...]] = []
    for name in SETS:
        for epochs in BUDGETS:
            for gamma, d in zip(GAMMAS, regrets(name, epochs).T / MARGINS["ratio"], strict=True):
                lines.append((f"{name}, {epochs} epochs", gamma, *between(d), NAN))
    return evidence(*lines)


def near_one_judged(seen: pd.DataFrame) -> Judged:
    """Can γ stay at .95, with either budget?"""
    held = seen[seen.x == GAMMA]
    good, bad = held.high <= 1, held.low > 1
    verdict = weighed(good, bad)
    told = []
    for word, which in (("as good", good), ("worse", bad), ("undecided", ~good & ~bad)):
        told += [f"{word}: {'; '.join(held[which].what)}"] if which.any() else []
    near = [
        f"{', '.join(f'{x:g}' for x in here[here.high <= 1].x) or 'none'} on {what}"
        for what, here in seen.groupby("what", sort=False)
    ]
    told.append(f"of the γ tried as good: {'; '.join(near)}")
    worst = held.iloc[int(np.argmax(held.value.fillna(math.inf)))]
    unit = f"margins worse than the tuned γ, at γ = {GAMMA:g}, at its worst ({worst.what})"
    when = "" if verdict == HOLDS else " · ".join(told)
    return Judged(verdict, float(worst.value), unit, when, float(worst.low), float(worst.high))


NEAR_ONE = Claim(
    number=29,
    part="Decay",
    says="γ is usually near 1, such as .95.",
    chapter="γ 为衰减率(通常接近 1,如 0.95)",
    rule=(
        "per epoch, with budgets of 10 and of 200 epochs, momentum on breast_cancer and Adam on moons: held "
        "at .95 while the learning rate is tuned, it ends within 1.1 times the test loss (the study's "
        "margin: less is too little to matter) of a γ that is tuned too: as good where the interval ends "
        "below that, worse where it begins above; in part: as good in some and worse in others"
    ),
    code=(dlopt.Exponential, dlopt.train),
    measure=near_one,
    judge=near_one_judged,
    resampled=(
        f"{BLOCKS} blocks, paired (Hodges-Lehmann); winners by validation loss among the rates, and "
        f"among the rates × {len(GAMMAS)} γ"
    ),
    x="γ per epoch",
    y="margins worse than the tuned γ",
    blind=False,
)
