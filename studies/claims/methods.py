"""Momentum's learning rate, and what the chapter's RMSprop snippet does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import dlopt
from studies.claims import FAILS, HOLDS, PARTLY, Judged, claim, evidence

core: Any = dlopt  # whose classes take more than mypy knows
NEAR = 1e-3  # a limit is searched to a thousandth
BETA = 0.9


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


@claim(
    15,
    "Momentum",
    "Momentum needs a smaller learning rate than plain descent, because it amplifies the steps.",
    "学习率(通常需比普通梯度下降更小,因动量会放大更新幅度)",
    "under a steady gradient its steps grow longer than the learning rate, so that the same step needs a "
    "smaller one; asked of both forms, the largest stable rates on a quadratic beside",
    (dlopt.HeavyBall, dlopt.Momentum),
    y="in units of 2/h, and of lr",
)
def limits() -> pd.DataFrame:
    """Largest stable rates of SGD, heavy ball and the averaged form, in units of SGD's own limit 2/h."""
    h = 1.5
    kinds: tuple[tuple[str, Any, dict[str, float], float], ...] = (
        ("SGD", dlopt.SGD, {}, 1.0),
        ("heavy ball", dlopt.HeavyBall, {"beta": BETA}, 1 + BETA),
        ("averaged form", dlopt.Momentum, {"beta": BETA}, (1 + BETA) / (1 - BETA)),
    )
    # v ← βv + g amplifies a constant gradient to g/(1-β): that is the chapter's reason
    return evidence(
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


@limits
def limits_judged(seen: pd.DataFrame) -> Judged:
    """Amplified steps ask for a smaller rate: true where steps are amplified."""
    steps = seen[seen.what.str.startswith("a constant")].value.to_numpy()
    amplified = steps > 1 + NEAR
    verdict = HOLDS if amplified.all() else FAILS if not amplified.any() else PARTLY
    when = (
        f"heavy ball steps {steps[0]:.1f} times as far under a steady gradient, so it wants a rate as many "
        "times smaller for the same step; the averaged form, which the chapter gives, steps "
        f"{steps[1]:.1f} times as far"
    )
    return Judged(verdict, float(steps[0]), "step under a steady gradient, heavy ball / SGD", when)


@claim(
    21,
    "RMSprop",
    "The chapter's snippet is RMSprop.",
    "cache = np.zeros_like(params); cache = rho * cache + (1 - rho) * grads**2",
    "its path differs from RMSprop's by no more than rounding",
    (dlopt.RMSprop,),
    y="distance, in lr",
)
def forgets() -> pd.DataFrame:
    """The snippet beside RMSprop and beside descent by signs, on the same noisy gradients."""
    rng, rho, lr = np.random.default_rng(0), 0.9, 0.01
    gradients = rng.normal(size=(200, 5)) * 10.0 ** np.arange(-2, 3)
    snippet, sign, params, state = np.zeros(5), np.zeros(5), np.zeros(5), None
    optimizer = core.RMSprop(lr=lr, rho=rho, eps=1e-12)
    for grad in gradients:
        cache = rho * np.zeros(5) + (1 - rho) * grad**2  # as it stands there: forgotten between calls
        snippet = snippet - lr * grad / (np.sqrt(cache) + 1e-12)
        sign = sign - lr / np.sqrt(1 - rho) * np.sign(grad)
        params, state = optimizer.step(params, grad, state)
    return evidence(
        ("farthest from descent by signs", rho, float(np.abs(snippet - sign).max() / lr), 0.0),
        ("farthest from RMSprop", rho, float(np.abs(snippet - params).max() / lr), 0.0),
    )


@forgets
def forgets_fails(seen: pd.DataFrame) -> Judged:
    """Is it RMSprop, and if not, what is it?"""
    sign, rmsprop = seen.value
    when = "it forgets its average between calls, which makes it descent by signs" if sign < 1e-6 else ""
    return Judged(
        HOLDS if rmsprop < 1e-6 else FAILS,
        float(rmsprop),
        "distance from RMSprop's path, in units of lr",
        when,
    )
