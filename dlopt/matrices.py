"""Optimizers that take a layer's weights as the matrix they are. Not compiled: NumPy and LAPACK move them."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlopt.adam import AdamW, corrections
from dlopt.average import Floats, ewa, number_of
from dlopt.equivalents import Equivalent
from dlopt.exact import real_power
from dlopt.hyperparameters import Numbers, decay, negative, positive, rate
from dlopt.layered import biases, tensors, weights
from dlopt.optimizer import Optimizer, State

__all__ = ["Adafactor", "SM3", "Muon", "Shampoo", "SOAP"]
COEFFICIENTS = (3.4445, -4.775, 2.0315)  # of Newton and Schulz's iteration, tuned by Muon's author
EVERY = 10  # steps until SOAP's basis is turned


def _wide(x: Any) -> Any:
    """A hyperparameter, (), (1,) or (K, 1), beside tensors (K, r, c)."""
    return np.asarray(x)[..., None]


def _turned(x: Floats) -> Floats:
    return np.swapaxes(x, -1, -2)


@number_of
def _share(exponent: Any, t: Any) -> Any:
    """What a new square has of the average."""
    return real_power(float(t), exponent)


class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018): the average square of a matrix from those of its rows and columns.

    The step is relative to the tensor's root mean square, at least 1e-3, and lr at most 1/√t; averages forget
    by tᶜ. As torch; others have other defaults, Hugging Face and timm a first average too.
    """

    lr: Numbers = rate(default=1e-2, search=(1e-3, 10.0), symbol="α")
    beta2_decay: Numbers = negative(default=-0.8, symbol="c")
    clip: Numbers = rate(default=1.0, symbol="d")
    weight_decay: Numbers = positive(default=0.0, search=(1e-5, 1.0), symbol="λ")
    equivalents = {
        "torch": Equivalent(
            "Adafactor(model.parameters(), lr={lr!r}, beta2_decay={beta2_decay!r}, d={clip!r}, "
            "weight_decay={weight_decay!r})"
        )
    }

    def begin(self, state: State) -> None:
        """Averages of rows (K, r, 1) and columns (K, 1, c)."""
        shaped = list(tensors(state.params, state))
        state.rows = [np.zeros_like(one[..., :1]) for one in shaped]
        state.columns = [np.zeros_like(one[..., :1, :]) for one in shaped]

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the relative step and lr·λ·w."""
        step, tiny = np.empty_like(grad), np.finfo(grad.dtype).eps
        new = _wide(_share(self.beta2_decay, state.t))
        relative = _wide(np.minimum(lr, np.asarray(1 / np.sqrt(state.t), grad.dtype)))
        parts = (tensors(x, state) for x in (step, grad, state.params))
        for into, g, w, row, column in zip(*parts, state.rows, state.columns, strict=True):
            row += new * (np.mean(g * g, axis=-1, keepdims=True) - row)
            column += new * (np.mean(g * g, axis=-2, keepdims=True) - column)
            square = row * column / np.maximum(np.mean(row, axis=-2, keepdims=True), tiny)
            u = g / np.sqrt(np.maximum(square, tiny * tiny))
            size = np.maximum(_rms(w), np.asarray(1e-3, grad.dtype)) * relative
            into[...] = size / np.maximum(1, _rms(u) / _wide(self.clip)) * u
        step += lr * self.weight_decay * state.params
        return step


def _rms(x: Floats) -> Floats:
    size: Floats = np.sqrt(np.mean(x * x, axis=(-2, -1), keepdims=True))
    return size


class SM3(Optimizer):
    """SM3 (Anil, Gupta, Koren & Singer 2019): Adagrad that keeps a number per row and per column.

    A sum of squares is bounded by the smaller of its row's and its column's; 1e-8 stands inside the root.
    """

    lr: Numbers = rate(default=0.1, search=(1e-2, 10.0), symbol="α")
    beta: Numbers = decay(default=0.0, search=(5e-3, 1.0), symbol="β")
    state = ("mean",)

    def begin(self, state: State) -> None:
        """Largest sums of rows (K, r, 1) and columns (K, 1, c)."""
        shaped = list(tensors(state.params, state))
        state.rows = [np.zeros_like(one[..., :1]) for one in shaped]
        state.columns = [np.zeros_like(one[..., :1, :]) for one in shaped]

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the average of gradients over the root of their bound."""
        scaled = np.empty_like(grad)
        parts = (tensors(x, state) for x in (scaled, grad))
        for into, g, row, column in zip(*parts, state.rows, state.columns, strict=True):
            bound = g * g + np.minimum(row, column)
            row[...], column[...] = bound.max(axis=-1, keepdims=True), bound.max(axis=-2, keepdims=True)
            into[...] = np.where(bound > 0, g / np.sqrt(bound + np.asarray(1e-8, grad.dtype)), 0)
        return lr * ewa(state.mean, scaled, self.beta)


