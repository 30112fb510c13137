"""Optimizers that scale each parameter's step by the size of its gradients."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, ewa
from dlopt.equivalents import Equivalent
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["Adagrad", "RMSprop"]


class Adagrad(Optimizer):
    """Adagrad: s ← s + g², w ← w - lr·g/(√s + ε) (Duchi, Hazan & Singer 2011, diagonal form).

    s starts at 0 and ε stands outside the root, as in torch; optax starts s at .1, with ε inside.
    """

    lr: Numbers = rate(default=0.01, search=(1e-4, 10.0), symbol="α")
    eps: Numbers = positive(default=1e-10, symbol="ε")
    state = ("total",)
    equivalents = {
        "torch": Equivalent(
            "Adagrad(model.parameters(), lr={lr!r}, eps={eps!r}, initial_accumulator_value=0)"
        ),
        "optax": Equivalent(
            """chain(
    optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params),
        lambda grads, total, params=None: (
            jax.tree.map(lambda g, s: g / (jnp.sqrt(s + g * g) + {eps!r}), grads, total),
            jax.tree.map(lambda g, s: s + g * g, grads, total),
        ),
    ),
    optax.scale_by_learning_rate(rate),
)""",
            "optax.adagrad starts its sum at .1 and has ε inside the root; dlopt starts at 0 with ε outside, "
            "so it is written out.",
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of the sum of its squares."""
        total: Floats = state.total
        total += grad * grad
        step: Floats = lr * grad / (np.sqrt(total) + self.eps)
        return step


class RMSprop(Optimizer):
    """RMSprop: s ← ρs + (1-ρ)g², w ← w - lr·g/(√s + ε) (Tieleman & Hinton 2012, lecture 6.5).

    ε stands outside the root, as in torch; optax puts it inside unless eps_in_sqrt=False. s starts at 0
    and is not corrected, so the first step is lr/√(1-ρ) per parameter. Torch's default ρ is .99.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    rho: Numbers = decay(default=0.9, search=(1e-3, 0.5), symbol="ρ")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    state = ("square",)
    equivalents = {
        "torch": Equivalent(
            "RMSprop(model.parameters(), lr={lr!r}, alpha={rho!r}, eps={eps!r})",
            "Torch calls ρ alpha, and its default is .99.",
        ),
        "optax": Equivalent(
            "rmsprop(rate, decay={rho!r}, eps={eps!r}, initial_scale=0.0, eps_in_sqrt=False)",
            "Optax has ε inside the root; eps_in_sqrt=False puts it outside, as in dlopt.",
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of its average square."""
        step: Floats = lr * grad / (np.sqrt(ewa(state.square, grad * grad, self.rho)) + self.eps)
        return step
