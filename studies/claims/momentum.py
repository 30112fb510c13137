"""Momentum: is it faster, is its β robust, and does it damp the swings across a ravine?"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from dlopt.surfaces import bowl, ravine
from studies.claims import FAILS, HOLDS, NAN, OPEN, PARTLY, Judged, claim, evidence
from studies.compare import MARGINS
from studies.statistics import clopper_pearson

core: Any = dlopt  # whose classes take more than mypy knows
CLOSE = 1e-6  # of the way is left
CONDITIONS = (100, 1000, 10)  # the middle one first: a picture has room for one of them
BETA = 0.9
SWINGS = (1.25, 1.5, 1.75, 1.9, 1.98)  # lr × curvature; plain descent zigzags above 1 and diverges at 2
RHOS = (0.5, 0.8, 0.9, 0.99)
EQUAL = 1e-6  # ways that differ by less are the same: heavy ball's is plain descent's at 1.9
JUMP = 10.0  # times the gradient's size
HELD = (("momentum", "beta", "β", (0.9, 0.8, 0.99)), ("rmsprop", "rho", "ρ", (0.9,)))


class Pair(NamedTuple):
    """How one arm compares with another in a table of comparisons; negative: the first is better.

    call: -1 the first is better, 1 worse, 0 they cannot be told apart, NaN nobody can say.
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
            call = {"a": -1.0, "b": 1.0, "tied": 0.0}.get(str(r.call), NAN)
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
        ("SGD", core.SGD(lr=2 / (low + high)), 2 / (low + high), 0.0),
        ("heavy ball", core.HeavyBall(lr=lr, beta=beta), lr, beta),
        ("averaged form", core.Momentum(lr=lr / (1 - beta), beta=beta), lr, beta),
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


@claim(
    13,
    "Momentum",
    "Momentum is almost always faster than plain descent.",
    "动量梯度下降法的运行速度几乎总是快于标准的梯度下降法",
    "at equal tuning the default study calls it faster over all datasets, on more than half of them one by "
    "one and slower on none (“almost always” is more than “on average”), and at the best rates it needs "
    "fewer steps on bowls of condition 10 to 1000; as fast where the interval lies within 1.1 times: too "
    "little to matter",
    (dlopt.Momentum, dlopt.HeavyBall, dlopt.SGD),
    resampled="datasets: blocks, with all of the search in each; bowls: exact",
    reads=("default/comparisons",),
    x="-1: called faster, 1: slower, 0: cannot be told apart",
    y="examples (bowls: steps), momentum / SGD",
    log="y",
)
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


@faster
def faster_judged(seen: pd.DataFrame) -> Judged:
    """The calls: over all datasets, one by one, and on the bowls."""
    on_bowl, is_share = seen.what.str.startswith("bowl"), seen.what.str.startswith("share")
    whole, bowls = seen.iloc[0], seen[on_bowl]
    each = seen[~on_bowl & ~is_share].iloc[1:]
    quick, slow = each[each.x == -1].what.tolist(), each[each.x == 1].what.tolist()
    much = math.exp(MARGINS["ratio"])
    as_fast = bool(whole.low >= 1 / much and whole.high <= much)
    bent = bool((bowls.x == -1).all())
    if whole.x == -1 and not slow and 2 * len(quick) > len(each) and bent:
        verdict = HOLDS
    elif whole.x == -1 or quick or (bent and (as_fast or slow or whole.x == 1)):
        verdict = PARTLY
    else:
        verdict = OPEN if bent else FAILS
    share = seen[is_share].iloc[0]
    told = [
        "faster on every bowl" if bent else "not faster on every bowl",
        f"called faster on {', '.join(quick) or 'none'} of {len(each)} datasets, slower on "
        f"{', '.join(slow) or 'none'}",
    ]
    if share.value >= 0:
        told.append(f"first in {share.value:.0%} of the searches [{share.low:.0%}, {share.high:.0%}]")
    effect = (float(whole.value), "times the examples of plain descent, all datasets")
    when = "" if verdict == HOLDS else "; ".join(told)
    return Judged(verdict, *effect, when, float(whole.low), float(whole.high))


def steps_to_follow(rhos: tuple[float, ...]) -> Doubles:
    """Steps until the root of RMSprop's average is half-way after the gradient's size has jumped."""
    optimizer = core.RMSprop(lr=1.0, rho=list(rhos), eps=0.0)
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