def orthogonal(x: Floats, steps: int = 5) -> Floats:
    """About UVᵀ of x = USVᵀ, (..., r, c), by Newton and Schulz's iteration (Jordan 2024)."""
    tall = x.shape[-2] > x.shape[-1]
    x = _turned(x) if tall else x
    x = x / np.maximum(np.sqrt(np.sum(x * x, axis=(-2, -1), keepdims=True)), np.asarray(1e-7, x.dtype))
    a, b, c = COEFFICIENTS
    for _ in range(steps):
        gram = x @ _turned(x)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return _turned(x) if tall else x


class Muon(AdamW):
    """Muon (Jordan et al. 2024): weight matrices move by their momentum made orthogonal, biases by AdamW.

    The momentum averages and looks ahead; the step is times √max(1, rows/columns). As torch, but in the
    parameters' own precision, where libraries iterate in bfloat16. Weights and biases decay alike.
    """

    lr: Numbers = rate(default=1e-3, search=(1e-4, 1.0), symbol="α")
    momentum: Numbers = decay(default=0.95, search=(5e-3, 1.0), symbol="μ")
    weight_decay: Numbers = positive(default=0.1, search=(1e-5, 1.0), symbol="λ")
    state = ("velocity", "mean", "square")
    equivalents = {}

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the orthogonal step for weights and AdamW's for biases."""
        velocity = ewa(state.velocity, grad, self.momentum)
        ahead = ewa(velocity.copy(), grad, self.momentum)
        step, own = super().update(grad, state, lr), lr * self.weight_decay * state.params
        for into, x, decays in zip(*(weights(one, state) for one in (step, ahead, own)), strict=True):
            longer = max(1.0, x.shape[-2] / x.shape[-1]) ** 0.5
            into[...] = longer * _wide(lr) * orthogonal(x) + decays
        return step


