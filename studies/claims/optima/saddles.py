"""Saddles and plateaus: what holds descent up, and what leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.grid import geometric
from dlopt.landscapes import Doubles
from dlopt.surfaces import SURFACES
from studies.analysis.statistics import order_interval
from studies.analysis.verdicts import HOLDS, PARTLY, weighed
from studies.claims.claim import Claim, Judged, evidence
from studies.claims.optima.networks import descents

SEEDS = 40
LR = 0.05
RATE = 0.01
OFF = 0.25  # of the law
BELOW = {"saddle": -0.5, "monkey-saddle": -0.5}  # a height well below the start's
GRID = geometric(0.01, 1, 9)
ARRIVED = 1e-3  # of the plateau's height, as in claim 23
NETWORK = ("", "moons", 100, 8, 0.001, 200)  # table, rows, hidden units, He's weights times, steps
CHOOSING, STARTS = 5, 25  # starts to choose the rate by, and all of them


def first_beyond(walk: dlopt.landscapes.Walk, axis: int, distance: float) -> Doubles:
    """The first step at which each row is so far along an axis; inf if none."""
    beyond = np.abs(walk.params[:, :, axis]) >= distance
    return np.where(beyond.any(axis=0), beyond.argmax(axis=0), np.inf)


def noise_leaves() -> pd.DataFrame:
    """Steps until |y| ≥ 1 from (1, 0) on ½(x² - y²), without and with noise."""
    still = dlopt.descend(dlopt.Quadratic([1.0, -1.0], [1.0, 0.0]), dlopt.SGD(lr=LR), steps=5_000)
    lines: list[tuple[Any, ...]] = [("no noise", 0.0, float(first_beyond(still, 1, 1.0)[0]), np.inf)]
    for sigma in (1e-1, 1e-3, 1e-6):
        ground = dlopt.Quadratic([1.0, -1.0], [1.0, 0.0], noise=sigma**2)
        steps = [
            first_beyond(dlopt.descend(ground, dlopt.SGD(lr=LR), steps=1000, seed=s), 1, 1.0)[0]
            for s in range(SEEDS)
        ]
        # noise of each step is carried on by (1+lr): y after t steps spreads as σ·lr·(1+lr)ᵗ/√((1+lr)²-1)
        law = np.log(np.sqrt((1 + LR) ** 2 - 1) / (sigma * LR)) / np.log(1 + LR)
        lines.append((f"noise {sigma:g}", sigma, *order_interval(steps)[:3], float(law)))
    return evidence(*lines)


def noise_leaves_judged(seen: pd.DataFrame) -> Judged:
    """Never without noise; in about the predicted number of steps with it."""
    still, moved = seen[seen.x == 0], seen[seen.x > 0]
    stays = bool(np.isinf(still.value).all())
    least, most = (1 - OFF) * moved.expected, (1 + OFF) * moved.expected
    good = (moved.low >= least) & (moved.high <= most) & stays
    bad = (moved.low > most) | (moved.high < least) | (not stays)
    verdict, one = weighed(good, bad), moved.iloc[-1]
    when = f"not with {', '.join(moved.what[bad])}" if verdict == PARTLY else ""
    return Judged(
        verdict, float(one.value), f"steps to leave with {one.what}", when, float(one.low), float(one.high)
    )


NOISE_LEAVES = Claim(
    number=32,
    part="Local optima",
    says="A random disturbance leaves the plateau: mini-batch noise does what the full batch cannot.",
    chapter="因为左边或右边的随机扰动,然后走出平稳段",
    rule=(
        "from exactly on a saddle's stable line the full batch never leaves in 5,000 steps, and noise σ does "
        f"in the steps of the linear law, about ln(1/σ)/ln(1+lr), to {OFF:.0%}, whole interval; not so where "
        "the whole interval lies farther away; in part: so at some σ and not so at others"
    ),
    code=(dlopt.descend, dlopt.Quadratic),
    measure=noise_leaves,
    judge=noise_leaves_judged,
    resampled=f"{SEEDS} seeds of the noise; intervals are order statistics of them",
    y="steps to leave",
    log="y",
    blind=False,
)


def sooner() -> pd.DataFrame:
    """Steps over SGD's until the height or the loss is well below that of the saddle or the plateau."""
    kinds = [dlopt.SGD, dlopt.Momentum, dlopt.HeavyBall, dlopt.RMSprop, dlopt.Adam]
    lines: list[tuple[Any, ...]] = []
    for name, height in BELOW.items():
        walk = dlopt.descend(SURFACES[name](), [kind(lr=RATE) for kind in kinds], steps=5_000)
        lines += compared(name, kinds, [RATE] * len(kinds), first_below(walk.values, height)[:, None])
    walk = dlopt.descend(SURFACES["plateau"](), [kind(lr=list(GRID)) for kind in kinds], steps=2_000)
    there = stays_below(walk.values, ARRIVED * float(walk.values[0, 0])).reshape(len(kinds), len(GRID))
    rates = [GRID[best] for best in there.argmin(axis=1)]
    lines += compared("plateau", kinds, rates, there.min(axis=1)[:, None])
    runs = [descents(NETWORK, range(STARTS), list(GRID), kind) for kind in kinds]
    half = (runs[0][2] + min(losses[-1].min() for losses, _, _ in runs)) / 2  # way down from knowing nothing
    rates, found = [], []
    for losses, _, _ in runs:
        steps = stays_below(losses, half).reshape(len(GRID), STARTS)
        best = int(np.argmin([order_interval(each[:CHOOSING])[0] for each in steps]))
        rates.append(GRID[best])
        found.append(steps[best, CHOOSING:])
    return evidence(*lines, *compared("network", kinds, rates, np.array(found)))