@claim(
    14,
    "Momentum",
    "β = 0.9 is robust, 0.8 to 0.99 the range to try; RMSprop's ρ = 0.9 likewise, and a larger ρ looks back "
    "further.",
    "动量系数(常用值为 0.9,可根据任务调整(如 0.8-0.99)); 衰减率(通常设为 0.9)"
    "(控制历史信息的权重,值越大对过去梯度依赖越强。)",
    "a search that holds it there ends, over all datasets, within the study's margin (.01 of the error, 1.1 "
    "times the examples: less is too little to matter) of one that tunes it too: as good where the interval "
    "ends below the margin, worse where it begins above it; and steps to follow a jump grow with ρ",
    (dlopt.Momentum, dlopt.RMSprop),
    resampled="blocks, with all of the search in each; following a jump: exact",
    reads=("own/comparisons",),
    x="value at which it is held",
    y="margins worse than tuning it too",
)
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


@robust
def robust_judged(seen: pd.DataFrame) -> Judged:
    """Which of them can stay as they are, and does a larger ρ follow later?"""
    exact = seen.what.str.startswith("steps")
    held, follow = seen[~exact], seen[exact].value.to_numpy()
    good, bad = held.high <= 1, held.low >= 1
    later = bool((np.diff(follow) > 0).all())
    if good.all() and later:
        verdict = HOLDS
    elif good.any():
        verdict = PARTLY
    else:
        verdict = FAILS if bad.any() or not later else OPEN
    groups = (("as good", good), ("worse", bad), ("undecided", ~good & ~bad))
    told = [f"{name}: {'; '.join(held[which].what)}" for name, which in groups if which.any()]
    told += [] if later else ["a larger ρ does not follow later"]
    worst = held.iloc[int(np.argmax(held.value.fillna(-math.inf)))]
    unit = f"margins worse than tuning it too, at its worst ({worst.what})"
    when = "" if verdict == HOLDS else " · ".join(told)
    return Judged(verdict, float(worst.value), unit, when, float(worst.low), float(worst.high))


def travel(paths: Doubles) -> Doubles:
    """The whole way along an axis, to and fro, of (steps, K) positions."""
    way: Doubles = np.abs(np.diff(paths, axis=0)).sum(axis=0)
    return way


@claim(
    16,
    "Momentum",
    "Momentum damps the oscillation across a ravine.",
    "加速收敛并减少震荡",
    "at the same learning rate, wherever plain descent zigzags (lr × curvature 1.25 to 1.98; below 1 there "
    "is nothing to damp, at 2 it diverges), it goes a shorter way to and fro across; asked of both forms at "
    "β = .9",
    (dlopt.Momentum, dlopt.HeavyBall, ravine),
    x="learning rate × curvature across",
    y="way across, to and fro",
    log="y",
)
def damps() -> pd.DataFrame:
    """The way across from 1 to the floor, by walking and by the roots of the recursion."""
    steps, lines = 4000, []
    ground = ravine()
    steep = int(np.argmax(ground.hessian))  # its Hessian is a diagonal
    kinds = (
        ("plain descent", core.SGD(lr=SWINGS), 1.0, 0.0),
        ("averaged form", core.Momentum(lr=SWINGS, beta=BETA), 1 - BETA, BETA),
        ("heavy ball", core.HeavyBall(lr=SWINGS, beta=BETA), 1.0, BETA),
    )
    walk = dlopt.descend(ground, [kind for _, kind, _, _ in kinds], steps=steps)
    ways = travel(walk.params[:, :, steep]).reshape(len(kinds), -1)
    for (name, _, scale, beta), here in zip(kinds, ways, strict=True):
        for rate, way in zip(SWINGS, here, strict=True):
            law = travel(swing_law(scale * rate, beta, steps)[:, None])[0]
            lines.append((name, rate, float(way), float(law)))
    return evidence(*lines)


@damps
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
    when = (
        f"lr × curvature: {', '.join(told)}. A step leaves √β = {math.sqrt(BETA):.3f} of a swing, plain "
        "descent's lr × curvature - 1: only near its limit is that more"
    )
    verdict = HOLDS if every else PARTLY if some else FAILS
    ratio = float((wide["averaged form"] / plain).iloc[-1])
    unit = f"way across, averaged form / plain descent, at lr × curvature {plain.index[-1]:g}"
    return Judged(verdict, ratio, unit, when if verdict == PARTLY else "")
