"""Gradient descent and its momentum forms."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, accumulate, ewa
from dlopt.equivalents import SUMS, Equivalent
from dlopt.hyperparameters import Numbers, decay, positive, rate, share
from dlopt.optimizer import Optimizer, State

__all__ = [
    "SGD", "Momentum", "HeavyBall", "Nesterov", "QHM", "AggMo", "SGDW", "SignSGD", "Signum", "Lion",
]  # fmt: skip


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w - lr·g (Robbins & Monro 1951; torch's SGD without momentum)."""

    lr: Numbers = rate(default=0.01, search=(1e-4, 10.0), symbol="α")
    equivalents = {
        "torch": Equivalent("SGD(model.parameters(), lr={lr!r})"),
        "optax": Equivalent("sgd(rate)"),
        "sklearn": Equivalent('"sgd", learning_rate_init={lr!r}, momentum=0.0'),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr·g."""
        return lr * grad


class Momentum(Optimizer):
    """Averaged momentum: v ← βv + (1-β)g, w ← w - lr·v (the course's form; no bias correction).

    Libraries sum instead of averaging: torch's SGD(momentum=β, dampening=0) at lr·(1-β) walks the same
    path, and so does optax.chain(optax.ema(β, debias=False), optax.scale(-lr)). With torch's
    dampening=β only the first step differs.
    """

    lr: Numbers = rate(default=0.01, search=(1e-4, 10.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β")
    state = ("mean",)
    equivalents = {
        "torch": Equivalent(
            "SGD(model.parameters(), lr={lr!r} * (1 - {beta!r}), momentum={beta!r}, dampening=0)",
            SUMS.format("Torch"),
        ),
        "optax": Equivalent(
            "chain(optax.ema({beta!r}, debias=False), optax.scale_by_learning_rate(rate))",
            "dlopt averages gradients: optax's ema without debiasing, for its momentum sums.",
        ),
        "sklearn": Equivalent(
            '"sgd", learning_rate_init={lr!r} * (1 - {beta!r}), momentum={beta!r}, nesterovs_momentum=False',
            SUMS.format("scikit-learn"),
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the average of the gradients."""
        return lr * ewa(state.mean, grad, self.beta)


class HeavyBall(Optimizer):
    """Heavy ball: v ← βv + g, w ← w - lr·v (Polyak 1964; torch's SGD with momentum, dampening 0).

    A sum where `Momentum` averages: at lr·(1-β) it walks the averaged form's path. Optax: sgd(lr, β).
    """

    lr: Numbers = rate(default=0.01, search=(1e-6, 1.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β")
    state = ("velocity",)
    equivalents = {
        "torch": Equivalent("SGD(model.parameters(), lr={lr!r}, momentum={beta!r}, dampening=0)"),
        "optax": Equivalent("sgd(rate, momentum={beta!r})"),
        "sklearn": Equivalent(
            '"sgd", learning_rate_init={lr!r}, momentum={beta!r}, nesterovs_momentum=False'
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the decaying sum of the gradients."""
        return lr * accumulate(state.velocity, grad, self.beta)


class Nesterov(Optimizer):
    """Nesterov's momentum: v ← βv + g, w ← w - lr·(g + βv) (Sutskever et al. 2013, as torch writes it).

    The gradient is taken where w stands, and the step looks ahead; torch's and optax's nesterov=True.
    """

    lr: Numbers = rate(default=0.01, search=(1e-6, 1.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β")
    state = ("velocity",)
    equivalents = {  # torch insists on a β above 0
        "torch": Equivalent("SGD(model.parameters(), lr={lr!r}, momentum={beta!r}, nesterov={ahead})"),
        "optax": Equivalent("sgd(rate, momentum={beta!r}, nesterov=True)"),
        "sklearn": Equivalent('"sgd", learning_rate_init={lr!r}, momentum={beta!r}, nesterovs_momentum=True'),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the gradient and β times the decaying sum."""
        ahead: Floats = grad + self.beta * accumulate(state.velocity, grad, self.beta)
        return lr * ahead


class QHM(Optimizer):
    """Quasi-hyperbolic momentum (Ma & Yarats 2019): w ← w - lr·((1-ν)g + νv), v ← βv + (1-β)g.

    SGD at ν = 0 and `Momentum` at ν = 1; the paper advises ν = .7, β = .999.
    """

    lr: Numbers = rate(default=1.0, search=(1e-2, 1e2), symbol="α")
    beta: Numbers = decay(default=0.999, search=(1e-4, 0.5), symbol="β")
    nu: Numbers = share(default=0.7, search=(0.2, 1.0), symbol="ν")
    state = ("mean",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times a share of the average and the rest of the gradient."""
        mean = ewa(state.mean, grad, self.beta)
        step: Floats = lr * ((1 - self.nu) * grad + self.nu * mean)
        return step


class AggMo(Optimizer):
    """Aggregated momentum (Lucas, Sun, Zemel & Grosse 2019): the mean of steps with β of 0, β₁ and β₂."""

    lr: Numbers = rate(default=0.1, search=(1e-3, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.99, search=(1e-3, 0.1), symbol="β₂")
    state = ("fast", "slow")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times a third of the gradient and both decaying sums."""
        sums = grad + accumulate(state.fast, grad, self.beta1) + accumulate(state.slow, grad, self.beta2)
        step: Floats = lr * sums / 3
        return step


class SGDW(HeavyBall):
    """Heavy ball, and weights that decay beside it (Loshchilov & Hutter 2019, Algorithm 1): w loses lr·λ·w.

    torch_optimizer 0.3.0 and jettify subtract lr·λ, a constant, instead.
    """

    weight_decay: Numbers = positive(default=0.01, search=(1e-5, 1.0), symbol="λ")

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the heavy ball's step and lr·λ·w."""
        step: Floats = super().update(grad, state, lr) + lr * self.weight_decay * state.params
        return step


class SignSGD(Optimizer):
    """Steps of one size: w ← w - lr·sign(g) (Bernstein, Wang, Azizzadenesheli & Anandkumar 2018)."""

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    equivalents = {"optax": Equivalent("sign_sgd(rate)")}

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr with the gradient's sign."""
        return lr * np.sign(grad)


class Signum(SignSGD):
    """Steps of one size along the averaged gradient: w ← w - lr·sign(v), v ← βv + (1-β)g.

    Bernstein et al. 2018, Algorithm 2. Summed instead of averaged, as in some libraries, v has the same sign.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    beta: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β")
    state = ("mean",)

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr with the average's sign."""
        return super().update(ewa(state.mean, grad, self.beta), state, lr)


class Lion(Optimizer):
    """Lion (Chen et al. 2023): w ← w - lr·(sign(β₁v + (1-β₁)g) + λw), then v ← β₂v + (1-β₂)g.

    The same in optax, lion-pytorch and Keras, but for defaults: λ is 1e-3 in optax.
    """

    lr: Numbers = rate(default=1e-4, search=(1e-5, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.9, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.99, search=(1e-4, 0.5), symbol="β₂")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    state = ("mean",)
    equivalents = {
        "optax": Equivalent("lion(rate, b1={beta1!r}, b2={beta2!r}, weight_decay={weight_decay!r})")
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr with the sign of one average, while another is kept, and lr·λ·w."""
        direction = np.sign(self.beta1 * state.mean + (1 - self.beta1) * grad)
        ewa(state.mean, grad, self.beta2)
        step: Floats = lr * (direction + self.weight_decay * state.params)
        return step
