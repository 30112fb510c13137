"""Optimizers as people write them, whose `update` a loop can be made of."""

import numpy as np

import dlopt
from dlopt import Optimizer, decay, ewa, positive, rate
from dlopt.average import accumulate, debias


class Lion(Optimizer):
    """Lion (Chen et al. 2023)."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    beta1: float = decay(0.9, search=(5e-3, 1.0))
    beta2: float = decay(0.99, search=(5e-3, 1.0))
    weight_decay: float = positive(0.1)
    state = ("mean",)

    def update(self, grad, state, lr):
        step = np.sign(self.beta1 * state.mean + (1 - self.beta1) * grad)
        ewa(state.mean, grad, self.beta2)
        return lr * (step + self.weight_decay * state.params)


class AMSGrad(Optimizer):
    """AMSGrad (Reddi et al. 2018)."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    beta1: float = decay(0.9, search=(5e-3, 1.0))
    beta2: float = decay(0.999, search=(1e-4, 0.5))
    eps: float = positive(1e-8)
    state = ("mean", "square", "highest")

    def update(self, grad, state, lr):
        mean = debias(ewa(state.mean, grad, self.beta1), self.beta1, state.t)
        square = debias(ewa(state.square, grad * grad, self.beta2), self.beta2, state.t)
        np.maximum(state.highest, square, out=state.highest)
        return lr * mean / (np.sqrt(state.highest) + self.eps)


class Clipped(Optimizer):
    lr: float = rate(1e-3, search=(1e-6, 1.0))
    bound: float = positive(0.3)

    def update(self, grad, state, lr):
        return lr * np.clip(grad, -self.bound, self.bound)


class Leaky(Optimizer):
    """A choice per parameter, with a plain number in it."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    slope: float = positive(0.3)
    state = ("mean",)

    def update(self, grad, state, lr):
        mean = ewa(state.mean, grad, 0.9)
        return np.where((mean > 0) & ~(grad <= self.slope), lr * grad, self.slope * grad) + np.where(
            grad == 0, 0.5, lr * mean
        )


class Gentle(dlopt.AdamW):
    """Something of ours, and more."""

    calm: float = positive(0.5)

    def update(self, grad, state, lr):
        return super().update(grad, state, lr) / (1 + self.calm)


class Averaged(Optimizer):
    """A plain mean of all gradients, by the number of the step."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    state = ("mean",)

    def update(self, grad, state, lr):
        state.mean += (grad - state.mean) * (1 / state.t)
        return lr * state.mean


class Slowing(Optimizer):
    lr: float = rate(1e-3, search=(1e-6, 1.0))
    k: float = positive(0.3)

    def update(self, grad, state, lr):
        return lr / (1 + self.k * state.t) * grad


class Decaying(Optimizer):
    lr: float = rate(1e-3, search=(1e-6, 1.0))
    weight_decay: float = positive(0.3)

    def update(self, grad, state, lr):
        return lr * grad + lr * self.weight_decay * state.params


class Powers(Optimizer):
    lr: float = rate(1e-3, search=(1e-6, 1.0))
    state = ("total",)

    def update(self, grad, state, lr):
        state.total += grad**2
        return lr * grad**1 * (state.total**0.5 + 1e-8) ** -1


class Difference(Optimizer):
    """The gradient before is kept by an assignment to the whole array."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    gain: float = positive(0.3)
    state = ("prev",)

    def update(self, grad, state, lr):
        change = grad - state.prev
        state.prev[...] = grad
        return lr * (grad + self.gain * change)


class Masked(Optimizer):
    """Truth values that count as numbers, as in Rprop and cautious optimizers."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    beta: float = decay(0.9, search=(5e-3, 1.0))
    state = ("mean",)

    def update(self, grad, state, lr):
        mean = ewa(state.mean, grad, self.beta)
        agree = mean * grad > 0
        return lr * mean * agree - lr * ((grad != 0) * lr)


class Everything(Optimizer):
    """All else that a loop knows."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    beta: float = decay(0.9, search=(5e-3, 1.0))
    floor: float = positive(1e-3)
    state = ("a", "b")

    def update(self, grad, state, lr):
        kept = state.a.copy()
        accumulate(state.a, +grad, self.beta)
        np.minimum(state.b, abs(kept), out=state.b)
        np.subtract(state.b, self.floor * np.ones_like(grad), out=state.b)
        step = np.zeros_like(grad)
        step += np.reciprocal(np.square(state.a) + self.floor) - np.copy(kept) / 3
        step *= lr
        either = np.logical_or(grad < 0, np.logical_and(state.a > kept, np.logical_not(step <= 1)))
        return np.where(either, step, -step) * np.sqrt(1 - self.beta) / np.maximum(abs(state.b), self.floor)


class Signs(Optimizer):
    """What shows the sign of a zero."""

    lr: float = rate(1e-3, search=(1e-6, 1.0))
    state = ("inverse", "negative")

    def update(self, grad, state, lr):
        state.inverse[:] = 1 / np.sign(grad)
        state.negative[:] = 1 / (-grad)
        return np.where(state.inverse < 1 / (0.0 * state.params), lr, -lr)


KINDS = (
    Lion, AMSGrad, Clipped, Leaky, Gentle, Averaged, Slowing, Decaying, Powers, Difference, Masked,
    Everything, Signs,
)  # fmt: skip


def made(step):
    """An optimizer whose `update` is this function."""

    class Own(Optimizer):
        lr: float = rate(0.01)
        beta: float = decay(0.9)
        eps: float = positive(0.3)
        state = ("mean",)

        def update(self, grad, state, lr):
            return step(self, grad, state, lr)

    return Own
