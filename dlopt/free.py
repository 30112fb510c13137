"""Optimizers without a schedule, or a learning rate, to choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlopt.adam import Adam, corrections
from dlopt.average import Floats, accumulate, debias, ewa, number_of
from dlopt.equivalents import Equivalent
from dlopt.exact import real_power
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["ScheduleFreeSGD", "ScheduleFreeAdamW", "Prodigy", "DAdaptAdam", "DoG", "MADGRAD", "ASGD"]


class ScheduleFreeSGD(Optimizer):
    """Schedule-free gradient descent (Defazio et al. 2024): z ← z - lr·g at y = (1-β)z + βx, x averages z.

    y is what moves and x what is evaluated; steps count in x by the square of the largest learning rate so
    far. The weight decay is taken at y. The authors' schedulefree.
    """

    lr: Numbers = rate(default=1.0, search=(1e-3, 10.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 0.5), symbol="β", zero=False)
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("z", "total", "largest")
    scheduled = False

    def begin(self, state: State) -> None:
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
    beta1: Numbers = decay(default=0.9, search=(5e-3, 0.5), symbol="β₁", zero=False)
    beta2: Numbers = decay(default=0.999, search=(1e-4, 0.5), symbol="β₂")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("z", "square", "total", "largest")
    scheduled = False

    def begin(self, state: State) -> None:
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


def _column(state: State, value: Any) -> Floats:
    """A number per row, (K, 1)."""
    made: Floats = np.zeros_like(state.params[..., :1]) + value
    return made


def _sum(x: Floats) -> Floats:
    """Over all parameters of a row, (K, 1)."""
    return np.asarray(np.sum(x, axis=-1, keepdims=True))


@number_of
def _root(beta: Any) -> Any:
    return np.sqrt(beta)


@number_of
def _rest(beta: Any) -> Any:
    return 1 - np.sqrt(beta)


class Prodigy(Adam):
    """Prodigy (Mishchenko & Defazio 2023): Adam whose step grows with the estimated distance to the best w.

    lr multiplies the estimate d, which starts at d0 and never falls. Averages are not corrected, as
    prodigyopt; optax.contrib corrects them.
    """

    lr: Numbers = rate(default=1.0, search=(1e-2, 10.0), symbol="α")
    d0: Numbers = rate(default=1e-6, symbol="d₀")
    d_coef: Numbers = rate(default=1.0, symbol="c")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("mean", "square", "moved")
    equivalents = {}

    def begin(self, state: State) -> None:
        """Where it began, the distance, and the sum that it comes from: (K, P), (K, 1), (K, 1)."""
        state.first = state.params.copy()
        state.d, state.sum = _column(state, self.d0), _column(state, 0)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return Adam's step for the distance, once there is one."""
        d, rate, forget = state.d, state.d * lr, _root(self.beta2)
        weight = d / self.d0 * rate
        state.sum = forget * state.sum + weight * _sum(grad * (state.first - state.params))
        mean, square = ewa(state.mean, d * grad, self.beta1), ewa(state.square, (d * grad) ** 2, self.beta2)
        length = _sum(abs(accumulate(state.moved, weight * grad, forget)))
        known = length > 0
        state.d = np.where(known, np.maximum(d, self.d_coef * state.sum / np.where(known, length, 1)), d)
        step = rate * (mean / (np.sqrt(square) + state.d * self.eps) + self.weight_decay * state.params)
        return np.where(known, step, 0)


