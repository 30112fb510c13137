"""Adam and its nearest family."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from dlopt.average import Floats, debias, ewa, number_of
from dlopt.equivalents import Equivalent
from dlopt.exact import power, real_power
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["Adam", "AdamW", "AMSGrad", "NAdam", "NAdamW", "RAdam", "Adamax"]


@number_of
def corrections(beta1: Any, beta2: Any, t: Any) -> Any:
    """What the corrections of both averages make of a step whose root is not corrected."""
    return np.sqrt(1 - power(beta2, int(t))) / (1 - power(beta1, int(t)))


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, Algorithm 1): two averages, both corrected, ε outside the corrected root.

    Torch and optax agree with it. scikit-learn's MLPClassifier puts ε outside the *uncorrected* root
    (the paper's second form): equal only as ε → 0.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.999, search=(1e-4, 0.5), symbol="β₂")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    state: ClassVar[tuple[str, ...]] = ("mean", "square")
    equivalents = {
        "torch": Equivalent("Adam(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r})"),
        "optax": Equivalent("adam(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r}, eps_root=0.0)"),
        "sklearn": Equivalent(
            '"adam", learning_rate_init={lr!r}, beta_1={beta1!r}, beta_2={beta2!r}, epsilon={eps!r}',
            "scikit-learn has ε outside the uncorrected root, dlopt outside the corrected one: equal only as "
            "ε → 0.",
        ),
    }

    def mean(self, grad: Floats, state: State) -> Floats:
        """The corrected average of the gradients."""
        return debias(ewa(state.mean, grad, self.beta1), self.beta1, state.t)

    def square(self, grad: Floats, state: State) -> Floats:
        """The corrected average of their squares."""
        return debias(ewa(state.square, grad * grad, self.beta2), self.beta2, state.t)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the corrected average over the root of the corrected average square."""
        step: Floats = lr * self.mean(grad, state) / (np.sqrt(self.square(grad, state)) + self.eps)
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


class AMSGrad(Adam):
    """AMSGrad (Reddi, Kale & Kumar 2018): Adam, whose average square never falls.

    The largest of the uncorrected averages is kept and then corrected, as torch; optax 0.2.8 keeps the
    largest of the corrected ones, and Keras has ε-hat.
    """

    state = ("mean", "square", "largest")
    equivalents = {
        "torch": Equivalent(
            "Adam(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r}, amsgrad=True)"
        )
    }

    def square(self, grad: Floats, state: State) -> Floats:
        """The corrected largest average so far."""
        square = ewa(state.square, grad * grad, self.beta2)
        return debias(np.maximum(state.largest, square, out=state.largest), self.beta2, state.t)


@number_of
def _momentum(beta: Any, psi: Any, t: Any) -> Any:
    """Dozat's β₁ of a step."""
    return beta * (1 - 0.5 * real_power(0.96, t * psi))


class NAdam(Adam):
    """NAdam (Dozat 2016): Adam that looks ahead as Nesterov's momentum, with a β₁ that warms up.

    μ_t = β₁(1 - .96^(ψt)/2), and averages are corrected by the product of the μ, as torch; Keras has ψ = 1,
    and optax's nadam no schedule.
    """

    lr: Numbers = rate(default=2e-3, search=(1e-5, 1.0), symbol="α")
    momentum_decay: Numbers = rate(default=4e-3, symbol="ψ")
    state = ("mean", "square", "product")
    equivalents = {
        "torch": Equivalent(
            "NAdam(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r}, "
            "momentum_decay={momentum_decay!r})"
        )
    }

    def begin(self, state: State) -> None:
        """A product starts at 1."""
        super().begin(state)
        state.product[:] = 1

    def mean(self, grad: Floats, state: State) -> Floats:
        """The gradient and the average ahead, each corrected."""
        now = _momentum(self.beta1, self.momentum_decay, state.t)
        ahead = _momentum(self.beta1, self.momentum_decay, state.t + 1)
        state.product *= now
        mean = ewa(state.mean, grad, self.beta1)
        both: Floats = (1 - now) * grad / (1 - state.product) + ahead * mean / (1 - state.product * ahead)
        return both


class NAdamW(AdamW):
    """AdamW that looks ahead as Nesterov's momentum, at a constant β₁: AlgoPerf's baseline.

    The average ahead, β₁m + (1-β₁)g, is corrected by 1 - β₁ᵗ, as in timm; optax corrects its parts by t + 1
    and t.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    equivalents = {}

    def mean(self, grad: Floats, state: State) -> Floats:
        """The average one step ahead."""
        ahead = ewa(ewa(state.mean, grad, self.beta1).copy(), grad, self.beta1)
        return debias(ahead, self.beta1, state.t)


@number_of
def _rectified(beta: Any, t: Any) -> Any:
    """How far the average square can be trusted, r; 0 where it cannot, in the first steps."""
    most, left = 2 / (1 - beta) - 1, power(beta, int(t))
    terms = most - 2 * t * left / (1 - left)
    with np.errstate(all="ignore"):
        ratio = (terms - 4) * (terms - 2) * most / ((most - 4) * (most - 2) * terms)
        return np.where(terms > 5, np.sqrt(np.maximum(ratio, 0)), 0)


@number_of
def _none(rectified: Any) -> Any:
    return rectified == 0


class RAdam(Adam):
    """Rectified Adam (Liu et al. 2020): no division while the average square has too few terms (ρ_t <= 5).

    As torch, ε outside the *uncorrected* root; optax has it outside the corrected one and begins at ρ_t = 5.
    pytorch_optimizer 4.1.0 takes no step at all in the first steps.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 3.0), symbol="α")
    equivalents = {
        "torch": Equivalent("RAdam(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r})")
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return Adam's step times r, or the corrected average alone."""
        r, mean = _rectified(self.beta2, state.t), self.mean(grad, state)
        root = np.sqrt(ewa(state.square, grad * grad, self.beta2)) + self.eps
        step: Floats = lr * mean * (r * _root_left(self.beta2, state.t) / root + _none(r))
        return step


@number_of
def _root_left(beta: Any, t: Any) -> Any:
    return np.sqrt(1 - power(beta, int(t)))


class Adamax(Adam):
    """Adamax (Kingma & Ba 2015, section 7.1): the largest gradient, which fades by β₂, in the root's place.

    ε is added to |g| inside the maximum, as torch and optax; Keras has it outside, the paper none.
    """

    lr: Numbers = rate(default=2e-3, search=(1e-4, 10.0), symbol="α")
    state = ("mean", "largest")
    equivalents = {
        "torch": Equivalent(
            "Adamax(model.parameters(), lr={lr!r}, betas=({beta1!r}, {beta2!r}), eps={eps!r})"
        ),
        "optax": Equivalent("adamax(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r})"),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the corrected average over the largest gradient."""
        largest = np.maximum(self.beta2 * state.largest, abs(grad) + self.eps, out=state.largest)
        step: Floats = lr * self.mean(grad, state) / largest
        return step
