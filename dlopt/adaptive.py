"""Optimizers that scale each parameter's step by the size of its gradients."""

from __future__ import annotations

import numpy as np

from dlopt.average import Floats, accumulate, ewa
from dlopt.equivalents import Equivalent
from dlopt.hyperparameters import Numbers, decay, positive, rate
from dlopt.optimizer import Optimizer, State

__all__ = ["Adagrad", "RMSprop", "CenteredRMSprop", "Adadelta", "Rprop"]


class Adagrad(Optimizer):
    """Adagrad: s ← s + g², w ← w - lr·g/(√s + ε) (Duchi, Hazan & Singer 2011, diagonal form).

    s starts at 0 and ε stands outside the root, as in torch; optax starts s at .1, with ε inside.
    """

    lr: Numbers = rate(default=0.01, search=(1e-4, 10.0), symbol="α")
    eps: Numbers = positive(default=1e-10, symbol="ε")
    state = ("total",)
    equivalents = {
        "torch": Equivalent(
            "Adagrad(model.parameters(), lr={lr!r}, eps={eps!r}, initial_accumulator_value=0)"
        ),
        "optax": Equivalent(
            """chain(
    optax.GradientTransformation(
        lambda params: jax.tree.map(jnp.zeros_like, params),
        lambda grads, total, params=None: (
            jax.tree.map(lambda g, s: g / (jnp.sqrt(s + g * g) + {eps!r}), grads, total),
            jax.tree.map(lambda g, s: s + g * g, grads, total),
        ),
    ),
    optax.scale_by_learning_rate(rate),
)""",
            "optax.adagrad starts its sum at .1 and has ε inside the root; dlopt starts at 0 with ε outside, "
            "so it is written out.",
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of the sum of its squares."""
        total: Floats = state.total
        total += grad * grad
        step: Floats = lr * grad / (np.sqrt(total) + self.eps)
        return step


class RMSprop(Optimizer):
    """RMSprop: s ← ρs + (1-ρ)g², w ← w - lr·g/(√s + ε) (Tieleman & Hinton 2012, lecture 6.5).

    ε stands outside the root, as in torch; optax puts it inside unless eps_in_sqrt=False. s starts at 0
    and is not corrected, so the first step is lr/√(1-ρ) per parameter. Torch's default ρ is .99.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-5, 1.0), symbol="α")
    rho: Numbers = decay(default=0.9, search=(1e-3, 0.5), symbol="ρ")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    state = ("square",)
    equivalents = {
        "torch": Equivalent(
            "RMSprop(model.parameters(), lr={lr!r}, alpha={rho!r}, eps={eps!r})",
            "Torch calls ρ alpha, and its default is .99.",
        ),
        "optax": Equivalent(
            "rmsprop(rate, decay={rho!r}, eps={eps!r}, initial_scale=0.0, eps_in_sqrt=False)",
            "Optax has ε inside the root; eps_in_sqrt=False puts it outside, as in dlopt.",
        ),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the gradient over the root of its average square."""
        step: Floats = lr * grad / (np.sqrt(ewa(state.square, grad * grad, self.rho)) + self.eps)
        return step


class CenteredRMSprop(Optimizer):
    """RMSprop by the gradient's variance, with momentum (Graves 2013): s - m² in the place of s.

    m and s average g and g²; v ← βv + g/(√(s - m²) + ε), w ← w - lr·v, as torch's RMSprop(centered=True).
    """

    lr: Numbers = rate(default=0.01, search=(1e-5, 1.0), symbol="α")
    rho: Numbers = decay(default=0.99, search=(1e-3, 0.5), symbol="ρ")
    beta: Numbers = decay(default=0.0, search=(5e-3, 1.0), symbol="β")
    eps: Numbers = positive(default=1e-8, symbol="ε")
    state = ("mean", "square", "velocity")
    equivalents = {
        "torch": Equivalent(
            "RMSprop(model.parameters(), lr={lr!r}, alpha={rho!r}, eps={eps!r}, momentum={beta!r}, "
            "centered=True)"
        )
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the decaying sum of gradients over their standard deviation."""
        mean, square = ewa(state.mean, grad, self.rho), ewa(state.square, grad * grad, self.rho)
        deviation = np.sqrt(np.maximum(square - mean * mean, 0))  # it rounds below 0 where all are alike
        return lr * accumulate(state.velocity, grad / (deviation + self.eps), self.beta)


class Adadelta(Optimizer):
    """Adadelta (Zeiler 2012): steps in the parameters' own unit, √(d + ε)/√(s + ε)·g, times lr.

    s averages g², d the squared steps before lr. The paper has lr = 1, as torch; Keras .001.
    """

    lr: Numbers = rate(default=1.0, search=(1e-2, 1e3), symbol="α")
    rho: Numbers = decay(default=0.9, search=(1e-3, 0.5), symbol="ρ")
    eps: Numbers = positive(default=1e-6, search=(1e-8, 1e-2), symbol="ε")
    state = ("square", "moved")
    equivalents = {
        "torch": Equivalent("Adadelta(model.parameters(), lr={lr!r}, rho={rho!r}, eps={eps!r})"),
        "optax": Equivalent("adadelta(rate, rho={rho!r}, eps={eps!r})"),
    }

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the gradient by the ratio of both roots."""
        square = ewa(state.square, grad * grad, self.rho)
        move = np.sqrt(state.moved + self.eps) / np.sqrt(square + self.eps) * grad
        ewa(state.moved, move * move, self.rho)
        step: Floats = lr * move
        return step


class Rprop(Optimizer):
    """Rprop (Riedmiller & Braun 1993): each parameter's step grows while its gradient keeps its sign.

    lr is the size of the first step, and schedules do nothing. Where the sign turns, the step shrinks and
    is left out once (iRprop-, as torch). For full batches. Optax 0.2.8 is one step late.
    """

    lr: Numbers = rate(default=0.01, search=(1e-5, 1.0), symbol="α")
    shrink: Numbers = decay(default=0.5, symbol="η⁻")
    grow: Numbers = rate(default=1.2, symbol="η⁺")
    smallest: Numbers = positive(default=1e-6, symbol="Δmin")
    largest: Numbers = rate(default=50.0, symbol="Δmax")
    state = ("before", "size")
    scheduled = False
    equivalents = {
        "torch": Equivalent(
            "Rprop(model.parameters(), lr={lr!r}, etas=({shrink!r}, {grow!r}), "
            "step_sizes=({smallest!r}, {largest!r}))"
        )
    }

    def begin(self, state: State) -> None:
        """All steps begin with the learning rate."""
        super().begin(state)
        state.size[:] = self.lr

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return steps with the gradient's sign, of sizes of their own."""
        turned, kept = state.before * grad < 0, state.before * grad > 0
        factor = np.where(kept, self.grow, np.where(turned, self.shrink, np.ones_like(grad)))
        state.size[:] = np.minimum(np.maximum(state.size * factor, self.smallest), self.largest)
        state.before[:] = np.where(turned, 0, grad)
        step: Floats = np.sign(state.before) * state.size
        return step
