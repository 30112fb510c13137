"""Optimizers that scale each parameter's step by the size of its gradients."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, ewa
from dlopt.fields import decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["Adagrad", "RMSprop"]


class Adagrad(Optimizer):
    """Adagrad: s ← s + g², w ← w - lr·g/(√s + ε) (Duchi, Hazan & Singer 2011, diagonal form).

    s starts at 0 and ε stands outside the root, as in torch; optax starts s at .1, with ε inside.
    """

    lr: float = rate(0.01, search=(1e-4, 10.0), symbol="α")
    eps: float = positive(1e-10, symbol="ε")
    state = ("total",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of the sum of its squares."""
        total: Floats = state.total
        total += grad * grad
        return lr * grad / (np.sqrt(total) + self.eps)


class RMSprop(Optimizer):
    """RMSprop: s ← ρs + (1-ρ)g², w ← w - lr·g/(√s + ε) (Tieleman & Hinton 2012, lecture 6.5).

    ε stands outside the root, as in torch; optax puts it inside unless eps_in_sqrt=False. s starts at 0
    and is not corrected, so the first step is lr/√(1-ρ) per parameter. Torch's default ρ is .99.
    """

    lr: float = rate(1e-3, search=(1e-5, 1.0), symbol="α")
    rho: float = decay(0.9, search=(1e-3, 0.5), symbol="ρ")
    eps: float = positive(1e-8, symbol="ε")
    state = ("square",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of its average square."""
        return lr * grad / (np.sqrt(ewa(state.square, grad * grad, self.rho)) + self.eps)
