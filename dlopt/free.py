"""Optimizers without a schedule, or a learning rate, to choose."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, debias, ewa
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["ScheduleFreeSGD", "ScheduleFreeAdamW"]


class ScheduleFreeSGD(Optimizer):
    """Schedule-free gradient descent (Defazio et al. 2024): z ← z - lr·g at y = (1-β)z + βx, x averages z.

    y is what moves and x what is evaluated; steps count in x by the square of the largest learning rate so
    far. The weight decay is taken at y. The authors' schedulefree.
    """

    lr: Numbers = rate(default=1.0, search=(1e-3, 10.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 0.5), symbol="β")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("z", "total", "largest")

    def start(self, state: State) -> None:
        """All three points start at one."""
        state.z[:] = state.params

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the step of y."""
        y, grad = state.params, grad + self.weight_decay * state.params
        largest = np.maximum(state.largest, lr, out=state.largest)
        state.total += largest * largest
        share = largest * largest / state.total
        step: Floats = share * (y - state.z) + lr * (1 - self.beta * (1 - share)) * grad
        state.z -= lr * grad
        return step

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return x."""
        x: Floats = params + (state.z - params) * (1 - 1 / self.beta)
        return x


class ScheduleFreeAdamW(Optimizer):
    """Schedule-free AdamW (Defazio et al. 2024): `ScheduleFreeSGD` on g over the root of its average square.

    ε stands outside the corrected root; β₁ is y's share of x. The authors' schedulefree without warm-up.
    """

    lr: Numbers = rate(default=2.5e-3, search=(1e-4, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.9, search=(5e-3, 0.5), symbol="β₁")
    beta2: Numbers = decay(default=0.999, search=(1e-4, 0.5), symbol="β₂")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("z", "square", "total", "largest")

    def start(self, state: State) -> None:
        """All three points start at one."""
        state.z[:] = state.params

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the step of y."""
        square = debias(ewa(state.square, grad * grad, self.beta2), self.beta2, state.t)
        scaled = grad / (np.sqrt(square) + self.eps) + self.weight_decay * state.params
        largest = np.maximum(state.largest, lr, out=state.largest)
        state.total += largest * largest
        share = largest * largest / state.total
        step: Floats = share * (state.params - state.z) + lr * (1 - self.beta1 * (1 - share)) * scaled
        state.z -= lr * scaled
        return step

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return x."""
        x: Floats = params + (state.z - params) * (1 - 1 / self.beta1)
        return x
