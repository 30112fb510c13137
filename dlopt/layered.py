"""Optimizers that look at layers: each weight matrix and each bias vector is a tensor with its own norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dlopt.adam import Adam, AdamW
from dlopt.average import Floats, accumulate, ewa, number_of
from dlopt.equivalents import Equivalent
from dlopt.exact import power
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["LARS", "LAMB", "NovoGrad", "StableAdamW", "CautiousAdamW"]


def _parts(flat: Floats, state: State) -> Iterator[tuple[Floats, Floats]]:
    for _, where, shape in state.layers:
        both = flat[..., where].reshape(*flat.shape[:-1], *shape)
        yield both[..., :-1], both[..., -1:]


def weights(flat: Floats, state: State) -> Iterator[Floats]:
    """Views (..., outputs, inputs) of each layer's weights in parameters (..., P), where it has inputs."""
    return (one for one, _ in _parts(flat, state) if one.shape[-1])


def biases(flat: Floats, state: State) -> Iterator[Floats]:
    """Views (..., outputs, 1) of each layer's biases."""
    return (one for _, one in _parts(flat, state))


def tensors(flat: Floats, state: State) -> Iterator[Floats]:
    """Views of each layer's weights and then its biases."""
    return (one for both in _parts(flat, state) for one in both if one.shape[-1])


def totals(x: Floats, state: State) -> Floats:
    """The sum of x (..., P) over its tensor, at each of the tensor's parameters."""
    found = np.empty_like(x)
    for into, one in zip(tensors(found, state), tensors(x, state), strict=True):
        into[...] = np.sum(one, axis=(-2, -1), keepdims=True)
    return found


def norms(x: Floats, state: State) -> Floats:
    """The Euclidean norm of its tensor, at each of the tensor's parameters."""
    return np.sqrt(totals(x * x, state))


def means(x: Floats, state: State) -> Floats:
    """The mean over its tensor, at each of the tensor's parameters."""
    mean: Floats = totals(x, state) / totals(np.ones_like(x), state)
    return mean


def of_weights(state: State) -> Floats:
    """(P,) truth values: which parameters are weights, not biases."""
    found = np.ones(state.params.shape[-1], bool)
    for one in biases(found, state):
        one[...] = False
    return found


def trusted(update: Floats, state: State, trust: Any) -> Floats:
    """An update times trust·‖w‖/‖update‖, tensor by tensor; as it is where either norm is 0."""
    of_params, of_update = norms(state.params, state), norms(update, state)
    known = (of_params > 0) & (of_update > 0)
    scaled: Floats = np.where(known, trust * of_params / np.where(known, of_update, 1), 1) * update
    return scaled


class LARS(Optimizer):
    """LARS (You, Gitman & Ginsburg 2017): momentum on updates as long as a share of their tensor's weights.

    u = (g + λw)·η‖w‖/‖g + λw‖, as optax, whose lr stands inside the sum: the same while it is constant. timm
    and the paper have ‖g‖ + λ‖w‖ below.
    """

    lr: Numbers = rate(default=0.1, search=(1e-1, 1e3), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    trust: Numbers = rate(default=1e-3, symbol="η")
    state = ("velocity",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the decaying sum of scaled gradients."""
        scaled = trusted(grad + self.weight_decay * state.params, state, self.trust)
        return lr * accumulate(state.velocity, scaled, self.beta)


class LAMB(AdamW):
    """LAMB (You et al. 2020): AdamW's step, as long as its tensor's weights.

    As optax and Keras; timm also clips the gradient by default, pytorch_optimizer corrects no average.
    """

    eps: Numbers = positive(default=1e-6, symbol="ε")
    lr: Numbers = rate(default=1e-3, search=(1e-4, 1.0), symbol="α")
    equivalents = {
        "optax": Equivalent(
            "lamb(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r}, weight_decay={weight_decay!r})"
        )
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times AdamW's direction, scaled tensor by tensor."""
        direction = super().update(grad, state, np.ones_like(lr))
        return lr * trusted(direction, state, 1)


class NovoGrad(Adam):
    """NovoGrad (Ginsburg et al. 2019): gradients over their tensor's average norm, summed with decay.

    The average of squared norms begins with the first one; λw is inside the sum.
    """

    lr: Numbers = rate(default=1e-2, search=(1e-4, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.95, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.98, search=(1e-4, 0.5), symbol="β₂")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the decaying sum."""
        size = totals(grad * grad, state)
        if state.t == 1:
            state.square[:] = size
        else:
            ewa(state.square, size, self.beta2)
        scaled = grad / (np.sqrt(state.square) + self.eps) + self.weight_decay * state.params
        return lr * accumulate(state.mean, scaled, self.beta1)


@number_of
def _kept(beta: Any, t: Any) -> Any:
    """The share of the corrected average that a step keeps."""
    t = int(t)
    return beta * (1 - power(beta, t - 1)) / (1 - power(beta, t))


class StableAdamW(AdamW):
    """StableAdamW (Wortsman et al. 2023): AdamW with a learning rate that a tensor's surprise cuts.

    lr is divided by max(1, RMS(g/√v)) of its tensor, in the weight decay too. Averages are corrected by their
    decay, β(1-βᵗ⁻¹)/(1-βᵗ).
    """

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return AdamW's step at the tensor's own learning rate."""
        for kept, x, beta in ((state.mean, grad, self.beta1), (state.square, grad * grad, self.beta2)):
            share = _kept(beta, state.t)
            kept *= share
            kept += (1 - share) * x
        least: Any = self.eps
        surprise = means(grad * grad / np.maximum(state.square, least * least), state)
        own = lr / np.maximum(1, np.sqrt(surprise))
        direction = state.mean / (np.sqrt(state.square) + self.eps) + self.weight_decay * state.params
        step: Floats = own * direction
        return step


class CautiousAdamW(AdamW):
    """Cautious AdamW (Liang, Chen, Liu & Liu 2024): AdamW without the moves that its gradient is against.

    What is left of a tensor grows by the share that is left, at least 1e-3, as timm; the decay is not masked.
    """

    equivalents = {}

    def mean(self, grad: Floats, state: State) -> Floats:
        """The corrected average where it has the gradient's sign."""
        mean = super().mean(grad, state)
        agree = (state.mean * grad > 0).astype(grad.dtype)
        cautious: Floats = mean * agree / np.maximum(means(agree, state), np.asarray(1e-3, grad.dtype))
        return cautious
