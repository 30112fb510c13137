"""Momentum: is it faster, is its β robust, and does it damp the swings across a ravine?"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from dlopt.surfaces import bowl, ravine
from studies.analysis.picks import winners
from studies.analysis.statistics import clopper_pearson, hodges_lehmann
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY, weighed
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.folder.schema.tables import AS_GOOD, NOT_DECIDED

NEAR = 1e-3  # a limit is searched to a thousandth
BETA = 0.9
FORMS = {"heavyball": "heavy ball", "momentum": "averaged form"}
SHARED = (1e-4, 1.0)  # heavy ball is searched from 1e-6 to 1, the others from 1e-4 to 10


def largest_stable(make: Any, fixed: dict[str, float], curvature: float) -> float:
    """The largest learning rate whose walk on ½h·w² stays bounded, by bisection."""
    low, high = 0.0, 100.0 / curvature
    bowl = dlopt.Quadratic([curvature], [1.0])
    while high - low > NEAR / 4 * high:
        rates = np.linspace(low, high, 18)[1:-1]
        walk = dlopt.descend(bowl, make(lr=rates, **fixed), steps=2000)
        with np.errstate(all="ignore"):
            ends = np.abs(walk.params[-200:, :, 0]).max(axis=0)
        bounded = np.isfinite(ends) & (ends < 10)
        last = int(bounded.argmin()) if not bounded.all() else len(rates)  # the first that is not
        low, high = (rates[last - 1] if last else low), (rates[last] if last < len(rates) else high)
    return (low + high) / 2


def rates(rows: pd.DataFrame, arm: str) -> tuple[float, ...]:
    """The best learning rate of an arm over that of SGD, paired by search, with its interval."""
    best = winners(rows).pivot(index=["dataset", "block"], columns="optimizer", values="lr")
    return tuple(np.exp(hodges_lehmann(np.log(best[arm] / best["sgd"]))).tolist())


def limits(rows: pd.DataFrame) -> pd.DataFrame:
    """Best rates in searches, then largest stable ones and steps, all in units of SGD's own."""
    h = 1.5
    kinds: tuple[tuple[str, Any, dict[str, float], float], ...] = (
        ("SGD", dlopt.SGD, {}, 1.0),
        ("heavy ball", dlopt.HeavyBall, {"beta": BETA}, 1 + BETA),
        ("averaged form", dlopt.Momentum, {"beta": BETA}, (1 + BETA) / (1 - BETA)),
    )
    # v ← βv + g amplifies a constant gradient to g/(1-β): that is the chapter's reason
    return evidence(
        *((f"best learning rate, {name}", BETA, *rates(rows, arm), NAN) for arm, name in FORMS.items()),
        (
            "within 1e-4 to 1 alone, heavy ball",
            BETA,
            *rates(rows[rows.lr.between(*SHARED)], "heavyball"),
            NAN,
        ),
        *(
            (f"largest stable rate, {name}", BETA, largest_stable(make, fixed, h) * h / 2, law)
            for name, make, fixed, law in kinds
        ),
        ("a constant gradient, heavy ball", BETA, _reach(dlopt.HeavyBall), 1 / (1 - BETA)),
        ("a constant gradient, averaged form", BETA, _reach(dlopt.Momentum), 1.0),
    )


def _reach(make: Any) -> float:
    """The step, in units of lr, that a constant gradient of 1 leads to."""
    optimizer, params, state = make(lr=1.0, beta=BETA), np.zeros(1), None
    for _ in range(500):
        before = params
        params, state = optimizer.step(params, np.ones(1), state)
    return float((before - params)[0])


def limits_judged(seen: pd.DataFrame) -> Judged:
    """Is the best rate of either form smaller than plain descent's?"""
    steps = seen[seen.what.str.startswith("a constant")].value.to_numpy()
    best = seen[seen.what.str.startswith("best")]
    heavy, averaged = best.itertuples()
    shared = seen[seen.what.str.startswith("within")].iloc[0]
    verdict = weighed(best.high < 1, best.low > 1)
    when = (
        f"heavy ball's best rate is {heavy.value:.2g} times plain descent's [{heavy.low:.2g}, "
        f"{heavy.high:.2g}] ({shared.value:.2g} times [{shared.low:.2g}, {shared.high:.2g}] if only rates "
        f"that both searched count), and under a steady gradient it steps {steps[0]:.1f} times as far; the "
        f"averaged form's, which the chapter gives, is {averaged.value:.2g} times [{averaged.low:.2g}, "
        f"{averaged.high:.2g}], and it steps {steps[1]:.1f} times as far"
    )
    unit = "best learning rate, heavy ball / plain descent"
    told = "" if verdict == HOLDS else when
    return Judged(verdict, float(heavy.value), unit, told, float(heavy.low), float(heavy.high))