def compared(name: str, kinds: list[Any], rates: list[float], steps: Doubles) -> list[tuple[Any, ...]]:
    """A line for each kind but the first, SGD: its steps (kinds, starts) over SGD's, start by start."""
    plain, lines = order_interval(steps[0])[0], []
    for kind, rate, each in zip(kinds[1:], rates[1:], steps[1:], strict=True):
        with np.errstate(invalid="ignore"):
            ratios = np.where(each == steps[0], 1.0, each / steps[0])  # neither arrives: a tie
        what = f"{kind.__name__} {rate:.2g}, {name} (SGD {rates[0]:.2g}: {plain:g})"
        lines.append(
            (what, 0, *order_interval(ratios)[:3], 0.5) if len(ratios) > 1 else (what, 0, *ratios, 0.5)
        )
    return lines


def first_below(values: Doubles, height: float) -> Doubles:
    """The first step at which each row is at most so high; inf if none."""
    with np.errstate(all="ignore"):
        gone = values <= height
    return np.where(gone.any(axis=0), gone.argmax(axis=0), np.inf)


def stays_below(values: Doubles, height: float) -> Doubles:
    """The first step from which on each row is at most so high; inf if none. A jump that lands is none."""
    with np.errstate(all="ignore"):
        gone = np.minimum.accumulate((values <= height)[::-1])[::-1]
    return np.where(gone.any(axis=0), gone.argmax(axis=0), np.inf)


def sooner_judged(seen: pd.DataFrame) -> Judged:
    """How many of the pairs (method, surface or network) are at least twice as quick as SGD."""
    quick = seen.high.fillna(seen.value) <= seen.expected
    slow = seen.low.fillna(seen.value) > seen.expected
    verdict = weighed(quick, slow)
    told = [("not", slow), ("undecided", ~quick & ~slow)]
    when = "; ".join(f"{word}: {'; '.join(seen[which].what)}" for word, which in told if which.any())
    unit = f"of {len(quick)} cases, a count, at least twice as quick"
    return Judged(verdict, float(quick.sum()), unit, "" if verdict == HOLDS else when)


SOONER = Claim(
    number=33,
    part="Local optima",
    says="Momentum, RMSprop and Adam leave plateaus and saddles sooner than plain descent.",
    chapter="像Momentum或是RMSprop,Adam这样的算法,能够加速学习算法的地方,让你尽早往下走出平稳段",
    rule=(
        "each needs at most half of SGD's steps (not so: more than half; with the whole interval): off a "
        f"saddle and a monkey saddle at one rate, {RATE} (they fall without end, so the largest rate would "
        "be best); off a plateau each at its own best rate of one grid up to 1, the largest in use: on the "
        f"surface until it stays within {ARRIVED:g} of the height, and in a small network with "
        f"{NETWORK[4]:g} of He's weights until its loss stays half way down, start by start; in part: so in "
        "some cases and not so in others"
    ),
    code=(dlopt.Momentum, dlopt.HeavyBall, dlopt.RMSprop, dlopt.Adam),
    measure=sooner,
    judge=sooner_judged,
    resampled=f"network: {STARTS - CHOOSING} starts, at the best rate of {CHOOSING} others; surfaces: exact",
    y="steps / SGD's (in brackets)",
    log="y",
    blind=False,
)
