"""Adam: its correction, its place, its defaults, and where its learning rate lies."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

import dlopt
from dlopt.grid import geometric
from dlopt.landscapes import Doubles, Landscape
from dlopt.surfaces import SURFACES, bowl
from studies.analysis.statistics import clopper_pearson, differences, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, MARGINS, PARTLY, weighed
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.claims.momentum import Pair, compared
from studies.claims.searches import BLOCKS, between, trained, winners
from studies.folder.schema.tables import TOO_FEW

ERROR = MARGINS["classification"]
HELD = (("β₁ = .9", "adam-beta1=0.9"), ("β₂ = .999", "adam-beta2=0.999"))
EPSILONS = (1e-8, 1e-6, 1e-4, 1e-2)
EPSILON_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
FIFTHS = 5  # of the blocks: the jackknife behind an importance's standard error
LOOK = (1e-4, 1e-2)
DEFAULT, NEAR = 1e-3, 1.5
SECOND = (0.9, 0.99, 0.999, 0.9999)
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0)  # ends win 6 searches of 320
WAYS = ("lr = .001", "lr = .001, warm-up", "retuned", "retuned, warm-up")
GROUNDS: dict[str, Callable[[], Landscape]] = {
    "bowl, κ = 10": lambda: bowl(10.0),
    "ravine, κ = 100": SURFACES["ravine"],
    "bowl of 20 axes, κ = 1000": lambda: bowl(1000.0, 20),
    "rosenbrock": SURFACES["rosenbrock"],
    "beale": SURFACES["beale"],
    "himmelblau": SURFACES["himmelblau"],
    "plateau": SURFACES["plateau"],
}
STEPS, LEFT = 2000, 1e-3  # of the height above a minimum, which is 0
GRID = geometric(1e-4, 100, 25)  # ends that are nobody's best
TWICE = 2.0
ROUNDING = 1e-9


def with_and_without() -> tuple[Doubles, Doubles]:
    """(test loss, test error) of the trials chosen by validation, (blocks, ways, β₂, 2), corrected first."""
    cells = [(beta2, lr) for beta2 in SECOND for lr in RATES]
    columns: dict[str, Any] = {"beta2": [beta2 for beta2, _ in cells], "lr": [lr for _, lr in cells]}
    warm: Any = dlopt.Warmup(epochs=5)
    optimizers = [
        kind(**columns, schedule=schedule)
        for kind in (dlopt.Adam, Uncorrected)
        for schedule in (dlopt.Constant(), warm)
    ]
    found = trained("breast_cancer", dlopt.MLP(8), optimizers, 64, 20)
    shape = (BLOCKS, 2, 2, len(SECOND), len(RATES))
    validation = found.validation.reshape(shape)
    at = RATES.index(DEFAULT)
    reads = []
    for part in (found.loss.reshape(shape), found.error.reshape(shape)):
        # (blocks, correction, warm-up, β₂) each: at .001, and at the rate of the lowest validation loss
        both = np.concatenate([part[..., at], winners(validation, part)], axis=2)
        reads.append(np.moveaxis(both, 1, -1))
    return reads[0], reads[1]


def unbothered() -> pd.DataFrame:
    """The differences without correction less with it, in margins, way by way and β₂ by β₂."""
    losses, errors = with_and_without()
    with np.errstate(divide="ignore"):
        ratios = differences(np.log(losses[..., 1]), np.log(losses[..., 0])) / MARGINS["ratio"]
    plain = differences(errors[:, 2, :, 1], errors[:, 2, :, 0]) / ERROR
    lines: list[tuple[Any, ...]] = []
    for name, here in [*zip(WAYS, np.moveaxis(ratios, 1, 0), strict=True), ("retuned, error", plain)]:
        for beta2, d in zip(SECOND, here.T, strict=True):
            lines.append((name, 1 / (1 - beta2), *between(d), 0.0))
    return evidence(*lines)


def unbothered_judged(seen: pd.DataFrame) -> Judged:
    """Where it is the same, and where it is not."""
    same = (seen.low >= -1) & (seen.high <= 1)
    changed = (seen.low > 1) | (seen.high < -1)
    verdict = weighed(same, changed)
    told = []
    for word, which in (
        ("the same", same),
        ("better without", changed & (seen.high < 0)),
        ("worse without", changed & (seen.low > 0)),
        ("undecided", ~same & ~changed),
    ):
        cases = [
            f"{name} (β₂ = {', '.join(f'{1 - 1 / x:.6g}' for x in here.x)})"
            for name, here in seen[which].groupby("what", sort=False)
        ]
        told += [f"{word}: {', '.join(cases)}"] if cases else []
    far = seen.iloc[int(np.argmax(seen.value.abs().fillna(math.inf)))]
    unit = f"margins worse without correction, at its farthest ({far.what}, β₂ = {1 - 1 / far.x:.6g})"
    when = "" if verdict == HOLDS else "; ".join(told)
    return Judged(verdict, float(far.value), unit, when, float(far.low), float(far.high))


UNBOTHERED = Claim(
    number=12,
    part="Adam",
    says="Most do not bother with the correction: leaving it out changes nothing that matters.",
    chapter="大部分时候,大家不在乎执行偏差修正,因为大部分人宁愿熬过初始时期,拿到具有偏差的估测,然后继续计算下去",
    rule=(
        "for Adam, at β₂ = .9 to .9999, at a learning rate of .001 and retuned, each with a warm-up of 5 "
        "epochs and without: the same where the interval lies within the study's margin (1.1 times the test "
        "loss, which tells more than errors do, and .01 of the test error: less is too little to matter), "
        "changed where all of it lies outside; in part: the same in some and changed in others"
    ),
    code=(dlopt.Adam, dlopt.Warmup, dlopt.train),
    measure=unbothered,
    judge=unbothered_judged,
    resampled=(
        f"{BLOCKS} blocks of breast_cancer, 20 epochs, paired (Hodges-Lehmann), read on test; retuned: "
        f"best of {len(RATES)} rates from {RATES[0]:g} to {RATES[-1]:g} by validation loss, each side its own"
    ),
    x="steps that β₂ looks back",
    y="margins worse without correction",
    log="x",
    blind=False,
)


def arrivals(ground: Landscape, kinds: tuple[Any, ...]) -> Doubles:
    """Steps of each kind, at its best rate of one grid, until it stays near a minimum; inf if it never is."""
    walk = dlopt.descend(ground, [kind(lr=GRID) for kind in kinds], steps=STEPS)
    with np.errstate(all="ignore"):
        near = walk.values <= LEFT * walk.values[0]
    there = np.minimum.accumulate(near[::-1])[::-1]
    steps = np.where(there.any(axis=0), there.argmax(axis=0), np.inf)
    found: Doubles = steps.reshape(len(kinds), -1).min(axis=1)
    return found


def apart(joined: Any, alone: Any, undo: Callable[[int], float], steps: int = 200) -> float:
    """The most that two optimizers' steps differ by on the same noisy gradients, in learning rates of 1.

    undo: what takes the correction out of the first one's step t.
    """
    rng = np.random.default_rng(0)
    a, b, mine, other, far = np.zeros(5), np.zeros(5), None, None, 0.0
    for t in range(1, steps + 1):
        grad, before, there = rng.normal(size=5) + 0.5, a, b
        a, mine = joined.step(a, grad, mine)
        b, other = alone.step(b, grad, other)
        far = max(far, float(np.abs((a - before) * undo(t) - (b - there)).max()))
    return far


def unbeaten(table: pd.DataFrame, scope: str) -> float:
    """In how many of the two readings nobody is called better than Adam; NaN if nobody can say."""
    mine = table[(table.scope == scope) & ((table.a == "adam") | (table.b == "adam"))]
    if mine.empty or (mine.verdict == TOO_FEW).any():
        return NAN
    beaten = mine.verdict == np.where(mine.a == "adam", "b", "a")
    return float((~beaten).groupby(mine.reading).all().sum())


def against_first(ranking: pd.DataFrame, table: pd.DataFrame, scope: str) -> Pair:
    """Adam's examples to target over those of the one placed first among the others, as a logarithm."""
    others = ranking[
        (ranking.reading == "ratio") & (ranking.scope == scope) & (ranking.optimizer != "adam")
    ].sort_values("place")
    return compared(table, "ratio", scope, "adam", str(others.optimizer.iloc[0])) if len(others) else Pair()


