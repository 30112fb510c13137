"""Exponentially weighted averages and their correction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from studies.claims import FAILS, HOLDS, PARTLY, Judged, claim, evidence

core: Any = dlopt  # whose classes take more than mypy knows
BETAS = (0.5, 0.8, 0.9, 0.98, 0.99)
EXACT = 1e-9  # rounding in float64 reaches about a hundredth of this


def responses(beta: float, steps: int) -> Doubles:
    """The weights that an average gives to what was seen 0, 1, 2, … steps ago."""
    mean = np.zeros(1)
    return np.array([dlopt.ewa(mean, np.full(1, float(t == 0)), beta)[0] for t in range(steps)])


@claim(
    10,
    "Averages",
    "β looks back about 1/(1-β) steps; a larger β is smoother and lags more.",
    "控制权重衰减速度(越大,历史数据影响越持久)",
    f"mean age β/(1-β) and variance (1-β)/(1+β) of the weights that `ewa` gives, to a relative {EXACT:g}",
    (dlopt.ewa,),
    x="β",
    y="steps; share",
    log="y",
)
def look_back() -> pd.DataFrame:
    """The age and the smoothing of the weights, β by β."""
    lines = []
    for beta in BETAS:
        weights = responses(beta, int(40 / (1 - beta)))
        lines.append(("mean age, steps", beta, float(weights @ np.arange(len(weights))), beta / (1 - beta)))
        lines.append(
            ("variance left of white noise", beta, float(weights @ weights), (1 - beta) / (1 + beta))
        )
    return evidence(*lines)


@look_back
def look_back_holds(seen: pd.DataFrame) -> Judged:
    """Both laws, and their directions: older and smoother with β."""
    off = float((seen.value / seen.expected - 1).abs().max())
    ages, noises = (here.sort_values("x").value.to_numpy() for _, here in seen.groupby("what", sort=True))
    grows = (np.diff(ages) > 0).all() and (np.diff(noises) < 0).all()
    return Judged(HOLDS if off <= EXACT and grows else FAILS, off, "largest relative distance from the laws")


@claim(
    11,
    "Averages",
    "Without correction the start is too low, by βᵗ; the correction removes it, and its effect fades.",
    "当初始阶段(t 较小时),可能因初始值而低估真实均值。此时需要偏差修正;当t增大时,修正效果逐渐消失",
    f"of a constant 1 the average is 1-βᵗ and the corrected one 1, to {EXACT:g}",
    (dlopt.ewa, dlopt.debias),
    x="step",
    y="average of a constant 1",
    log="x",
)
def start_is_low() -> pd.DataFrame:
    """A constant averaged, with and without correction."""
    lines = []
    for beta in (0.9, 0.99):
        mean = np.zeros(1)
        for t in range(1, 301):
            dlopt.ewa(mean, np.ones(1), beta)
            if t in (1, 3, 10, 30, 100, 300):
                corrected = dlopt.debias(mean, beta, t)[0]
                lines.append((f"β = {beta}, not corrected", t, float(mean[0]), 1 - beta**t))
                lines.append((f"β = {beta}, corrected", t, float(corrected), 1.0))
    return evidence(*lines)


@start_is_low
def start_is_low_holds(seen: pd.DataFrame) -> Judged:
    """The exact law, and that it fades."""
    off = float((seen.value - seen.expected).abs().max())
    plain = seen[seen.what.str.contains("not")]
    last = plain[plain.x == plain.x.max()].value
    fades = bool((last > 0.9).all()) and plain.value.min() < 0.2
    verdict = HOLDS if off <= EXACT and fades else FAILS
    return Judged(verdict, off, "largest distance from 1-βᵗ and from 1")


@claim(
    24,
    "Adam",
    "The correction speeds up Adam's start, which is pulled towards 0 without it.",
    "初期迭代时,和偏向零,修正后加速初期收敛",
    "the first steps with correction are longer than without it, under a constant gradient",
    (dlopt.Adam,),
    x="step",
    y="length of a step, in lr",
)
def first_steps() -> pd.DataFrame:
    """Adam's steps in units of lr under a constant gradient, with its correction and without."""
    kind: Any = Uncorrected
    with_, without = core.Adam(lr=1.0, eps=0.0), kind(lr=1.0, eps=0.0)
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
        mean, square = (
            dlopt.ewa(state.mean, grad, self.beta1),
            dlopt.ewa(state.square, grad * grad, self.beta2),
        )
        return lr * mean / (np.sqrt(square) + self.eps)


@first_steps
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
