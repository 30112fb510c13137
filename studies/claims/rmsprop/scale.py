"""RMSprop: AdaGrad's stall, badly scaled bowls, and what ε is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.grid import geometric
from dlopt.landscapes import Doubles
from dlopt.optimizer import placed
from studies.analysis.statistics import clopper_pearson, order_interval
from studies.analysis.verdicts import FAILS, HOLDS, OPEN, PARTLY, weighed
from studies.claims.claim import NAN, Claim, Judged, evidence
from studies.claims.searches import BLOCKS, trainings

RHO = 0.9
SEEDS = BLOCKS
BAD = 100  # a condition number from which a bowl is called badly scaled
CONDITIONS = (1, 10, BAD, 1000, 10_000)
DIMENSIONS = 10
CLOSE = 0.01  # of the distance at the start
STAY = 50  # steps that it must stay so close: five times as far as ρ = .9 looks back
LR = np.array(geometric(1.99, 1.99e-4, 21))  # from just below plain descent's limit 2/h down to 2e-4
TIMES = (10, 100, 1000, 10_000)
EPS = 1e-8  # the chapter's
RATIOS = tuple(10.0**k for k in range(-8, 5))  # of ε to the gradient


def walker(optimizer: Any, params: Doubles) -> Callable[[Doubles], None]:
    """What takes a step in place from a gradient, by the door that `descend` uses."""
    ((bound, _, state),) = placed([optimizer], params)
    lr = bound.cast(bound.lr_at(0), params)
    return lambda grad: bound.move(params, grad, state, lr)


def stalls() -> pd.DataFrame:
    """How far a step leads, at gradients of 1 and of 1 with noise of deviation 1."""
    noise = np.random.default_rng(0).normal(size=(max(TIMES), SEEDS))
    gradients = np.concatenate([np.ones((max(TIMES), 1)), 1 + noise], axis=1)
    wanted, lines = {0, *TIMES, *(t // 2 for t in TIMES)}, []
    for name, optimizer in (("AdaGrad", dlopt.Adagrad(lr=1.0)), ("RMSprop", dlopt.RMSprop(lr=1.0, rho=RHO))):
        params, places = np.zeros((1, 1 + SEEDS)), {}
        step = walker(optimizer, params)
        for t in range(max(TIMES) + 1):
            if t in wanted:
                places[t] = params[0].copy()
            if t < max(TIMES):
                step(gradients[t : t + 1])
        for t in TIMES:
            k = np.arange(t // 2 + 1, t + 1)
            law = float(np.mean(1 / np.sqrt(k if name == "AdaGrad" else 1 - RHO**k)))
            way = (places[t // 2] - places[t]) / (t - t // 2)
            # squares of the noisy gradients are 2 on average
            noisy = law / np.sqrt(2) if name == "AdaGrad" else NAN
            lines.append((f"{name}, steady", t, float(way[0]), NAN, NAN, law))
            lines.append((f"{name}, noisy", t, *order_interval(way[1:])[:3], noisy))
    return evidence(*sorted(lines, key=lambda line: line[0]))


def stalls_judged(seen: pd.DataFrame) -> Judged:
    """What is left of a step at the end, of the one around step 100."""
    wide = seen.assign(low=seen.low.fillna(seen.value), high=seen.high.fillna(seen.value))
    ends = wide[wide.x == max(TIMES)].set_index("what")[["value", "low", "high"]]
    left = ends.div(wide[wide.x == 100].set_index("what").value, axis=0)
    sums = left.index.str.startswith("AdaGrad")
    mine, other = left[~sums], left[sums]
    keeps, fades = mine.low >= 0.5, other.high <= 0.2
    wrong = (mine.high < 0.5).any() or (other.low > 0.2).any()
    if keeps.all() and fades.all():
        verdict = HOLDS
    elif wrong:
        verdict = PARTLY if keeps.any() and fades.any() else FAILS
    else:
        verdict = OPEN
    told = "; ".join(f"{name} keeps {share:.2f} of its step" for name, share in left.value.items())
    one = left.loc["RMSprop, noisy"]
    unit = "of its noisy step at 100 that RMSprop has left at 10,000"
    when = "" if verdict == HOLDS else told
    return Judged(verdict, float(one.value), unit, when, float(one.low), float(one.high))


STALLS = Claim(
    number=18,
    part="RMSprop",
    says="RMSprop does not stall where AdaGrad's growing sum does.",
    chapter="RMSprop 是 AdaGrad 的改进版本,解决了 AdaGrad 学习率单调下降的问题",
    rule=(
        "under gradients whose size does not change, steady or as noisy as they are large, RMSprop's way per "
        "step around step 10,000 is at least half of that around step 100, and AdaGrad's at most a fifth: "
        "its law, 1/√t, says a tenth"
    ),
    code=(dlopt.RMSprop, dlopt.Adagrad),
    measure=stalls,
    judge=stalls_judged,
    resampled=f"{SEEDS} seeds of the noise; intervals are order statistics of them; without noise exact",
    x="step t (the mean from t/2 to t)",
    y="way per step / learning rate",
    log="xy",
)


def turned(seeds: int) -> Doubles:
    """Random rotations, (seeds, P, P)."""
    drawn = np.random.default_rng(1).normal(size=(seeds, DIMENSIONS, DIMENSIONS))
    return np.linalg.qr(drawn)[0]


def steps_within(make: Any, condition: float, axes: Doubles, start: Doubles) -> Doubles:
    """Steps to CLOSE of the distance, to stay, at each seed's best rate; inf if none within the limit.

    axes: (seeds, P, P), of the bowl's curvatures, from 1/condition to 1. start: (seeds, P), along them.
    The limit is twice what plain descent needs at its best.
    """
    curves = np.array(geometric(1 / condition, 1, DIMENSIONS))
    hessian = axes * curves @ axes.swapaxes(1, 2)
    shape = (len(LR), *start.shape)
    params = np.tile((axes @ start[..., None]).ravel(), (len(LR), 1))
    step, close = walker(make(lr=LR), params), CLOSE**2 * (start**2).sum(axis=1)
    by_seed = params.reshape(shape).swapaxes(0, 1)
    streak, found = np.zeros(shape[:2]), np.full(len(start), np.inf)
    with np.errstate(all="ignore"):  # a rate that is too large diverges
        for t in range(1, int(5 * condition) + 1000):
            step((by_seed @ hessian).swapaxes(0, 1).reshape(params.shape))
            streak = (streak + 1) * ((params.reshape(shape) ** 2).sum(axis=2) <= close)
            done = (streak >= STAY).any(axis=0) & np.isinf(found)
            found[done] = t - STAY + 1
            if np.isfinite(found).all():
                break
    return found


def steps_law(condition: float, start: Doubles) -> Doubles:
    """Plain descent's own: the first t with Σ(1-αh)²ᵗz² at most CLOSE² of Σz², by bisection, best rate."""
    left = np.abs(1 - LR[:, None] * np.array(geometric(1 / condition, 1, DIMENSIONS)))[:, None]
    low, high = np.zeros((len(LR), len(start))), np.full((len(LR), len(start)), 2.0**24)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        reached = (left ** (2 * middle[..., None]) * start**2).sum(2) <= CLOSE**2 * (start**2).sum(1)
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    best: Doubles = high.min(axis=0)
    return best


