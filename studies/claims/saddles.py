"""Saddles and plateaus: what holds descent up, and what leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from dlopt.surfaces import SURFACES
from studies.claims import FAILS, HOLDS, NAN, OPEN, PARTLY, Judged, claim, evidence
from studies.claims.networks import descents
from studies.statistics import order_interval

core: Any = dlopt  # whose classes take more than mypy knows
SEEDS = 40
LR = 0.05
RATE = 0.01
BELOW = {"saddle": -0.5, "monkey-saddle": -0.5, "plateau": 1.0}  # a height well below the start's
GRID = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # no method chooses an end of it
NETWORK = ("", "moons", 100, 8, 0.01, 200)  # table, rows, hidden units, He's weights times, steps
CHOOSING, STARTS = 5, 25  # starts to choose the rate by, and all of them


def first_beyond(walk: dlopt.landscapes.Walk, axis: int, distance: float) -> Doubles:
    """The first step at which each row is so far along an axis; inf if none."""
    beyond = np.abs(walk.params[:, :, axis]) >= distance
    return np.where(beyond.any(axis=0), beyond.argmax(axis=0), np.inf)


@claim(
    32,
    "Local optima",
    "A random disturbance leaves the plateau: mini-batch noise does what the full batch cannot.",
    "因为左边或右边的随机扰动,然后走出平稳段",
    "from exactly on a saddle's stable line the full batch never leaves in 5,000 steps, and noise σ does in "
    "the steps that the linear law gives, about ln(1/σ)/ln(1+lr), to 25 %",
    (dlopt.descend, dlopt.Quadratic),
    resampled=f"{SEEDS} seeds of the noise; intervals are order statistics of them",
    y="steps to leave",
    log="y",
)
def noise_leaves() -> pd.DataFrame:
    """Steps until |y| ≥ 1 from (1, 0) on ½(x² - y²), without and with noise."""
    still = dlopt.descend(dlopt.Quadratic([1.0, -1.0], [1.0, 0.0]), core.SGD(lr=LR), steps=5_000)
    lines: list[tuple[Any, ...]] = [("no noise", 0.0, float(first_beyond(still, 1, 1.0)[0]), np.inf)]
    for sigma in (1e-1, 1e-3, 1e-6):
        ground = dlopt.Quadratic([1.0, -1.0], [1.0, 0.0], noise=sigma**2)
        steps = [
            first_beyond(dlopt.descend(ground, core.SGD(lr=LR), steps=1000, seed=s), 1, 1.0)[0]
            for s in range(SEEDS)
        ]
        # noise of each step is carried on by (1+lr): y after t steps spreads as σ·lr·(1+lr)ᵗ/√((1+lr)²-1)
        law = np.log(np.sqrt((1 + LR) ** 2 - 1) / (sigma * LR)) / np.log(1 + LR)
        lines.append((f"noise {sigma:g}", sigma, *order_interval(steps)[:3], float(law)))
    return evidence(*lines)


@noise_leaves
def noise_leaves_judged(seen: pd.DataFrame) -> Judged:
    """Never without noise; in about the predicted number of steps with it."""
    still, moved = seen[seen.x == 0], seen[seen.x > 0]
    off = float((moved.value / moved.expected - 1).abs().max())
    stays = bool(np.isinf(still.value).all())
    verdict = HOLDS if stays and off <= 0.25 else FAILS if not stays or np.isinf(moved.value).any() else OPEN
    one = moved.iloc[-1]
    return Judged(
        verdict, float(one.value), f"steps to leave with {one.what}", "", float(one.low), float(one.high)
    )


@claim(
    33,
    "Local optima",
    "Momentum, RMSprop and Adam leave plateaus and saddles sooner than plain descent.",
    "像Momentum或是RMSprop,Adam这样的算法,能够加速学习算法的地方,让你尽早往下走出平稳段",
    f"each needs at most half of SGD's steps: on saddle, monkey saddle and plateau at one rate, {RATE} "
    "(saddles fall without end, so the largest rate would be the best), and to leave the plateau where a "
    "small network starts, each at its own best rate, with the whole interval",
    (dlopt.Momentum, dlopt.HeavyBall, dlopt.RMSprop, dlopt.Adam),
    resampled=f"network: {STARTS - CHOOSING} starts, at the best rate of {CHOOSING} others; surfaces: exact",
    y="steps until it is left; dashed: SGD",
    log="y",
    blind=False,
)
def sooner() -> pd.DataFrame:
    """Steps until the height or the loss is well below that of the saddle or the plateau."""
    kinds = [dlopt.SGD, dlopt.Momentum, dlopt.HeavyBall, dlopt.RMSprop, dlopt.Adam]
    lines: list[tuple[Any, ...]] = []
    for name, height in BELOW.items():
        walk = dlopt.descend(SURFACES[name](), [kind(lr=RATE) for kind in kinds], steps=5_000)
        left = first_below(walk.values, height).tolist()
        lines += [
            (f"{kind.__name__}, {name}", 0, n, left[0]) for kind, n in zip(kinds[1:], left[1:], strict=True)
        ]
    runs = [descents(NETWORK, range(STARTS), list(GRID), kind) for kind in kinds]
    half = (runs[0][2] + min(losses[-1].min() for losses, _, _ in runs)) / 2  # way down from knowing nothing
    plain = NAN
    for kind, (losses, _, _) in zip(kinds, runs, strict=True):
        steps = first_below(losses, half).reshape(len(GRID), STARTS)
        best = int(np.argmin([order_interval(each[:CHOOSING])[0] for each in steps]))
        middle, low, high, _ = order_interval(steps[best, CHOOSING:])
        if kind is kinds[0]:
            plain = middle
        else:
            lines.append((f"{kind.__name__}, network, rate {GRID[best]:g}", 0, middle, low, high, plain))
    return evidence(*lines)


def first_below(values: Doubles, height: float) -> Doubles:
    """The first step at which each row is at most so high; inf if none."""
    with np.errstate(all="ignore"):
        gone = values <= height
    return np.where(gone.any(axis=0), gone.argmax(axis=0), np.inf)


@sooner
def sooner_judged(seen: pd.DataFrame) -> Judged:
    """How many of the pairs (method, surface or network) are at least twice as quick as SGD."""
    quick = seen.high.fillna(seen.value) <= seen.expected / 2
    slow = seen.low.fillna(seen.value) > seen.expected / 2
    if quick.any() and slow.any():
        verdict = PARTLY
    else:
        verdict = HOLDS if quick.all() else FAILS if slow.all() else OPEN
    when = f"not {'; '.join(seen[slow].what)}" if verdict == PARTLY else ""
    return Judged(verdict, float(quick.sum()), f"of {len(quick)} cases at least twice as quick", when)
