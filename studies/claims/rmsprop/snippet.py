"""What the chapter's RMSprop snippet does."""

from __future__ import annotations

import numpy as np
import pandas as pd

import dlopt
from studies.analysis.verdicts import FAILS, HOLDS
from studies.claims.claim import Claim, Judged, evidence


def forgets() -> pd.DataFrame:
    """The snippet beside RMSprop and beside descent by signs, on the same noisy gradients."""
    rng, rho, lr = np.random.default_rng(0), 0.9, 0.01
    gradients = rng.normal(size=(200, 5)) * 10.0 ** np.arange(-2, 3)
    snippet, sign, params, state = np.zeros(5), np.zeros(5), np.zeros(5), None
    optimizer = dlopt.RMSprop(lr=lr, rho=rho, eps=1e-12)
    for grad in gradients:
        cache = rho * np.zeros(5) + (1 - rho) * grad**2  # as it stands there: forgotten between calls
        snippet = snippet - lr * grad / (np.sqrt(cache) + 1e-12)
        sign = sign - lr / np.sqrt(1 - rho) * np.sign(grad)
        params, state = optimizer.step(params, grad, state)
    return evidence(
        ("farthest from descent by signs", rho, float(np.abs(snippet - sign).max() / lr), 0.0),
        ("farthest from RMSprop", rho, float(np.abs(snippet - params).max() / lr), 0.0),
    )


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


FORGETS = Claim(
    number=21,
    part="RMSprop",
    says="The chapter's snippet is RMSprop.",
    chapter="cache = np.zeros_like(params); cache = rho * cache + (1 - rho) * grads**2",
    rule="its path differs from RMSprop's by no more than rounding",
    code=(dlopt.RMSprop,),
    measure=forgets,
    judge=forgets_fails,
    y="distance, in lr",
)