LIMITS = Claim(
    number=15,
    part="Momentum",
    says="Momentum needs a smaller learning rate than plain descent, because it amplifies the steps.",
    chapter="学习率(通常需比普通梯度下降更小,因动量会放大更新幅度)",
    rule=(
        "over all datasets of the default study its searches' best learning rate is smaller than plain "
        "descent's in the same blocks: the whole interval of their ratio below 1, where it needs the same; "
        "asked of both forms, in part: shown so for one and shown not so for the other; the chapter's "
        "reason, steps under a steady gradient, and the largest stable rates on a quadratic beside"
    ),
    code=(dlopt.HeavyBall, dlopt.Momentum, dlopt.SGD),
    measure=limits,
    judge=limits_judged,
    resampled="blocks, paired, the whole search in each (Hodges-Lehmann of log ratios); the rest: exact",
    reads=("default/rows",),
    y="momentum's / plain descent's",
    log="y",
    blind=False,
)


CLOSE = 1e-6  # of the way is left
CONDITIONS = (100, 1000, 10)  # the middle one first: a picture has room for one of them
SWINGS = (1.25, 1.5, 1.75, 1.9, 1.98)  # lr × curvature; plain descent zigzags above 1 and diverges at 2
RHOS = (0.5, 0.8, 0.9, 0.99)
EQUAL = 1e-6  # ways that differ by less are the same: heavy ball's is plain descent's at 1.9
JUMP = 10.0  # times the gradient's size
HELD = (("momentum", "beta", "β", (0.9, 0.8, 0.99)), ("rmsprop", "rho", "ρ", (0.9,)))


class Pair(NamedTuple):
    """How one arm compares with another in a table of comparisons; negative: the first is better.

    call: -1 the first is better, 1 worse, 0 neither is called better, NaN nobody can say.
    """

    estimate: float = NAN
    low: float = NAN
    high: float = NAN
    call: float = NAN
    margin: float = NAN
    better: int = 0
    blocks: int = 0


def compared(table: pd.DataFrame, reading: str, scope: str, one: str, other: str) -> Pair:
    """One arm against another, whichever stands first in the table; a failure makes its end infinite."""
    here = table[(table.reading == reading) & (table.scope == scope)]
    for first, sign in ((one, 1), (other, -1)):
        found = here[(here.a == first) & (here.b == (other if first == one else one))]
        if len(found):
            r = found.iloc[0]
            low = -math.inf if r.b_failed else float(r.low)
            high = math.inf if r.a_failed else float(r.high)
            call = {"a": -1.0, "b": 1.0, AS_GOOD: 0.0, NOT_DECIDED: 0.0}.get(str(r.verdict), NAN)
            better = int(r.a_better if sign > 0 else r.blocks - r.ties - r.a_better)
            ends = (low, high) if sign > 0 else (-high, -low)
            return Pair(
                sign * float(r.estimate), *ends, sign * call + 0.0, float(r.margin), better, int(r.blocks)
            )
    return Pair()


def steps_to(distances: Doubles, share: float) -> float:
    """The first step at which a distance is at most a share of the first one; inf if none is."""
    near = distances <= share * distances[0]
    return float(near.argmax()) if near.any() else math.inf


def swing_law(rate: float, beta: float, steps: int) -> Doubles:
    """Heavy ball on ½w² from 1: Az₁ᵗ + Bz₂ᵗ with the roots of z² - (1+β-rate)z + β; rate: lr × curvature."""
    z = np.roots([1, -(1 + beta - rate), beta]).astype(complex)
    if abs(z[0] - z[1]) < 1e-6:  # a double root, at the optimum: (1 + Bt)zᵗ
        t, root = np.arange(steps + 1), z.real.mean()
        path: Doubles = (1 + ((1 - rate) / root - 1) * t) * root**t
        return path
    share = (1 - rate - z[1]) / (z[0] - z[1])
    t = np.arange(steps + 1)
    return np.asarray((share * z[0] ** t + (1 - share) * z[1] ** t).real)


