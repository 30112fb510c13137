"""Variants of Adam that came later: other squares, other averages, other signs."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from dlopt.adam import Adam, corrections
from dlopt.average import Floats, debias, ewa, number_of
from dlopt.equivalents import Equivalent
from dlopt.hyperparameters import Numbers, decay, positive, rate, share
from dlopt.optimizer import Optimizer, State

__all__ = [
    "AdaBelief", "Yogi", "LaProp", "ADOPT", "AdEMAMix", "QHAdam", "Grams", "AdaBound", "Adan",
]  # fmt: skip


class AdaBelief(Adam):
    """AdaBelief (Zhuang et al. 2020): the square of what the average did not foresee, (g - m)².

    ε is added to it in each step too, as the paper and optax (eps_root = eps); adabelief-pytorch rectifies by
    default.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-4, 1.0), symbol="α")
    eps: Numbers = positive(default=1e-16, symbol="ε")
    equivalents = {
        "optax": Equivalent("adabelief(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r}, eps_root={eps!r})")
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the corrected average over the root of its average surprise."""
        mean, surprise = self.mean(grad, state), grad - state.mean
        ewa(state.square, surprise * surprise, self.beta2)
        state.square += self.eps
        step: Floats = lr * mean / (np.sqrt(debias(state.square, self.beta2, state.t)) + self.eps)
        return step


class Yogi(Adam):
    """Yogi (Zaheer et al. 2018): the average square moves by (1-β₂)g² towards g², however far that is.

    Both averages start at 1e-6, as in optax and the others.
    """

    lr: Numbers = rate(default=1e-2, search=(1e-4, 1.0), symbol="α")
    eps: Numbers = positive(default=1e-3, symbol="ε")
    equivalents = {"optax": Equivalent("yogi(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r})")}

    def begin(self, state: State) -> None:
        """Both averages start at 1e-6."""
        super().begin(state)
        state.mean[:], state.square[:] = 1e-6, 1e-6

    def square(self, grad: Floats, state: State) -> Floats:
        """The corrected average, moved by its sign."""
        new, beta2 = grad * grad, cast("Any", self.beta2)
        state.square -= (1 - beta2) * np.sign(state.square - new) * new
        return debias(state.square, self.beta2, state.t)


class LaProp(Adam):
    """LaProp (Ziyin, Wang & Ueda 2020): gradients are divided first, and then averaged."""

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the corrected average of gradients over the root of their corrected average square."""
        return lr * self.mean(grad / (np.sqrt(self.square(grad, state)) + self.eps), state)


@number_of
def _later(t: Any) -> Any:
    """1 after the first step, else 0."""
    return t > 1


@number_of
def _limit(t: Any) -> Any:
    """(t - 1)^¼."""
    return np.sqrt(np.sqrt(t - 1))


class ADOPT(Adam):
    """ADOPT (Taniguchi et al. 2024): divided by the average square of the steps before, then averaged.

    The first step only looks. Divided gradients are cut to ±(t-1)^¼, as the authors; kozistr has t^¼.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-4, 1.0), symbol="α")
    beta2: Numbers = decay(default=0.9999, search=(1e-4, 0.5), symbol="β₂")
    eps: Numbers = positive(default=1e-6, symbol="ε")
    equivalents = {"optax": Equivalent("contrib.adopt(rate, b1={beta1!r}, b2={beta2!r}, eps={eps!r})")}

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the average of gradients over the root of the earlier average square."""
        later, limit = _later(state.t), _limit(state.t)
        divided = grad / np.maximum(np.sqrt(state.square), self.eps)
        ewa(state.mean, np.minimum(np.maximum(divided, -limit), limit), self.beta1)
        kept = later * (self.beta2 * state.square + (1 - self.beta2) * grad * grad)
        state.square[:] = kept + (1 - later) * grad * grad
        step: Floats = lr * state.mean
        return step


class AdEMAMix(Adam):
    """AdEMAMix (Pagliardini, Ablin & Grangier 2024): Adam with a second, very slow average, uncorrected.

    Without the paper's warm-ups of α and β₃.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 0.3), symbol="α")
    beta3: Numbers = decay(default=0.9999, search=(1e-5, 1e-2), symbol="β₃")
    alpha: Numbers = positive(default=5.0, search=(1.0, 20.0), symbol="α₂")
    state = ("mean", "square", "slow")

    def mean(self, grad: Floats, state: State) -> Floats:
        """Both averages."""
        both: Floats = super().mean(grad, state) + self.alpha * ewa(state.slow, grad, self.beta3)
        return both


class QHAdam(Adam):
    """Quasi-hyperbolic Adam (Ma & Yarats 2019): a share ν of each average and the rest of g and g²."""

    nu1: Numbers = share(default=0.7, search=(0.2, 1.0), symbol="ν₁")
    nu2: Numbers = share(default=1.0, symbol="ν₂")
    equivalents = {}

    def mean(self, grad: Floats, state: State) -> Floats:
        """The gradient and its average."""
        both: Floats = (1 - self.nu1) * grad + self.nu1 * super().mean(grad, state)
        return both

    def square(self, grad: Floats, state: State) -> Floats:
        """Its square and their average."""
        both: Floats = (1 - self.nu2) * grad * grad + self.nu2 * super().square(grad, state)
        return both


class Grams(Adam):
    """Grams (Cao, Li & Song 2024): the size of Adam's step, the direction of the gradient."""

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the size of Adam's step with the gradient's sign."""
        step: Floats = abs(super().update(grad, state, lr)) * np.sign(grad)
        return step


class AdaBound(Adam):
    """AdaBound (Luo, Xiong, Liu & Sun 2019): Adam's step sizes between bounds that both tend to one.

    The bounds are final·(1 - 1/(γt + 1)) and final·(1 + 1/(γt)), and no schedule moves them (in the authors'
    code it does). ε stands outside the uncorrected root.
    """

    final: Numbers = rate(default=0.1, search=(1e-3, 10.0), symbol="α∞")
    gamma: Numbers = rate(default=1e-3, symbol="γ")
    scheduled = False  # its bounds are one

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the average times a step size within its bounds."""
        mean, square = (
            ewa(state.mean, grad, self.beta1),
            ewa(state.square, grad * grad, self.beta2),
        )
        ratio = corrections(self.beta1, self.beta2, state.t)
        size = lr * ratio / (np.sqrt(square) + self.eps)
        low = self.final * (1 - 1 / (self.gamma * state.t + 1))
        high = self.final * (1 + 1 / (self.gamma * state.t))
        step: Floats = np.minimum(np.maximum(size, low), high) * mean
        return step


class Adan(Optimizer):
    """Adan (Xie et al. 2022): averages of g, of its change, and of the square of what both foretell.

    The weights are shrunk after the step, by 1 + lr·λ, as the authors. Optax 0.2.8 multiplies the change by
    1 - β₂ where the paper has β₂.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-4, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.98, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.92, search=(5e-3, 1.0), symbol="β₂")
    beta3: Numbers = decay(default=0.99, search=(1e-4, 0.5), symbol="β₃")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("mean", "change", "square", "before")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the step to the shrunk weights."""
        change = _later(state.t) * (grad - state.before)
        state.before[:] = grad
        foretold = grad + self.beta2 * change
        mean = debias(ewa(state.mean, grad, self.beta1), self.beta1, state.t)
        mean = mean + self.beta2 * debias(ewa(state.change, change, self.beta2), self.beta2, state.t)
        square = debias(ewa(state.square, foretold * foretold, self.beta3), self.beta3, state.t)
        to = state.params - lr * mean / (np.sqrt(square) + self.eps)
        step: Floats = state.params - to / (1 + lr * self.weight_decay)
        return step
