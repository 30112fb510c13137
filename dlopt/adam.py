"""Adam and its family."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, debias, ewa
from dlopt.fields import decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, Algorithm 1): two averages, both corrected, ε outside the corrected root.

    Torch and optax agree with it. scikit-learn's MLPClassifier puts ε outside the *uncorrected* root
    (the paper's second form): equal only as ε → 0.
    """

    lr: float = rate(1e-3, search=(1e-5, 1.0), symbol="α")
    beta1: float = decay(0.9, search=(5e-3, 1.0), symbol="β₁")
    beta2: float = decay(0.999, search=(1e-4, 0.5), symbol="β₂")
    eps: float = positive(1e-8, symbol="ε")
    state = ("mean", "square")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the corrected average over the root of the corrected average square."""
        mean = debias(ewa(state.mean, grad, self.beta1), self.beta1, state.t)
        square = debias(ewa(state.square, grad * grad, self.beta2), self.beta2, state.t)
        return lr * mean / (np.sqrt(square) + self.eps)


class AdamW(Adam):
    """AdamW (Loshchilov & Hutter 2019, Algorithm 2): Adam, and weights that decay beside it.

    The decay is multiplied by the learning rate, as in torch and optax; the paper's own is not. All
    parameters decay, biases too, as in both libraries by default.
    """

    weight_decay: float = positive(0.01, search=(1e-5, 1.0), symbol="λ")

    def update(  # type: ignore[override]  # the base calls by the signature that it finds
        self, grad: Floats, state: State, lr: Floats, params: Floats
    ) -> Floats:
        """Return Adam's step and lr·λ·w."""
        return super().update(grad, state, lr) + lr * self.weight_decay * params
