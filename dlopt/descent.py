"""Gradient descent and its momentum forms."""

from __future__ import annotations

from dlopt.average import Floats, accumulate, ewa
from dlopt.fields import decay, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["SGD", "Momentum", "HeavyBall", "Nesterov"]


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


class HeavyBall(Optimizer):
    """Heavy ball: v ← βv + g, w ← w - lr·v (Polyak 1964; torch's SGD with momentum, dampening 0).

    A sum where `Momentum` averages: at lr·(1-β) it walks the averaged form's path. Optax: sgd(lr, β).
    """

    lr: float = rate(0.01, search=(1e-6, 1.0), symbol="α")
    beta: float = decay(0.9, search=(5e-3, 1.0), symbol="β")
    state = ("velocity",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the decaying sum of the gradients."""
        return lr * accumulate(state.velocity, grad, self.beta)


class Nesterov(Optimizer):
    """Nesterov's momentum: v ← βv + g, w ← w - lr·(g + βv) (Sutskever et al. 2013, as torch writes it).

    The gradient is taken where w stands, and the step looks ahead; torch's and optax's nesterov=True.
    """

    lr: float = rate(0.01, search=(1e-6, 1.0), symbol="α")
    beta: float = decay(0.9, search=(5e-3, 1.0), symbol="β")
    state = ("velocity",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the gradient and β times the decaying sum."""
        return lr * (grad + self.beta * accumulate(state.velocity, grad, self.beta))
