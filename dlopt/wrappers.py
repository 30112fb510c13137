"""Optimizers around another one: `Lookahead(Adam(lr=0.1), every=5)`, or `class MyOwn(Lookahead, Adam)`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlopt.adam import Adam
from dlopt.average import Floats, number_of
from dlopt.descent import SGD
from dlopt.hyperparameters import Numbers, decay, positive, rate, share, whole
from dlopt.layered import of_weights
from dlopt.optimizer import Optimizer, State

__all__ = ["ClipNormAdam", "EMAAdam", "LookaheadAdam", "MaskedAdamW", "SAMSGD"]


@number_of
def _meets(t: Any, every: Any) -> Any:
    """1 every so many steps, else 0."""
    return t % every == 0


@number_of
def _kept(beta: Any, t: Any) -> Any:
    """What is left of an average that begins with the first step."""
    return np.where(t > 1, beta, 0)


@number_of
def _new(beta: Any, t: Any) -> Any:
    """And what comes to it."""
    return np.where(t > 1, 1 - beta, 1)


class WeightDecay(Optimizer, wraps=True):
    """Weights that decay beside their step, w ← w - lr·λ·w, and biases that do not.

    Loshchilov & Hutter 2019 with the mask that torch's parameter groups and optax's `mask` are used for.
    """

    weight_decay: Numbers = positive(default=0.01, search=(1e-5, 1.0), symbol="λ")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the wrapped step and lr·λ·w of the weights."""
        decays = lr * self.weight_decay * state.params
        return super().update(grad, state, lr) + np.where(of_weights(state), decays, 0)


class ClipNorm(Optimizer, wraps=True):
    """Gradients no longer than a norm, over all parameters (Pascanu, Mikolov & Bengio 2013).

    As torch's clip_grad_norm_: g·min(1, c / (‖g‖ + 1e-6)); optax has no 1e-6.
    """

    norm: Numbers = rate(default=1.0, search=(1e-2, 1e2), symbol="c")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the wrapped step for the gradient that was made shorter where it is longer."""
        length = np.sqrt(np.sum(grad * grad, axis=-1, keepdims=True))
        return super().update(grad * np.minimum(1, self.norm / (length + 1e-6)), state, lr)


class Lookahead(Optimizer, wraps=True):
    """Lookahead (Zhang, Lucas, Hinton & Ba 2019): k steps ahead, one share α back.

    Every k steps slow ← slow + α(w - slow), and w starts again from slow; slow starts at w and is what is
    evaluated. Some libraries (timm, jettify) let slow start at the first meeting.
    """

    every: Numbers = whole(default=5, search=(2, 20), symbol="k")
    alpha: Numbers = share(default=0.5, search=(0.2, 0.9), symbol="α")
    state: ClassVar[Any] = ("slow",)

    def begin(self, state: State) -> None:
        """Slow weights are the first ones."""
        super().begin(state)
        state.slow[:] = state.params

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the wrapped step, and every k steps that to the slow weights."""
        step, meets = super().update(grad, state, lr), _meets(state.t, self.every)
        state.slow += meets * self.alpha * (state.params - step - state.slow)
        back: Floats = meets * (state.params - state.slow) + (1 - meets) * step
        return back

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return the slow weights."""
        return np.array(state.slow)


class EMA(Optimizer, wraps=True):
    """The exponentially weighted average of the parameters is evaluated (Polyak & Juditsky 1992).

    It is w after the first step, then β·average + (1-β)·w: torch's swa_utils. Optax's ema is debiased.
    """

    beta: Numbers = decay(default=0.99, search=(1e-4, 0.1), symbol="β")
    state: ClassVar[Any] = ("average",)

    def begin(self, state: State) -> None:
        """Before the first step, the average is the first parameters."""
        super().begin(state)
        state.average[:] = state.params

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the wrapped step."""
        step = super().update(grad, state, lr)
        state.average *= _kept(self.beta, state.t)
        state.average += _new(self.beta, state.t) * (state.params - step)
        return step

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return the average."""
        return np.array(state.average)


class Average(Optimizer, wraps=True):
    """The mean of the parameters after all steps is evaluated (Polyak & Juditsky 1992; torch's swa_utils)."""

    state: ClassVar[Any] = ("average",)

    def begin(self, state: State) -> None:
        """Before the first step, the average is the first parameters."""
        super().begin(state)
        state.average[:] = state.params

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the wrapped step."""
        step = super().update(grad, state, lr)
        state.average += (state.params - step - state.average) / state.t
        return step

    def evaluated(self, params: Floats, state: State) -> Floats:
        """Return the average."""
        return np.array(state.average)


class SAM(Optimizer, wraps=True):
    """Sharpness-aware minimization (Foret, Kleiner, Mobahi & Neyshabur 2021): the gradient farther up.

    The wrapped step is taken with the gradient at w + ρ·g/‖g‖, on the same mini-batch; ‖g‖ is over all
    parameters. Two gradients a step, and each counts.
    """

    rho: Numbers = rate(default=0.05, search=(1e-3, 1.0), symbol="ρ")
    gradients = 2

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the wrapped step for the gradient at the point farther up."""
        length = np.sqrt(np.sum(grad * grad, axis=-1, keepdims=True))
        return super().update(state.again(state.params + self.rho * grad / (length + 1e-12)), state, lr)


class MaskedAdamW(WeightDecay, Adam):
    """AdamW whose biases do not decay (Loshchilov & Hutter 2019; what most training scripts set up)."""


class ClipNormAdam(ClipNorm, Adam):
    """Adam on gradients of limited norm."""


class LookaheadAdam(Lookahead, Adam):
    """Adam inside Lookahead."""


class EMAAdam(EMA, Adam):
    """Adam whose averaged parameters are evaluated."""


class SAMSGD(SAM, SGD):
    """Gradient descent by the gradient farther up: SAM in its plainest form."""
