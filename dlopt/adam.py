"""Adam and its family."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, debias, ewa
from dlopt.equivalents import Equivalent
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, Algorithm 1): two averages, both corrected, ε outside the corrected root.

    Torch and optax agree with it. scikit-learn's MLPClassifier puts ε outside the *uncorrected* root
    (the paper's second form): equal only as ε → 0.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.999, search=(1e-4, 0.5), symbol="β₂")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    state = ("mean", "square")
    equivalents = {
        "torch": Equivalent("Adam(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r})"),
        "optax": Equivalent("adam(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r}, eps_root=0.0)"),
        "sklearn": Equivalent(
            '"adam", learning_rate_init={lr!r}, beta_1={beta1!r}, beta_2={beta2!r}, epsilon={eps!r}',
            "scikit-learn has ε outside the uncorrected root, dlopt outside the corrected one: equal only as "
            "ε → 0.",
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the corrected average over the root of the corrected average square."""
        mean = debias(ewa(state.mean, grad, self.beta1), self.beta1, state.t)
        square = debias(ewa(state.square, grad * grad, self.beta2), self.beta2, state.t)
        step: Floats = lr * mean / (np.sqrt(square) + self.eps)
        return step


class AdamW(Adam):
    """AdamW (Loshchilov & Hutter 2019, Algorithm 2): Adam, and weights that decay beside it.

    The decay is multiplied by the learning rate, as in torch and optax; the paper's own is not. All
    parameters decay, biases too, as in both libraries by default.
    """

    weight_decay: Numbers = positive(default=0.01, search=(1e-5, 1.0), symbol="λ")
    equivalents = {
        "torch": Equivalent(
            "AdamW(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r}, "
            "weight_decay={weight_decay!r})"
        ),
        "optax": Equivalent(
            "adamw(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r}, eps_root=0.0, "
            "weight_decay={weight_decay!r})"
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return Adam's step and lr·λ·w."""
        step: Floats = super().update(grad, state, lr) + lr * self.weight_decay * state.params
        return step
