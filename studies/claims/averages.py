"""Exponentially weighted averages and their correction."""

from __future__ import annotations

import numpy as np
import pandas as pd

import dlopt
from dlopt.landscapes import Doubles
from studies.analysis.verdicts import FAILS, HOLDS
from studies.claims.claim import Claim, Judged, evidence

BETAS = (0.5, 0.8, 0.9, 0.98, 0.99)
EXACT = 1e-9  # rounding in float64 reaches about a hundredth of this


def responses(beta: float, steps: int) -> Doubles:
    """The weights that an average gives to what was seen 0, 1, 2, … steps ago."""
    mean = np.zeros(1)
    return np.array([dlopt.ewa(mean, np.full(1, float(t == 0)), beta)[0] for t in range(steps)])


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


def look_back_holds(seen: pd.DataFrame) -> Judged:
    """Both laws, and their directions: older and smoother with β."""
    off = float((seen.value / seen.expected - 1).abs().max())
    ages, noises = (here.sort_values("x").value.to_numpy() for _, here in seen.groupby("what", sort=True))
    grows = (np.diff(ages) > 0).all() and (np.diff(noises) < 0).all()
    return Judged(HOLDS if off <= EXACT and grows else FAILS, off, "largest relative distance from the laws")


LOOK_BACK = Claim(
    number=10,
    part="Averages",
    says="β looks back about 1/(1-β) steps; a larger β is smoother and lags more.",
    chapter="控制权重衰减速度(越大,历史数据影响越持久)",
    rule=(
        f"mean age β/(1-β) and variance (1-β)/(1+β) of the weights that `ewa` gives, to a relative {EXACT:g}"
    ),
    code=(dlopt.ewa,),
    measure=look_back,
    judge=look_back_holds,
    x="β",
    y="steps; share",
    log="y",
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


def start_is_low_holds(seen: pd.DataFrame) -> Judged:
    """The exact law, and that it fades."""
    off = float((seen.value - seen.expected).abs().max())
    plain = seen[seen.what.str.contains("not")]
    last = plain[plain.x == plain.x.max()].value
    fades = bool((last > 0.9).all()) and plain.value.min() < 0.2
    verdict = HOLDS if off <= EXACT and fades else FAILS
    return Judged(verdict, off, "largest distance from 1-βᵗ and from 1")


START_IS_LOW = Claim(
    number=11,
    part="Averages",
    says="Without correction the start is too low, by βᵗ; the correction removes it, and its effect fades.",
    chapter="当初始阶段(t 较小时),可能因初始值而低估真实均值。此时需要偏差修正;当t增大时,修正效果逐渐消失",
    rule=f"of a constant 1 the average is 1-βᵗ and the corrected one 1, to {EXACT:g}",
    code=(dlopt.ewa, dlopt.debias),
    measure=start_is_low,
    judge=start_is_low_holds,
    x="step",
    y="average of a constant 1",
    log="x",
)