class DAdaptAdam(Adam):
    """D-adapted Adam (Defazio & Mishchenko 2023): Adam whose step grows with an estimate of the distance.

    Averages corrected and weights decaying beside the step, as optax.contrib; dadaptation does so when told.
    """

    lr: Numbers = rate(default=1.0, search=(1e-2, 10.0), symbol="α")
    d0: Numbers = rate(default=1e-6, symbol="d₀")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("mean", "square", "moved")
    equivalents = {}

    def begin(self, state: State) -> None:
        """The distance and the average that it comes from, (K, 1) each."""
        state.d, state.sum = _column(state, self.d0), _column(state, 0)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the average of steps of the distance so far, over the root of the average square."""
        rate = state.d * lr * corrections(self.beta1, self.beta2, state.t)
        forget, new = _root(self.beta2), _rest(self.beta2)
        seen = rate * _sum(grad * state.moved / (np.sqrt(state.square) + self.eps))
        mean, square = ewa(state.mean, rate * grad, self.beta1), ewa(state.square, grad * grad, self.beta2)
        length = new * _sum(abs(accumulate(state.moved, new * rate * grad, forget)))
        state.sum = forget * state.sum + new * seen
        known = length > 0
        further = np.where(known, state.sum / np.where(known, length, 1), 0)
        state.d = np.maximum(state.d, further)
        step: Floats = mean / (np.sqrt(square) + self.eps) + rate * self.weight_decay * state.params
        return step


class DoG(Optimizer):
    """Distance over gradients (Ivgi, Hinder & Carmon 2023): lr·max‖w - w₀‖/√(Σ‖g‖² + ε)·g.

    The distance is at least d0; the paper advises d0 = 1e-6·(1 + ‖w₀‖), and to evaluate an average.
    """

    lr: Numbers = rate(default=1.0, search=(1e-1, 1e2), symbol="α")
    d0: Numbers = rate(default=1e-6, symbol="d₀")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    equivalents = {
        "optax": Equivalent(
            "contrib.dog(rate, init_step=('distance', {d0!r}), eps={eps!r})",
        )
    }

    def begin(self, state: State) -> None:
        """Where it began, how far it has been, and the sum of squares: (K, P), (K, 1), (K, 1)."""
        state.first = state.params.copy()
        state.far, state.total = _column(state, self.d0), _column(state, 0)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient at the estimated rate."""
        away = state.params - state.first
        state.far = np.maximum(state.far, np.sqrt(_sum(away * away)))
        state.total = state.total + _sum(grad * grad)
        step: Floats = lr * state.far / np.sqrt(state.total + self.eps) * grad
        return step


class MADGRAD(Optimizer):
    """MADGRAD (Defazio & Jelassi 2022): dual averaging by the cube root of summed squares, averaged by β.

    z = w₀ - s/(∛q + ε), w ← βw + (1-β)z, with g weighted by (lr + ε)√t in s and q, as the authors.
    """

    lr: Numbers = rate(default=1e-2, search=(1e-4, 1.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β")
    eps: Numbers = positive(default=1e-6, symbol="ε")
    state = ("sum", "square")

    def begin(self, state: State) -> None:
        """Where it began, (K, P)."""
        state.first = state.params.copy()

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return a share of the way to z."""
        weight = (lr + self.eps) * np.asarray(np.sqrt(state.t), grad.dtype)
        state.sum += weight * grad
        state.square += weight * grad * grad
        z = state.first - state.sum / (np.cbrt(state.square) + self.eps)
        step: Floats = (1 - self.beta) * (state.params - z)
        return step


@number_of
def _falling(lr: Any, decay: Any, power: Any, t: Any) -> Any:
    """The learning rate of step t."""
    x = 1 + decay * lr * (t - 1)
    root = np.sqrt(np.sqrt(x))
    usual = power == 0.75  # other powers take their time
    other = real_power(np.where(usual, 1, x), np.where(usual, 1, power))
    return lr / np.where(usual, root * root * root, other)


@number_of
def _share(start: Any, t: Any) -> Any:
    """The share of a new point in a mean that begins after a step."""
    return 1 / np.maximum(1, t - 1 - start)


class ASGD(Optimizer):
    """Averaged gradient descent (Polyak & Juditsky 1992; torch's ASGD): the mean from a step on is evaluated.

    lr falls as lr/(1 + λ·lr·(t-1))^power, and weights shrink by 1 - λ of that. Torch's t0 is
    1e6, and its rate follows a schedule one step late.
    """

    lr: Numbers = rate(default=1e-2, search=(1e-4, 10.0), symbol="α")
    weight_decay: Numbers = positive(default=1e-4, search=(1e-5, 1.0), symbol="λ")
    power: Numbers = positive(default=0.75, symbol="p")
    start: Numbers = positive(default=0.0, symbol="t₀")
    state = ("average",)

    def begin(self, state: State) -> None:
        """Before the first step the mean is the first parameters."""
        state.average[:] = state.params

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the falling rate times the gradient and λ·w."""
        rate, share = (
            _falling(lr, self.weight_decay, self.power, state.t),
            _share(self.start, state.t),
        )
        step: Floats = rate * (grad + self.weight_decay * state.params)
        state.average[:] = (1 - share) * state.average + share * (state.params - step)
        return step

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return the mean."""
        return np.array(state.average)
