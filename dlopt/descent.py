"""Gradient descent and its momentum forms."""

from __future__ import annotations

from dlopt.average import Floats, ewa
from dlopt.fields import decay, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["SGD", "Momentum"]


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w - lr·g (Robbins & Monro 1951; torch's SGD without momentum)."""

    lr: float = rate(0.01, search=(1e-4, 10.0), symbol="α")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr·g."""
        return lr * grad


class Momentum(Optimizer):
    """Averaged momentum: v ← βv + (1-β)g, w ← w - lr·v (the course's form; no bias correction).

    Libraries sum instead of averaging: torch's SGD(momentum=β, dampening=0) at lr·(1-β) walks the same
    path, and so does optax.chain(optax.ema(β, debias=False), optax.scale(-lr)). With torch's
    dampening=β only the first step differs.
    """

    lr: float = rate(0.01, search=(1e-4, 10.0), symbol="α")
    beta: float = decay(0.9, search=(5e-3, 1.0), symbol="β")
    state = ("mean",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the average of the gradients."""
        return lr * ewa(state.mean, grad, self.beta)