def across(ranking: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """What Adam costs on each problem over the best of the others, and what it is made of."""
    lines: list[tuple[Any, ...]] = []
    for scope in ("pooled", *sorted(set(ranking.scope) - {"pooled"})):
        pair = against_first(ranking, table, scope)
        name = "all datasets" if scope == "pooled" else scope
        lines.append((name, unbeaten(table, scope), *np.exp(pair[:3]), 1.0))
    for name, ground in GROUNDS.items():
        steps = arrivals(ground(), (dlopt.SGD, dlopt.Momentum, dlopt.RMSprop, dlopt.Adam))
        ratio = steps[-1] / steps[:-1].min() if np.isfinite(steps[-1]) else math.inf
        lines.append((f"on {name}", float(1 + (steps < steps[-1]).sum()), ratio, 1.0))
    one_square = dlopt.Adam(lr=1.0, beta1=0.0, beta2=0.99, eps=0.0)
    square = apart(one_square, dlopt.RMSprop(lr=1.0, rho=0.99, eps=0.0), lambda t: (1 - 0.99**t) ** -0.5)
    # so large an ε makes the root beside it nothing: what is left is momentum with the rate lr/ε
    mean = apart(dlopt.Adam(lr=1e12, eps=1e12), dlopt.Momentum(lr=1.0), lambda t: 1 - 0.9**t)
    return evidence(*lines, ("apart from RMSprop", NAN, square, 0.0), ("apart from momentum", NAN, mean, 0.0))


def across_judged(seen: pd.DataFrame) -> Judged:
    """Does it join them, and on how many problems does it work?"""
    joins = bool((seen.value[seen.what.str.startswith("apart")] <= ROUNDING).all())
    grounds = seen[seen.what.str.startswith("on ")]
    sets = seen[~seen.what.str.startswith(("apart", "on ", "all "))]
    # where too few blocks leave a dataset open it is neither, as are datasets of which there is none
    good = [*(sets.x == 2), *(grounds.value <= TWICE), *([False] if sets.empty else [])]
    bad = [*(sets.x < 2), *(grounds.value > TWICE)]
    verdict = weighed(good, bad) if joins and 2 * sum(bad) <= len(good) else FAILS
    names = [*sets.what, *grounds.what]
    not_there = [name for name, fails in zip(names, bad, strict=True) if fails]
    told = [] if joins else ["it is not made of momentum and RMSprop"]
    told += [f"not {', '.join(not_there)}"] if not_there else []
    whole = seen[seen.what == "all datasets"].iloc[0]
    unit = "times the examples of the first of the others, all datasets"
    when = "" if verdict == HOLDS else "; ".join(told)
    return Judged(verdict, float(whole.value), unit, when, float(whole.low), float(whole.high))


ACROSS = Claim(
    number=23,
    part="Adam",
    says="Adam joins momentum and RMSprop, and works across problems.",
    chapter="Adam(Adaptive Moment Estimation)是一种结合了动量(Momentum)和RMSProp思想的梯度下降优化算法",
    rule=(
        "each of its averages alone, less its correction, takes the steps of RMSprop and of momentum; and it "
        "works everywhere: on a dataset where no other optimizer of the default study is called better, in "
        "error or in speed; on a landscape where it stays near the minimum after at most twice the steps of "
        "the best of SGD, Momentum and RMSprop, each at its best of 25 rates (one factor for all of them is "
        "no failure); in part: on some it does and on others not; where it is not made of them, or does not "
        "work on more than half, it fails. Saddles have claim 33: they fall for ever, so the largest rate is "
        "best"
    ),
    code=(dlopt.Adam, dlopt.Momentum, dlopt.RMSprop, dlopt.descend),
    measure=across,
    judge=across_judged,
    resampled="datasets: blocks, with all of the search in each; landscapes: exact",
    reads=("default/ranking", "default/comparisons"),
    x="datasets: in how many of 2 readings nobody is called better; landscapes: its place of 4",
    y="examples (landscapes: steps), Adam / first of others",
    log="y",
    blind=False,
)


def epsilons() -> list[tuple[float, tuple[float, float, float]]]:
    """(ε, how much worse 1e-8 is than it) in test error, the learning rate retuned for each."""
    pairs = [(eps, lr) for eps in EPSILONS for lr in EPSILON_RATES]
    adam = dlopt.Adam(lr=[lr for _, lr in pairs], eps=[eps for eps, _ in pairs])
    found = trained("breast_cancer", dlopt.MLP(16), [adam], 64, 15)
    shape = (BLOCKS, len(EPSILONS), len(EPSILON_RATES))
    errors = winners(found.validation.reshape(shape), found.error.reshape(shape))
    worse = [between(differences(errors[:, 0], errors[:, i])) for i in range(1, len(EPSILONS))]
    return list(zip(EPSILONS[1:], worse, strict=True))


def defaults(importances: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The cost of leaving each at its default in margins, and the importance of the rest."""
    lines: list[tuple[Any, ...]] = []
    for name, arm in HELD:
        for reading, word in (("error", "error"), ("ratio", "speed")):
            pair = compared(table, reading, "pooled", arm, "adam")
            lines.append((f"{name}, {word}", NAN, *np.divide(pair[:3], pair.margin), NAN))
    for eps, worse in epsilons():
        lines.append((f"ε = 1e-8, not {eps:g}, error", NAN, *np.divide(worse, ERROR), NAN))
    sure = float(stats.t.ppf(0.975, FIFTHS - 1))
    adam = importances[importances.optimizer == "adam"]
    for dataset, here in adam.groupby("dataset", sort=True):
        of = here.set_index("parameter")
        more = of.importance["lr"] - of.importance["1-beta1"] - of.importance["1-beta2"]
        # they are not independent; the sum is the most that their difference can vary
        error = of.error[["lr", "1-beta1", "1-beta2"]].sum()
        lines.append((f"lr less both β, {dataset}", NAN, more, more - sure * error, more + sure * error, 0.0))
    return evidence(*lines)


def defaults_judged(seen: pd.DataFrame) -> Judged:
    """Which of them can stay, and is it the learning rate that matters?"""
    is_rate = seen.what.str.startswith("lr")
    held, rate = seen[~is_rate], seen[is_rate]
    good, bad = held.high <= 1, held.low > 1
    more, less = rate.low > 0, rate.high < 0
    verdict = weighed([*good, *(more if len(rate) else [False])], [*bad, *less])
    groups = (("as good", good), ("worse", bad), ("undecided", ~good & ~bad))
    told = [f"{name}: {'; '.join(held[which].what)}" for name, which in groups if which.any()]
    counts = f"{more.sum()} of {len(rate)} datasets, less on {less.sum()}"
    told.append(f"the learning rate matters more than both β on {counts}")
    worst = held.iloc[int(np.argmax(held.value.fillna(-math.inf)))]
    unit = f"margins worse than tuned, at its worst ({worst.what}), digits and breast_cancer"
    when = "" if verdict == HOLDS else " · ".join(told)
    return Judged(verdict, float(worst.value), unit, when, float(worst.low), float(worst.high))


DEFAULTS = Claim(
    number=25,
    part="Adam",
    says="Adam's β₁ = .9, β₂ = .999 and ε = 1e-8 can stay as they are; its learning rate is what to tune.",
    chapter="衰减率 (通常为0.9), (通常为0.999); 学习率 (默认0.001,可尝试 。); 小常数 (默认保持 ,防止除以零)",
    rule=(
        "on every dataset the learning rate explains more of the results than β₁ and β₂ together (the 95 % "
        "interval of the difference above 0; not so where it is below); and, over digits and breast_cancer, "
        "holding β₁ or β₂ at its default ends within the study's margin (.01 of the error, 1.1 times the "
        "examples: less is too little to matter) of a search that tunes it too, as ε = 1e-8 does within .01 "
        "of each larger ε at the same learning rates: as good where the interval ends below the margin, "
        "worse where it begins above it; in part: shown so for some of all these and shown not so for others"
    ),
    code=(dlopt.Adam, dlopt.train),
    measure=defaults,
    judge=defaults_judged,
    resampled=(
        "held or tuned: blocks of digits and breast_cancer, all that this run compares, with all of the "
        "search in each; importances: each fifth of the blocks of each of the default study's datasets left "
        f"out once; ε, which no study searches: {BLOCKS} blocks of breast_cancer, the learning rate chosen "
        "by validation"
    ),
    reads=("default/importances", "own/comparisons"),
    y="margins worse than tuned; importance, lr less both β",
    blind=False,
)


def beaten(here: pd.DataFrame) -> float:
    """The share of a search's other draws that its draws near the default learning rate beat; NaN if none."""
    loss = here.best_validation_loss.to_numpy()
    near = np.abs(np.log(here.lr.to_numpy() / DEFAULT)) <= math.log(NEAR)
    if not near.any() or len(loss) < 2:
        return NAN
    mine = loss[near, None]
    wins = (mine < loss).sum(axis=1) + ((mine == loss).sum(axis=1) - 1) / 2
    return float(np.mean(wins / (len(loss) - 1)))


def place_to_look(rows: pd.DataFrame) -> pd.DataFrame:
    """Where winners lie, beside the share of all draws that lie there, and what a draw near .001 beats."""
    draws = rows[(rows.optimizer == "adam") & (rows.kind == "search")]
    draws = draws.sort_values(["dataset", "block", "draw"]).reset_index(drop=True)
    inside = draws.lr.between(*LOOK)
    searches = draws.groupby(["dataset", "block"], sort=True)
    won = inside[searches.best_validation_loss.idxmin()].to_numpy()
    wins = np.array([beaten(here) for _, here in searches])
    names = np.array([dataset for (dataset, _), _ in searches])
    scopes = [("all together", names == names, inside.mean())]
    scopes += [(n, names == n, inside[draws.dataset == n].mean()) for n in sorted(set(names))]
    lines: list[tuple[Any, ...]] = []
    for scope, here, chance in scopes:
        ends = clopper_pearson(int(won[here].sum()), int(here.sum()))
        lines.append((f"winners in .0001 to .01: {scope}", NAN, won[here].mean(), *ends, chance))
    for scope, here, _ in scopes:
        able = here & ~np.isnan(wins)
        value, low, high, level = order_interval(wins[able])
        ends = (low, high) if level >= 0.95 else (0.0, 1.0)  # too few to say
        name = f"beaten by one near .001: {scope} ({able.sum()} of {here.sum()})"
        lines.append((name, NAN, value, *ends, 0.5))
    rates = draws.lr[searches.best_validation_loss.idxmin()]
    return evidence(*lines, ("learning rate of the median winner", NAN, *order_interval(rates)[:3], DEFAULT))


def place_judged(seen: pd.DataFrame) -> Judged:
    """On each dataset, unless winners over all of them together lie elsewhere."""
    rate, shares = seen.iloc[-1], seen.iloc[:-1]
    both = shares.what.str.rsplit(": ", n=1, expand=True)
    good, bad = shares.low > 0.5, shares.high < 0.5
    each = ~both[1].str.startswith("all together")
    verdict = FAILS if bad.iloc[0] else weighed(good[each], bad[each])
    told = []
    for what in both[0].unique():
        ways = (("more than half", good), ("fewer than half", bad))
        on = [(word, ", ".join(both[1][is_so & (both[0] == what)])) for word, is_so in ways]
        told.append(f"{what}, {', '.join(f'{w}: {names}' for w, names in on if names) or 'undecided'}")
    told.append(f"the median winner's learning rate is {rate.value:.2g}")
    first = shares.iloc[0]
    return Judged(
        verdict,
        float(first.value),
        "of the searches have their winner in .0001 to .01",
        "; ".join(told) if verdict != HOLDS else "",
        float(first.low),
        float(first.high),
    )


PLACE_TO_LOOK = Claim(
    number=26,
    part="Adam",
    says="Adam's learning rate: .001 by default, and .0001 to .01 is the place to look.",
    chapter="学习率 (默认0.001,可尝试 。)",
    rule=(
        "of the searches (1e-5 to 1) more than half have their winner there, where two draws in five lie, "
        f"and in the median search a draw within {NEAR} times of .001 beats more than half of the others: on "
        "each dataset, with the 95 % interval above a half; in part: above it in some of these and below it "
        "in others; it fails where the share of winners over all datasets together has its interval below a "
        "half"
    ),
    code=(dlopt.Adam,),
    measure=place_to_look,
    judge=place_judged,
    resampled=(
        "searches, one to a block (Clopper-Pearson; order statistics); a search without a draw so near .001 "
        "(about one in three: 39 of 120 in the whole default study) is left out of the second reading, whose "
        "lines say how many are in it"
    ),
    reads=("default/rows",),
    y="share",
    blind=False,
)


def first_steps() -> pd.DataFrame:
    """Adam's steps in units of lr under a constant gradient, with its correction and without."""
    kind: Any = Uncorrected
    with_, without = dlopt.Adam(lr=1.0, eps=0.0), kind(lr=1.0, eps=0.0)
    lines = []
    for name, optimizer in (("corrected", with_), ("not corrected", without)):
        params, state = np.zeros(1), None
        for t in range(1, 41):
            before = params
            params, state = optimizer.step(params, np.ones(1), state)
            law = 1.0 if name == "corrected" else (1 - 0.9**t) / np.sqrt(1 - 0.999**t)
            lines.append((name, t, float((before - params)[0]), float(law)))
    return evidence(*lines)


class Uncorrected(dlopt.Adam):
    """Adam without bias correction."""

    def update(self, grad: Any, state: Any, lr: Any) -> Any:
        """Return the average over the root of the average square, both as they are."""
        beta1: Any = self.beta1  # what is inherited mypy takes for what is given
        beta2: Any = self.beta2
        mean, square = dlopt.ewa(state.mean, grad, beta1), dlopt.ewa(state.square, grad * grad, beta2)
        return lr * mean / (np.sqrt(square) + self.eps)


def first_steps_fail(seen: pd.DataFrame) -> Judged:
    """Which of the two goes farther at first?"""
    wide = seen.pivot(index="x", columns="what", values="value")
    ratio = wide["not corrected"] / wide["corrected"]
    longer = float((ratio < 1).mean())
    verdict = HOLDS if longer == 1 else PARTLY if longer else FAILS
    peak = int(ratio.idxmax())
    when = (
        f"without correction the first step is {ratio.iloc[0]:.4f} times as long, the longest "
        f"{ratio.max():.4f} times, at step {peak}"
    )
    return Judged(verdict, float(ratio.iloc[0]), "first step without correction / with it", when)


FIRST_STEPS = Claim(
    number=24,
    part="Adam",
    says="The correction speeds up Adam's start, which is pulled towards 0 without it.",
    chapter="初期迭代时,和偏向零,修正后加速初期收敛",
    rule="the first steps with correction are longer than without it, under a constant gradient",
    code=(dlopt.Adam,),
    measure=first_steps,
    judge=first_steps_fail,
    x="step",
    y="length of a step, in lr",
)
