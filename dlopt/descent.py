"""Gradient descent and its momentum forms."""

from __future__ import annotations

from dlopt.average import Floats, accumulate, ewa
from dlopt.equivalents import SUMS, Equivalent
from dlopt.hyperparameters import Numbers, decay, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["SGD", "Momentum", "HeavyBall", "Nesterov"]


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
