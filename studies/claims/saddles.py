"""Saddles and plateaus: what holds descent up, and what leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from dlopt.surfaces import SURFACES
from studies.claims import FAILS, HOLDS, OPEN, PARTLY, Judged, claim, evidence
from studies.statistics import order_interval

core: Any = dlopt  # whose classes take more than mypy knows
SEEDS = 40
LR = 0.05


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
    "each needs at most half of SGD's steps on the saddle, the monkey saddle and the plateau, all at a "
    "learning rate of 0.01",
    (dlopt.Momentum, dlopt.HeavyBall, dlopt.RMSprop, dlopt.Adam),
    y="steps to leave; bar: those of SGD",
    log="y",
)
def sooner() -> pd.DataFrame:
    """Steps until the height has fallen well below the saddle's or the plateau's, at one learning rate."""
    below = {"saddle": -0.5, "monkey-saddle": -0.5, "plateau": 1.0}
    kinds = [dlopt.SGD, dlopt.Momentum, dlopt.HeavyBall, dlopt.RMSprop, dlopt.Adam]
    lines = []
    for name, height in below.items():
        walk = dlopt.descend(SURFACES[name](), [kind(lr=0.01) for kind in kinds], steps=8_000)
        with np.errstate(all="ignore"):
            gone = walk.values <= height
        steps = np.where(gone.any(axis=0), gone.argmax(axis=0), np.inf)
        lines += [
            (f"{kind.__name__}, {name}", 0.01, float(n), float(steps[0]))
            for kind, n in zip(kinds, steps, strict=True)
        ]
    return evidence(*lines)


@sooner
def sooner_judged(seen: pd.DataFrame) -> Judged:
    """How many of the pairs (method, surface) are at least twice as quick as SGD."""
    others = seen[~seen.what.str.startswith("SGD")]
    quick = others.value <= others.expected / 2
    slow = others[~quick].what.tolist()
    verdict = HOLDS if quick.all() else PARTLY if quick.any() else FAILS
    when = f"not {'; '.join(slow)}" if slow and quick.any() else ""
    return Judged(verdict, float(quick.sum()), f"of {len(quick)} cases at least twice as quick", when)