def best_forms(condition: float) -> tuple[tuple[str, Any, float, float], ...]:
    """(name, optimizer, rate of heavy ball, β) at the best settings for curvatures 1/condition to 1."""
    low, high = 1 / condition, 1.0
    root = math.sqrt(condition)
    lr, beta = 4 / (math.sqrt(low) + math.sqrt(high)) ** 2, ((root - 1) / (root + 1)) ** 2
    return (
        ("SGD", dlopt.SGD(lr=2 / (low + high)), 2 / (low + high), 0.0),
        ("heavy ball", dlopt.HeavyBall(lr=lr, beta=beta), lr, beta),
        ("averaged form", dlopt.Momentum(lr=lr / (1 - beta), beta=beta), lr, beta),
    )


def steps_on_bowl(condition: float) -> list[tuple[str, float, float]]:
    """(name, steps walked, steps by the closed form) until CLOSE of the distance is left."""
    forms = best_forms(condition)
    steps = int(10 * condition)  # SGD needs 6.9 times the condition number
    walk = dlopt.descend(bowl(condition), [form for _, form, _, _ in forms], steps=steps)
    found = []
    for row, (name, _, rate, beta) in enumerate(forms):
        law = np.stack([swing_law(rate * h, beta, steps) for h in (1 / condition, 1.0)], axis=1)
        walked = steps_to(np.sqrt((walk.params[:, row] ** 2).sum(axis=1)), CLOSE)
        found.append((name, walked, steps_to(np.sqrt((law**2).sum(axis=1)), CLOSE)))
    return found


def faster(table: pd.DataFrame) -> pd.DataFrame:
    """The cost of momentum over that of SGD: a dataset, all of them, or a bowl to a line."""
    scopes = sorted(set(table.scope) - {"pooled"})
    lines: list[tuple[Any, ...]] = []
    for scope in ("pooled", *scopes):
        pair = compared(table, "ratio", scope, "momentum", "sgd")
        name = "all datasets" if scope == "pooled" else scope
        ends = (pair.estimate, pair.low, pair.high)
        lines.append((name, pair.call, *np.exp(ends), NAN))
        if scope == "pooled":
            low, high = clopper_pearson(pair.better, pair.blocks)
            share = pair.better / pair.blocks if pair.blocks else NAN
            last = ("share of searches in which momentum is first", NAN, share, low, high, NAN)
    for condition in CONDITIONS:
        (_, plain, plain_law), *forms = steps_on_bowl(condition)
        for name, steps, law in forms:
            ratio = steps / plain
            call = float(np.sign(ratio - 1))  # nothing is drawn, so the sign says it
            lines.append((f"bowl, κ = {condition}, {name}", call, ratio, law / plain_law))
    return evidence(*lines, last)


def faster_judged(seen: pd.DataFrame) -> Judged:
    """The calls, over all datasets and one by one, and how often it is first; the bowls are told."""
    on_bowl, is_share = seen.what.str.startswith("bowl"), seen.what.str.startswith("share")
    whole, bowls = seen.iloc[0], seen[on_bowl]
    each = seen[~on_bowl & ~is_share].iloc[1:]
    quick, slow = each[each.x == -1].what.tolist(), each[each.x == 1].what.tolist()
    share = seen[is_share].iloc[0]
    if whole.x == 1 or (slow and not quick) or share.high < 0.5:
        verdict = FAILS
    elif whole.x == -1 and not slow and 2 * len(quick) > len(each):
        verdict = HOLDS
    else:
        verdict = PARTLY if whole.x == -1 or quick else OPEN
    told = [
        f"called faster on {', '.join(quick) or 'none'} of {len(each)} datasets, slower on "
        f"{', '.join(slow) or 'none'}"
    ]
    if share.value >= 0:
        told.append(f"first in {share.value:.0%} of the searches [{share.low:.0%}, {share.high:.0%}]")
    ways = f"{bowls.value.min():.2g} to {bowls.value.max():.2g} times plain descent's steps"
    bent = "faster on every bowl" if (bowls.x == -1).all() else "not faster on every bowl"
    told.append(f"{bent} (exact, at the best rates: {ways})")
    effect = (float(whole.value), "times the examples of plain descent, all datasets")
    when = "" if verdict == HOLDS else "; ".join(told)
    return Judged(verdict, *effect, when, float(whole.low), float(whole.high))