def scales() -> pd.DataFrame:
    """Steps against the condition number."""
    start = np.random.default_rng(0).normal(size=(SEEDS, DIMENSIONS))
    along, across = np.broadcast_to(np.eye(DIMENSIONS), (SEEDS, DIMENSIONS, DIMENSIONS)), turned(SEEDS)
    kinds = (
        ("plain descent", dlopt.SGD, along),
        ("RMSprop, along the axes", dlopt.RMSprop, along),
        ("RMSprop, turned", dlopt.RMSprop, across),
    )
    lines: list[tuple[Any, ...]] = []
    for name, make, axes in kinds:
        for condition in CONDITIONS:
            found = order_interval(steps_within(make, condition, axes, start))[:3]
            # along the axes RMSprop divides the scale out: what it needs at κ = 1 it needs at every κ
            law = float(np.median(steps_law(condition, start))) if make is dlopt.SGD else NAN
            law = lines[len(CONDITIONS)][2] if name.endswith("axes") and condition > 1 else law
            lines.append((name, condition, *found, law))
    return evidence(*lines)


def scales_judged(seen: pd.DataFrame) -> Judged:
    """Twice as quick, where the bowl is badly scaled: along the axes, and turned."""
    plain = seen[seen.what == "plain descent"].set_index("x")
    bad = seen[(seen.what != "plain descent") & (seen.x >= BAD)]
    low, high = plain.low.loc[bad.x].to_numpy() / 2, plain.high.loc[bad.x].to_numpy() / 2
    quick, slow = (bad.high <= low).to_numpy(), (bad.low > high).to_numpy()
    verdict = weighed(quick, slow)
    told = []
    for name, here in bad.assign(quick=quick, slow=slow).groupby("what"):
        yes, no = here[here.quick].x, here[here.slow].x
        words = f"twice as quick at κ = {listed(yes)}" if len(yes) else "nowhere twice as quick"
        told.append(f"{name}: {words}" + (f", not at {listed(no)}" if len(yes) and len(no) else ""))
    last = bad[(bad.what == "RMSprop, along the axes")].iloc[-1]
    one = plain.loc[last.x]
    return Judged(
        verdict,
        float(last.value / one.value),
        f"of plain descent's steps, along the axes, at κ = {last.x:g}",
        "; ".join(told) if verdict == PARTLY else "",
        float(last.low / one.high),
        float(last.high / one.low),
    )