def _eigen(x: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues and vectors of symmetric matrices (..., n, n), in float64; NaN where one is not finite."""
    exact = x.astype(np.float64)
    whole = np.asarray(np.isfinite(exact).all(axis=(-2, -1)))[..., None]
    values, vectors = np.linalg.eigh(np.where(whole[..., None], exact, np.eye(x.shape[-1])))
    return np.where(whole, values, np.nan), vectors


def _root(x: Floats, exponent: float, least: Any) -> Floats:
    """A power of symmetric matrices (..., n, n), whose eigenvalues count as `least` (..., 1) at least."""
    values, vectors = _eigen(x)
    powers = np.maximum(values, np.maximum(least, np.finfo(np.float32).tiny)) ** exponent
    found: Floats = ((vectors * powers[..., None, :]) @ _turned(vectors)).astype(x.dtype)
    return found


def _identities(state: State, size: int) -> Floats:
    made: Floats = np.zeros((*state.params.shape[:-1], size, size), state.params.dtype)
    made += np.eye(size, dtype=made.dtype)
    return made


class Shampoo(Optimizer):
    """Shampoo (Gupta, Koren & Singer 2018): L^-¼·G·R^-¼ with L = εI + ΣGGᵀ and R = εI + ΣGᵀG.

    A bias vector has one full matrix and the power -½. New roots in each step, by eigenvalues. jettify takes
    -½ for matrices and other sums.
    """

    lr: Numbers = rate(default=0.1, search=(1e-3, 10.0), symbol="α")
    eps: Numbers = positive(default=1e-6, symbol="ε")

    def begin(self, state: State) -> None:
        """Sums (K, r, r) and (K, c, c) of each matrix, and of each bias, start at ε on the diagonal."""
        eps = _wide(self.eps)
        shapes = [one.shape[-2:] for one in weights(state.params, state)]
        state.left = [eps * _identities(state, rows) for rows, _ in shapes]
        state.right = [eps * _identities(state, columns) for _, columns in shapes]
        state.full = [eps * _identities(state, one.shape[-2]) for one in biases(state.params, state)]

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return lr times the gradient between both roots."""
        step = np.empty_like(grad)
        parts = (weights(x, state) for x in (step, grad))
        for into, g, left, right in zip(*parts, state.left, state.right, strict=True):
            left += g @ _turned(g)
            right += _turned(g) @ g
            into[...] = _root(left, -0.25, self.eps) @ g @ _root(right, -0.25, self.eps)
        for into, g, full in zip(*(biases(x, state) for x in (step, grad)), state.full, strict=True):
            full += g @ _turned(g)
            into[...] = _root(full, -0.5, self.eps) @ g
        return lr * step


def _basis(square: Floats) -> Floats:
    """Eigenvectors, those of the largest values first."""
    return _eigen(square)[1][..., ::-1].astype(square.dtype)


def _reordered(x: Floats, order: Any, axis: int) -> Floats:
    where = order[..., None, :] if axis == -1 else order[..., :, None]
    return np.take_along_axis(x, where, axis)


class SOAP(AdamW):
    """SOAP (Vyas et al. 2024): Adam in the eigenbasis of Shampoo's averages, which is turned every 10 steps.

    The first step only looks. ε beside the uncorrected root, weights shrink after the step, biases move by
    Adam, as pytorch_optimizer; heavyball turns every 2 steps and merges dimensions.
    """

    lr: Numbers = rate(default=3e-3, search=(1e-4, 1.0), symbol="α")
    beta1: Numbers = decay(default=0.95, search=(5e-3, 1.0), symbol="β₁")
    beta2: Numbers = decay(default=0.95, search=(1e-4, 0.5), symbol="β₂")
    shampoo: Numbers = decay(default=0.95, search=(1e-3, 0.5), symbol="β₃")
    equivalents = {}

    def begin(self, state: State) -> None:
        """Averages and bases of rows (K, r, r) and columns (K, c, c) of each matrix."""
        for name, axis in (("rows", -2), ("columns", -1)):
            sizes = [one.shape[axis] for one in weights(state.params, state)]
            setattr(state, name, [0 * _identities(state, size) for size in sizes])
            setattr(state, f"basis_of_{name}", [_identities(state, size) for size in sizes])

    def update(self, grad: Floats, state: State, lr: Floats) -> Floats:
        """Return the step to the shrunk weights."""
        step, turned = np.zeros_like(grad), grad.copy()
        if state.t > 1:
            for g, y, left, right in self._parts(state, grad, turned):
                y[...] = _turned(left) @ g @ right
            mean = ewa(state.mean, grad, self.beta1)
            root = np.sqrt(ewa(state.square, turned * turned, self.beta2)) + self.eps
            for m, r, s, left, right in self._parts(state, mean, root, step):
                s[...] = left @ (_turned(left) @ m @ right / r) @ _turned(right)
            for m, r, s in zip(*(biases(x, state) for x in (mean, root, step)), strict=True):
                s[...] = m / r
            step *= lr * corrections(self.beta1, self.beta2, state.t - 1)
            step = step + lr * self.weight_decay * (state.params - step)
        self._look(grad, state)
        return step

    @staticmethod
    def _parts(state: State, *flat: Floats) -> Any:
        shaped = (weights(one, state) for one in flat)
        return zip(*shaped, state.basis_of_rows, state.basis_of_columns, strict=True)

    def _look(self, grad: Floats, state: State) -> None:
        """Average GGᵀ and GᵀG, and turn the bases."""
        kept, new = _wide(self.shampoo), _wide(1 - self.shampoo)
        shaped = zip(weights(grad, state), weights(state.square, state), strict=True)
        for i, (g, square) in enumerate(shaped):
            for axis, name, outer in (
                (-2, "rows", g @ _turned(g)),
                (-1, "columns", _turned(g) @ g),
            ):
                average, bases = getattr(state, name)[i], getattr(state, f"basis_of_{name}")
                average[...] = kept * average + new * outer
                if state.t == 1:
                    bases[i] = _basis(average)
                elif (state.t - 1) % EVERY == 0:
                    basis = bases[i]
                    sizes = np.sum(basis * (average @ basis), axis=-2)
                    order = np.argsort(-sizes, axis=-1, kind="stable")
                    square[...] = _reordered(square, order, axis)
                    bases[i] = np.linalg.qr(average @ _reordered(basis, order, -1))[0]