FASTER = Claim(
    number=13,
    part="Momentum",
    says="Momentum is almost always faster than plain descent.",
    chapter="动量梯度下降法的运行速度几乎总是快于标准的梯度下降法",
    rule=(
        "at equal tuning the default study calls it faster over all datasets, on more than half of them one "
        "by one and slower on none (“almost always” is more than “on average”); not where it is called "
        "slower over all, or slower on some and faster on none, or where it is first in fewer than half of "
        "the searches, the whole interval below (that cannot be “almost always”); in part where else it is "
        "called faster, over all or on some; bowls of condition 10 to 1000 at the best rates beside, which "
        "decide nothing"
    ),
    code=(dlopt.Momentum, dlopt.HeavyBall, dlopt.SGD),
    measure=faster,
    judge=faster_judged,
    resampled="datasets: blocks, with all of the search in each; bowls: exact",
    reads=("default/comparisons",),
    x="-1: called faster, 1: slower, 0: neither",
    y="examples (bowls: steps), momentum / SGD",
    log="y",
    blind=False,
)


def steps_to_follow(rhos: tuple[float, ...]) -> Doubles:
    """Steps until the root of RMSprop's average is half-way after the gradient's size has jumped."""
    optimizer = dlopt.RMSprop(lr=1.0, rho=list(rhos), eps=0.0)
    params, state = np.zeros((len(rhos), 1)), None
    found = np.full(len(rhos), math.inf)
    settled = int(40 / (1 - max(rhos)))  # ρ to that power is e⁻⁴⁰
    for t in range(settled + 2000):
        grad = np.full_like(params, 1.0 if t < settled else JUMP)
        before = params
        params, state = optimizer.step(params, grad, state)
        root = (grad / (before - params))[:, 0]
        after = t - settled + 1
        if after > 0:
            found = np.where((root >= (1 + JUMP) / 2) & np.isinf(found), after, found)
            if np.isfinite(found).all():
                break
    return found


def robust(table: pd.DataFrame) -> pd.DataFrame:
    """Held against tuned, in units of the margin, and the steps to follow a jump against ln/ln."""
    lines: list[tuple[Any, ...]] = []
    for arm, field, symbol, values in HELD:
        for value in values:
            for reading, name in (("error", "error"), ("ratio", "speed")):
                pair = compared(table, reading, "pooled", f"{arm}-{field}={value:g}", arm)
                ends = np.array((pair.estimate, pair.low, pair.high)) / pair.margin
                lines.append((f"{symbol} = {value:g}, {name}", value, *ends, NAN))
    # s goes from 1 to JUMP² as JUMP² - (JUMP² - 1)ρᵗ; its root is half-way at this ρᵗ
    left = (JUMP**2 - ((1 + JUMP) / 2) ** 2) / (JUMP**2 - 1)
    for rho, steps in zip(RHOS, steps_to_follow(RHOS), strict=True):
        lines.append((f"steps to follow, ρ = {rho:g}", NAN, steps, math.ceil(math.log(left) / math.log(rho))))
    return evidence(*lines)


def robust_judged(seen: pd.DataFrame) -> Judged:
    """Which of them can stay as they are, and does a larger ρ follow later?"""
    exact = seen.what.str.startswith("steps")
    held, follow = seen[~exact], seen[exact].value.to_numpy()
    good, bad = held.high <= 1, held.low >= 1
    later = bool((np.diff(follow) > 0).all())
    against = [] if later else [True]  # what is nearly a definition may not speak for it
    verdict = weighed([*good, *(not one for one in against)], [*bad, *against])
    groups = (("as good", good), ("worse", bad), ("undecided", ~good & ~bad))
    told = [f"{name}: {'; '.join(held[which].what)}" for name, which in groups if which.any()]
    told += [] if later else ["a larger ρ does not follow later"]
    worst = held.iloc[int(np.argmax(held.value.fillna(-math.inf)))]
    unit = f"margins worse than tuning it too, at its worst ({worst.what})"
    when = "" if verdict == HOLDS else " · ".join(told)
    return Judged(verdict, float(worst.value), unit, when, float(worst.low), float(worst.high))