SCALES = Claim(
    number=17,
    part="RMSprop",
    says="RMSprop speeds descent up on badly scaled problems.",
    chapter="它也可以加速梯度下降; 通过调整每个参数的学习率来加速梯度下降的收敛",
    rule=(
        f"on bowls of condition {BAD} to 10,000 it needs at most half of plain descent's steps to come "
        "within 1 % of the distance, to stay there, each at its best rate of one grid (half: more than a "
        "grid's spacing explains); asked with curvatures along the axes and along random directions, since a "
        "scale of each parameter's own can see only the axes; in part: shown so for some bowls and shown not "
        "so for others"
    ),
    code=(dlopt.RMSprop, dlopt.SGD),
    measure=scales,
    judge=scales_judged,
    resampled=f"{SEEDS} starts and rotations; intervals are order statistics of them",
    x="condition number κ",
    y="steps to 1 % of the distance",
    log="xy",
    blind=False,
)


def listed(numbers: pd.Series | pd.Index) -> str:
    """Numbers in words."""
    return ", ".join(f"{number:g}" for number in numbers)


def reached(kind: Any, ratios: tuple[float, ...]) -> Doubles:
    """The step under a steady gradient of 1, in learning rates, for ε = ratios, after it has settled."""
    optimizer, params, state = kind(lr=1.0, eps=list(ratios)), np.zeros((len(ratios), 1)), None
    for _ in range(400):  # ρ = .9 to that power is e⁻⁴²
        before = params
        params, state = optimizer.step(params, np.ones_like(params), state)
    way: Doubles = (before - params)[:, 0]
    return way


def trained(name: str, epochs: int, lr: float) -> tuple[Doubles, Doubles]:
    """(diverged, test loss), both (blocks, 2): RMSprop without ε, and with it."""
    runs = trainings(name, dlopt.MLP(32), dlopt.RMSprop(lr=lr, eps=[0.0, EPS]), 64, epochs)
    return np.array([run.diverged_step > 0 for run in runs]), np.array([run.test_losses for run in runs])


def guards() -> pd.DataFrame:
    """Steps against ε, and trainings with and without it."""
    lines: list[tuple[Any, ...]] = [
        ("step, |g|/(|g| + ε)", ratio, way, 1 / (1 + ratio))
        for ratio, way in zip(RATIOS, reached(dlopt.RMSprop, RATIOS), strict=True)
    ]
    broken, _ = trained("digits", 1, 1e-3)
    for name, here, law in (("ε = 0", broken[:, 0], 1.0), ("ε = 1e-8", broken[:, 1], 0.0)):
        ends = clopper_pearson(int(here.sum()), SEEDS)
        lines.append((f"digits, {name}: share broken", NAN, float(here.mean()), *ends, law))
    _, losses = trained("breast_cancer", 20, 1e-2)
    with np.errstate(invalid="ignore"):  # two that broke are as bad as each other
        change = np.where(losses[:, 1] == losses[:, 0], 1.0, losses[:, 1] / losses[:, 0])
    lines.append(("breast_cancer: test loss with ε / without", NAN, *order_interval(change)[:3], 1.0))
    return evidence(*lines)


def guards_judged(seen: pd.DataFrame) -> Judged:
    """It saves dead inputs, and leaves what lives as it is."""
    steps = seen[seen.what.str.startswith("step")]
    without, with_, change = (
        seen[seen.what.str.contains(word)].iloc[0] for word in ("ε = 0", "ε = 1e", "loss")
    )
    saves = without.low > 0.5 and with_.high < 0.5
    useless = without.high < 0.5 or with_.low > 0.5
    small = bool((steps[steps.x <= 1e-3].value >= 0.99).all())
    same = bool(change.low >= 0.99 and change.high <= 1.01 and small)
    other = not small or change.low > 1.01 or change.high < 0.99
    verdict = HOLDS if saves and same else FAILS if useless else PARTLY if saves and other else OPEN
    half = steps[steps.value <= 0.51].x.min()
    when = (
        f"an ε of {half:g} times the gradient's size halves the step, and a far larger one makes it descent "
        "with the rate lr/ε"
    )
    unit = "test loss with ε = 1e-8 / without, breast_cancer"
    told = when if verdict in (HOLDS, PARTLY) and half < np.inf else ""
    return Judged(verdict, float(change.value), unit, told, float(change.low), float(change.high))


GUARDS = Claim(
    number=22,
    part="RMSprop",
    says="ε only prevents division by zero.",
    chapter="小常数(通常为 1e-8,防止除以零)",
    rule=(
        "at the chapter's 1e-8: on digits, where some pixels are never lit, most trainings without ε break "
        "and most with it do not; on breast_cancer, where every input lives, it changes the median test loss "
        "by less than 1 %, far less than blocks differ by; and a step by less than 1 % while ε is below a "
        "thousandth of the gradient"
    ),
    code=(dlopt.RMSprop, dlopt.train),
    measure=guards,
    judge=guards_judged,
    resampled=f"datasets: {SEEDS} blocks (Clopper-Pearson; order statistics); steady gradients: exact",
    x="ε / size of the gradient",
    y="step / lr; share; ratio",
    log="x",
)