ROBUST = Claim(
    number=14,
    part="Momentum",
    says=(
        "β = 0.9 is robust, 0.8 to 0.99 the range to try; RMSprop's ρ = 0.9 likewise, and a larger ρ looks "
        "back further."
    ),
    chapter=(
        "动量系数(常用值为 0.9,可根据任务调整(如 0.8-0.99)); 衰减率(通常设为 0.9)"
        "(控制历史信息的权重,值越大对过去梯度依赖越强。)"
    ),
    rule=(
        "a search that holds it there ends, over digits and breast_cancer, within the study's margin (.01 of "
        "the error, 1.1 times the examples: less is too little to matter) of one that tunes it too: as good "
        "where the interval ends below the margin, worse where it begins above it; in part: some are shown "
        "to be as good and some to be worse. Steps to follow a jump grow with ρ: nearly a definition, so it "
        "only counts where they do not"
    ),
    code=(dlopt.Momentum, dlopt.RMSprop),
    measure=robust,
    judge=robust_judged,
    resampled="blocks, with all of the search in each; following a jump: exact",
    reads=("own/comparisons",),
    x="value at which it is held",
    y="margins worse than tuning it too",
    blind=False,
)


def travel(paths: Doubles) -> Doubles:
    """The whole way along an axis, to and fro, of (steps, K) positions."""
    way: Doubles = np.abs(np.diff(paths, axis=0)).sum(axis=0)
    return way


def damps() -> pd.DataFrame:
    """The way across from 1 to the floor, by walking and by the roots of the recursion."""
    steps, lines = 4000, []
    ground = ravine()
    steep = int(np.argmax(ground.hessian))  # its Hessian is a diagonal
    kinds = (
        ("plain descent", dlopt.SGD(lr=SWINGS), 1.0, 0.0),
        ("averaged form", dlopt.Momentum(lr=SWINGS, beta=BETA), 1 - BETA, BETA),
        ("heavy ball", dlopt.HeavyBall(lr=SWINGS, beta=BETA), 1.0, BETA),
    )
    walk = dlopt.descend(ground, [kind for _, kind, _, _ in kinds], steps=steps)
    ways = travel(walk.params[:, :, steep]).reshape(len(kinds), -1)
    for (name, _, scale, beta), here in zip(kinds, ways, strict=True):
        for rate, way in zip(SWINGS, here, strict=True):
            law = travel(swing_law(scale * rate, beta, steps)[:, None])[0]
            lines.append((name, rate, float(way), float(law)))
    return evidence(*lines)


def damps_judged(seen: pd.DataFrame) -> Judged:
    """At which rates, and in which form, the way across is shorter than plain descent's."""
    wide = seen.pivot(index="x", columns="what", values="value")
    plain = wide.pop("plain descent")
    shorter = wide.lt(plain * (1 - EQUAL), axis=0)
    every, some = bool(shorter.all(axis=None)), bool(shorter.any(axis=None))
    told = [
        f"{name} from {here.index[here].min():g} on" if here.any() else f"{name} nowhere"
        for name, here in shorter.items()
    ]
    when = f"lr × curvature: {', '.join(told)}"
    verdict = HOLDS if every else PARTLY if some else FAILS
    ratio = float((wide["averaged form"] / plain).iloc[-1])
    unit = f"way across, averaged form / plain descent, at lr × curvature {plain.index[-1]:g}"
    return Judged(verdict, ratio, unit, when if verdict == PARTLY else "")


DAMPS = Claim(
    number=16,
    part="Momentum",
    says="Momentum damps the oscillation across a ravine.",
    chapter="加速收敛并减少震荡",
    rule=(
        "at the same learning rate, wherever plain descent zigzags (lr × curvature 1.25 to 1.98; below 1 "
        "there is nothing to damp, at 2 it diverges), it goes a shorter way to and fro across; asked of both "
        "forms at β = .9"
    ),
    code=(dlopt.Momentum, dlopt.HeavyBall, ravine),
    measure=damps,
    judge=damps_judged,
    x="learning rate × curvature across",
    y="way across, to and fro",
    log="y",
)
